/* SPDX-License-Identifier: Apache-2.0 */
/* reject.c - resets and ICMP errors for what a guest may not reach. */
#include "vmm/net/reject.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <string.h>

/* RFC 1812 section 4.3.2.3 and RFC 4443 section 2.4 (c): whole packets. */
#define ICMP4_PACKET_MAX 576
#define ICMP6_PACKET_MAX 1280
#define ICMP_HEAD	 8 /* type, code, checksum, four unused bytes */
#define ICMP_SUM_AT	 2

static const uint8_t gateway_mac[ETH_ALEN] = PACKET_GATEWAY_MAC;

static size_t answer(const uint8_t *frame, const struct packet *p,
		     const void *data, size_t len, uint8_t protocol,
		     size_t sum_at, uint8_t *out)
{
	const struct packet reply = {
		.src = p->dst,
		.dst = p->src,
		.data = data,
		.len = len,
	};

	return packet_wrap(&reply, protocol, sum_at, gateway_mac,
			   frame + ETH_ALEN, out);
}

size_t reject_tcp(const uint8_t *frame, const struct packet *p, uint8_t *out)
{
	struct tcphdr tcp;

	if (p->len < sizeof(tcp))
		return 0;
	memcpy(&tcp, p->data, sizeof(tcp));

	size_t head = (size_t)tcp.th_off * 4;
	if (head < sizeof(tcp) || head > p->len || tcp.th_flags & TH_RST)
		return 0;

	/* RFC 9293 section 3.10.7.1: a SYN counts as one byte. */
	uint32_t seen = (uint32_t)(p->len - head) + 1;
	struct tcphdr rst;

	memset(&rst, 0, sizeof(rst));
	rst.th_sport = tcp.th_dport;
	rst.th_dport = tcp.th_sport;
	rst.th_ack = htonl(ntohl(tcp.th_seq) + seen);
	rst.th_off = sizeof(rst) / 4;
	rst.th_flags = TH_RST | TH_ACK;
	return answer(frame, p, &rst, sizeof(rst), IPPROTO_TCP,
		      offsetof(struct tcphdr, th_sum), out);
}

size_t reject_icmp(const uint8_t *frame, const struct packet *p,
		   enum reject_icmp why, uint8_t *out)
{
	bool v6 = p->src.any.sa_family == AF_INET6;
	size_t head = v6 ? sizeof(struct ip6_hdr) : sizeof(struct ip);
	size_t max = (v6 ? ICMP6_PACKET_MAX : ICMP4_PACKET_MAX) - head;
	uint8_t icmp[ICMP6_PACKET_MAX] = { 0 };
	size_t len = head + p->len;

	if (len > max - ICMP_HEAD)
		len = max - ICMP_HEAD;
	if (v6) {
		icmp[0] = ICMP6_DST_UNREACH;
		icmp[1] = why == REJECT_PORT ? ICMP6_DST_UNREACH_NOPORT
					     : ICMP6_DST_UNREACH_ADMIN;
	} else {
		icmp[0] = ICMP_DEST_UNREACH;
		icmp[1] = why == REJECT_PORT ? ICMP_PORT_UNREACH
					     : ICMP_PKT_FILTERED;
	}
	memcpy(icmp + ICMP_HEAD, frame + ETH_HLEN, len);
	return answer(frame, p, icmp, ICMP_HEAD + len,
		      v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, ICMP_SUM_AT, out);
}
