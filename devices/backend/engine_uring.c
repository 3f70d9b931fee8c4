/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_uring.c - operations by io_uring: what was submitted since the last
 * wait goes with the system call that waits.  The ring polls the eventfds too,
 * so one thread sleeps for both.  Nobody reads them: it tells of each signal
 * once, until that is taken back.
 *
 * Writes into the page cache are the exception.  Most file systems give the
 * kernel no way to begin one that might block, so the ring passes each to a
 * worker, one after the other for each file: that takes as long as a call of
 * our own, a third more of a processor, and ends them one at a time, an
 * interrupt each (docs/performance.md).  A read that is alone and finds all it
 * asks for in the page cache is another: there is nothing to gather, and a call
 * is less than a round through the ring.
 *
 * A ring could do for its owner what the filter of system calls forbids: open
 * files, connect.  So it is made with restrictions (Linux 5.10), which nobody
 * can take off again: these operations, on the disk and the eventfds, and no
 * registering.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/fs.h>
#include <poll.h>
#include <stdlib.h>

#include "devices/backend/engine.h"
#include "vmm/lib/list.h"

#define ENTRIES 64 /* of one system call; what is more takes another */
/*
 * Waits that end; completions that do not get lost; polls that go on, which
 * came with Linux 5.13, as those tags did.
 */
#define NEEDED                                                                 \
	(IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP | IORING_FEAT_RSRC_TAGS)
#define BILLION 1000000000

/* Whose completion: an operation's is its address, which is even. */
#define WATCHED(i) ((uint64_t)(i) << 1 | 1)
#define TAKEN_BACK WATCHED(ENGINE_WATCHED)

struct uring_engine {
	struct engine engine;
	struct io_uring ring;
	const struct raw *raw;
	struct io *todo, **last; /* submitted, not yet in the ring */
	struct io *done; /* without the ring */
	bool cannot_try; /* this file has no reads that do not block */
	unsigned nr;
	uint32_t armed; /* watched ones that the ring polls */
	/*
	 * Signals that are met when reap() is called again, after it had said
	 * that there is no more, came too late for whoever wait() woke.  The
	 * next wait() must not sleep over them.
	 */
	bool late, signalled;
};

static struct uring_engine *self(struct engine *e)
{
	return container_of(e, struct uring_engine, engine);
}

static int restrict_ring(struct io_uring *ring)
{
	static const uint8_t operations[] = {
		IORING_OP_READV,     IORING_OP_WRITEV,	 IORING_OP_FSYNC,
		IORING_OP_FALLOCATE, IORING_OP_POLL_ADD, IORING_OP_POLL_REMOVE,
	};
	struct io_uring_restriction r[sizeof(operations) + 2] = {
		{ .opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED,
		  .sqe_flags = IOSQE_FIXED_FILE },
		{ .opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED,
		  .sqe_flags = IOSQE_FIXED_FILE },
	};
	unsigned n = 2;

	for (unsigned i = 0; i < sizeof(operations); i++)
		r[n++] = (struct io_uring_restriction){
			.opcode = IORING_RESTRICTION_SQE_OP,
			.sqe_op = operations[i],
		};
	return io_uring_register_restrictions(ring, r, n);
}

/*
 * Workers of the kernel's do what would block.  By default there may be as many
 * as the user may have processes; they count as threads of the VM.
 */
static void limit_workers(struct io_uring *ring)
{
	unsigned most[2] = { ENGINE_WORKERS, 1 };

	/* Linux 5.15; before, the defaults. */
	(void)io_uring_register_iowq_max_workers(ring, most);
}

static int set_up(struct uring_engine *u, const struct raw *raw,
		  const int *watched)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE |
			 IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
		.cq_entries = 2 * ENGINE_DEPTH,
	};
	int file[1 + ENGINE_WATCHED] = { raw->fd };
	int r = io_uring_queue_init_params(ENTRIES, &u->ring, &p);

	if (r == -EINVAL) {
		/* Before Linux 5.19 completions interrupt us. */
		p.flags = IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE;
		r = io_uring_queue_init_params(ENTRIES, &u->ring, &p);
	}
	if (r < 0)
		return r;

	if ((p.features & NEEDED) != NEEDED)
		r = -EOPNOTSUPP;
	for (unsigned i = 0; i < u->nr; i++)
		file[1 + i] = watched[i];
	if (r == 0)
		r = io_uring_register_files(&u->ring, file, 1 + u->nr);
	if (r == 0)
		r = restrict_ring(&u->ring);
	if (r == 0) {
		limit_workers(&u->ring);
		r = io_uring_enable_rings(&u->ring);
	}
	if (r < 0)
		io_uring_queue_exit(&u->ring);
	return r;
}

static int uring_open(const struct raw *raw, const int *watched, unsigned nr,
		      struct engine **ret, struct err *err)
{
	struct uring_engine *u = calloc(1, sizeof(*u));
	if (!u)
		return err_set(err, ENOMEM, "allocate a disk's engine");

	u->engine.ops = &engine_uring;
	u->last = &u->todo;
	u->raw = raw;
	u->nr = nr;
	int r = set_up(u, raw, watched);
	if (r < 0) {
		free(u);
		return err_set(err, -r, "this host has no io_uring for us");
	}
	*ret = &u->engine;
	return 0;
}

