/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blk.c - jobs blk and fs.  In the guest a disk is asked directly: its own
 * page cache would answer.  On the host the same job goes through the page
 * cache, which is what serves the disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest.h"

#define DEPTH_MAX 64
#define SMALL	  4096
#define ALIGN	  4096

struct work {
	int fd;
	bool write, random;
	size_t len; /* of a request */
	unsigned depth;
	uint64_t slots; /* requests that the file holds */
	uint64_t next, seed;
	char *buf; /* depth * len */
};

static uint64_t place(struct work *w)
{
	if (!w->random)
		return w->next++ % w->slots * w->len;
	w->seed ^= w->seed << 13;
	w->seed ^= w->seed >> 7;
	w->seed ^= w->seed << 17;
	return w->seed % w->slots * w->len;
}

static void open_work(const struct job *job, struct work *w)
{
	bool guest = getpid() == 1;
	const char *kind = job->field[2] ? job->field[2] : "";
	void *buf = NULL;

	w->write = strncmp(kind, "write", 5) == 0;
	w->random = strstr(kind, "4k") != NULL;
	w->len = w->random ? SMALL : MIB;
	w->depth = (unsigned)number(job, 3);
	w->seed = 88172645463325252u;
	w->fd = open(job->field[1],
		     O_RDWR | O_CLOEXEC | (guest ? O_DIRECT : 0));
	if (w->fd < 0)
		fail(job, "open");
	off_t size = lseek(w->fd, 0, SEEK_END);
	if (w->depth == 0 || w->depth > DEPTH_MAX || size < (off_t)w->len) {
		errno = EINVAL;
		fail(job, "depth or size");
	}
	w->slots = (uint64_t)size / w->len;
	if (posix_memalign(&buf, ALIGN, w->depth * w->len) != 0)
		fail(job, "memory");
	w->buf = buf;
	memset(buf, 'b', w->depth * w->len);
}

static void submit(const struct job *job, struct work *w, aio_context_t ctx,
		   struct iocb **list, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		struct iocb *cb = list[i];

		cb->aio_lio_opcode =
			w->write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD;
		cb->aio_fildes = (uint32_t)w->fd;
		cb->aio_nbytes = w->len;
		cb->aio_offset = (int64_t)place(w);
	}
	if (syscall(SYS_io_submit, ctx, (long)nr, list) != (long)nr)
		fail(job, "submit");
}

/* Those that are done are asked again, so that as many stay in flight. */
static void turn(const struct job *job, struct work *w, aio_context_t ctx,
		 uint64_t requests)
{
	struct iocb cb[DEPTH_MAX] = { 0 };
	struct iocb *list[DEPTH_MAX];
	struct io_event done[DEPTH_MAX];
	uint64_t asked = 0, got = 0;
	unsigned nr = w->depth;

	for (unsigned i = 0; i < nr; i++) {
		cb[i].aio_buf = (uint64_t)(uintptr_t)(w->buf + i * w->len);
		list[i] = &cb[i];
	}
	for (;;) {
		if (nr > requests - asked)
			nr = (unsigned)(requests - asked);
		if (nr)
			submit(job, w, ctx, list, nr);
		asked += nr;
		if (got == requests)
			return;
		long n = syscall(SYS_io_getevents, ctx, 1L, (long)w->depth,
				 done, NULL);
		if (n < 1)
			fail(job, "wait");
		got += (uint64_t)n;
		nr = (unsigned)n;
		for (unsigned i = 0; i < nr; i++) {
			if (done[i].res != (int64_t)w->len)
				fail(job, "request");
			list[i] = (struct iocb *)(uintptr_t)done[i].obj;
		}
	}
}

void do_blk(struct job *job)
{
	struct work w = { 0 };
	aio_context_t ctx = 0;
	uint64_t requests = number(job, 4);

	open_work(job, &w);
	if (syscall(SYS_io_setup, (long)w.depth, &ctx) < 0)
		fail(job, "io_setup");
	/* The first turn of each kind meets cold code and page tables. */
	turn(job, &w, ctx, w.depth);
	begin(job);
	turn(job, &w, ctx, requests);
	end(job, requests);
	(void)syscall(SYS_io_destroy, ctx);
	free(w.buf);
	(void)close(w.fd);
}

void do_fs(struct job *job)
{
	uint64_t sum = 0;
	char *buf = malloc(MIB);
	ssize_t n;

	if (!buf ||
	    mount(job->field[1], "/mnt", "virtiofs", MS_RDONLY, NULL) < 0)
		fail(job, "mount");
	if (chdir("/mnt") < 0)
		fail(job, "enter");
	int fd = open(job->field[2], O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail(job, "open");
	begin(job);
	while ((n = read(fd, buf, MIB)) > 0)
		sum += (uint64_t)n;
	if (n < 0)
		fail(job, "read");
	end(job, sum);
	(void)close(fd);
	free(buf);
}
