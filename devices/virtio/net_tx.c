/* SPDX-License-Identifier: Apache-2.0 */
/* net_tx.c - frames of the guest go to the host (virtio 1.2, 5.1.6.2). */
#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "devices/virtio/iov.h"
#include "devices/virtio/net_hdr.h"
#include "devices/virtio/net_priv.h"

/* Frame and header stand in pair->frame.  Bytes or -errno. */
static ssize_t put(struct net_pair *pair, unsigned nr)
{
	struct iovec *iov = pair->frame + !pair->net->tap.header;
	struct msghdr msg = { .msg_iov = iov,
			      .msg_iovlen = nr - !pair->net->tap.header };
	ssize_t n;

	do {
		n = pair->net->socket
			    ? sendmsg(pair->backend.fd, &msg, MSG_NOSIGNAL)
			    : writev(pair->backend.fd, iov,
				     (int)msg.msg_iovlen);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* 1: gone; 0: lost, as on a wire; -EAGAIN: the backend is full. */
static int send_frame(struct net_pair *pair, const struct vq_chain *c,
		      size_t len)
{
	struct virtio_net_hdr_v1 h;

	if (!pair->net->up || len < NET_FRAME_MIN || len > NET_FRAME_MAX)
		return 0;
	(void)iov_read(c->iov, c->nr_read, 0, &h, sizeof(h));
	if (!net_hdr_check(&h, len, pair->net->dev->accepted))
		return 0;

	pair->frame[0] = (struct iovec){ &h, sizeof(h) };
	unsigned nr = 1 + iov_slice(c->iov, c->nr_read, NET_HEADER, len,
				    pair->frame + 1);
	ssize_t n = put(pair, nr);
	if (n == -EAGAIN)
		return -EAGAIN;
	/* EBADFD: the tap was removed. */
	if (n == -EPIPE || n == -ECONNRESET || n == -ENOTCONN || n == -EBADFD)
		net_link_down(pair->net);
	return n >= 0;
}

/*
 * 1: a frame was taken; 0: none, or it has to wait for the backend or for its
 * time; -EPROTO.
 */
static int transmit(struct net_pair *pair, struct vq *vq)
{
	struct vq_chain *c = &pair->chain;
	struct net_way *way = &pair->way[NET_TX];
	int r = vq_pop(vq, c);

	if (r <= 0)
		return r < 0 ? r : vq_kicks_on(vq);
	if (c->read_len < NET_HEADER)
		return vq_break(vq, "frame without a header");

	size_t len = c->read_len - NET_HEADER;
	uint64_t wait = limit_wait(&way->limit, len, 1);
	if (wait) {
		vq_unpop(vq);
		net_hold(way, wait);
		return 0;
	}
	r = send_frame(pair, c, len);
	if (r == -EAGAIN) {
		vq_unpop(vq);
		pair->tx_waiting = true;
		stats_add(&way->stalls, 1);
		return 0;
	}
	if (r > 0)
		net_count(way, len);
	else
		stats_add(&way->dropped, 1);
	limit_spend(&way->limit, len, 1);
	vq_push(vq, c->head, 0);
	return 1;
}

void net_serve_tx(struct net_pair *pair)
{
	struct virtio_dev *dev = pair->net->dev;
	unsigned nr = pair->first + NET_TX;
	int r = 1;

	vq_kicks_off(net_vq(pair, NET_TX));
	for (unsigned i = 0; i < NET_BATCH && r > 0; i++)
		r = transmit(pair, net_vq(pair, NET_TX));
	virtio_used(dev, nr);
	if (r < 0)
		virtio_broken(dev, nr);
	else if (r > 0)
		virtio_again(dev, nr);
}
