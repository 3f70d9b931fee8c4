/* SPDX-License-Identifier: Apache-2.0 */
/* gate.c - enforce --allow on the frames of one guest. */
#include "vmm/net/gate.h"

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>

#include "vmm/abi/net.h"
#include "vmm/lib/log.h"
#include "vmm/net/dns.h"
#include "vmm/net/reject.h"

#define DNS_PORT 53
#define FRAGMENT 44 /* IPv6 extension header, RFC 8200 section 4.5 */

static bool is_address(const union publish_addr *a, const char *v4,
		       const char *v6)
{
	struct in6_addr own6;
	struct in_addr own4;

	if (a->any.sa_family == AF_INET6)
		return inet_pton(AF_INET6, v6, &own6) == 1 &&
		       IN6_ARE_ADDR_EQUAL(&a->v6.sin6_addr, &own6);
	return inet_pton(AF_INET, v4, &own4) == 1 &&
	       a->v4.sin_addr.s_addr == own4.s_addr;
}

static bool is_dns(const union publish_addr *a)
{
	return is_address(a, NET_DNS4, NET_DNS6);
}

static bool is_gateway(const union publish_addr *a)
{
	return is_address(a, NET_GATEWAY4, NET_GATEWAY6);
}

static const struct allow *find(const struct allow_list *list, bool udp,
				const union publish_addr *a)
{
	/* The port has the same place in both kinds of address. */
	uint16_t port = ntohs(a->v4.sin_port);

	return a->any.sa_family == AF_INET6
		       ? allow_find6(list, udp, &a->v6.sin6_addr, port)
		       : allow_find4(list, udp, a->v4.sin_addr, port);
}

static enum gate_verdict judge_tcp(const struct allow_list *list,
				   const struct packet *p)
{
	struct tcphdr tcp;

	if (p->len < sizeof(tcp))
		return GATE_DROP;
	memcpy(&tcp, p->data, sizeof(tcp));
	if ((tcp.th_flags & (TH_SYN | TH_ACK)) != TH_SYN)
		return GATE_PASS;
	return find(list, false, &p->dst) ? GATE_PASS : GATE_RESET;
}

static enum gate_verdict judge_udp(const struct allow_list *list,
				   const struct packet *p)
{
	if (p->len < sizeof(struct udphdr))
		return GATE_DROP;
	if (is_dns(&p->dst) && ntohs(p->dst.v4.sin_port) == DNS_PORT)
		return GATE_DNS;
	return find(list, true, &p->dst) ? GATE_PASS : GATE_PORT;
}

static enum gate_verdict judge_ping(const struct packet *p)
{
	return is_gateway(&p->dst) || is_dns(&p->dst) ? GATE_PASS
						      : GATE_PROHIBITED;
}

static enum gate_verdict judge_icmp(const struct packet *p)
{
	return p->len >= ICMP_MINLEN && p->data[0] == ICMP_ECHO ? judge_ping(p)
								: GATE_DROP;
}

static enum gate_verdict judge_icmp6(const struct packet *p)
{
	if (p->len < sizeof(struct icmp6_hdr))
		return GATE_DROP;
	switch (p->data[0]) {
	case ICMP6_ECHO_REQUEST:
		return judge_ping(p);
	case ND_ROUTER_SOLICIT:
	case ND_NEIGHBOR_SOLICIT:
	case ND_NEIGHBOR_ADVERT:
		return GATE_PASS;
	default:
		return GATE_DROP;
	}
}

/* Of a frame with an IPv4 header: a part of a larger packet? */
static bool is_fragment(const uint8_t *frame, size_t len)
{
	struct ip ip;

	if ((frame[12] << 8 | frame[13]) != ETHERTYPE_IP ||
	    len < ETH_HLEN + sizeof(ip))
		return false;
	memcpy(&ip, frame + ETH_HLEN, sizeof(ip));
	return ntohs(ip.ip_off) & (IP_MF | IP_OFFMASK);
}

enum gate_verdict gate_judge(const struct allow_list *list,
			     const uint8_t *frame, size_t len, struct packet *p)
{
	if ((frame[12] << 8 | frame[13]) == ETHERTYPE_ARP)
		return GATE_PASS;

	int protocol = packet_open(frame, len, p);
	bool v6 = protocol >= 0 && p->dst.any.sa_family == AF_INET6;
	switch (protocol) {
	case IPPROTO_TCP:
		return judge_tcp(list, p);
	case IPPROTO_UDP:
		return judge_udp(list, p);
	case IPPROTO_ICMP:
		return v6 ? GATE_DROP : judge_icmp(p);
	case IPPROTO_ICMPV6:
		return v6 ? judge_icmp6(p) : GATE_DROP;
	case FRAGMENT:
		return v6 ? GATE_FRAGMENT : GATE_DROP;
	default:
		return is_fragment(frame, len) ? GATE_FRAGMENT : GATE_DROP;
	}
}

/* Each sentence once, and few of them: the guest chooses how many there are. */
static void note(struct gate *g, const char *text)
{
	if (g->nr_notes > GATE_NOTES)
		return;
	for (unsigned i = 0; i < g->nr_notes; i++)
		if (strcmp(g->notes[i], text) == 0)
			return;
	if (g->nr_notes++ == GATE_NOTES) {
		log_warn("the guest was refused more than %d things; no more "
			 "of them are said",
			 GATE_NOTES);
		return;
	}
	(void)snprintf(g->notes[g->nr_notes - 1], GATE_NOTE_MAX, "%s", text);
	log_warn("%s", text);
}

