/* SPDX-License-Identifier: Apache-2.0 */
/*
 * switch.h - the switch between the VMs of one network: ports, what goes where,
 * and the loop.
 *
 *   monitor --guest wire--> port --+--> ports of other VMs
 *                                  +--> its uplink: belljar-net of the same VM
 *
 * A port's address is that of its place, its MAC is made of its address: so
 * where a frame goes is read, not learnt.  What is for no VM of the network is
 * for the way out.  Names of VMs are answered here, at the DNS address.
 *
 * A guest and its uplink wait for each other (nothing is read from one while
 * the other is behind), so nothing of theirs is lost.  Between VMs nobody waits
 * for anybody: queue.h.  One thread; nothing blocks but epoll_wait().
 */
#ifndef VMM_SWITCH_SWITCH_H
#define VMM_SWITCH_SWITCH_H

#include <netinet/in.h>
#include <stdbool.h>

#include "vmm/lib/err.h"

/* Descriptors: wires, those that have not said what they are, and our own. */
#define SWITCH_NEWCOMERS 16
#define SWITCH_FILES	 (2 * SWITCH_PORTS + SWITCH_NEWCOMERS + 16)

/* Time for the first VM to come, in ms; afterwards the last one ends it. */
#define SWITCH_PATIENCE_MS 20000

struct sw;

struct switch_subnet {
	struct in_addr base; /* the network's own address */
	unsigned prefix; /* 8 to 29 */
	bool internal; /* ports have no uplinks: DNS is all there is */
};

/*
 * Serve those who connect to @listener, which it owns from then on (on failure
 * the caller keeps it).  Freed with switch_free().
 */
int switch_new(int listener, const struct switch_subnet *net, struct sw **ret,
	       struct err *err);
void switch_free(struct sw *sw);

/*
 * One round, which waits @timeout_ms at most (-1: for ever).  0, or -EPIPE: the
 * last VM has left, or -ETIMEDOUT, or another -errno.
 */
int switch_step(struct sw *sw, int timeout_ms);

/* Until the last VM has left, or none came: 0. */
int switch_run(struct sw *sw, struct err *err);

#endif
