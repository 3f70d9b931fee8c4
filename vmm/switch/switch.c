/* SPDX-License-Identifier: Apache-2.0 */
/* switch.c - the loop. */
#include "vmm/switch/switch.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/switch/switch_priv.h"

#define EVENTS 32

int switch_new(int listener, const struct switch_subnet *net, struct sw **ret,
	       struct err *err)
{
	/* Zeroed, and large parts of it touched only when needed. */
	AUTO_FREE struct sw *sw = calloc(1, sizeof(*sw));
	if (!sw)
		return err_set(err, ENOMEM, "start the switch");

	AUTO_CLOSE int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = &sw->door };
	if (epoll < 0)
		return err_set(err, errno, "start the switch");
	int r = io_set_nonblock(listener, true);
	if (r < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &ev) < 0)
		return err_set(err, r < 0 ? -r : errno,
			       "watch the network's socket");
	sw->net = *net;
	sw->listener = listener;
	sw->epoll = TAKE_FD(epoll);
	ports_init(sw);
	*ret = TAKE_PTR(sw);
	return 0;
}

void switch_free(struct sw *sw)
{
	if (!sw)
		return;
	for (unsigned i = 0; i < SWITCH_PORTS; i++)
		if (sw->port[i].guest.fd >= 0)
			ports_close(sw, &sw->port[i].guest);
	for (unsigned i = 0; i < SWITCH_NEWCOMERS; i++)
		if (sw->newcomer[i].fd >= 0)
			ports_close(sw, &sw->newcomer[i]);
	(void)close(sw->epoll);
	(void)close(sw->listener);
	free(sw);
}

static void ready(struct sw *sw, struct wire *w, uint32_t events)
{
	if (w == &sw->door) {
		ports_accept(sw);
		return;
	}
	/* An earlier event of this round may have ended it. */
	if (w->fd < 0)
		return;
	if (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) {
		ports_close(sw, w);
		return;
	}
	if (!w->port) {
		ports_hello(sw, w);
		return;
	}
	if (events & EPOLLOUT)
		forward_waiting(sw, w);
	if (events & EPOLLIN && w->fd >= 0)
		forward_from(sw, w);
}

int switch_step(struct sw *sw, int timeout_ms)
{
	struct epoll_event ev[EVENTS];
	int n = epoll_wait(sw->epoll, ev, EVENTS, timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++)
		ready(sw, ev[i].data.ptr, ev[i].events);
	if (sw->begun && sw->nr_ports == 0)
		return -EPIPE;
	return n == 0 && !sw->begun ? -ETIMEDOUT : 0;
}

int switch_run(struct sw *sw, struct err *err)
{
	int r = 0;

	while (r == 0)
		r = switch_step(sw, sw->begun ? -1 : SWITCH_PATIENCE_MS);
	return r == -EPIPE || r == -ETIMEDOUT
		       ? 0
		       : err_set(err, -r, "wait for frames");
}
