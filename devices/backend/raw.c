/* SPDX-License-Identifier: Apache-2.0 */
/* raw.c - a disk that is a file of its bytes, or a block device. */
#include "devices/backend/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* What nearly every file system and disk deals in. */
#define USUAL_BLOCK 4096U

static bool is_block_size(uint64_t n)
{
	return n >= RAW_SECTOR && n <= RAW_ALIGN_MAX && (n & (n - 1)) == 0;
}

static int measure_device(struct raw *r, struct err *err)
{
	unsigned physical = 0;

	if (ioctl(r->fd, BLKGETSIZE64, &r->size) < 0)
		return err_set(err, errno, "BLKGETSIZE64");
	if (ioctl(r->fd, BLKPBSZGET, &physical) == 0 && is_block_size(physical))
		r->physical = physical;
	return 0;
}

/*
 * A block device says what direct I/O needs; of a file the usual block is a
 * multiple of whatever it needs.
 */
static int go_direct(struct raw *r, struct err *err)
{
	int logical = 0;
	int flags = fcntl(r->fd, F_GETFL);

	if (flags < 0 || fcntl(r->fd, F_SETFL, flags | O_DIRECT) < 0)
		return err_say(err, EINVAL,
			       "cache=none: the disk's file system has no "
			       "direct I/O; give cache=writeback");
	r->align = USUAL_BLOCK;
	if (r->block_device && ioctl(r->fd, BLKSSZGET, &logical) == 0 &&
	    logical > 0 && is_block_size((uint64_t)logical))
		r->align = (uint32_t)logical;
	return 0;
}

int raw_init(struct raw *raw, int fd, bool direct, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "examine the disk");

	struct raw r = {
		.fd = fd,
		.block_device = S_ISBLK(st.st_mode),
		.direct = direct,
		.align = 1,
		.physical = USUAL_BLOCK,
	};
	if (r.block_device) {
		int e = measure_device(&r, err);

		if (e < 0)
			return e;
	} else if (S_ISREG(st.st_mode)) {
		r.size = (uint64_t)st.st_size;
	} else {
		return err_say(err, EINVAL,
			       "the disk is neither a file nor a block "
			       "device; give a raw image");
	}
	int e = direct ? go_direct(&r, err) : 0;
	if (e < 0)
		return e;
	*raw = r;
	return 0;
}

/* Not preadv(): the jail knows one call for all reads. */
static int64_t read_at(const struct raw *raw, const struct iovec *iov,
		       unsigned nr, uint64_t off, int flags)
{
	ssize_t n;

	do {
		n = preadv2(raw->fd, iov, (int)nr, (off_t)off, flags);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int64_t raw_read(const struct raw *raw, const struct iovec *iov, unsigned nr,
		 uint64_t off)
{
	return read_at(raw, iov, nr, off, 0);
}

int64_t raw_read_cached(const struct raw *raw, const struct iovec *iov,
			unsigned nr, uint64_t off)
{
	return read_at(raw, iov, nr, off, RWF_NOWAIT);
}

int64_t raw_write(const struct raw *raw, const struct iovec *iov, unsigned nr,
		  uint64_t off)
{
	ssize_t n;

	do {
		n = pwritev(raw->fd, iov, (int)nr, (off_t)off);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int raw_flush(const struct raw *raw)
{
	return fdatasync(raw->fd) < 0 ? -errno : 0;
}

int raw_allocate(const struct raw *raw, int mode, uint64_t off, uint64_t len)
{
	int r;

	do {
		r = fallocate(raw->fd, mode, (off_t)off, (off_t)len);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}
