/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tap.h - taps and bridges of the host: what `--network tap=` and `bridge=`
 * open.  The one part of networking that takes rights on the host.
 *
 * A tap that we make is gone when its last descriptor is closed, and takes its
 * place on the bridge along: there is nothing to remove, whoever is killed.
 */
#ifndef VMM_MANAGER_TAP_H
#define VMM_MANAGER_TAP_H

#include <net/if.h>
#include <stdint.h>

#include "vmm/lib/err.h"

#define TAP_CLONE      "/dev/net/tun"
#define TAP_QUEUES_MAX 8 /* as the monitor's queue= */

struct tap_end {
	/* Its queues, with IFF_VNET_HDR, O_CLOEXEC; the caller's. */
	int fd[TAP_QUEUES_MAX];
	unsigned nr;
	char name[IF_NAMESIZE];
	unsigned mtu;
};

/*
 * Attach to the tap @name, which is there already: by @queues, 1 or more, if it
 * can have several (IFF_MULTI_QUEUE), else by one.  @clone is TAP_CLONE but in
 * tests.  -errno with a sentence, and nothing attached: no such interface
 * (-ENODEV), no tap (-EINVAL), not ours (-EPERM), in use (-EBUSY), which only
 * one of a single queue tells.
 */
int tap_attach(const char *clone, const char *name, unsigned queues,
	       struct tap_end *ret, struct err *err);

/*
 * Make the tap @name of @queues with the MTU of @bridge, put it there, and
 * switch it on.  The guest's address will be @mac.  -errno with a sentence: no
 * such bridge (-ENODEV), no bridge (-EOPNOTSUPP), no rights (-EPERM).
 */
int tap_make(const char *clone, const char *name, const char *bridge,
	     const uint8_t mac[6], unsigned queues, struct tap_end *ret,
	     struct err *err);

/* Close what is open of @end, {} or filled. */
void tap_close(struct tap_end *end);

#endif
