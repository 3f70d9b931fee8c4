/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_priv.h - the network device's state, shared by the files net*.c only.
 *
 * net.c is the model and its loop sources, net_rx.c the way in, net_tx.c the
 * way out, net_vhost.c what replaces both.
 */
#ifndef DEVICES_VIRTIO_NET_PRIV_H
#define DEVICES_VIRTIO_NET_PRIV_H

#include <linux/virtio_net.h>

#include "devices/backend/limit.h"
#include "devices/backend/tap.h"
#include "devices/backend/vhost_net.h"
#include "devices/virtio/models.h"
#include "devices/virtio/stats.h"
#include "vmm/abi/net.h"

#define NET_BATCH  64 /* frames each way before others have their turn */
#define NET_HEADER sizeof(struct virtio_net_hdr_v1)
/* Bytes of the longest frame and of its header. */
#define NET_SPACE (NET_HEADER + NET_FRAME_MAX)

enum { NET_RX, NET_TX, NET_QUEUES };

/* Frames one way; its number is its queue's. */
struct net_way {
	struct net *net;
	struct loop_fd timer; /* timerfd; -1 without limits */
	/* Under dev->lock. */
	struct limit limit;
	bool held; /* nothing may go before the timer fires */
	uint64_t frames, bytes, dropped; /* counters */
};

#define NET_WINDOW     VQ_SIZE_MAX
#define NET_WINDOW_IOV 512U

/*
 * Receive buffers that were taken from the guest, in order, and not given back
 * yet: how long the next frame is, is known when it has been read.  What does
 * not fit lies in `spill` until the guest has given more.
 */
struct net_window {
	unsigned nr, nr_iov;
	uint64_t bytes;
	struct {
		uint16_t head, nr_iov;
		uint32_t len;
	} buf[NET_WINDOW];
	struct iovec iov[NET_WINDOW_IOV];
	/* Header and frame that wait for buffers, 0: none; ... */
	size_t waiting;
	size_t placed; /* ... of which so many are in the buffers. */
	/* One more: so a frame that is too long is told. */
	unsigned char spill[NET_SPACE + 1];
};

/* What the kernel and we have to say to each other of a ring. */
struct net_ring {
	struct net *net;
	unsigned nr;
	struct loop_fd kick; /* not watched: the kernel's */
	struct loop_fd call, complaint;
};

struct net {
	struct virtio_dev *dev;
	struct net_way way[NET_QUEUES];
	struct loop_fd backend;
	bool socket; /* else a tap */
	struct tap tap;
	bool up;
	struct vhost_net vhost; /* fd -1: frames pass through us */
	struct net_ring ring[NET_QUEUES];
	bool vhost_warned;
	/* Under dev->lock. */
	bool rx_waiting; /* for buffers of the guest */
	bool tx_waiting; /* for the backend to accept more */
	bool vhost_waits; /* for the bus */
	bool mergeable; /* a frame may take several buffers */
	size_t want; /* bytes of buffers that most frames fit in */
	struct vq_chain chain;
	struct net_window window;
	struct iovec frame[NET_WINDOW_IOV + 1];
};

/* The lock is held, and the loop's thread calls. */

/* Pass frames on, NET_BATCH at most. */
void net_serve_rx(struct net *net);
void net_serve_tx(struct net *net);
/* The other side is gone for good. */
void net_link_down(struct net *net);
/* Nothing may go @way for @ns nanoseconds. */
void net_hold(struct net_way *way, uint64_t ns);
/* A frame of @bytes went @way. */
static inline void net_count(struct net_way *way, uint64_t bytes)
{
	stats_add(&way->frames, 1);
	stats_add(&way->bytes, bytes);
}

/* A driver is there: forget the last one's buffers.  Any thread. */
void net_rx_start(struct net *net);

/* net_vhost.c; the lock is held but for the first three. */
void net_vhost_init(struct net *net);
/* Takes cfg->vhost over on success.  0 or -errno with a sentence. */
int net_vhost_open(struct net *net, const struct net_config *cfg,
		   struct err *err);
void net_vhost_close(struct net *net);
/* A driver is there: serve it, unless we have to (vhost.running). */
void net_vhost_start(struct net *net);
void net_vhost_stop(struct net *net);
/* Pass a kick on that came to us. */
void net_vhost_kick(struct net *net, unsigned nr);
/* PCI Bus Master Enable changed: hands off the rings, or on again. */
void net_vhost_master(struct net *net, bool on);

#endif
