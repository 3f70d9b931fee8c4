/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.c - network device, one pair of queues (virtio 1.2, section 5.1).
 *
 * Behind it is a socket, a frame a message, or a tap.  A tap that has been
 * attached with a header (IFF_VNET_HDR) does what the guest leaves to it:
 * checksums and cutting into segments; a socket gets whole frames.
 * Backpressure goes both ways: nothing is read from the backend while the guest
 * has no buffer for it, and nothing is taken from the guest while the backend
 * does not accept it.
 *
 * Each way has limits of its own.  A frame that may not go yet waits where it
 * is, in the backend or in the guest's ring, and a timer says when it may.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "devices/virtio/net_priv.h"
#include "vmm/lib/io.h"
#include "vmm/lib/list.h"

#define QUEUE_SIZE VQ_SIZE_MAX

/* Loop thread. */
static void watch(struct net *net)
{
	uint32_t events = 0;

	if (!net->up)
		return;
	/*
	 * Room is of no use while nothing may be taken from the guest; the
	 * kick that comes with the permission brings us here again.
	 */
	if (net->dev->started && virtio_running(net->dev) &&
	    !net->vhost.running) {
		events |= net->rx_waiting || net->way[NET_RX].held
				  ? 0
				  : (uint32_t)EPOLLIN;
		events |= net->tx_waiting ? (uint32_t)EPOLLOUT : 0;
	}
	/* Changing what is watched needs no memory. */
	(void)loop_set(net->dev->loop, &net->backend, events);
}

void net_link_down(struct net *net)
{
	struct virtio_net_config *cfg = (void *)net->dev->config;

	if (!net->up)
		return;
	net->up = false;
	net->tx_waiting = false;
	/* What waits for buffers came too late: nobody serves it any more. */
	net->window.waiting = 0;
	loop_remove(net->dev->loop, &net->backend);
	cfg->status = htole16(0);
	virtio_config_changed(net->dev);
}

/* Call tokens_came() in @ns nanoseconds. */
void net_hold(struct net_way *way, uint64_t ns)
{
	struct itimerspec in = { .it_value = limit_timespec(ns) };

	way->held = true;
	(void)timerfd_settime(way->timer.fd, 0, &in, NULL);
}

static void backend_ready(struct loop_fd *src, uint32_t events)
{
	struct net *net = container_of(src, struct net, backend);
	struct virtio_dev *dev = net->dev;
	bool gone = events & (EPOLLHUP | EPOLLERR);

	(void)pthread_mutex_lock(&dev->lock);
	bool running = dev->started && virtio_running(dev);
	if (running && (events & EPOLLOUT) && dev->queue[NET_TX].vq.size) {
		net->tx_waiting = false;
		net_serve_tx(net);
	}
	if (running && (events & EPOLLIN) && dev->queue[NET_RX].vq.size)
		net_serve_rx(net);
	/* Nobody can read what is left: do not be called for it for ever. */
	else if (gone)
		net_link_down(net);
	if (!running)
		net->rx_waiting = true;
	watch(net);
	(void)pthread_mutex_unlock(&dev->lock);
}

static void tokens_came(struct loop_fd *src, uint32_t events)
{
	struct net_way *way = container_of(src, struct net_way, timer);
	struct net *net = way->net;
	struct virtio_dev *dev = net->dev;
	uint64_t count;

	(void)events;
	(void)!read(src->fd, &count, sizeof(count));
	(void)pthread_mutex_lock(&dev->lock);
	way->held = false;
	if (way == &net->way[NET_TX] && !net->tx_waiting && dev->started &&
	    virtio_running(dev) && dev->queue[NET_TX].vq.size)
		net_serve_tx(net);
	/* And the backend's frames are asked for again. */
	watch(net);
	(void)pthread_mutex_unlock(&dev->lock);
}

static void net_kick(struct virtio_dev *dev, unsigned nr)
{
	struct net *net = dev->state;

	if (net->vhost.running) {
		net_vhost_kick(net, nr);
		watch(net);
		return;
	}
	if (nr == NET_RX) {
		vq_kicks_off(&dev->queue[NET_RX].vq);
		net->rx_waiting = false;
		/* The backend may have no other to wake us. */
		if (net->window.waiting)
			net_serve_rx(net);
	} else if (!net->tx_waiting && !net->way[NET_TX].held) {
		net_serve_tx(net);
	}
	watch(net);
}

static void net_start(struct virtio_dev *dev)
{
	struct net *net = dev->state;

	/* The kick that follows makes the loop look for buffers. */
	net->rx_waiting = true;
	net->tx_waiting = false;
	net_rx_start(net);
	if (net->tap.header)
		(void)tap_set_offloads(net->backend.fd, dev->accepted);
	net->vhost_waits = false;
	net_vhost_start(net);
	/* Asked anew: what the last driver used up is still to be paid. */
	net->way[NET_RX].held = net->way[NET_TX].held = false;
}

