/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_ctrl.c - the network device's control queue (virtio 1.2, 5.1.6.5).  There
 * is one command: how many pairs of queues the driver uses (5.1.6.5.6).
 */
#include <errno.h>

#include "devices/virtio/iov.h"
#include "devices/virtio/net_priv.h"
#include "vmm/lib/le.h"

unsigned net_ctrl_queue(const struct net *net)
{
	if (!virtio_has(net->dev, VIRTIO_NET_F_CTRL_VQ))
		return VIRTIO_QUEUES_MAX;
	return virtio_has(net->dev, VIRTIO_NET_F_MQ) ? 2 * net->nr_pairs : 2;
}

int net_set_active(struct net *net, unsigned pairs)
{
	unsigned n = 1;
	int r = 0;

	while (r == 0 && n < pairs) {
		r = net_pair_attach(&net->pair[n], true);
		n += r == 0;
	}
	net->active = n;
	/* One that the kernel does not take off goes on as it was. */
	for (unsigned i = n; i < net->nr_pairs; i++)
		(void)net_pair_attach(&net->pair[i], false);
	return r;
}

static uint8_t obey(struct net *net, const struct vq_chain *c)
{
	struct virtio_net_ctrl_hdr hdr = { 0 };
	struct virtio_net_ctrl_mq mq = { 0 };

	if (c->read_len != sizeof(hdr) + sizeof(mq))
		return VIRTIO_NET_ERR;
	(void)iov_read(c->iov, c->nr_read, 0, &hdr, sizeof(hdr));
	(void)iov_read(c->iov, c->nr_read, sizeof(hdr), &mq, sizeof(mq));
	if (hdr.class != VIRTIO_NET_CTRL_MQ ||
	    hdr.cmd != VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET ||
	    !virtio_has(net->dev, VIRTIO_NET_F_MQ))
		return VIRTIO_NET_ERR;

	unsigned pairs = le16toh(mq.virtqueue_pairs);
	if (pairs < 1 || pairs > net->nr_pairs ||
	    net_set_active(net, pairs) < 0)
		return VIRTIO_NET_ERR;
	for (unsigned i = 0; i < net->nr_pairs; i++) {
		/* Kicks of one that comes into use may have been ignored. */
		for (unsigned ring = 0; ring < NET_QUEUES && i < pairs; ring++)
			virtio_again(net->dev, net->pair[i].first + ring);
		net_pair_watch(&net->pair[i]);
	}
	return VIRTIO_NET_OK;
}

static int command(struct virtio_dev *dev, unsigned nr)
{
	struct net *net = dev->state;
	const struct vq_chain *c = &net->command;
	struct vq *vq = &dev->queue[nr].vq;

	if (c->write_len < sizeof(virtio_net_ctrl_ack))
		return vq_break(vq, "command without room for its answer");

	virtio_net_ctrl_ack ack = obey(net, c);
	(void)iov_write(c->iov + c->nr_read, c->nr_write, 0, &ack, sizeof(ack));
	vq_push(vq, c->head, sizeof(ack));
	return 0;
}

void net_serve_ctrl(struct net *net)
{
	virtio_serve(net->dev, net_ctrl_queue(net), &net->command, NET_BATCH,
		     command);
}
