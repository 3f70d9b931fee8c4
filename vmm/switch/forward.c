/* SPDX-License-Identifier: Apache-2.0 */
/* forward.c - from which wire to which, and in what order. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "vmm/lib/io.h"
#include "vmm/switch/switch_priv.h"

#define TURN 64 /* copies of frames of one wire before others get a turn */

/* What a guest and its uplink may have waiting for each other. */
#define AHEAD_MAX (256U << 10)

/* Is the other end of this VM's own way out behind? */
static bool must_wait(const struct wire *w)
{
	const struct port *p = w->port;

	if (!p)
		return false;
	if (w->uplink)
		return p->guest.out.line[SENDER_UPLINK].bytes > AHEAD_MAX;
	return p->uplink.fd >= 0 && p->uplink.out.bytes > AHEAD_MAX;
}

void forward_watch(struct sw *sw, struct wire *w)
{
	uint32_t events = EPOLLRDHUP;

	if (w->fd < 0)
		return;
	if (!must_wait(w))
		events |= EPOLLIN;
	if (!queue_empty(&w->out))
		events |= EPOLLOUT;
	if (events == w->events)
		return;
	struct epoll_event ev = { .events = events, .data.ptr = w };
	/* A wire that is new to epoll needs memory, and has sent nothing. */
	if (epoll_ctl(sw->epoll, w->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
		      w->fd, &ev) < 0 &&
	    errno == EEXIST)
		(void)epoll_ctl(sw->epoll, EPOLL_CTL_MOD, w->fd, &ev);
	w->events = events;
}

static bool is_full(int error)
{
	return error == EAGAIN || error == ENOBUFS;
}

/* 0 or the errno. */
static int put(const struct wire *w, const void *frame, size_t len)
{
	ssize_t n = io_send(w->fd, frame, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	return n < 0 ? errno : 0;
}

void forward_to(struct sw *sw, struct wire *w, unsigned sender,
		const void *frame, size_t len)
{
	if (w->fd < 0)
		return;
	/* Who is gone says so to the loop. */
	if (queue_empty(&w->out) && !is_full(put(w, frame, len)))
		return;
	queue_put(&w->out, sender, frame, len);
	forward_watch(sw, w);
}

void forward_waiting(struct sw *sw, struct wire *w)
{
	const struct queued *f;

	for (int i = 0; i < TURN && (f = queue_next(&w->out)) != NULL; i++) {
		if (is_full(put(w, f->data, f->len)))
			break;
		queue_pop(&w->out);
	}
	forward_watch(sw, w);
	if (w->port)
		forward_watch(sw,
			      w->uplink ? &w->port->guest : &w->port->uplink);
}

static unsigned number(const struct sw *sw, const struct port *p)
{
	return (unsigned)(p - sw->port);
}

/* To all others, and out.  How many copies. */
static int flood(struct sw *sw, struct port *from, size_t len)
{
	int n = 1;

	for (unsigned i = 0; i < sw->nr_places; i++) {
		struct port *p = &sw->port[i];

		if (p == from || p->guest.fd < 0)
			continue;
		forward_to(sw, &p->guest, number(sw, from), sw->buf, len);
		n++;
	}
	forward_to(sw, &from->uplink, 0, sw->buf, len);
	return n;
}

static int from_guest(struct sw *sw, struct port *from, size_t len)
{
	const uint8_t *frame = sw->buf;

	if (!check_sender(&from->self, frame, len)) {
		from->refused++;
		return 1;
	}
	if (answer_take(sw, from, frame, len))
		return 1;
	if (check_multicast(frame))
		return flood(sw, from, len);
	struct port *to = ports_station(sw, frame);
	if (to)
		forward_to(sw, &to->guest, number(sw, from), frame, len);
	else
		forward_to(sw, &from->uplink, 0, frame, len);
	return 1;
}

void forward_from(struct sw *sw, struct wire *w)
{
	for (int n = 0; n < TURN && !must_wait(w);) {
		ssize_t len =
			io_recv(w->fd, sw->buf, sizeof(sw->buf), MSG_DONTWAIT);

		/* The end is told from an empty message by the loop. */
		if (len < 0)
			break;
		if (len < NET_FRAME_MIN || len > NET_FRAME_MAX)
			n++;
		else if (w->uplink) {
			forward_to(sw, &w->port->guest, SENDER_UPLINK, sw->buf,
				   (size_t)len);
			n++;
		} else
			n += from_guest(sw, w->port, (size_t)len);
	}
	forward_watch(sw, w);
}
