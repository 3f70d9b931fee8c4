/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_rx.c - frames of the host become the guest's (virtio 1.2, 5.1.6.4).
 *
 * A frame is read straight into the guest's buffers, one or (MRG_RXBUF) as many
 * as it takes.  Nothing is lost for want of buffers: without any, nothing is
 * read; with too few, the rest waits.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>

#include "devices/virtio/iov.h"
#include "devices/virtio/net_priv.h"
#include "vmm/lib/io.h"
#include "vmm/lib/le.h"

/* Beside the largest payload: Ethernet's header and a VLAN tag. */
#define FRAME_EXTRA   18U
#define MTU_DEFAULT   1500U
#define MTU_OFFSET    offsetof(struct virtio_net_config, mtu)
#define BUFFERS_FIELD offsetof(struct virtio_net_hdr_v1, num_buffers)

static bool takes_segments(const struct virtio_dev *dev)
{
	return virtio_has(dev, VIRTIO_NET_F_GUEST_TSO4) ||
	       virtio_has(dev, VIRTIO_NET_F_GUEST_TSO6);
}

void net_rx_start(struct net_pair *pair)
{
	struct net_window *w = &pair->window;

	w->nr = w->nr_iov = 0;
	w->bytes = 0;
	w->waiting = w->placed = 0;
}

void net_rx_learn(struct net *net)
{
	const struct virtio_net_config *cfg = (void *)net->dev->config;
	size_t mtu = le16toh(cfg->mtu);

	net->mergeable = virtio_has(net->dev, VIRTIO_NET_F_MRG_RXBUF);
	net->want = NET_HEADER + (mtu ? mtu : MTU_DEFAULT) + FRAME_EXTRA;
	if (takes_segments(net->dev))
		net->want = NET_SPACE;
}

/* Of the window: no buffer more may be taken. */
static bool full(const struct net_pair *pair)
{
	const struct net_window *w = &pair->window;

	return w->nr == (pair->net->mergeable ? NET_WINDOW : 1U) ||
	       w->nr_iov + VQ_SEGMENTS > NET_WINDOW_IOV;
}

/* Take buffers until there are @want bytes.  0 or -EPROTO. */
static int take(struct net_pair *pair, struct vq *vq, size_t want)
{
	struct net_window *w = &pair->window;
	struct vq_chain *c = &pair->chain;

	while (w->bytes < want && !full(pair)) {
		int r = vq_pop(vq, c);

		if (r <= 0)
			return r;
		if (c->write_len < NET_HEADER)
			return vq_break(vq, "receive buffer smaller than its "
					    "header");
		memcpy(w->iov + w->nr_iov, c->iov + c->nr_read,
		       c->nr_write * sizeof(*c->iov));
		w->buf[w->nr].head = c->head;
		w->buf[w->nr].nr_iov = (uint16_t)c->nr_write;
		w->buf[w->nr].len = c->write_len;
		w->nr++;
		w->nr_iov += c->nr_write;
		w->bytes += c->write_len;
	}
	return 0;
}

/* Whatever the guest does, no more will come: all of its ring is here. */
static bool has_all(const struct net_pair *pair, const struct vq *vq)
{
	const struct net_window *w = &pair->window;

	return full(pair) || w->nr >= vq->size || w->nr_iov >= vq->size;
}

/* Give the first @nr buffers back, filled with @len bytes together. */
static void give_back(struct net_pair *pair, struct vq *vq, unsigned nr,
		      size_t len)
{
	struct net_window *w = &pair->window;
	unsigned nr_iov = 0;

	for (unsigned i = 0; i < nr; i++) {
		size_t part = w->buf[i].len < len ? w->buf[i].len : len;

		vq_fill(vq, (uint16_t)i, w->buf[i].head, (uint32_t)part);
		len -= part;
		nr_iov += w->buf[i].nr_iov;
		w->bytes -= w->buf[i].len;
	}
	vq_show(vq, (uint16_t)nr);
	w->nr -= nr;
	w->nr_iov -= nr_iov;
	memmove(w->buf, w->buf + nr, w->nr * sizeof(*w->buf));
	memmove(w->iov, w->iov + nr_iov, w->nr_iov * sizeof(*w->iov));
}

