/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_vhost.c - the rings are served by the kernel (vhost_net.h).
 *
 *   driver's kick -> KVM -> our eventfd      -> vhost worker <-> tap
 *   driver's irq  <- KVM <- vector's eventfd <-
 *
 * Neither passes through a thread of ours.  What still comes to the loop: kicks
 * that KVM did not take, which are passed on; interrupts of a driver without
 * vectors, for the ISR register; and complaints about a ring, which break the
 * device as ours would.
 */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "devices/virtio/net_priv.h"
#include "vmm/lib/list.h"
#include "vmm/lib/log.h"

static void drain(int fd)
{
	uint64_t count;

	(void)!read(fd, &count, sizeof(count));
}

/* Loop thread: a ring that its driver has no vector for has used buffers. */
static void called(struct loop_fd *src, uint32_t events)
{
	struct net_ring *ring = container_of(src, struct net_ring, call);
	struct virtio_dev *dev = ring->pair->net->dev;

	(void)events;
	drain(src->fd);
	(void)pthread_mutex_lock(&dev->lock);
	if (ring->pair->vhost.running)
		virtio_interrupt(dev, ring->pair->first + ring->nr);
	(void)pthread_mutex_unlock(&dev->lock);
}

/* Loop thread: the kernel found the ring broken. */
static void complained(struct loop_fd *src, uint32_t events)
{
	struct net_ring *ring = container_of(src, struct net_ring, complaint);
	struct virtio_dev *dev = ring->pair->net->dev;

	(void)events;
	drain(src->fd);
	(void)pthread_mutex_lock(&dev->lock);
	if (ring->pair->vhost.running) {
		vhost_net_stop(&ring->pair->vhost, NULL);
		(void)vq_break(net_vq(ring->pair, ring->nr),
			       "vhost-net found a descriptor that breaks the "
			       "rules");
		virtio_broken(dev, ring->pair->first + ring->nr);
	}
	(void)pthread_mutex_unlock(&dev->lock);
}

static int open_eventfd(struct net_pair *pair, struct loop_fd *src,
			bool watched, struct err *err)
{
	src->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (src->fd < 0)
		return err_set(err, errno, "create an eventfd");
	int r = watched ? loop_set(pair->net->dev->loop, src, EPOLLIN) : 0;
	return r < 0 ? err_set(err, -r, "watch vhost-net") : 0;
}

void net_vhost_init(struct net_pair *pair)
{
	pair->vhost.fd = -1;
	for (unsigned i = 0; i < NET_QUEUES; i++)
		pair->ring[i] = (struct net_ring){
			.pair = pair,
			.nr = i,
			.kick.fd = -1,
			.call = { .fd = -1, .ready = called },
			.complaint = { .fd = -1, .ready = complained },
		};
}

int net_vhost_open(struct net_pair *pair, int fd, const struct net_config *cfg,
		   struct err *err)
{
	int kick[NET_QUEUES], complaint[NET_QUEUES];
	int r = 0;

	if (!pair->net->tap.header)
		return err_say(err, EINVAL,
			       "vhost-net needs a tap that was attached with "
			       "IFF_VNET_HDR");
	if (cfg->bytes_limit || cfg->frames_limit)
		return err_say(err, EINVAL,
			       "vhost-net knows no limits; leave it or them "
			       "out");
	for (unsigned i = 0; r == 0 && i < NET_QUEUES; i++) {
		struct net_ring *ring = &pair->ring[i];

		r = open_eventfd(pair, &ring->kick, false, err);
		if (r == 0)
			r = open_eventfd(pair, &ring->call, true, err);
		if (r == 0)
			r = open_eventfd(pair, &ring->complaint, true, err);
		kick[i] = ring->kick.fd;
		complaint[i] = ring->complaint.fd;
	}
	return r < 0 ? r
		     : vhost_net_open(&pair->vhost, fd, pair->net->dev->gm,
				      kick, complaint, cfg->vhost_sys, err);
}

static void close_source(struct net_pair *pair, struct loop_fd *src)
{
	loop_remove(pair->net->dev->loop, src);
	if (src->fd >= 0)
		(void)close(src->fd);
}

void net_vhost_close(struct net_pair *pair)
{
	vhost_net_close(&pair->vhost);
	for (unsigned i = 0; i < NET_QUEUES; i++) {
		close_source(pair, &pair->ring[i].kick);
		close_source(pair, &pair->ring[i].call);
		close_source(pair, &pair->ring[i].complaint);
	}
}

/* From where the rings are. */
static int start(struct net_pair *pair)
{
	struct vhost_ring ring[NET_QUEUES];

	for (unsigned i = 0; i < NET_QUEUES; i++) {
		const struct vq *vq = net_vq(pair, i);
		int irq = virtio_irq_fd(pair->net->dev, pair->first + i);

		ring[i] = (struct vhost_ring){
			.size = vq->size,
			.base = vq->next_avail,
			.desc = vq->desc,
			.avail = vq->avail,
			.used = vq->used,
			.call = irq >= 0 ? irq : pair->ring[i].call.fd,
		};
	}
	return vhost_net_start(&pair->vhost, pair->backend.fd,
			       pair->net->dev->accepted, ring);
}

void net_vhost_start(struct net_pair *pair)
{
	struct virtio_dev *dev = pair->net->dev;

	if (pair->vhost.fd < 0 || !net_vq(pair, NET_RX)->size ||
	    !net_vq(pair, NET_TX)->size)
		return;
	/* Memory that it must not touch yet: net_vhost_master() comes. */
	pair->vhost_waits = !dev->master;
	int r = pair->vhost_waits ? 0 : start(pair);
	if (r < 0) {
		if (!pair->net->vhost_warned)
			log_warn("net: vhost-net does not start (%s), going "
				 "on without it",
				 strerrordesc_np(-r));
		pair->net->vhost_warned = true;
		return;
	}
	for (unsigned i = 0; i < NET_QUEUES; i++)
		dev->queue[pair->first + i].fast_kick = pair->ring[i].kick.fd;
}

void net_vhost_stop(struct net_pair *pair)
{
	vhost_net_stop(&pair->vhost, NULL);
	for (unsigned i = 0; i < NET_QUEUES; i++)
		pair->net->dev->queue[pair->first + i].fast_kick = -1;
}

void net_vhost_kick(struct net_pair *pair, unsigned ring)
{
	uint64_t one = 1;

	(void)!write(pair->ring[ring].kick.fd, &one, sizeof(one));
}

void net_vhost_master(struct net_pair *pair, bool on)
{
	uint16_t base[NET_QUEUES] = { 0 };

	if (!on && pair->vhost.running) {
		vhost_net_stop(&pair->vhost, base);
		for (unsigned i = 0; i < NET_QUEUES; i++)
			net_vq(pair, i)->next_avail = base[i];
		pair->vhost_waits = true;
	} else if (on && pair->vhost_waits) {
		pair->vhost_waits = false;
		if (start(pair) == 0)
			return;
		(void)vq_break(net_vq(pair, NET_RX),
			       "vhost-net does not go on");
		virtio_broken(pair->net->dev, pair->first + NET_RX);
	}
}
