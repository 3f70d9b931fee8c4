/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reject.h - say no at once, so that a program in the guest gets its error now
 * and not after minutes of trying.
 */
#ifndef VMM_NET_REJECT_H
#define VMM_NET_REJECT_H

#include "vmm/net/packet.h"

/*
 * Both write a frame of at most PACKET_FRAME_MAX bytes into @out, from the
 * address that was refused to the sender of @frame, which packet_open() has
 * understood as @p.  The frame's length, or 0 when there is nothing to answer.
 */

/* A reset for a SYN: "Connection refused". */
size_t reject_tcp(const uint8_t *frame, const struct packet *p, uint8_t *out);

enum reject_icmp { REJECT_PORT, REJECT_PROHIBITED };

/* Destination unreachable, with as much of the packet as is due. */
size_t reject_icmp(const uint8_t *frame, const struct packet *p,
		   enum reject_icmp why, uint8_t *out);

#endif
