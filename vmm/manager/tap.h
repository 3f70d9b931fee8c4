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

#define TAP_CLONE "/dev/net/tun"

struct tap_end {
	int fd; /* with IFF_VNET_HDR, O_CLOEXEC; the caller's */
	char name[IF_NAMESIZE];
	unsigned mtu;
};

/*
 * Attach to the tap @name, which is there already.  @clone is TAP_CLONE but in
 * tests.  -errno with a sentence: no such interface (-ENODEV), no tap or one of
 * several queues (-EINVAL), not ours (-EPERM), in use (-EBUSY).
 */
int tap_attach(const char *clone, const char *name, struct tap_end *ret,
	       struct err *err);

/*
 * Make the tap @name with the MTU of @bridge, put it there, and switch it on.
 * The guest's address will be @mac.  -errno with a sentence: no such bridge
 * (-ENODEV), no bridge (-EOPNOTSUPP), no rights (-EPERM).
 */
int tap_make(const char *clone, const char *name, const char *bridge,
	     const uint8_t mac[6], struct tap_end *ret, struct err *err);

#endif
