/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tap.h - the host's end of a network device: what a tap can, and which of it
 * its receiver takes (Documentation/networking/tuntap.rst).  Frames are read
 * and written by who has the descriptor.
 */
#ifndef DEVICES_BACKEND_TAP_H
#define DEVICES_BACKEND_TAP_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/lib/err.h"

struct tap {
	/* Frames stand behind a struct virtio_net_hdr_v1, both ways. */
	bool header;
	bool multi_queue; /* attached with IFF_MULTI_QUEUE */
	/*
	 * The offloads it can, as bits of virtio-net (VIRTIO_NET_F_CSUM...);
	 * 0 without a header.
	 */
	uint64_t features;
};

/*
 * Is @fd, a character device, an attached tap?  Fills @ret and asks for no
 * offload yet.  Its frames carry a header if whoever attached it said
 * IFF_VNET_HDR.  -EINVAL with a sentence when it is none, or one with
 * IFF_NO_PI missing; -errno.
 */
int tap_examine(int fd, struct tap *ret, struct err *err);

/*
 * From now on frames come with what the driver that accepted @features takes:
 * checksums to be finished, segments to be cut.  0 or -errno.
 */
int tap_set_offloads(int fd, uint64_t features);

/*
 * Of a tap with several queues: does the kernel share frames out to this one
 * too?  0 or -errno.
 */
int tap_set_queue(int fd, bool on);

#endif
