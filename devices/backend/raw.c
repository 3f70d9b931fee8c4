/* SPDX-License-Identifier: Apache-2.0 */
/* raw.c - a disk that is a file of its bytes, or a block device. */
#include "devices/backend/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

int raw_init(struct raw *raw, int fd, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "examine the disk");

	struct raw r = { .fd = fd, .block_device = S_ISBLK(st.st_mode) };
	if (r.block_device) {
		if (ioctl(fd, BLKGETSIZE64, &r.size) < 0)
			return err_set(err, errno, "BLKGETSIZE64");
	} else if (S_ISREG(st.st_mode)) {
		r.size = (uint64_t)st.st_size;
	} else {
		return err_say(err, EINVAL,
			       "the disk is neither a file nor a block "
			       "device; give a raw image");
	}
	*raw = r;
	return 0;
}

/* Drop the first @done bytes.  Returns the first piece that has any left. */
static unsigned advance(struct iovec *iov, unsigned nr, size_t done)
{
	unsigned i = 0;

	while (i < nr && done >= iov[i].iov_len)
		done -= iov[i++].iov_len;
	if (i < nr) {
		iov[i].iov_base = (char *)iov[i].iov_base + done;
		iov[i].iov_len -= done;
	}
	return i;
}

static int transfer(const struct raw *raw, struct iovec *iov, unsigned nr,
		    uint64_t off, bool write)
{
	while (nr > 0) {
		ssize_t n = write ? pwritev(raw->fd, iov, (int)nr, (off_t)off)
				  : preadv(raw->fd, iov, (int)nr, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
		off += (uint64_t)n;
		unsigned used = advance(iov, nr, (size_t)n);
		iov += used;
		nr -= used;
	}
	return 0;
}

int raw_read(const struct raw *raw, struct iovec *iov, unsigned nr,
	     uint64_t off)
{
	return transfer(raw, iov, nr, off, false);
}

int raw_write(const struct raw *raw, struct iovec *iov, unsigned nr,
	      uint64_t off)
{
	return transfer(raw, iov, nr, off, true);
}

int raw_flush(const struct raw *raw)
{
	return fdatasync(raw->fd) < 0 ? -errno : 0;
}

static int allocate(const struct raw *raw, int mode, uint64_t off, uint64_t len)
{
	int r;

	do {
		r = fallocate(raw->fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)off,
			      (off_t)len);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

static int block_range(const struct raw *raw, unsigned long request,
		       uint64_t off, uint64_t len)
{
	uint64_t range[2] = { off, len };

	return ioctl(raw->fd, request, range) < 0 ? -errno : 0;
}

int raw_discard(const struct raw *raw, uint64_t off, uint64_t len)
{
	if (len == 0)
		return 0;
	if (raw->block_device)
		return block_range(raw, BLKDISCARD, off, len);
	return allocate(raw, FALLOC_FL_PUNCH_HOLE, off, len);
}

int raw_zero(const struct raw *raw, uint64_t off, uint64_t len, bool unmap)
{
	if (len == 0)
		return 0;
	if (raw->block_device)
		return block_range(raw, BLKZEROOUT, off, len);

	/* Not every file system can do both; either reads as zeros. */
	int first = unmap ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;
	int r = allocate(raw, first, off, len);
	if (r == -EOPNOTSUPP)
		r = allocate(raw,
			     unmap ? FALLOC_FL_ZERO_RANGE
				   : FALLOC_FL_PUNCH_HOLE,
			     off, len);
	return r;
}