/* In front of a frame in @nr buffers.  The tap's is there already. */
static void write_header(struct net_pair *pair, unsigned nr)
{
	struct net_window *w = &pair->window;
	struct virtio_net_hdr_v1 h = { .num_buffers = htole16((uint16_t)nr) };
	size_t skip = 0;

	/* Section 5.1.6.4.1: a driver without GUEST_CSUM gets zeros. */
	if (pair->net->tap.header &&
	    virtio_has(pair->net->dev, VIRTIO_NET_F_GUEST_CSUM))
		skip = BUFFERS_FIELD;
	(void)iov_write(w->iov, w->nr_iov, skip, (char *)&h + skip,
			NET_HEADER - skip);
}

/* No buffer, or too few.  Have more come meanwhile? */
static int wait_for_buffers(struct net_pair *pair, struct vq *vq)
{
	pair->rx_waiting = !vq_kicks_on(vq);
	stats_add(&pair->way[NET_RX].stalls, pair->rx_waiting);
	return !pair->rx_waiting;
}

/* The frame that was read.  As receive() returns. */
static int deliver(struct net_pair *pair, struct vq *vq)
{
	struct net_window *w = &pair->window;
	int r = take(pair, vq, w->waiting);

	if (r < 0)
		return r;
	if (w->bytes < w->waiting) {
		if (!has_all(pair, vq))
			return wait_for_buffers(pair, vq);
		w->waiting = 0;
		stats_add(&pair->way[NET_RX].dropped, 1);
		return 1;
	}
	(void)iov_write(w->iov, w->nr_iov, w->placed, w->spill,
			w->waiting - w->placed);

	unsigned nr = 0;
	for (uint64_t sum = 0; sum < w->waiting; nr++)
		sum += w->buf[nr].len;
	write_header(pair, nr);
	give_back(pair, vq, nr, w->waiting);
	net_count(&pair->way[NET_RX], w->waiting - NET_HEADER);
	w->waiting = 0;
	return 1;
}

/* A socket says "end" and "an empty message" with the same 0. */
static bool at_end(const struct net_pair *pair)
{
	return io_poll_now(pair->backend.fd, POLLRDHUP) != 0;
}

/*
 * Read a frame into the window and behind it.  1: it is there, or one was
 * dropped; 0: there is none.
 */
static int read_frame(struct net_pair *pair)
{
	struct net_window *w = &pair->window;
	size_t head = pair->net->tap.header ? 0 : NET_HEADER;
	unsigned nr = iov_slice(w->iov, w->nr_iov, head, SIZE_MAX, pair->frame);
	ssize_t n;

	pair->frame[nr++] = (struct iovec){ w->spill, sizeof(w->spill) };
	do {
		n = readv(pair->backend.fd, pair->frame, (int)nr);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n < 0 || (n == 0 && at_end(pair))) {
		net_link_down(pair->net);
		return 0;
	}

	size_t all = head + (size_t)n;
	if (all < NET_HEADER + NET_FRAME_MIN || all > NET_SPACE) {
		stats_add(&pair->way[NET_RX].dropped, n > 0);
		return 1;
	}
	limit_spend(&pair->way[NET_RX].limit, all - NET_HEADER, 1);
	w->waiting = all;
	w->placed = all < w->bytes ? all : (size_t)w->bytes;
	return 1;
}

/*
 * 1: a frame was passed on or dropped; 0: no frame, or it has to wait;
 * -EPROTO: broken queue.
 */
static int receive(struct net_pair *pair, struct vq *vq)
{
	struct net_window *w = &pair->window;
	struct net_way *way = &pair->way[NET_RX];

	if (w->waiting)
		return deliver(pair, vq);
	/* How long the frame is we learn too late: the next one pays. */
	uint64_t wait = limit_wait(&way->limit, 1, 1);
	if (wait) {
		net_hold(way, wait);
		return 0;
	}
	int r = take(pair, vq, pair->net->want);
	if (r < 0)
		return r;
	if (w->nr == 0)
		return wait_for_buffers(pair, vq);
	r = read_frame(pair);
	return w->waiting ? deliver(pair, vq) : r;
}

void net_serve_rx(struct net_pair *pair)
{
	int r = 1;

	/* What is left after the last round, epoll tells us again. */
	for (unsigned i = 0; pair->net->up && i < NET_BATCH && r > 0; i++)
		r = receive(pair, net_vq(pair, NET_RX));
	virtio_used(pair->net->dev, pair->first + NET_RX);
	if (r < 0)
		virtio_broken(pair->net->dev, pair->first + NET_RX);
	else if (pair->window.waiting && !pair->rx_waiting)
		virtio_again(pair->net->dev, pair->first + NET_RX);
}
