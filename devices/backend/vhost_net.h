/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vhost_net.h - the host's kernel moves the frames between a tap and the
 * guest's rings (linux/vhost.h, /dev/vhost-net); we only say where those are.
 *
 * What can be said once is said by vhost_net_open(), before the jail: whose
 * memory it is, where guest RAM lies in it, which eventfds are the kicks and
 * the complaints.  A driver that starts and ends takes the rest.
 *
 * No lock inside: the device's.
 */
#ifndef DEVICES_BACKEND_VHOST_NET_H
#define DEVICES_BACKEND_VHOST_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/core/gmem.h"
#include "vmm/lib/err.h"

#define VHOST_NET_QUEUES 2 /* receive, transmit: as virtio-net counts */

/* The kernel, or what a test has instead.  ioctl() returns -errno. */
struct vhost_sys {
	int (*ioctl)(void *arg, int fd, unsigned long request, void *data);
	void *arg;
};

struct vhost_net {
	const struct vhost_sys *sys;
	int fd; /* -1: there is none */
	uint64_t features; /* the kernel's */
	bool running;
};

/* A ring as the driver has set it up; the addresses are ours. */
struct vhost_ring {
	uint16_t size;
	uint16_t base; /* of the available ring: the next to be taken */
	const void *desc, *avail, *used;
	int call; /* eventfd: the driver wants to hear of used buffers */
};

/*
 * Make @fd, an open /dev/vhost-net, ours and tell it of guest RAM.  @kick are
 * eventfds that say that a ring has something new, @complaint such that the
 * kernel signals when a ring breaks the rules.  On success @fd is @v's.  @sys
 * NULL: the kernel.  -errno with a sentence; -ENOTSUP when it cannot do what
 * our devices offer.
 */
int vhost_net_open(struct vhost_net *v, int fd, const struct gmem *gm,
		   const int kick[VHOST_NET_QUEUES],
		   const int complaint[VHOST_NET_QUEUES],
		   const struct vhost_sys *sys, struct err *err);
/* Accepts one with fd -1. */
void vhost_net_close(struct vhost_net *v);

/*
 * Serve the rings with the tap @tap, for a driver that accepted @features.
 * 0, or -errno: then it does not touch them.
 */
int vhost_net_start(struct vhost_net *v, int tap, uint64_t features,
		    const struct vhost_ring ring[VHOST_NET_QUEUES]);
/*
 * When it returns the kernel touches no ring any more.  @ret_base: where each
 * is to go on (struct vhost_ring.base); NULL: nowhere.
 */
void vhost_net_stop(struct vhost_net *v, uint16_t ret_base[VHOST_NET_QUEUES]);

#endif
