/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.c - network device, one pair of queues (virtio 1.2, section 5.1).
 *
 * No offloads: what a frame is in the guest it is outside, behind a header of
 * zeros.  Backpressure goes both ways: nothing is read from the backend while
 * the guest has no buffer for it, and nothing is taken from the guest while
 * the backend does not accept it.
 *
 * Each way has limits of its own.  A frame that may not go yet waits where it
 * is, in the backend or in the guest's ring, and a timer says when it may.
 */
#include <errno.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "devices/backend/limit.h"
#include "devices/virtio/iov.h"
#include "devices/virtio/models.h"
#include "devices/virtio/stats.h"
#include "vmm/abi/net.h"
#include "vmm/lib/io.h"
#include "vmm/lib/le.h"
#include "vmm/lib/list.h"

#define QUEUE_SIZE VQ_SIZE_MAX
#define BATCH_MAX  64 /* frames each way before others have their turn */
#define HEADER	   sizeof(struct virtio_net_hdr_v1)

enum { RX, TX, QUEUES };

/* Frames one way; its number is its queue's. */
struct way {
	struct net *net;
	struct loop_fd timer; /* timerfd; -1 without limits */
	/* Under dev->lock. */
	struct limit limit;
	bool held; /* nothing may go before the timer fires */
	uint64_t frames, bytes, dropped; /* counters */
};

struct net {
	struct virtio_dev *dev;
	struct way way[QUEUES];
	struct loop_fd backend;
	bool socket; /* else a tap */
	bool up;
	/* Under dev->lock. */
	bool rx_waiting; /* for buffers of the guest */
	bool tx_waiting; /* for the backend to accept more */
	struct vq_chain chain;
	struct iovec frame[VQ_SEGMENTS + 1];
};

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
	if (net->dev->started && virtio_running(net->dev)) {
		events |= net->rx_waiting || net->way[RX].held
				  ? 0
				  : (uint32_t)EPOLLIN;
		events |= net->tx_waiting ? (uint32_t)EPOLLOUT : 0;
	}
	/* Changing what is watched needs no memory. */
	(void)loop_set(net->dev->loop, &net->backend, events);
}

/* The other side is gone for good. */
static void link_down(struct net *net)
{
	struct virtio_net_config *cfg = (void *)net->dev->config;

	if (!net->up)
		return;
	net->up = false;
	net->tx_waiting = false;
	loop_remove(net->dev->loop, &net->backend);
	cfg->status = htole16(0);
	virtio_config_changed(net->dev);
}

/* A socket says "end" and "an empty message" with the same 0. */
static bool at_end(const struct net *net)
{
	return io_poll_now(net->backend.fd, POLLRDHUP) != 0;
}

/* Loop thread: call tokens_came() in @ns nanoseconds. */
static void hold(struct way *way, uint64_t ns)
{
	struct itimerspec in = { .it_value = limit_timespec(ns) };

	way->held = true;
	(void)timerfd_settime(way->timer.fd, 0, &in, NULL);
}

static void count_frame(struct way *way, uint64_t bytes)
{
	stats_add(&way->frames, 1);
	stats_add(&way->bytes, bytes);
}

/*
 * 1: a frame was passed on or dropped; 0: no frame, or it has to wait;
 * -EPROTO: broken queue.
 */
static int receive(struct net *net, struct vq *vq)
{
	struct vq_chain *c = &net->chain;
	struct way *way = &net->way[RX];
	char beyond;
	/* How long the frame is we learn too late: the next one pays. */
	uint64_t wait = limit_wait(&way->limit, 1, 1);

	if (wait) {
		hold(way, wait);
		return 0;
	}
	int r = vq_pop(vq, c);
	if (r <= 0) {
		net->rx_waiting = r == 0 && !vq_kicks_on(vq);
		return r < 0 ? r : !net->rx_waiting;
	}
	if (c->write_len < HEADER)
		return vq_break(vq, "receive buffer smaller than its header");

	size_t room = c->write_len - HEADER;
	unsigned nr = iov_slice(c->iov + c->nr_read, c->nr_write, HEADER, room,
				net->frame);
	/* A byte of ours behind the guest's tells a frame that is too long. */
	net->frame[nr++] = (struct iovec){ &beyond, 1 };

	ssize_t n;
	do {
		n = readv(net->backend.fd, net->frame, (int)nr);
	} while (n < 0 && errno == EINTR);
	int error = n < 0 ? errno : 0;

	if (n > 0)
		limit_spend(&way->limit, (uint64_t)n, 1);
	if (n < NET_FRAME_MIN || (size_t)n > room) {
		bool retry = n > 0 || (n == 0 && !at_end(net));

		vq_unpop(vq);
		stats_add(&way->dropped, n > 0);
		if (!retry && error != EAGAIN)
			link_down(net);
		return retry;
	}

	struct virtio_net_hdr_v1 header = { .num_buffers = htole16(1) };
	(void)iov_write(c->iov + c->nr_read, c->nr_write, 0, &header, HEADER);
	vq_push(vq, c->head, (uint32_t)(HEADER + (size_t)n));
	count_frame(way, (uint64_t)n);
	return 1;
}

