/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h - what a guest may send into its network: ARP and IPv4, as nobody but
 * itself.  Everything else ends at its port.
 */
#ifndef VMM_SWITCH_CHECK_H
#define VMM_SWITCH_CHECK_H

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A station of the network. */
struct station {
	struct in_addr addr;
	uint8_t mac[ETH_ALEN];
};

/* @frame is of @len bytes, at least NET_FRAME_MIN: @from sent it as itself. */
bool check_sender(const struct station *from, const uint8_t *frame, size_t len);

/* A frame for one station alone, or for several? */
static inline bool check_multicast(const uint8_t *frame)
{
	return frame[0] & 1;
}

/* Does it ask by ARP who has @addr? */
bool check_asks_for(struct in_addr addr, const uint8_t *frame, size_t len);

/* Write the answer of @who to the question @frame.  Its length. */
#define CHECK_ARP_LEN 42
size_t check_answer(const struct station *who, const uint8_t *frame,
		    uint8_t ret[CHECK_ARP_LEN]);

#endif
