/* SPDX-License-Identifier: Apache-2.0 */
/*
 * networks.h - networks that VMs share, by name.
 *
 *   DATA/networks/.lock       flock while one is made
 *   DATA/networks/NAME.json   its subnet; flock while a VM joins, or it goes
 *   RUN/networks/NAME.sock    its switch, while it runs (vmm/abi/switch.h)
 *
 * Who is on it, with which address, is the switch's to know; the keeper of each
 * VM writes into state.json what it was given.
 */
#ifndef VMM_MANAGER_NETWORKS_H
#define VMM_MANAGER_NETWORKS_H

#include <limits.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "vmm/lib/err.h"
#include "vmm/manager/cmd.h"

#define NETWORK_NAME_MAX 32
#define NETWORK_SUBNET	 24 /* bytes of "255.255.255.255/32", and more */

struct network {
	char name[NETWORK_NAME_MAX + 1];
	struct in_addr base; /* the subnet's own address */
	unsigned prefix; /* 8 to 29 */
	bool internal; /* no way out */
	int lock; /* -1: not held by us */
};

/* Can a network have this name?  -EINVAL with a sentence that quotes it. */
int networks_check_name(const char *name, struct err *err);

/*
 * Make one.  @subnet "10.89.0.0/24" or NULL: one that neither other networks
 * nor the host's interfaces have.  -EEXIST and others with a sentence.
 */
int networks_create(const struct manager *mgr, const char *name,
		    const char *subnet, bool internal, struct err *err);

/*
 * The network of that name, its lock taken with @locked: wait for others who
 * have it.  -ENOENT with a sentence.  networks_close() gives it back.
 */
int networks_open(const struct manager *mgr, const char *name, bool locked,
		  struct network *ret, struct err *err);
void networks_close(struct network *net);
#define AUTO_NETWORK __attribute__((cleanup(networks_close)))

/* -EBUSY with a sentence while a VM is on it. */
int networks_remove(const struct manager *mgr, const char *name,
		    struct err *err);

/* @each of all, by name, no lock held; what is not 0 ends the walk. */
int networks_walk(const struct manager *mgr,
		  int (*each)(const struct network *net, void *arg), void *arg,
		  struct err *err);

/* "10.89.0.0/24", and "10.89.0.N" of its @host. */
void networks_subnet(const struct network *net, char ret[NETWORK_SUBNET]);
struct in_addr networks_host(const struct network *net, unsigned host);

/* The socket of its switch, in a folder that is made when @make. */
int networks_socket(const struct manager *mgr, const char *name, bool make,
		    char ret[PATH_MAX], struct err *err);

#endif