static void serve_rx(struct net *net)
{
	int r = 1;

	/* What is left after the last round, epoll tells us again. */
	for (unsigned i = 0; net->up && i < BATCH_MAX && r > 0; i++)
		r = receive(net, &net->dev->queue[RX].vq);
	virtio_used(net->dev, RX);
	if (r < 0)
		virtio_broken(net->dev, RX);
}

static ssize_t put(const struct net *net, struct iovec *iov, unsigned nr)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = nr };
	ssize_t n;

	do {
		n = net->socket ? sendmsg(net->backend.fd, &msg, MSG_NOSIGNAL)
				: writev(net->backend.fd, iov, (int)nr);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/*
 * 1: a frame was taken; 0: none, or it has to wait for the backend or for its
 * time; -EPROTO.
 */
static int transmit(struct net *net, struct vq *vq)
{
	struct vq_chain *c = &net->chain;
	struct way *way = &net->way[TX];
	int r = vq_pop(vq, c);

	if (r <= 0)
		return r < 0 ? r : vq_kicks_on(vq);
	if (c->read_len < HEADER)
		return vq_break(vq, "frame without a header");

	size_t len = c->read_len - HEADER;
	bool passed = false;
	uint64_t wait = limit_wait(&way->limit, len, 1);
	if (wait) {
		vq_unpop(vq);
		hold(way, wait);
		return 0;
	}
	if (net->up && len >= NET_FRAME_MIN && len <= NET_FRAME_MAX) {
		unsigned nr =
			iov_slice(c->iov, c->nr_read, HEADER, len, net->frame);
		ssize_t n = put(net, net->frame, nr);

		if (n == -EAGAIN) {
			vq_unpop(vq);
			net->tx_waiting = true;
			return 0;
		}
		passed = n >= 0;
		/* Anything else loses this frame, as a wire may. */
		if (n == -EPIPE || n == -ECONNRESET || n == -ENOTCONN)
			link_down(net);
	}
	if (passed)
		count_frame(way, len);
	else
		stats_add(&way->dropped, 1);
	limit_spend(&way->limit, len, 1);
	vq_push(vq, c->head, 0);
	return 1;
}

static void serve_tx(struct net *net)
{
	struct virtio_dev *dev = net->dev;
	int r = 1;

	vq_kicks_off(&dev->queue[TX].vq);
	for (unsigned i = 0; i < BATCH_MAX && r > 0; i++)
		r = transmit(net, &dev->queue[TX].vq);
	virtio_used(dev, TX);
	if (r < 0)
		virtio_broken(dev, TX);
	else if (r > 0)
		virtio_again(dev, TX);
}

static void backend_ready(struct loop_fd *src, uint32_t events)
{
	struct net *net = container_of(src, struct net, backend);
	struct virtio_dev *dev = net->dev;
	bool gone = events & (EPOLLHUP | EPOLLERR);

	(void)pthread_mutex_lock(&dev->lock);
	bool running = dev->started && virtio_running(dev);
	if (running && (events & EPOLLOUT) && dev->queue[TX].vq.size) {
		net->tx_waiting = false;
		serve_tx(net);
	}
	if (running && (events & EPOLLIN) && dev->queue[RX].vq.size)
		serve_rx(net);
	/* Nobody can read what is left: do not be called for it for ever. */
	else if (gone)
		link_down(net);
	if (!running)
		net->rx_waiting = true;
	watch(net);
	(void)pthread_mutex_unlock(&dev->lock);
}

static void tokens_came(struct loop_fd *src, uint32_t events)
{
	struct way *way = container_of(src, struct way, timer);
	struct net *net = way->net;
	struct virtio_dev *dev = net->dev;
	uint64_t count;

	(void)events;
	(void)!read(src->fd, &count, sizeof(count));
	(void)pthread_mutex_lock(&dev->lock);
	way->held = false;
	if (way == &net->way[TX] && !net->tx_waiting && dev->started &&
	    virtio_running(dev) && dev->queue[TX].vq.size)
		serve_tx(net);
	/* And the backend's frames are asked for again. */
	watch(net);
	(void)pthread_mutex_unlock(&dev->lock);
}

static void net_kick(struct virtio_dev *dev, unsigned nr)
{
	struct net *net = dev->state;

	if (nr == RX) {
		vq_kicks_off(&dev->queue[RX].vq);
		net->rx_waiting = false;
	} else if (!net->tx_waiting && !net->way[TX].held) {
		serve_tx(net);
	}
	watch(net);
}

static void net_start(struct virtio_dev *dev)
{
	struct net *net = dev->state;

	/* The kick that follows makes the loop look for buffers. */
	net->rx_waiting = true;
	net->tx_waiting = false;
	/* Asked anew: what the last driver used up is still to be paid. */
	net->way[RX].held = net->way[TX].held = false;
}

static void net_stop(struct virtio_dev *dev)
{
	/* The lock is held: the loop is not in a queue.  It finds out. */
	(void)dev;
}

static int check_backend(int fd, bool *ret_socket, struct err *err)
{
	struct stat st;
	int type = 0;
	socklen_t len = sizeof(type);

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "examine the network descriptor");
	*ret_socket = S_ISSOCK(st.st_mode);
	if (*ret_socket &&
	    (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
	     type != SOCK_SEQPACKET))
		return err_say(err, EINVAL,
			       "the network socket does not keep frames "
			       "apart; give a SOCK_SEQPACKET one or a tap");
	if (!*ret_socket && !S_ISCHR(st.st_mode))
		return err_say(err, EINVAL,
			       "the network descriptor is neither a socket "
			       "nor a tap");
	return 0;
}

