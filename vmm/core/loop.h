/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.h - an epoll loop; one for each thread that serves descriptors.
 *
 * Only the loop's own thread (or whoever owns it before loop_run()) adds and
 * removes sources.  Another thread may change the events of one whose fields
 * a lock of its owner guards.  loop_stop() may come from any thread.
 */
#ifndef VMM_CORE_LOOP_H
#define VMM_CORE_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "vmm/lib/err.h"

/*
 * A descriptor and what to do when it is ready.  Embedded in its owner, which
 * keeps the descriptor; must stay put while added.
 */
struct loop_fd {
	int fd;
	void (*ready)(struct loop_fd *src, uint32_t epoll_events);
	uint32_t events; /* loop.c: what is asked for now */
	bool added; /* loop.c */
};

struct loop {
	int epoll;
	int wake; /* eventfd */
	bool stopped; /* atomic */
	struct epoll_event *batch; /* loop.c: being dispatched */
	int batch_nr;
};

int loop_init(struct loop *loop, struct err *err);
void loop_done(struct loop *loop);

/* Serve until loop_stop().  0 or -errno. */
int loop_run(struct loop *loop);
/* Serve what is ready within @timeout_ms (-1: for ever) once. */
int loop_once(struct loop *loop, int timeout_ms);
/* Make loop_run() return; any thread, also a signal handler. */
void loop_stop(struct loop *loop);

/*
 * Watch @src->fd for @events (EPOLLIN...; level-triggered).  Adding one that
 * is there changes its events; 0 events keeps it added but silent except for
 * EPOLLERR and EPOLLHUP.  0 or -errno.
 */
int loop_set(struct loop *loop, struct loop_fd *src, uint32_t events);
/*
 * Stop watching; before the descriptor is closed.  Events of @src that the
 * current round has not delivered yet are dropped.
 */
void loop_remove(struct loop *loop, struct loop_fd *src);

#endif
