/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.c - names of VMs, at the DNS address.  Other names are the uplink's to
 * answer; without one they are not known, and ARP for the address is ours too.
 */
#include <netinet/ip.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "vmm/net/dns.h"
#include "vmm/net/packet.h"
#include "vmm/switch/switch_priv.h"

#define DNS_PORT 53

/* The reply to the query @q, its length; 0: it is not ours to answer. */
static size_t reply_to(struct sw *sw, const struct packet *q,
		       uint8_t reply[DNS_REPLY_MAX])
{
	char name[NS_MAXDNAME], again[NS_MAXDNAME];

	/* dns.c reads the name: with an empty list it is "refused". */
	sw->known.n = 0;
	size_t len = dns_answer(&sw->known, q->data, q->len, reply, name);
	const struct port *p = name[0] ? ports_named(sw, name) : NULL;
	if (!p)
		return sw->net.internal ? len : 0;

	struct allow *a = &sw->known.v[0];
	(void)snprintf(a->name, sizeof(a->name), "%s",
		       strcasecmp(p->name, name) == 0 ? p->name : p->id);
	a->nr4 = 1;
	a->v4[0] = p->self.addr;
	sw->known.n = 1;
	return dns_answer(&sw->known, q->data, q->len, reply, again);
}

static bool take_query(struct sw *sw, struct port *from, const uint8_t *frame,
		       size_t len)
{
	uint8_t reply[DNS_REPLY_MAX], out[PACKET_FRAME_MAX];
	struct packet q;

	if (!packet_parse(frame, len, &q) ||
	    q.dst.v4.sin_addr.s_addr != sw->dns.addr.s_addr ||
	    ntohs(q.dst.v4.sin_port) != DNS_PORT)
		return false;
	struct packet p = {
		.src = q.dst,
		.dst = q.src,
		.data = reply,
		.len = reply_to(sw, &q, reply),
	};
	if (p.len == 0)
		return false;
	/* From whom it believes to have asked. */
	size_t n = packet_build(&p, frame, from->self.mac, out);
	if (n)
		forward_to(sw, &from->guest, SENDER_SELF, out, n);
	return true;
}

bool answer_take(struct sw *sw, struct port *from, const uint8_t *frame,
		 size_t len)
{
	uint8_t out[CHECK_ARP_LEN];

	if (!sw->net.internal)
		return take_query(sw, from, frame, len);
	if (check_asks_for(sw->dns.addr, frame, len)) {
		(void)check_answer(&sw->dns, frame, out);
		forward_to(sw, &from->guest, SENDER_SELF, out, sizeof(out));
		return true;
	}
	return take_query(sw, from, frame, len);
}
