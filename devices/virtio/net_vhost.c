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
	struct virtio_dev *dev = ring->net->dev;

	(void)events;
	drain(src->fd);
	(void)pthread_mutex_lock(&dev->lock);
	if (ring->net->vhost.running)
		virtio_interrupt(dev, ring->nr);
	(void)pthread_mutex_unlock(&dev->lock);
}

/* Loop thread: the kernel found the ring broken. */
static void complained(struct loop_fd *src, uint32_t events)
{
	struct net_ring *ring = container_of(src, struct net_ring, complaint);
	struct virtio_dev *dev = ring->net->dev;

	(void)events;
	drain(src->fd);
	(void)pthread_mutex_lock(&dev->lock);
	if (ring->net->vhost.running) {
		vhost_net_stop(&ring->net->vhost, NULL);
		(void)vq_break(&dev->queue[ring->nr].vq,
			       "vhost-net found a descriptor that breaks the "
			       "rules");
		virtio_broken(dev, ring->nr);
	}
	(void)pthread_mutex_unlock(&dev->lock);
}

static int open_eventfd(struct net *net, struct loop_fd *src, bool watched,
			struct err *err)
{
	src->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (src->fd < 0)
		return err_set(err, errno, "create an eventfd");
	int r = watched ? loop_set(net->dev->loop, src, EPOLLIN) : 0;
	return r < 0 ? err_set(err, -r, "watch vhost-net") : 0;
}

void net_vhost_init(struct net *net)
{
	net->vhost.fd = -1;
	for (unsigned i = 0; i < NET_QUEUES; i++)
		net->ring[i] = (struct net_ring){
			.net = net,
			.nr = i,
			.kick.fd = -1,
			.call = { .fd = -1, .ready = called },
			.complaint = { .fd = -1, .ready = complained },
		};
}

int net_vhost_open(struct net *net, const struct net_config *cfg,
		   struct err *err)
{
	int kick[NET_QUEUES], complaint[NET_QUEUES];
	int r = 0;

	if (!net->tap.header)
		return err_say(err, EINVAL,
			       "vhost-net needs a tap that was attached with "
			       "IFF_VNET_HDR");
	if (cfg->bytes_limit || cfg->frames_limit)
		return err_say(err, EINVAL,
			       "vhost-net knows no limits; leave it or them "
			       "out");
	for (unsigned i = 0; r == 0 && i < NET_QUEUES; i++) {
		struct net_ring *ring = &net->ring[i];

		r = open_eventfd(net, &ring->kick, false, err);
		if (r == 0)
			r = open_eventfd(net, &ring->call, true, err);
		if (r == 0)
			r = open_eventfd(net, &ring->complaint, true, err);
		kick[i] = ring->kick.fd;
		complaint[i] = ring->complaint.fd;
	}
	return r < 0 ? r
		     : vhost_net_open(&net->vhost, cfg->vhost_fd, net->dev->gm,
				      kick, complaint, cfg->vhost_sys, err);
}

static void close_source(struct net *net, struct loop_fd *src)
{
	loop_remove(net->dev->loop, src);
	if (src->fd >= 0)
		(void)close(src->fd);
}

void net_vhost_close(struct net *net)
{
	vhost_net_close(&net->vhost);
	for (unsigned i = 0; i < NET_QUEUES; i++) {
		close_source(net, &net->ring[i].kick);
		close_source(net, &net->ring[i].call);
		close_source(net, &net->ring[i].complaint);
	}
}

/* From where the rings are. */
static int start(struct net *net)
{
	struct vhost_ring ring[NET_QUEUES];

	for (unsigned i = 0; i < NET_QUEUES; i++) {
		const struct vq *vq = &net->dev->queue[i].vq;
		int irq = virtio_irq_fd(net->dev, i);

		ring[i] = (struct vhost_ring){
			.size = vq->size,
			.base = vq->next_avail,
			.desc = vq->desc,
			.avail = vq->avail,
			.used = vq->used,
			.call = irq >= 0 ? irq : net->ring[i].call.fd,
		};
	}
	return vhost_net_start(&net->vhost, net->backend.fd, net->dev->accepted,
			       ring);
}

void net_vhost_start(struct net *net)
{
	struct virtio_dev *dev = net->dev;

	if (net->vhost.fd < 0 || !dev->queue[NET_RX].vq.size ||
	    !dev->queue[NET_TX].vq.size)
		return;
	/* Memory that it must not touch yet: net_vhost_master() comes. */
	net->vhost_waits = !dev->master;
	int r = net->vhost_waits ? 0 : start(net);
	if (r < 0) {
		if (!net->vhost_warned)
			log_warn("net: vhost-net does not start (%s), going "
				 "on without it",
				 strerrordesc_np(-r));
		net->vhost_warned = true;
		return;
	}
	for (unsigned i = 0; i < NET_QUEUES; i++)
		dev->queue[i].fast_kick = net->ring[i].kick.fd;
}

void net_vhost_stop(struct net *net)
{
	vhost_net_stop(&net->vhost, NULL);
	for (unsigned i = 0; i < NET_QUEUES; i++)
		net->dev->queue[i].fast_kick = -1;
}

void net_vhost_kick(struct net *net, unsigned nr)
{
	uint64_t one = 1;

	(void)!write(net->ring[nr].kick.fd, &one, sizeof(one));
}

void net_vhost_master(struct net *net, bool on)
{
	struct virtio_dev *dev = net->dev;
	uint16_t base[NET_QUEUES] = { 0 };

	if (!on && net->vhost.running) {
		vhost_net_stop(&net->vhost, base);
		for (unsigned i = 0; i < NET_QUEUES; i++)
			dev->queue[i].vq.next_avail = base[i];
		net->vhost_waits = true;
	} else if (on && net->vhost_waits) {
		net->vhost_waits = false;
		if (start(net) == 0)
			return;
		(void)vq_break(&dev->queue[NET_RX].vq,
			       "vhost-net does not go on");
		virtio_broken(dev, NET_RX);
	}
}
