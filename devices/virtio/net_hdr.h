/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_hdr.h - what the guest says of a frame it sends (virtio 1.2, 5.1.6.2):
 * which checksum to finish, how to cut it.  The host's kernel believes some of
 * it, so what leaves us is checked here, and a copy.
 */
#ifndef DEVICES_VIRTIO_NET_HDR_H
#define DEVICES_VIRTIO_NET_HDR_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * May @h, our copy, pass in front of a frame of @len bytes, from a driver that
 * accepted @features?  True: @h has no bit that was not agreed on, checksum
 * and headers of a segment lie inside the frame.  False: drop the frame.
 *
 * A driver without VIRTIO_NET_F_CSUM says nothing: its header becomes zeros.
 * Whether the frame is what @h says (TCP, IPv4) is for the kernel to see: the
 * guest may change the bytes until they are copied.
 */
bool net_hdr_check(struct virtio_net_hdr_v1 *h, size_t len, uint64_t features);

#endif
