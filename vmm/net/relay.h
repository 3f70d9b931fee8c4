/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay.h - published UDP ports.
 *
 * libslirp can listen on UDP itself, but with disable_host_loopback it
 * refuses the guest's answers to clients on this machine, and it confuses
 * two clients of one port.  So the datagrams of published ports go past it:
 * a client's becomes a frame, and the guest's answer, recognised by its
 * addresses, goes back through the same socket.
 *
 *   client --> host socket --> flow remembered --> frame --> guest
 *   client <-- host socket <-- flow found       <-- frame <-- guest
 *
 * The guest sees a client of this machine as the gateway, others under their
 * own address.  It can send only to clients that wrote to that port during
 * the last RELAY_IDLE_MS: only they are in the table.
 */
#ifndef VMM_NET_RELAY_H
#define VMM_NET_RELAY_H

#include <net/ethernet.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/lib/err.h"
#include "vmm/lib/publish.h"
#include "vmm/net/frames.h"

#define RELAY_IDLE_MS 180000
#define RELAY_SETS    512
#define RELAY_WAYS    4

struct relay_flow {
	union publish_addr client; /* on the host */
	union publish_addr shown; /* the same client, as the guest sees it */
	uint16_t guest_port; /* 0: free */
	int fd; /* of the port; not owned */
	int64_t last_ms; /* when the client last wrote */
};

struct relay_port {
	int fd; /* owned */
	uint16_t guest_port;
};

struct relay {
	struct relay_port ports[PUBLISH_MAX];
	size_t nr_ports;
	struct in_addr guest, gateway; /* IPv4 */
	uint8_t guest_mac[ETH_ALEN]; /* broadcast until the guest has sent */
	uint64_t too_large; /* datagrams that do not fit into one frame */
	struct relay_flow flows[RELAY_SETS][RELAY_WAYS];
};

/* @r is zeroed memory: the table stays untouched until it is needed. */
void relay_init(struct relay *r, struct in_addr guest, struct in_addr gateway);
void relay_done(struct relay *r);

/* Bind @p's host side and put the port that was picked into @p. */
int relay_publish(struct relay *r, struct publish *p, struct err *err);

/* Datagrams waiting at port @i: to the guest, as frames; a bounded number. */
void relay_to_guest(struct relay *r, size_t i, int64_t now_ms,
		    struct frames *f);

/* True when @frame answered a client: it is dealt with. */
bool relay_to_client(struct relay *r, const uint8_t *frame, size_t len,
		     int64_t now_ms);

/* Find, or with @add make, the flow to what the guest sees as @shown. */
struct relay_flow *relay_flow(struct relay *r, uint16_t guest_port,
			      const union publish_addr *shown, int64_t now_ms,
			      bool add);

#endif
