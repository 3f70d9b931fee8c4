/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slirp.h - the network behind the wire: libslirp, its sockets and timers,
 * and the loop that serves them together with the frames and the relay.
 * One thread; nothing here blocks except poll().
 */
#ifndef VMM_NET_SLIRP_H
#define VMM_NET_SLIRP_H

#include <slirp/libslirp.h>

#include "vmm/lib/allow.h"
#include "vmm/lib/err.h"
#include "vmm/lib/publish.h"
#include "vmm/net/frames.h"
#include "vmm/net/relay.h"

/*
 * Sockets that the guest's traffic can make this process hold, together with
 * its few own ones; main.c sets RLIMIT_NOFILE to no more than this.
 */
#define NET_POLL_MAX 4096

struct net;

/* Where the guest is, and who is with it.  NET_PLACE: by itself. */
struct net_place {
	unsigned mtu;
	unsigned prefix; /* of IPv4, which these are */
	struct in_addr guest, gateway, dns;
	bool only4;
};

/* What abi/net.h says of user mode. */
struct net_place net_place_user(unsigned mtu);

/*
 * The network of one guest over @frames_fd, which it owns from then on
 * (on failure the caller keeps it).  Freed with net_free().
 */
int net_new(int frames_fd, const struct net_place *place, struct net **ret,
	    struct err *err);
void net_free(struct net *net);

/* From now on only what is in @list, unless it is empty.  Copied. */
int net_allow(struct net *net, const struct allow_list *list, struct err *err);

/* Open @p's host side and put the port that was picked into @p. */
int net_publish(struct net *net, struct publish *p, struct err *err);

/* Serve until the monitor is gone: 0.  -errno with a sentence otherwise. */
int net_run(struct net *net, struct err *err);

#endif
