/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_sync.c - operations by system calls, each done before the next: for
 * hosts without io_uring (kernel.io_uring_disabled, a container's filter).
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "devices/backend/engine.h"
#include "devices/backend/limit.h"
#include "vmm/lib/list.h"

struct sync_engine {
	struct engine engine;
	const struct raw *raw;
	struct io *done, **last; /* a queue */
	unsigned nr;
	int watched[ENGINE_WATCHED];
};

static struct sync_engine *self(struct engine *e)
{
	return container_of(e, struct sync_engine, engine);
}

static int sync_open(const struct raw *raw, const int *watched, unsigned nr,
		     struct engine **ret, struct err *err)
{
	struct sync_engine *s = calloc(1, sizeof(*s));

	if (!s)
		return err_set(err, ENOMEM, "allocate a disk's engine");
	s->engine.ops = &engine_sync;
	s->raw = raw;
	s->last = &s->done;
	s->nr = nr;
	for (unsigned i = 0; i < nr; i++)
		s->watched[i] = watched[i];
	*ret = &s->engine;
	return 0;
}

static void sync_close(struct engine *e)
{
	free(self(e));
}

static int64_t carry_out(const struct raw *raw, const struct io *io)
{
	int64_t n;

	switch (io->kind) {
	case IO_READ:
		return raw_read(raw, io->iov, io->nr, io->off);
	case IO_WRITE:
		n = raw_write(raw, io->iov, io->nr, io->off);
		if (n > 0 && io->durable) {
			int r = raw_flush(raw);

			return r < 0 ? r : n;
		}
		return n;
	case IO_FLUSH:
		return raw_flush(raw);
	case IO_ALLOCATE:
		return raw_allocate(raw, io->mode, io->off, io->len);
	default:
		return -EINVAL;
	}
}

static void sync_submit(struct engine *e, struct io *io)
{
	struct sync_engine *s = self(e);

	io->result = carry_out(s->raw, io);
	io->next = NULL;
	*s->last = io;
	s->last = &io->next;
}

static void sync_wait(struct engine *e, uint32_t listen, int64_t ns)
{
	struct sync_engine *s = self(e);
	struct pollfd p[ENGINE_WATCHED];
	struct timespec left;
	nfds_t n = 0;
	uint64_t count;

	if (s->done || ns == 0)
		return;
	for (unsigned i = 0; i < s->nr; i++)
		if (listen & 1U << i)
			p[n++] = (struct pollfd){ s->watched[i], POLLIN, 0 };
	left = limit_timespec(ns > 0 ? (uint64_t)ns : 0);
	if (ppoll(p, n, ns > 0 ? &left : NULL, NULL) <= 0)
		return;
	while (n-- > 0)
		if (p[n].revents)
			(void)!read(p[n].fd, &count, sizeof(count));
}

static struct io *sync_reap(struct engine *e)
{
	struct sync_engine *s = self(e);
	struct io *io = s->done;

	if (!io)
		return NULL;
	s->done = io->next;
	if (!s->done)
		s->last = &s->done;
	return io;
}

const struct engine_ops engine_sync = {
	.name = "threads",
	.role = JAIL_DISK,
	.open = sync_open,
	.close = sync_close,
	.submit = sync_submit,
	.wait = sync_wait,
	.reap = sync_reap,
};
