/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allow.h - what a guest with --allow may reach, and nothing else: a person
 * writes HOST:PORT[/PROTO]; the manager pins HOST to addresses, once and
 * outside of the guest's reach; belljar-net gets the pinned form and enforces
 * it.  A pinned entry is one word, without ambiguity for IPv6:
 *
 *     tcp:443:pypi.org=151.101.0.223,2a04:4e42::223      a name
 *     udp:123:=192.0.2.1                                 an address
 */
#ifndef VMM_LIB_ALLOW_H
#define VMM_LIB_ALLOW_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/lib/err.h"

#define ALLOW_MAX      64 /* entries of one VM */
#define ALLOW_ADDRS    8 /* of one name and family: they fit one DNS answer */
#define ALLOW_NAME_MAX 253 /* RFC 1035 section 2.3.4, as text without dot */

/* What allow_format() needs, with the NUL. */
#define ALLOW_TEXT_MAX                                                         \
	(ALLOW_NAME_MAX + 16 +                                                 \
	 ALLOW_ADDRS * (INET_ADDRSTRLEN + INET6_ADDRSTRLEN))

struct allow {
	char name[ALLOW_NAME_MAX + 1]; /* "": the addresses were written */
	uint16_t port; /* host order, never 0 */
	bool udp;
	unsigned nr4, nr6; /* addresses; none before a name is pinned */
	struct in_addr v4[ALLOW_ADDRS];
	struct in6_addr v6[ALLOW_ADDRS];
};

struct allow_list {
	size_t n;
	struct allow v[ALLOW_MAX];
};

/*
 * HOST:PORT[/tcp|/udp], where HOST is a name, an IPv4 address or an IPv6
 * address in brackets.  -EINVAL or -ERANGE with a sentence that quotes @text.
 */
int allow_parse(const char *text, struct allow *ret, struct err *err);

/* The pinned form, both ways.  Parsing: -EINVAL or -ERANGE with a sentence. */
void allow_format(const struct allow *a, char *buf, size_t len);
int allow_parse_pinned(const char *text, struct allow *ret, struct err *err);

/*
 * Why no guest can reach this address, such as "is this machine's own
 * loopback", or NULL.
 */
const char *allow_unusable4(struct in_addr addr);
const char *allow_unusable6(const struct in6_addr *addr);

/* The entry that allows it, or NULL.  @port in host order. */
const struct allow *allow_find4(const struct allow_list *list, bool udp,
				struct in_addr addr, uint16_t port);
const struct allow *allow_find6(const struct allow_list *list, bool udp,
				const struct in6_addr *addr, uint16_t port);

/* The first entry of that name, without regard to case, or NULL. */
const struct allow *allow_find_name(const struct allow_list *list,
				    const char *name);

#endif
