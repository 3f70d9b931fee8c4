/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_priv.h - the network device's state, shared by the files net*.c only.
 *
 * net.c is the model, net_pair.c a pair of queues and what is behind it,
 * net_rx.c the way in, net_tx.c the way out, net_vhost.c what replaces both,
 * net_ctrl.c the queue of commands.
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

/* Frames one way. */
struct net_way {
	struct net_pair *pair;
	struct loop_fd timer; /* timerfd; -1 without limits */
	/* Under dev->lock. */
	struct limit limit;
	bool held; /* nothing may go before the timer fires */
	/* Counters.  A stall: it had to wait for the other side, or a limit. */
	uint64_t frames, bytes, dropped, stalls;
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
	struct net_pair *pair;
	unsigned nr; /* NET_RX or NET_TX */
	struct loop_fd kick; /* not watched: the kernel's */
	struct loop_fd call, complaint;
};

/* Two queues and one of the tap's, or the socket. */
struct net_pair {
	struct net *net;
	unsigned first; /* the number of its receive queue */
	struct loop_fd backend;
	struct net_way way[NET_QUEUES];
	struct vhost_net vhost; /* fd -1: frames pass through us */
	struct net_ring ring[NET_QUEUES];
	/* Under dev->lock. */
	bool attached; /* the tap sends it frames */
	bool rx_waiting; /* for buffers of the guest */
	bool tx_waiting; /* for the backend to accept more */
	bool vhost_waits; /* for the bus */
	struct vq_chain chain;
	struct net_window window;
	struct iovec frame[NET_WINDOW_IOV + 1];
};

struct net {
	struct virtio_dev *dev;
	bool socket; /* else a tap */
	struct tap tap;
	unsigned nr_pairs;
	struct net_pair *pair;
	bool vhost_warned;
	/* Under dev->lock. */
	bool up;
	unsigned active; /* pairs that the driver uses: the first */
	bool mergeable; /* a frame may take several buffers */
	size_t want; /* bytes of buffers that most frames fit in */
	struct vq_chain command;
};

/* @ring: NET_RX or NET_TX. */
static inline struct vq *net_vq(const struct net_pair *pair, unsigned ring)
{
	return &pair->net->dev->queue[pair->first + ring].vq;
}

/* The number of the control queue (5.1.2), or one that no queue has. */
unsigned net_ctrl_queue(const struct net *net);

/* net_pair.c.  @pair has two queues of @net, the @first and the next. */
void net_pair_init(struct net_pair *pair, struct net *net, unsigned first);
/* On @fd, which is its on success.  0 or -errno with a sentence. */
int net_pair_open(struct net_pair *pair, int fd, const struct net_config *cfg,
		  struct err *err);
/* Accepts one that is half open. */
void net_pair_close(struct net_pair *pair);
/* A driver is there; the lock is held in these. */
void net_pair_start(struct net_pair *pair);
/* Requests may be waiting in @ring. */
void net_pair_kick(struct net_pair *pair, unsigned ring);
/* Does the tap share its frames out to this one too?  0 or -errno. */
int net_pair_attach(struct net_pair *pair, bool on);
/* Ask the loop for what we wait for. */
void net_pair_watch(struct net_pair *pair);

/* The lock is held, and the loop's thread calls. */

/* Serve so many pairs; the others get no frames.  0 or -errno. */
int net_set_active(struct net *net, unsigned pairs);
/* Do what the driver asks for, NET_BATCH commands at most. */
void net_serve_ctrl(struct net *net);
/* Pass frames on, NET_BATCH at most. */
void net_serve_rx(struct net_pair *pair);
void net_serve_tx(struct net_pair *pair);
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
void net_rx_start(struct net_pair *pair);
/* How long its frames may be. */
void net_rx_learn(struct net *net);

/* net_vhost.c; the lock is held but for the first three. */
void net_vhost_init(struct net_pair *pair);
/* Takes @fd over on success.  0 or -errno with a sentence. */
int net_vhost_open(struct net_pair *pair, int fd, const struct net_config *cfg,
		   struct err *err);
void net_vhost_close(struct net_pair *pair);
/* A driver is there: serve it, unless we have to (vhost.running). */
void net_vhost_start(struct net_pair *pair);
void net_vhost_stop(struct net_pair *pair);
/* Pass a kick on that came to us. */
void net_vhost_kick(struct net_pair *pair, unsigned ring);
/* PCI Bus Master Enable changed: hands off the rings, or on again. */
void net_vhost_master(struct net_pair *pair, bool on);

#endif
