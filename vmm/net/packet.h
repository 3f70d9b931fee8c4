/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet.h - one UDP datagram inside an Ethernet frame, both ways.  Only what
 * the relay of published UDP ports needs: no fragments, no extension headers.
 */
#ifndef VMM_NET_PACKET_H
#define VMM_NET_PACKET_H

#include <net/ethernet.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/lib/publish.h"

#define PACKET_MTU	 1500
#define PACKET_FRAME_MAX (ETH_HLEN + PACKET_MTU)

struct packet {
	union publish_addr src; /* of the same family */
	union publish_addr dst;
	const uint8_t *data; /* the payload, not owned */
	size_t len;
};

/* False when @frame is anything but a whole, well-formed UDP datagram. */
bool packet_parse(const uint8_t *frame, size_t len, struct packet *ret);

/*
 * Write @p as a frame into @frame, which has PACKET_FRAME_MAX bytes.  The
 * frame's length, or 0 when the datagram does not fit into one.
 */
size_t packet_build(const struct packet *p, const uint8_t src_mac[ETH_ALEN],
		    const uint8_t dst_mac[ETH_ALEN], uint8_t *frame);

#endif
