/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns.h - the name server of a guest with --allow.  It knows the allowed names
 * and their pinned addresses and asks nobody, so that DNS is no way out: a
 * question is answered from memory, or with "no such name".
 */
#ifndef VMM_NET_DNS_H
#define VMM_NET_DNS_H

#include <arpa/nameser.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/lib/allow.h"

/* RFC 1035 section 4.2.1.  ALLOW_ADDRS answers fit, whatever the name. */
#define DNS_REPLY_MAX NS_PACKETSZ
#define DNS_TTL_S     300

/*
 * The reply to @query, @len bytes that a guest wrote: its length, or 0 when it
 * deserves none (no query, or too broken to say so).  NXDOMAIN for names that
 * are not in @list, an empty answer for types other than A and AAAA of those
 * that are, FORMERR, NOTIMP and REFUSED for what is no plain question.  When
 * addresses of a name not in @list were asked for, @ret_refused gets it as
 * printable text, else "".
 */
size_t dns_answer(const struct allow_list *list, const uint8_t *query,
		  size_t len, uint8_t reply[DNS_REPLY_MAX],
		  char ret_refused[NS_MAXDNAME]);

#endif
