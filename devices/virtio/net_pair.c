/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_pair.c - a pair of queues and its end of the backend.
 *
 * Backpressure goes both ways: nothing is read from the backend while the guest
 * has no buffer for it, and nothing is taken from the guest while the backend
 * does not accept it.
 *
 * Each way has limits of its own.  A frame that may not go yet waits where it
 * is, in the backend or in the guest's ring, and a timer says when it may.
 */
#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "devices/virtio/net_priv.h"
#include "vmm/lib/io.h"
#include "vmm/lib/list.h"

static bool runs(const struct net_pair *pair)
{
	return pair->net->dev->started && virtio_running(pair->net->dev);
}

/* Loop thread. */
void net_pair_watch(struct net_pair *pair)
{
	uint32_t events = 0;

	if (!pair->net->up)
		return;
	/*
	 * Room is of no use while nothing may be taken from the guest; the
	 * kick that comes with the permission brings us here again.
	 */
	if (runs(pair) && pair->attached && !pair->vhost.running) {
		events |= pair->rx_waiting || pair->way[NET_RX].held
				  ? 0
				  : (uint32_t)EPOLLIN;
		events |= pair->tx_waiting ? (uint32_t)EPOLLOUT : 0;
	}
	/* Changing what is watched needs no memory. */
	(void)loop_set(pair->net->dev->loop, &pair->backend, events);
}

/* Call tokens_came() in @ns nanoseconds. */
void net_hold(struct net_way *way, uint64_t ns)
{
	struct itimerspec in = { .it_value = limit_timespec(ns) };

	way->held = true;
	stats_add(&way->stalls, 1);
	(void)timerfd_settime(way->timer.fd, 0, &in, NULL);
}

static void backend_ready(struct loop_fd *src, uint32_t events)
{
	struct net_pair *pair = container_of(src, struct net_pair, backend);
	struct virtio_dev *dev = pair->net->dev;
	bool gone = events & (EPOLLHUP | EPOLLERR);

	(void)pthread_mutex_lock(&dev->lock);
	bool running = runs(pair) && pair->attached;
	if (running && (events & EPOLLOUT) && net_vq(pair, NET_TX)->size) {
		pair->tx_waiting = false;
		net_serve_tx(pair);
	}
	if (running && (events & EPOLLIN) && net_vq(pair, NET_RX)->size)
		net_serve_rx(pair);
	/* Nobody can read what is left: do not be called for it for ever. */
	else if (gone)
		net_link_down(pair->net);
	if (!running)
		pair->rx_waiting = true;
	net_pair_watch(pair);
	(void)pthread_mutex_unlock(&dev->lock);
}

static void tokens_came(struct loop_fd *src, uint32_t events)
{
	struct net_way *way = container_of(src, struct net_way, timer);
	struct net_pair *pair = way->pair;
	struct virtio_dev *dev = pair->net->dev;
	uint64_t count;

	(void)events;
	(void)!read(src->fd, &count, sizeof(count));
	(void)pthread_mutex_lock(&dev->lock);
	way->held = false;
	if (way == &pair->way[NET_TX] && !pair->tx_waiting && runs(pair) &&
	    net_vq(pair, NET_TX)->size)
		net_serve_tx(pair);
	/* And the backend's frames are asked for again. */
	net_pair_watch(pair);
	(void)pthread_mutex_unlock(&dev->lock);
}

void net_pair_kick(struct net_pair *pair, unsigned ring)
{
	if (pair->vhost.running) {
		net_vhost_kick(pair, ring);
	} else if (!pair->attached) {
		/* What is in the ring is looked at when that changes. */
	} else if (ring == NET_RX) {
		vq_kicks_off(net_vq(pair, NET_RX));
		pair->rx_waiting = false;
		/* The backend may have no other to wake us. */
		if (pair->window.waiting)
			net_serve_rx(pair);
	} else if (!pair->tx_waiting && !pair->way[NET_TX].held) {
		net_serve_tx(pair);
	}
	net_pair_watch(pair);
}

void net_pair_start(struct net_pair *pair)
{
	/* The kick that follows makes the loop look for buffers. */
	pair->rx_waiting = true;
	pair->tx_waiting = false;
	net_rx_start(pair);
	pair->vhost_waits = false;
	net_vhost_start(pair);
	/* Asked anew: what the last driver used up is still to be paid. */
	pair->way[NET_RX].held = pair->way[NET_TX].held = false;
}

int net_pair_attach(struct net_pair *pair, bool on)
{
	int r;

	if (pair->attached == on)
		return 0;
	r = tap_set_queue(pair->backend.fd, on);
	if (r == 0)
		pair->attached = on;
	return r;
}

static int open_way(struct net_way *way, const struct net_config *cfg,
		    struct err *err)
{
	limit_init(&way->limit, cfg->bytes_limit, cfg->frames_limit);
	if (!limit_set(&way->limit))
		return 0;
	way->timer.fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (way->timer.fd < 0)
		return err_set(err, errno, "create a timer");
	int r = loop_set(way->pair->net->dev->loop, &way->timer, EPOLLIN);
	return r < 0 ? err_set(err, -r, "watch a timer") : 0;
}

void net_pair_init(struct net_pair *pair, struct net *net, unsigned first)
{
	pair->net = net;
	pair->first = first;
	pair->attached = true;
	pair->backend.fd = -1;
	pair->backend.ready = backend_ready;
	for (unsigned i = 0; i < NET_QUEUES; i++)
		pair->way[i] = (struct net_way){
			.pair = pair,
			.timer = { .fd = -1, .ready = tokens_came },
		};
	net_vhost_init(pair);
}

int net_pair_open(struct net_pair *pair, int fd, const struct net_config *cfg,
		  struct err *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < NET_QUEUES; i++)
		r = open_way(&pair->way[i], cfg, err);
	if (r < 0)
		return r;
	r = io_set_nonblock(fd, true);
	if (r < 0)
		return err_set(err, -r, "prepare the network descriptor");
	pair->backend.fd = fd;
	r = loop_set(pair->net->dev->loop, &pair->backend, 0);
	if (r < 0)
		pair->backend.fd = -1;
	return r < 0 ? err_set(err, -r, "watch the network") : 0;
}

void net_pair_close(struct net_pair *pair)
{
	struct loop *loop = pair->net->dev->loop;

	net_vhost_close(pair);
	loop_remove(loop, &pair->backend);
	if (pair->backend.fd >= 0)
		(void)close(pair->backend.fd);
	for (unsigned i = 0; i < NET_QUEUES; i++) {
		loop_remove(loop, &pair->way[i].timer);
		if (pair->way[i].timer.fd >= 0)
			(void)close(pair->way[i].timer.fd);
	}
}
