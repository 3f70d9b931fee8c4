/* SPDX-License-Identifier: Apache-2.0 */
/* loop.c - an epoll loop. */
#include "vmm/core/loop.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BATCH 64

int loop_init(struct loop *loop, struct err *err)
{
	*loop = (struct loop){ .epoll = -1, .wake = -1 };

	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0)
		return err_set(err, errno, "create an epoll instance");
	loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake < 0) {
		int r = err_set(err, errno, "create an eventfd");
		loop_done(loop);
		return r;
	}

	/* A NULL source is the wake-up itself. */
	struct epoll_event ev = { .events = EPOLLIN };
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wake, &ev) < 0) {
		int r = err_set(err, errno, "watch an eventfd");
		loop_done(loop);
		return r;
	}
	return 0;
}

void loop_done(struct loop *loop)
{
	if (loop->wake >= 0)
		(void)close(loop->wake);
	if (loop->epoll >= 0)
		(void)close(loop->epoll);
	loop->wake = loop->epoll = -1;
}

int loop_once(struct loop *loop, int timeout_ms)
{
	struct epoll_event ev[BATCH];
	int n = epoll_wait(loop->epoll, ev, BATCH, timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;

	loop->batch = ev;
	loop->batch_nr = n;
	for (int i = 0; i < n; i++) {
		struct loop_fd *src = ev[i].data.ptr;

		if (src)
			src->ready(src, ev[i].events);
	}
	loop->batch = NULL;
	loop->batch_nr = 0;
	return n;
}

int loop_run(struct loop *loop)
{
	while (!__atomic_load_n(&loop->stopped, __ATOMIC_ACQUIRE)) {
		int r = loop_once(loop, -1);
		if (r < 0)
			return r;
	}
	return 0;
}

void loop_stop(struct loop *loop)
{
	uint64_t one = 1;

	/* Pairs with the load in loop_run(): seen after the wake-up. */
	__atomic_store_n(&loop->stopped, true, __ATOMIC_RELEASE);
	(void)!write(loop->wake, &one, sizeof(one));
}

int loop_set(struct loop *loop, struct loop_fd *src, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = src };

	if (src->added && src->events == events)
		return 0;
	if (epoll_ctl(loop->epoll, src->added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
		      src->fd, &ev) < 0)
		return -errno;
	src->added = true;
	src->events = events;
	return 0;
}

void loop_remove(struct loop *loop, struct loop_fd *src)
{
	if (!src->added)
		return;
	(void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, src->fd, NULL);
	src->added = false;
	src->events = 0;
	for (int i = 0; i < loop->batch_nr; i++)
		if (loop->batch[i].data.ptr == src)
			loop->batch[i].data.ptr = NULL;
}
