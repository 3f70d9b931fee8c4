/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet.h - one IP packet inside an Ethernet frame, both ways: UDP datagrams
 * for the relay of published ports, and any protocol for the gate.  No
 * fragments, no extension headers.
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

/* libslirp's own form for the gateway: 52:55 and its IPv4 address. */
#define PACKET_GATEWAY_MAC                                                     \
	{                                                                      \
		0x52, 0x55, 10, 0, 2, 2                                        \
	}

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

/*
 * The protocol of a packet that is whole and plain: no fragment, no options,
 * with as many bytes as it says.  ret->data is what follows the IP header (an
 * IPv6 extension header too: its number is returned); ports are set for TCP
 * and UDP of at least 4 bytes, else 0.  -1 for anything else.
 */
int packet_open(const uint8_t *frame, size_t len, struct packet *ret);

/*
 * Write p->data behind an IP header for @protocol, with its checksum put at
 * @sum_at, which holds 0.  Frame and result as above; ports are not used.
 */
size_t packet_wrap(const struct packet *p, uint8_t protocol, size_t sum_at,
		   const uint8_t src_mac[ETH_ALEN],
		   const uint8_t dst_mac[ETH_ALEN], uint8_t *frame);

#endif
