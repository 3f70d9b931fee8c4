/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reassembly.h - IPv4 datagrams that the guest sends in fragments become whole
 * before anybody looks at them.
 *
 * libslirp 4.7.0 follows a pointer that it takes out of the packet when the
 * last fragment of a datagram comes and no other did: one frame ends the
 * process, and may do worse.  So it gets to see no fragments at all.
 *
 * What is here is less than RFC 791 allows and what kernels send: fragments in
 * order.  Any other ends the datagram, as if it had been lost.
 */
#ifndef VMM_NET_REASSEMBLY_H
#define VMM_NET_REASSEMBLY_H

#include <stddef.h>
#include <stdint.h>

#include "vmm/abi/net.h"

#define REASSEMBLY_MAX	   4 /* datagrams under way, the oldest gives way */
#define REASSEMBLY_IDLE_MS 5000

struct reassembly_datagram {
	uint8_t key[11]; /* source, destination, protocol, identification */
	size_t head; /* bytes of the IP header; 0: free */
	size_t got; /* bytes of payload */
	int64_t last_ms; /* when a fragment came */
	uint8_t frame[NET_FRAME_MAX]; /* with the first one's headers */
};

/* Zeroed memory to begin with. */
struct reassembly {
	struct reassembly_datagram datagram[REASSEMBLY_MAX];
};

/*
 * @frame has at least NET_FRAME_MIN bytes.  Returns what is to be dealt with
 * now, and its length in *@len: @frame itself unless it is a fragment; a
 * whole datagram, valid until the next call, when it was the last one; NULL
 * when it was kept or is no good.
 */
const uint8_t *reassembly_take(struct reassembly *r, const uint8_t *frame,
			       size_t *len, int64_t now_ms);

#endif