static int open_way(struct net *net, struct way *way,
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
	for (unsigned i = 0; i < QUEUES; i++)
		net->way[i] = (struct way){
			.net = net,
			.timer = { .fd = -1, .ready = tokens_came },
		};
	int r = check_backend(cfg->fd, &net->socket, err);
	for (unsigned i = 0; r == 0 && i < QUEUES; i++)
		r = open_way(net, &net->way[i], cfg, err);
	if (r < 0)
		return r;
	r = io_set_nonblock(cfg->fd, true);
	if (r < 0)
		return err_set(err, -r, "prepare the network descriptor");

	net->backend.fd = cfg->fd;
	r = loop_set(dev->loop, &net->backend, 0);
	if (r < 0) {
		net->backend.fd = -1;
		return err_set(err, -r, "watch the network");
	}
	net->up = true;
	memcpy(regs->mac, cfg->mac, sizeof(regs->mac));
	regs->status = htole16(VIRTIO_NET_S_LINK_UP);
	dev->offered =
		VIRTIO_BIT(VIRTIO_NET_F_MAC) | VIRTIO_BIT(VIRTIO_NET_F_STATUS);
	return 0;
}

static void net_close(struct virtio_dev *dev)
{
	struct net *net = dev->state;

	loop_remove(dev->loop, &net->backend);
	if (net->backend.fd >= 0)
		(void)close(net->backend.fd);
	for (unsigned i = 0; i < QUEUES; i++) {
		loop_remove(dev->loop, &net->way[i].timer);
		if (net->way[i].timer.fd >= 0)
			(void)close(net->way[i].timer.fd);
	}
}

static void net_stats(const struct virtio_dev *dev,
		      const struct virtio_teller *to)
{
	const struct net *net = dev->state;

	stats_tell(to, "rx_frames", &net->way[RX].frames);
	stats_tell(to, "rx_bytes", &net->way[RX].bytes);
	stats_tell(to, "rx_dropped", &net->way[RX].dropped);
	stats_tell(to, "tx_frames", &net->way[TX].frames);
	stats_tell(to, "tx_bytes", &net->way[TX].bytes);
	stats_tell(to, "tx_dropped", &net->way[TX].dropped);
}

const struct virtio_ops net_ops = {
	.name = "net",
	.id = VIRTIO_ID_NET,
	.class_code = 0x020000,
	.nr_queues = QUEUES,
	.queue_size = QUEUE_SIZE,
	.state_size = sizeof(struct net),
	/* MAC and status; what follows belongs to features not offered. */
	.config_size = offsetof(struct virtio_net_config, max_virtqueue_pairs),
	.open = net_open,
	.close = net_close,
	.start = net_start,
	.stop = net_stop,
	.kick = net_kick,
	.stats = net_stats,
};
