/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A published port as a person writes it: [[IP]:[HOSTPORT]:]GUESTPORT[/PROTO],
 * docker's -p without ranges.  The manager checks it before a VM starts,
 * belljar-net opens it.
 */
#ifndef VMM_LIB_PUBLISH_H
#define VMM_LIB_PUBLISH_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "vmm/lib/err.h"

#define PUBLISH_MAX	 256 /* ports of one VM */
#define PUBLISH_TEXT_MAX 80 /* what publish_format() needs, with the NUL */

union publish_addr {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct publish {
	union publish_addr host; /* port 0: the system picks a free one */
	uint16_t guest_port; /* host order, never 0 */
	bool udp;
};

/*
 * Without an address the port is bound to 127.0.0.1; without a host port, or
 * with 0, a free one is picked.  -EINVAL or -ERANGE with a sentence.
 */
int publish_parse(const char *text, struct publish *ret, struct err *err);

/*
 * A socket bound to the host side (and listening, for TCP): non-blocking,
 * O_CLOEXEC, owned by the caller.  -errno with a sentence.  To know whether a
 * port is free, open and close.
 */
int publish_open(const struct publish *p, struct err *err);

/* The sentence for a host side that could not be opened.  Returns -@errnum. */
int publish_fail(const struct publish *p, int errnum, struct err *err);

/* Size of the address that is in use, for bind() and its relatives. */
socklen_t publish_addr_len(const union publish_addr *a);

/* In host order. */
uint16_t publish_host_port(const struct publish *p);

/* "tcp 127.0.0.1:40001 -> 80", the line that belljar-net reports. */
void publish_format(const struct publish *p, char *buf, size_t len);

#endif