/* The name by which the guest knows the address, or "". */
static const char *name_of(const struct allow_list *list,
			   const union publish_addr *a)
{
	for (size_t i = 0; i < list->n; i++) {
		union publish_addr probe = *a;

		probe.v4.sin_port = htons(list->v[i].port);
		const struct allow *found = find(list, list->v[i].udp, &probe);
		if (found && found->name[0])
			return found->name;
	}
	return "";
}

static void note_refused(struct gate *g, const struct packet *p, bool udp)
{
	const char *name = name_of(&g->list, &p->dst);
	const char *proto = udp ? "/udp" : "";
	bool v6 = p->dst.any.sa_family == AF_INET6;
	uint16_t port = ntohs(p->dst.v4.sin_port);
	char text[GATE_NOTE_MAX];
	char ip[INET6_ADDRSTRLEN] = "";
	char host[INET6_ADDRSTRLEN + 2];

	if (v6)
		(void)inet_ntop(AF_INET6, &p->dst.v6.sin6_addr, ip, sizeof(ip));
	else
		(void)inet_ntop(AF_INET, &p->dst.v4.sin_addr, ip, sizeof(ip));
	(void)snprintf(host, sizeof(host), v6 ? "[%s]" : "%s", ip);
	if ((v6 ? allow_unusable6(&p->dst.v6.sin6_addr)
		: allow_unusable4(p->dst.v4.sin_addr)))
		(void)snprintf(text, sizeof(text),
			       "the guest was refused %s:%u%s", host, port,
			       proto);
	else if (name[0])
		(void)snprintf(text, sizeof(text),
			       "the guest was refused %s:%u%s; to allow it: "
			       "--allow %s:%u%s",
			       host, port, proto, name, port, proto);
	else
		(void)snprintf(text, sizeof(text),
			       "the guest was refused %s:%u%s; to allow it: "
			       "--allow %s:%u%s",
			       host, port, proto, host, port, proto);
	note(g, text);
}

/* @name comes from the guest; dns_answer() made it printable. */
static void note_name(struct gate *g, const char *name)
{
	char text[GATE_NOTE_MAX];

	(void)snprintf(text, sizeof(text),
		       "the guest was refused the name '%.120s'; to allow it: "
		       "--allow %.120s:PORT",
		       name, name);
	note(g, text);
}

static void answer_dns(struct gate *g, const uint8_t *frame, size_t len,
		       struct frames *f)
{
	static const uint8_t mac[ETH_ALEN] = PACKET_GATEWAY_MAC;
	uint8_t data[DNS_REPLY_MAX];
	uint8_t out[PACKET_FRAME_MAX];
	char refused[NS_MAXDNAME];
	struct packet q;

	/* Where the gate looks only at the header, this looks at the length. */
	if (!packet_parse(frame, len, &q))
		return;
	g->asked++;
	struct packet reply = {
		.src = q.dst,
		.dst = q.src,
		.data = data,
		.len = dns_answer(&g->list, q.data, q.len, data, refused),
	};
	if (refused[0])
		note_name(g, refused);
	if (reply.len == 0)
		return;
	frames_send(f, out, packet_build(&reply, mac, frame + ETH_ALEN, out));
}

bool gate_out(struct gate *g, const uint8_t *frame, size_t len,
	      struct frames *f)
{
	struct packet p = { .len = 0 };
	uint8_t out[PACKET_FRAME_MAX];
	size_t n = 0;

	switch (gate_judge(&g->list, frame, len, &p)) {
	case GATE_PASS:
		return true;
	case GATE_DNS:
		answer_dns(g, frame, len, f);
		return false;
	case GATE_RESET:
		note_refused(g, &p, false);
		n = reject_tcp(frame, &p, out);
		break;
	case GATE_PORT:
		note_refused(g, &p, true);
		n = reject_icmp(frame, &p, REJECT_PORT, out);
		break;
	case GATE_PROHIBITED:
		n = reject_icmp(frame, &p, REJECT_PROHIBITED, out);
		break;
	case GATE_FRAGMENT:
		note(g, "the guest was refused a packet in fragments; with "
			"--allow each must fit into one packet");
		break;
	default:
		break;
	}
	g->refused++;
	if (n)
		frames_send(f, out, n);
	return false;
}

/* A fragment has no port but its first: some port of the sender must do. */
static bool sends_us(const struct allow_list *list, const uint8_t *frame,
		     size_t len)
{
	struct ip ip;

	if (len < ETH_HLEN + sizeof(ip))
		return false;
	memcpy(&ip, frame + ETH_HLEN, sizeof(ip));
	for (size_t i = 0; ip.ip_p == IPPROTO_UDP && i < list->n; i++)
		if (list->v[i].udp &&
		    allow_find4(list, true, ip.ip_src, list->v[i].port))
			return true;
	return ip.ip_p != IPPROTO_UDP;
}

bool gate_in(struct gate *g, const uint8_t *frame, size_t len)
{
	struct packet p = { .len = 0 };
	bool ok = true;

	if (len < ETH_HLEN)
		return false;
	if (is_fragment(frame, len))
		ok = sends_us(&g->list, frame, len);
	else if (packet_open(frame, len, &p) == IPPROTO_UDP)
		ok = find(&g->list, true, &p.src) != NULL;
	if (!ok)
		g->from_strangers++;
	return ok;
}
