/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slirp.c - libslirp and the loop around it.
 *
 * When the monitor does not take frames as fast as they come, nothing is read
 * from the host's sockets until it does: the senders then slow down by TCP's
 * own means, and no frame has to be dropped.
 */
#include "vmm/net/slirp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/log.h"
#include "vmm/net/filter.h"
#include "vmm/net/gate.h"
#include "vmm/net/packet.h"
#include "vmm/net/reassembly.h"

#define FRAMES_BATCH	64 /* frames of the guest before sockets get a turn */
#define ACCEPT_PAUSE_MS 250
#define LISTEN_BACKLOG	128

/* The first entry of the poll set, always there. */
#define POLL_FRAMES 0

struct net_timer {
	bool armed;
	int64_t expire_ms;
	void *opaque;
};

struct net {
	Slirp *slirp;
	struct in_addr guest;
	int64_t now_ms;
	int64_t accept_after_ms; /* published TCP ports rest until then */
	uint64_t refused; /* frames the filter stopped */
	bool guest_error_logged;
	struct gate *gate; /* owned; NULL: everything is allowed */
	struct net_timer timers[SLIRP_TIMER_NUM];
	int listeners[PUBLISH_MAX];
	size_t nr_listeners;
	size_t nr_polled;
	struct pollfd polled[NET_POLL_MAX];
	struct frames frames;
	struct relay relay;
	struct reassembly reassembly;
};

