/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block.c - rows block.*: a file of 64 MiB, by O_DIRECT where the file
 * system takes that.  Elsewhere its pages are dropped from the cache before
 * they are read.  One request at a time.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "images/compare/pace.h"
#include "images/compare/scratch.h"
#include "images/compare/suite.h"
#include "vmm/lib/auto.h"

#define FILE_MAX (64 * MIB)
#define LARGE	 MIB
#define SMALL	 (4 * KIB)
#define PATIENCE 2 /* budgets that writing the file may take */

/* Of each 4 KiB the first eight bytes say where in the file they are. */
struct disk {
	int fd;
	bool direct;
	uint64_t size;
	uint64_t next;
	uint64_t seed;
	char *buf; /* LARGE bytes, aligned as O_DIRECT wants it */
};

static void disk_done(const struct disk *d)
{
	auto_close_fd(&d->fd);
	free(d->buf);
}

#define AUTO_DISK __attribute__((cleanup(disk_done)))

static void stamp(const struct disk *d, uint64_t off, size_t len)
{
	for (size_t i = 0; i < len; i += SMALL) {
		uint64_t place = off + i;

		memcpy(d->buf + i, &place, sizeof(place));
	}
}

static bool stamp_is(const struct disk *d, size_t i, uint64_t want)
{
	uint64_t place;

	memcpy(&place, d->buf + i, sizeof(place));
	return place == want;
}

static int set_direct(struct disk *d, bool on)
{
	if (fcntl(d->fd, F_SETFL, on ? O_DIRECT : 0) < 0)
		return -errno;
	d->direct = on;
	return 0;
}

static int disk_write(struct disk *d, uint64_t off, size_t len, struct err *err)
{
	stamp(d, off, len);
	for (size_t done = 0; done < len;) {
		ssize_t n = pwrite(d->fd, d->buf + done, len - done,
				   (off_t)(off + done));

		if (n > 0) {
			done += (size_t)n;
			continue;
		}
		/* Some take the flag and refuse what comes of it. */
		if (n < 0 && errno == EINVAL && d->direct &&
		    set_direct(d, false) == 0)
			continue;
		return err_set(err, n < 0 ? errno : ENOSPC,
			       "write to the file");
	}
	return 0;
}

static int disk_read(struct disk *d, uint64_t off, size_t len, struct err *err)
{
	if (!d->direct)
		(void)posix_fadvise(d->fd, (off_t)off, (off_t)len,
				    POSIX_FADV_DONTNEED);
	ssize_t n = pread(d->fd, d->buf, len, (off_t)off);

	if (n < 0)
		return err_set(err, errno, "read the file");
	if ((size_t)n != len || !stamp_is(d, 0, off) ||
	    !stamp_is(d, len - SMALL, off + len - SMALL))
		return err_say(err, EIO,
			       "what was read is not what was written");
	return 0;
}

static int disk_sync(const struct disk *d, struct err *err)
{
	if (fdatasync(d->fd) < 0)
		return err_set(err, errno, "flush the file");
	return 0;
}

/*
 * A file of @max bytes: the same for all peers, as a smaller one is faster.
 * Where writing that much takes longer than measuring, a half, a quarter...
 */
static int disk_open(const struct plan *plan, uint64_t max, struct disk *d,
		     struct err *err)
{
	void *buf = NULL;

	d->fd = scratch_open(plan->dir, err);
	if (d->fd < 0)
		return d->fd;
	if (posix_memalign(&buf, LARGE, LARGE) != 0)
		return err_set(err, ENOMEM, "get a megabyte of memory");
	d->buf = buf;
	scratch_noise(d->buf, LARGE, &d->seed);
	(void)set_direct(d, true);

	int64_t until = pace_now() + plan->budget * PATIENCE;
	uint64_t done = 0;
	int r = 0;

	while (r == 0 && done < max && (!done || pace_now() < until)) {
		r = disk_write(d, done, LARGE, err);
		done += LARGE;
	}
	for (d->size = max; d->size > done;)
		d->size /= 2;
	return r < 0 ? r : disk_sync(d, err);
}

/* The place of the next @len bytes of a walk over the file. */
static uint64_t disk_next(struct disk *d, size_t len)
{
	uint64_t at = d->next;

	d->next = (at + len) % d->size;
	return at;
}

static int random_reads(void *state, uint64_t n, struct err *err)
{
	struct disk *d = state;
	int r = 0;

	while (r == 0 && n-- > 0) {
		uint64_t at = pace_random(&d->seed) % (d->size / SMALL);

		r = disk_read(d, at * SMALL, SMALL, err);
	}
	return r;
}

static int large_reads(void *state, uint64_t n, struct err *err)
{
	struct disk *d = state;
	int r = 0;

	while (r == 0 && n-- > 0)
		r = disk_read(d, disk_next(d, LARGE), LARGE, err);
	return r;
}

/*
 * What a batch wrote is durable at its end: else a peer would win that keeps
 * it in the host's memory.
 */
static int large_writes(void *state, uint64_t n, struct err *err)
{
	struct disk *d = state;
	int r = 0;

	while (r == 0 && n-- > 0)
		r = disk_write(d, disk_next(d, LARGE), LARGE, err);
	return r < 0 ? r : disk_sync(d, err);
}

static int synced_writes(void *state, uint64_t n, struct err *err)
{
	struct disk *d = state;
	int r = 0;

	while (r == 0 && n-- > 0) {
		r = disk_write(d, disk_next(d, SMALL), SMALL, err);
		if (r == 0 && fsync(d->fd) < 0)
			r = err_set(err, errno, "flush the file");
	}
	return r;
}

static int disk_measure(const struct plan *plan, uint64_t max, pace_fn *fn,
			struct pace *ret, struct err *err)
{
	AUTO_DISK struct disk d = { .fd = -1, .seed = 1 };
	int r = disk_open(plan, max, &d, err);

	if (r == 0)
		r = suite_ready(plan, err);
	return r < 0 ? r : pace_run(plan->budget, fn, &d, ret, err);
}

/* So many times @unit a nanosecond. */
static int disk_rate(const struct plan *plan, pace_fn *fn, double unit,
		     struct figure *ret, struct err *err)
{
	struct pace p;
	int r = disk_measure(plan, FILE_MAX, fn, &p, err);
	if (r < 0)
		return r;

	ret->ops = p.ops;
	ret->number = (double)p.ops * unit / p.ns;
	return 0;
}

int block_random(const struct plan *plan, struct figure *ret, struct err *err)
{
	return disk_rate(plan, random_reads, 1e9, ret, err);
}

int block_read(const struct plan *plan, struct figure *ret, struct err *err)
{
	return disk_rate(plan, large_reads, LARGE * 1e3, ret, err);
}

int block_write(const struct plan *plan, struct figure *ret, struct err *err)
{
	return disk_rate(plan, large_writes, LARGE * 1e3, ret, err);
}

int block_fsync(const struct plan *plan, struct figure *ret, struct err *err)
{
	struct pace p;
	int r = disk_measure(plan, LARGE, synced_writes, &p, err);
	if (r < 0)
		return r;

	ret->ops = p.ops;
	ret->number = p.ns / 1e3 / (double)p.ops;
	return 0;
}
