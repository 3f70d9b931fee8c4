/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.h - which frames of the guest may reach libslirp.
 *
 * libslirp's disable_host_loopback only refuses its own gateway address.  A
 * guest that writes 127.0.0.1, 0.0.0.0 or ::ffff:127.0.0.1 into the header
 * itself would have the host connect there.  So those destinations end here,
 * and so does what a guest has no use for: other protocols, multicast except
 * neighbour discovery, and IPv6 pings that nobody would answer.
 */
#ifndef VMM_NET_FILTER_H
#define VMM_NET_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* @frame has at least NET_FRAME_MIN bytes. */
bool filter_admits(const uint8_t *frame, size_t len);

#endif