static int64_t clock_ns(void *opaque)
{
	struct timespec ts;

	(void)opaque;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static ssize_t send_packet(const void *buf, size_t len, void *opaque)
{
	struct net *net = opaque;

	if (!net->gate || gate_in(net->gate, buf, len))
		frames_send(&net->frames, buf, len);
	return (ssize_t)len;
}

static void guest_error(const char *msg, void *opaque)
{
	struct net *net = opaque;

	if (!net->guest_error_logged)
		log_warn("%s, ignoring it and what follows", msg);
	net->guest_error_logged = true;
}

static void *timer_new(SlirpTimerId id, void *timer_opaque, void *opaque)
{
	struct net *net = opaque;
	struct net_timer *t = &net->timers[id];

	t->opaque = timer_opaque;
	return t;
}

static void timer_free(void *timer, void *opaque)
{
	struct net_timer *t = timer;

	(void)opaque;
	t->armed = false;
}

static void timer_mod(void *timer, int64_t expire_ms, void *opaque)
{
	struct net_timer *t = timer;

	(void)opaque;
	t->expire_ms = expire_ms;
	t->armed = true;
}

static void timers_run(struct net *net)
{
	for (int i = 0; i < SLIRP_TIMER_NUM; i++) {
		struct net_timer *t = &net->timers[i];

		if (!t->armed || t->expire_ms > net->now_ms)
			continue;
		t->armed = false;
		slirp_handle_timer(net->slirp, (SlirpTimerId)i, t->opaque);
	}
}

/* The set is rebuilt for each poll(): descriptors need no registration. */
static void fd_noted(int fd, void *opaque)
{
	(void)fd;
	(void)opaque;
}

/* Same thread as the loop: there is nobody to wake. */
static void notified(void *opaque)
{
	(void)opaque;
}

static const SlirpCb callbacks = {
	.send_packet = send_packet,
	.guest_error = guest_error,
	.clock_get_ns = clock_ns,
	.timer_free = timer_free,
	.timer_mod = timer_mod,
	.register_poll_fd = fd_noted,
	.unregister_poll_fd = fd_noted,
	.notify = notified,
	.timer_new_opaque = timer_new,
};

struct net_place net_place_user(unsigned mtu)
{
	struct net_place p = { .mtu = mtu, .prefix = NET_PREFIX4 };

	(void)inet_pton(AF_INET, NET_GUEST4, &p.guest);
	(void)inet_pton(AF_INET, NET_GATEWAY4, &p.gateway);
	(void)inet_pton(AF_INET, NET_DNS4, &p.dns);
	return p;
}

/*
 * libslirp's windows are 64 KiB - 1 and have no scale.  With segments of its
 * maximum, 32 KiB, only one fits, and the guest's TCP, which acknowledges
 * every second one at once, keeps the sender waiting for its timer.
 */
#define SEGMENT_MTU 32768U

static Slirp *slirp_start(struct net *net, const struct net_place *place)
{
	SlirpConfig cfg = {
		.version = 4,
		.in_enabled = true,
		.in6_enabled = !place->only4,
		.vprefix_len = NET_PREFIX6,
		.vnetmask.s_addr = htonl(UINT32_MAX << (32 - place->prefix)),
		.if_mtu = place->mtu,
		/* For TCP the lower one counts, for datagrams the other. */
		.if_mru = place->mtu < SEGMENT_MTU ? place->mtu : SEGMENT_MTU,
		.disable_host_loopback = true,
		/* Our init configures the guest: a parser less to attack. */
		.disable_dhcp = true,
	};

	cfg.vhost = place->gateway;
	cfg.vdhcp_start = place->guest;
	cfg.vnameserver = place->dns;
	cfg.vnetwork.s_addr = cfg.vhost.s_addr & cfg.vnetmask.s_addr;
	(void)inet_pton(AF_INET6, NET_GATEWAY6, &cfg.vhost6);
	(void)inet_pton(AF_INET6, NET_DNS6, &cfg.vnameserver6);
	cfg.vprefix_addr6 = cfg.vhost6;
	for (int i = NET_PREFIX6 / 8; i < 16; i++)
		cfg.vprefix_addr6.s6_addr[i] = 0;
	return slirp_new(&cfg, &callbacks, net);
}

int net_new(int frames_fd, const struct net_place *place, struct net **ret,
	    struct err *err)
{
	/* Zeroed, and large parts of it touched only when needed. */
	AUTO_FREE struct net *net = calloc(1, sizeof(*net));
	if (!net)
		return err_set(err, ENOMEM, "start the network");

	int r = frames_init(&net->frames, frames_fd, err);
	if (r < 0)
		return r;
	relay_init(&net->relay, place->guest, place->gateway);
	net->guest = place->guest;
	net->slirp = slirp_start(net, place);
	if (!net->slirp)
		return err_say(err, EINVAL,
			       "libslirp %s refuses the network's "
			       "configuration",
			       slirp_version_string());
	*ret = TAKE_PTR(net);
	return 0;
}

void net_free(struct net *net)
{
	if (!net)
		return;
	const struct frames *f = &net->frames;
	log_info("frames: %" PRIu64 " from the guest, %" PRIu64 " of a wrong "
		 "length, %" PRIu64 " not for this network; %" PRIu64
		 " to the guest, %" PRIu64 " dropped",
		 f->received, f->wrong_length, net->refused, f->sent,
		 f->not_sent);
	if (net->gate)
		log_info("--allow: %" PRIu64 " frames refused, %" PRIu64
			 " DNS queries, %" PRIu64 " datagrams of strangers",
			 net->gate->refused, net->gate->asked,
			 net->gate->from_strangers);
	slirp_cleanup(net->slirp);
	free(net->gate);
	relay_done(&net->relay);
	frames_done(&net->frames);
	free(net);
}

int net_allow(struct net *net, const struct allow_list *list, struct err *err)
{
	if (list->n == 0)
		return 0;
	net->gate = calloc(1, sizeof(*net->gate));
	if (!net->gate)
		return err_set(err, ENOMEM, "start the network");
	net->gate->list = *list;
	return 0;
}

/* The descriptor that the next socket() will return, or -errno. */
static int next_fd(const struct net *net)
{
	int fd = fcntl(net->frames.fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	(void)close(fd);
	return fd;
}

/*
 * libslirp listens itself and tells neither descriptor nor port.  POSIX says
 * which descriptor it gets: the lowest that is free.
 */
static int publish_tcp(struct net *net, struct publish *p, struct err *err)
{
	bool v6 = p->host.any.sa_family == AF_INET6;
	union publish_addr guest = { .v4.sin_family = AF_INET };
	socklen_t len = sizeof(p->host);

	if (net->nr_listeners == PUBLISH_MAX)
		return err_say(err, E2BIG,
			       "more than %d published ports; publish fewer",
			       PUBLISH_MAX);
	if (v6) {
		guest.v6.sin6_family = AF_INET6;
		(void)inet_pton(AF_INET6, NET_GUEST6, &guest.v6.sin6_addr);
	} else {
		guest.v4.sin_addr = net->guest;
	}
	/* The port has the same place in both kinds of address. */
	guest.v4.sin_port = htons(p->guest_port);

	int fd = next_fd(net);
	if (fd < 0)
		return publish_fail(p, -fd, err);
	if (slirp_add_hostxfwd(net->slirp, &p->host.any,
			       publish_addr_len(&p->host), &guest.any,
			       publish_addr_len(&guest),
			       v6 ? SLIRP_HOSTFWD_V6ONLY : 0) < 0)
		return publish_fail(p, errno, err);

	/*
	 * This proves that it is a socket, and replaces libslirp's backlog
	 * of one connection.
	 */
	if (listen(fd, LISTEN_BACKLOG) < 0 ||
	    getsockname(fd, &p->host.any, &len) < 0)
		return publish_fail(p, errno, err);
	net->listeners[net->nr_listeners++] = fd;
	return 0;
}

int net_publish(struct net *net, struct publish *p, struct err *err)
{
	return p->udp ? relay_publish(&net->relay, p, err)
		      : publish_tcp(net, p, err);
}

static bool is_listener(const struct net *net, int fd)
{
	for (size_t i = 0; i < net->nr_listeners; i++)
		if (net->listeners[i] == fd)
			return true;
	return false;
}

/* Index in the poll set, or -1: not polled this time. */
static int add_poll(int fd, int events, void *opaque)
{
	struct net *net = opaque;
	short wanted = 0;

	if (net->nr_polled == NET_POLL_MAX)
		return -1;
	if (net->accept_after_ms > net->now_ms && is_listener(net, fd))
		return -1;
	if (events & SLIRP_POLL_IN)
		wanted |= POLLIN;
	if (events & SLIRP_POLL_OUT)
		wanted |= POLLOUT;
	if (events & SLIRP_POLL_PRI)
		wanted |= POLLPRI;
	net->polled[net->nr_polled] = (struct pollfd){ fd, wanted, 0 };
	return (int)net->nr_polled++;
}

/*
 * A guest that has used up all descriptors would leave a published port ready
 * for ever, and the loop spinning.
 */
static bool can_accept(struct net *net)
{
	if (next_fd(net) >= 0)
		return true;
	net->accept_after_ms = net->now_ms + ACCEPT_PAUSE_MS;
	return false;
}

static int get_revents(int idx, void *opaque)
{
	struct net *net = opaque;
	short got = net->polled[idx].revents;
	int events = 0;

	if (got && is_listener(net, net->polled[idx].fd) && !can_accept(net))
		return 0;
	if (got & POLLIN)
		events |= SLIRP_POLL_IN;
	if (got & POLLOUT)
		events |= SLIRP_POLL_OUT;
	if (got & POLLPRI)
		events |= SLIRP_POLL_PRI;
	if (got & POLLERR)
		events |= SLIRP_POLL_ERR;
	if (got & POLLHUP)
		events |= SLIRP_POLL_HUP;
	return events;
}

/* Frames, relay ports, then libslirp's sockets.  The timeout for poll(). */
static int poll_fill(struct net *net)
{
	uint32_t timeout = UINT32_MAX;
	short out = net->frames.full ? POLLOUT : 0;

	net->polled[POLL_FRAMES] =
		(struct pollfd){ net->frames.fd, (short)(POLLIN | out), 0 };
	net->nr_polled = POLL_FRAMES + 1;
	for (size_t i = 0; i < net->relay.nr_ports; i++)
		net->polled[net->nr_polled++] =
			(struct pollfd){ net->relay.ports[i].fd, POLLIN, 0 };
	slirp_pollfds_fill(net->slirp, &timeout, add_poll, net);

	for (int i = 0; i < SLIRP_TIMER_NUM; i++) {
		const struct net_timer *t = &net->timers[i];
		int64_t wait = t->expire_ms - net->now_ms;

		if (t->armed && wait < (int64_t)timeout)
			timeout = wait > 0 ? (uint32_t)wait : 0;
	}
	return timeout > INT32_MAX ? -1 : (int)timeout;
}

static void to_network(struct net *net, const uint8_t *frame, size_t len)
{
	if (relay_to_client(&net->relay, frame, len, net->now_ms))
		return;
	if (!filter_admits(frame, len))
		net->refused++;
	else if (!net->gate || gate_out(net->gate, frame, len, &net->frames))
		slirp_input(net->slirp, frame, (int)len);
}

/* 0, or -EPIPE when the monitor is gone. */
static int from_guest(struct net *net)
{
	struct frames *f = &net->frames;

	for (int i = 0; i < FRAMES_BATCH; i++) {
		ssize_t n = frames_receive(f);

		if (n == 0)
			break;
		if (n == -EPIPE)
			return -EPIPE;
		if (n < 0)
			continue;
		size_t len = (size_t)n;
		const uint8_t *frame = f->buf;

		/* With --allow there are none: gate_out() refuses fragments. */
		if (!net->gate)
			frame = reassembly_take(&net->reassembly, f->buf, &len,
						net->now_ms);
		if (frame)
			to_network(net, frame, len);
	}
	/* Lets libslirp send what waited for the ARP answer just received. */
	slirp_pollfds_poll(net->slirp, 1, get_revents, net);
	return 0;
}

/* One round.  0, or -EPIPE when the monitor is gone, or another -errno. */
static int net_step(struct net *net)
{
	int timeout = poll_fill(net);
	bool blocked = net->frames.full;
	nfds_t n = blocked ? POLL_FRAMES + 1 : net->nr_polled;
	int r = poll(net->polled, n, timeout);

	if (r < 0 && errno != EINTR)
		return -errno;
	net->now_ms = clock_ns(NULL) / 1000000;

	int frames = r > 0 ? net->polled[POLL_FRAMES].revents : 0;
	if (frames & POLLOUT)
		net->frames.full = false;
	for (size_t i = 0; r > 0 && !blocked && i < net->relay.nr_ports; i++)
		if (net->polled[POLL_FRAMES + 1 + i].revents)
			relay_to_guest(&net->relay, i, net->now_ms,
				       &net->frames);
	/* Without "ready" sockets it still runs what is due by the clock. */
	slirp_pollfds_poll(net->slirp, r < 0 || blocked, get_revents, net);
	timers_run(net);
	return frames & ~POLLOUT ? from_guest(net) : 0;
}

int net_run(struct net *net, struct err *err)
{
	int r = 0;

	while (r == 0)
		r = net_step(net);
	return r == -EPIPE ? 0 : err_set(err, -r, "wait for the network");
}
