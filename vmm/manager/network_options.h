/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network_options.h - --network as a person writes it: user, none, the name of
 * a network, tap=NAME or bridge=NAME, and behind the last two what the guest is
 * to be told.
 */
#ifndef VMM_MANAGER_NETWORK_OPTIONS_H
#define VMM_MANAGER_NETWORK_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/lib/err.h"
#include "vmm/manager/strv.h"

enum network_kind {
	NETWORK_USER,
	NETWORK_NONE,
	NETWORK_TAP,
	NETWORK_BRIDGE,
	NETWORK_NAMED, /* networks.h */
};

/* May the host's kernel move the frames?  By default, where it can. */
enum network_vhost { VHOST_AUTO, VHOST_ON, VHOST_OFF };

/* Strings belong to the text that was parsed unless they are in a strv. */
struct network_options {
	enum network_kind kind;
	bool given;
	const char *name; /* of tap, bridge or network; else NULL */
	struct strv addrs; /* "192.0.2.5/24", IPv4 or IPv6 */
	struct strv gateways, dns; /* addresses */
	unsigned mtu; /* of user mode or a network; 0: not given */
	unsigned queues; /* of the tap; 0: not given */
	enum network_vhost vhost;
	bool has_mac;
	uint8_t mac[6];
};

/*
 * Cuts @text up.  0 or -errno with a sentence; network_options_done() ends
 * @ret in every case.  A second call replaces what the first one said.
 */
int network_options_parse(char *text, struct network_options *ret,
			  struct err *err);
void network_options_done(struct network_options *o);

/* "user", "none", "tap" or "bridge"; of a network its name. */
const char *network_options_mode(const struct network_options *o);
/* The interface of the host that it names, or NULL. */
const char *network_options_interface(const struct network_options *o);

#endif