static void net_stop(struct virtio_dev *dev)
{
	/* The lock is held: the loop is not in a queue.  It finds out. */
	net_vhost_stop(dev->state);
}

static void net_master(struct virtio_dev *dev, bool on)
{
	net_vhost_master(dev->state, on);
}

static int check_backend(struct net *net, int fd, struct err *err)
{
	struct stat st;
	int type = 0;
	socklen_t len = sizeof(type);

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "examine the network descriptor");
	net->socket = S_ISSOCK(st.st_mode);
	if (!net->socket)
		return tap_examine(fd, &net->tap, err);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
	    type != SOCK_SEQPACKET)
		return err_say(err, EINVAL,
			       "the network socket does not keep frames "
			       "apart; give a SOCK_SEQPACKET one or a tap");
	return 0;
}

static int open_way(struct net *net, struct net_way *way,
		    const struct net_config *cfg, struct err *err)
{
	limit_init(&way->limit, cfg->bytes_limit, cfg->frames_limit);
	if (!limit_set(&way->limit))
		return 0;
	way->timer.fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (way->timer.fd < 0)
		return err_set(err, errno, "create a timer");
	int r = loop_set(net->dev->loop, &way->timer, EPOLLIN);
	return r < 0 ? err_set(err, -r, "watch a timer") : 0;
}

static int net_open(struct virtio_dev *dev, const void *config, struct err *err)
{
	const struct net_config *cfg = config;
	struct net *net = dev->state;
	struct virtio_net_config *regs = (void *)dev->config;

	net->dev = dev;
	net->backend.fd = -1;
	net->backend.ready = backend_ready;
	net_vhost_init(net);
	for (unsigned i = 0; i < NET_QUEUES; i++)
		net->way[i] = (struct net_way){
			.net = net,
			.timer = { .fd = -1, .ready = tokens_came },
		};
	int r = check_backend(net, cfg->fd, err);
	for (unsigned i = 0; r == 0 && i < NET_QUEUES; i++)
		r = open_way(net, &net->way[i], cfg, err);
	if (r < 0)
		return r;
	r = io_set_nonblock(cfg->fd, true);
	if (r < 0)
		return err_set(err, -r, "prepare the network descriptor");

	net->backend.fd = cfg->fd;
	r = loop_set(dev->loop, &net->backend, 0);
	if (r < 0)
		(void)err_set(err, -r, "watch the network");
	else if (cfg->vhost)
		r = net_vhost_open(net, cfg, err);
	if (r < 0) {
		loop_remove(dev->loop, &net->backend);
		net->backend.fd = -1;
		return r;
	}
	net->up = true;
	memcpy(regs->mac, cfg->mac, sizeof(regs->mac));
	regs->status = htole16(VIRTIO_NET_S_LINK_UP);
	regs->mtu = htole16(cfg->mtu);
	dev->offered = VIRTIO_BIT(VIRTIO_NET_F_MAC) |
		       VIRTIO_BIT(VIRTIO_NET_F_STATUS) |
		       VIRTIO_BIT(VIRTIO_NET_F_MRG_RXBUF) | net->tap.features;
	if (cfg->mtu)
		dev->offered |= VIRTIO_BIT(VIRTIO_NET_F_MTU);
	return 0;
}

static void net_close(struct virtio_dev *dev)
{
	struct net *net = dev->state;

	net_vhost_close(net);
	loop_remove(dev->loop, &net->backend);
	if (net->backend.fd >= 0)
		(void)close(net->backend.fd);
	for (unsigned i = 0; i < NET_QUEUES; i++) {
		loop_remove(dev->loop, &net->way[i].timer);
		if (net->way[i].timer.fd >= 0)
			(void)close(net->way[i].timer.fd);
	}
}

static void net_stats(const struct virtio_dev *dev,
		      const struct virtio_teller *to)
{
	const struct net *net = dev->state;

	stats_tell(to, "rx_frames", &net->way[NET_RX].frames);
	stats_tell(to, "rx_bytes", &net->way[NET_RX].bytes);
	stats_tell(to, "rx_dropped", &net->way[NET_RX].dropped);
	stats_tell(to, "tx_frames", &net->way[NET_TX].frames);
	stats_tell(to, "tx_bytes", &net->way[NET_TX].bytes);
	stats_tell(to, "tx_dropped", &net->way[NET_TX].dropped);
}

const struct virtio_ops net_ops = {
	.name = "net",
	.id = VIRTIO_ID_NET,
	.class_code = 0x020000,
	.nr_queues = NET_QUEUES,
	.queue_size = QUEUE_SIZE,
	.state_size = sizeof(struct net),
	/* Up to the MTU; what follows belongs to features not offered. */
	.config_size = offsetof(struct virtio_net_config, speed),
	.open = net_open,
	.close = net_close,
	.start = net_start,
	.stop = net_stop,
	.master = net_master,
	.kick = net_kick,
	.stats = net_stats,
};
