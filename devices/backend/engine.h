/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine.h - how a disk's operations are carried out: many at once by io_uring
 * (engine_uring.c), or one after the other by system calls where the host
 * forbids that (engine_sync.c).  Tests have engines of their own, which hang or
 * fail.
 *
 *     submit, submit, ...  ->  wait  ->  reap, reap, ... until NULL
 *
 * Nothing need happen before wait(), and then all goes at once.  An operation
 * cannot be refused: what fails is its result.
 *
 * One thread at a time; behind a filter it makes only the calls of `role`.
 */
#ifndef DEVICES_BACKEND_ENGINE_H
#define DEVICES_BACKEND_ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "devices/backend/raw.h"
#include "vmm/jail/jail.h"
#include "vmm/lib/err.h"

#define ENGINE_DEPTH   256 /* operations in flight */
#define ENGINE_WATCHED 32 /* eventfds */
#define ENGINE_WORKERS 4 /* threads of the kernel, at most, for one disk */

struct engine;

enum io_kind { IO_READ, IO_WRITE, IO_FLUSH, IO_ALLOCATE };

struct io {
	enum io_kind kind;
	bool durable; /* IO_WRITE: on the medium when it is done */
	int mode; /* IO_ALLOCATE: of fallocate() */
	unsigned nr; /* pieces of iov; it stays there until reaped */
	struct iovec *iov;
	uint64_t off, len; /* bytes; len: IO_ALLOCATE */
	int64_t result; /* bytes, fewer than asked at the disk's end; -errno */
	struct io *next; /* the engine's */
};

struct engine_ops {
	const char *name; /* of --disk's aio=, and in statistics */
	enum jail_role role; /* of the thread that serves the disk */
	/*
	 * For @raw, which stays; @watched are eventfds, which nobody else
	 * reads.  -errno with a sentence, also when this host has no such
	 * engine.
	 */
	int (*open)(const struct raw *raw, const int *watched, unsigned nr,
		    struct engine **ret, struct err *err);
	void (*close)(struct engine *e); /* nothing is in flight */
	void (*submit)(struct engine *e, struct io *io);
	/*
	 * Until something was done, an eventfd of those in @listen (a bit for
	 * each) was signalled, or @ns nanoseconds are over (0: do not wait,
	 * below 0: no limit).  May return without a reason.  Which eventfd
	 * it was is not said.  A signal is never lost: one that comes after
	 * wait() returned ends the next one.
	 */
	void (*wait)(struct engine *e, uint32_t listen, int64_t ns);
	/* One that is done, or NULL. */
	struct io *(*reap)(struct engine *e);
};

struct engine {
	const struct engine_ops *ops;
};

extern const struct engine_ops engine_uring, engine_sync;

/* By its name; NULL: there is none. */
const struct engine_ops *engine_named(const char *name);
/*
 * The engine @ops; NULL: the best one that this host has, and a line in the
 * log when that is not io_uring.  -errno with a sentence.
 */
int engine_open(const struct engine_ops *ops, const struct raw *raw,
		const int *watched, unsigned nr, struct engine **ret,
		struct err *err);
void engine_close(struct engine *e); /* accepts NULL */

#endif
