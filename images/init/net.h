/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.h - the guest's network, static, as the keeper's settings say.  There
 * is always a loopback; the first other interface gets the addresses.
 */
#ifndef IMAGES_INIT_NET_H
#define IMAGES_INIT_NET_H

#include "images/init/settings.h"

/* An address of either family. */
struct net_addr {
	int family; /* AF_INET or AF_INET6 */
	uint8_t bytes[16];
	unsigned prefix; /* the full width when the text has no '/' */
};

/* "10.0.2.15/24", "fd00::2".  0 or -EINVAL with a sentence. */
int net_parse(const char *text, struct net_addr *ret, struct err *err);

/* Hostname, interfaces, addresses, routes. */
int net_up(const struct settings *s, struct err *err);

#endif