/* Polls end with the ring. */
static void uring_close(struct engine *e)
{
	struct uring_engine *u = self(e);

	io_uring_queue_exit(&u->ring);
	free(u);
}

static bool into_page_cache(const struct raw *raw, const struct io *io)
{
	return io->kind == IO_WRITE && !io->durable && !raw->direct;
}

static void uring_submit(struct engine *e, struct io *io)
{
	struct uring_engine *u = self(e);

	if (into_page_cache(u->raw, io)) {
		io->result = raw_write(u->raw, io->iov, io->nr, io->off);
		io->next = u->done;
		u->done = io;
		return;
	}
	io->next = NULL;
	*u->last = io;
	u->last = &io->next;
}

/* NULL: the ring is full, and the kernel takes nothing now. */
static struct io_uring_sqe *entry(struct uring_engine *u)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

	if (sqe)
		return sqe;
	(void)io_uring_submit(&u->ring);
	return io_uring_get_sqe(&u->ring);
}

/* File 0 is the disk. */
static void prepare(struct io_uring_sqe *sqe, struct io *io)
{
	switch (io->kind) {
	case IO_READ:
		io_uring_prep_readv(sqe, 0, io->iov, io->nr, io->off);
		break;
	case IO_WRITE:
		io_uring_prep_writev2(sqe, 0, io->iov, io->nr, io->off,
				      io->durable ? RWF_DSYNC : 0);
		break;
	case IO_FLUSH:
		io_uring_prep_fsync(sqe, 0, IORING_FSYNC_DATASYNC);
		break;
	default:
		io_uring_prep_fallocate(sqe, 0, io->mode, (off_t)io->off,
					(off_t)io->len);
		break;
	}
	sqe->flags = IOSQE_FIXED_FILE;
	io_uring_sqe_set_data(sqe, io);
}

/* Have the ring poll those in @listen and no other. */
static void listen_to(struct uring_engine *u, uint32_t listen)
{
	for (unsigned i = 0; i < u->nr; i++) {
		uint32_t bit = 1U << i;
		if (!((listen ^ u->armed) & bit))
			continue;
		struct io_uring_sqe *sqe = entry(u);
		if (!sqe)
			return;
		if (listen & bit) {
			io_uring_prep_poll_multishot(sqe, 1 + (int)i, POLLIN);
			io_uring_sqe_set_data64(sqe, WATCHED(i));
			u->armed |= bit;
		} else {
			io_uring_prep_poll_remove(sqe, WATCHED(i));
			io_uring_sqe_set_data64(sqe, TAKEN_BACK);
		}
		sqe->flags = IOSQE_FIXED_FILE;
	}
}

static void uring_wait(struct engine *e, uint32_t listen, int64_t ns)
{
	struct uring_engine *u = self(e);
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	struct __kernel_timespec left = { ns / BILLION, ns % BILLION };

	while (u->todo && (sqe = entry(u))) {
		prepare(sqe, u->todo);
		u->todo = u->todo->next;
	}
	if (!u->todo)
		u->last = &u->todo;
	/* Full: make room first. */
	if (u->todo || u->done || u->signalled)
		ns = 0;
	u->late = u->signalled = false;
	listen_to(u, listen);
	/* Whatever it says, reap() sees what there is, and we come again. */
	(void)io_uring_submit_and_wait_timeout(&u->ring, &cqe, ns != 0,
					       ns > 0 ? &left : NULL, NULL);
}

static int64_t length(const struct io *io)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < io->nr; i++)
		sum += (int64_t)io->iov[i].iov_len;
	return sum;
}

/* The one that is submitted, if it is a read that need not wait. */
static struct io *read_alone(struct uring_engine *u)
{
	struct io *io = u->todo;

	if (!io || io->next || io->kind != IO_READ || u->raw->direct ||
	    u->cannot_try)
		return NULL;
	io->result = raw_read_cached(u->raw, io->iov, io->nr, io->off);
	u->cannot_try = io->result == -EOPNOTSUPP;
	/* A part, or an error: the ring knows best what it is. */
	if (io->result != length(io))
		return NULL;
	u->todo = NULL;
	u->last = &u->todo;
	return io;
}

static struct io *uring_reap(struct engine *e)
{
	struct uring_engine *u = self(e);
	struct io *io = u->done;
	struct io_uring_cqe *cqe;

	if (io) {
		u->done = io->next;
		return io;
	}
	io = read_alone(u);
	if (io)
		return io;
	while (io_uring_peek_cqe(&u->ring, &cqe) == 0) {
		uint64_t data = cqe->user_data;
		uint32_t flags = cqe->flags;
		int result = cqe->res;

		io_uring_cqe_seen(&u->ring, cqe);
		if (data == TAKEN_BACK)
			continue;
		if (data & 1) {
			if (!(flags & IORING_CQE_F_MORE))
				u->armed &= ~(1U << (data >> 1));
			u->signalled |= u->late;
			continue;
		}
		io = (struct io *)(uintptr_t)data;
		io->result = result;
		return io;
	}
	u->late = true;
	return NULL;
}

const struct engine_ops engine_uring = {
	.name = "io_uring",
	.role = JAIL_DISK_URING,
	.open = uring_open,
	.close = uring_close,
	.submit = uring_submit,
	.wait = uring_wait,
	.reap = uring_reap,
};
