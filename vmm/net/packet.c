/* SPDX-License-Identifier: Apache-2.0 */
/* packet.c - IP packets in and out of Ethernet frames. */
#include "vmm/net/packet.h"

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <string.h>

#define TTL 64

/* RFC 1071: add big-endian words, the last one padded with zero. */
static uint32_t sum(const void *data, size_t len, uint32_t acc)
{
	const uint8_t *p = data;

	for (; len > 1; p += 2, len -= 2)
		acc += (uint32_t)p[0] << 8 | p[1];
	if (len)
		acc += (uint32_t)p[0] << 8;
	return acc;
}

static uint16_t checksum(uint32_t acc)
{
	while (acc >> 16)
		acc = (acc & 0xffff) + (acc >> 16);
	return htons((uint16_t)~acc);
}

static bool parse_udp(const uint8_t *p, size_t len, struct packet *ret)
{
	struct udphdr udp;

	if (len < sizeof(udp))
		return false;
	memcpy(&udp, p, sizeof(udp));

	size_t udp_len = ntohs(udp.uh_ulen);
	if (udp_len < sizeof(udp) || udp_len > len)
		return false;
	/* The port has the same place in both kinds of address. */
	ret->src.v4.sin_port = udp.uh_sport;
	ret->dst.v4.sin_port = udp.uh_dport;
	ret->data = p + sizeof(udp);
	ret->len = udp_len - sizeof(udp);
	return true;
}

static bool parse4(const uint8_t *p, size_t len, struct packet *ret)
{
	struct ip ip;

	if (len < sizeof(ip))
		return false;
	memcpy(&ip, p, sizeof(ip));

	size_t head = (size_t)ip.ip_hl * 4;
	size_t total = ntohs(ip.ip_len);
	if (ip.ip_v != 4 || head < sizeof(ip) || total < head || total > len ||
	    ip.ip_p != IPPROTO_UDP || ntohs(ip.ip_off) & ~IP_DF)
		return false;
	ret->src.v4.sin_family = AF_INET;
	ret->src.v4.sin_addr = ip.ip_src;
	ret->dst.v4.sin_family = AF_INET;
	ret->dst.v4.sin_addr = ip.ip_dst;
	return parse_udp(p + head, total - head, ret);
}

static bool parse6(const uint8_t *p, size_t len, struct packet *ret)
{
	struct ip6_hdr ip;

	if (len < sizeof(ip))
		return false;
	memcpy(&ip, p, sizeof(ip));

	size_t payload = ntohs(ip.ip6_plen);
	if (ip.ip6_vfc >> 4 != 6 || ip.ip6_nxt != IPPROTO_UDP ||
	    payload > len - sizeof(ip))
		return false;
	ret->src.v6.sin6_family = AF_INET6;
	ret->src.v6.sin6_addr = ip.ip6_src;
	ret->dst.v6.sin6_family = AF_INET6;
	ret->dst.v6.sin6_addr = ip.ip6_dst;
	return parse_udp(p + sizeof(ip), payload, ret);
}

bool packet_parse(const uint8_t *frame, size_t len, struct packet *ret)
{
	struct packet p = { .len = 0 };
	bool ok = false;

	if (len < ETH_HLEN)
		return false;
	switch (frame[12] << 8 | frame[13]) {
	case ETHERTYPE_IP:
		ok = parse4(frame + ETH_HLEN, len - ETH_HLEN, &p);
		break;
	case ETHERTYPE_IPV6:
		ok = parse6(frame + ETH_HLEN, len - ETH_HLEN, &p);
		break;
	default:
		break;
	}
	if (ok)
		*ret = p;
	return ok;
}

static void head4(const struct packet *p, uint8_t protocol, size_t payload,
		  uint8_t *out)
{
	struct ip ip;

	/* Two bit fields make one byte: nothing may be left undefined. */
	memset(&ip, 0, sizeof(ip));
	ip.ip_v = 4;
	ip.ip_hl = sizeof(ip) / 4;
	ip.ip_len = htons((uint16_t)(sizeof(ip) + payload));
	ip.ip_off = htons(IP_DF);
	ip.ip_ttl = TTL;
	ip.ip_p = protocol;
	ip.ip_src = p->src.v4.sin_addr;
	ip.ip_dst = p->dst.v4.sin_addr;
	ip.ip_sum = checksum(sum(&ip, sizeof(ip), 0));
	memcpy(out, &ip, sizeof(ip));
}

static void head6(const struct packet *p, uint8_t protocol, size_t payload,
		  uint8_t *out)
{
	struct ip6_hdr ip = {
		.ip6_flow = htonl(6U << 28),
		.ip6_plen = htons((uint16_t)payload),
		.ip6_nxt = protocol,
		.ip6_hlim = TTL,
		.ip6_src = p->src.v6.sin6_addr,
		.ip6_dst = p->dst.v6.sin6_addr,
	};

	memcpy(out, &ip, sizeof(ip));
}

/* Ethernet and IP.  Their length, or 0 when @payload does not fit. */
static size_t heads(const struct packet *p, uint8_t protocol, size_t payload,
		    const uint8_t src_mac[ETH_ALEN],
		    const uint8_t dst_mac[ETH_ALEN], uint8_t *frame)
{
	bool v6 = p->src.any.sa_family == AF_INET6;
	size_t head = v6 ? sizeof(struct ip6_hdr) : sizeof(struct ip);
	struct ether_header eth = {
		.ether_type = htons(v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP),
	};

	if (payload > PACKET_MTU - head)
		return 0;
	memcpy(eth.ether_shost, src_mac, ETH_ALEN);
	memcpy(eth.ether_dhost, dst_mac, ETH_ALEN);
	memcpy(frame, &eth, sizeof(eth));
	if (v6)
		head6(p, protocol, payload, frame + ETH_HLEN);
	else
		head4(p, protocol, payload, frame + ETH_HLEN);
	return ETH_HLEN + head;
}

/* Sum of the pseudo header; ICMP over IPv4 has none. */
static uint32_t pseudo(const struct packet *p, uint8_t protocol, size_t payload)
{
	uint32_t acc = protocol + (uint32_t)payload;

	if (p->src.any.sa_family == AF_INET6)
		return sum(&p->src.v6.sin6_addr, 16,
			   sum(&p->dst.v6.sin6_addr, 16, acc));
	if (protocol == IPPROTO_ICMP)
		return 0;
	return sum(&p->src.v4.sin_addr, 4, sum(&p->dst.v4.sin_addr, 4, acc));
}

size_t packet_build(const struct packet *p, const uint8_t src_mac[ETH_ALEN],
		    const uint8_t dst_mac[ETH_ALEN], uint8_t *frame)
{
	size_t len = sizeof(struct udphdr) + p->len;
	struct udphdr udp = {
		.uh_sport = p->src.v4.sin_port,
		.uh_dport = p->dst.v4.sin_port,
		.uh_ulen = htons((uint16_t)len),
	};
	size_t at = heads(p, IPPROTO_UDP, len, src_mac, dst_mac, frame);

	if (at == 0)
		return 0;
	udp.uh_sum = checksum(
		sum(p->data, p->len,
		    sum(&udp, sizeof(udp), pseudo(p, IPPROTO_UDP, len))));
	/* RFC 768: nought means that there is no checksum. */
	if (udp.uh_sum == 0)
		udp.uh_sum = 0xffff;
	memcpy(frame + at, &udp, sizeof(udp));
	memcpy(frame + at + sizeof(udp), p->data, p->len);
	return at + len;
}

size_t packet_wrap(const struct packet *p, uint8_t protocol, size_t sum_at,
		   const uint8_t src_mac[ETH_ALEN],
		   const uint8_t dst_mac[ETH_ALEN], uint8_t *frame)
{
	size_t at = heads(p, protocol, p->len, src_mac, dst_mac, frame);

	if (at == 0)
		return 0;
	memcpy(frame + at, p->data, p->len);
	uint16_t check =
		checksum(sum(frame + at, p->len, pseudo(p, protocol, p->len)));
	memcpy(frame + at + sum_at, &check, sizeof(check));
	return at + p->len;
}

static int open4(const uint8_t *p, size_t len, struct packet *ret)
{
	struct ip ip;

	if (len < sizeof(ip))
		return -1;
	memcpy(&ip, p, sizeof(ip));

	size_t total = ntohs(ip.ip_len);
	if (ip.ip_v != 4 || ip.ip_hl != sizeof(ip) / 4 || total < sizeof(ip) ||
	    total > len || ntohs(ip.ip_off) & ~IP_DF)
		return -1;
	*ret = (struct packet){
		.src.v4 = { .sin_family = AF_INET, .sin_addr = ip.ip_src },
		.dst.v4 = { .sin_family = AF_INET, .sin_addr = ip.ip_dst },
		.data = p + sizeof(ip),
		.len = total - sizeof(ip),
	};
	return ip.ip_p;
}

static int open6(const uint8_t *p, size_t len, struct packet *ret)
{
	struct ip6_hdr ip;

	if (len < sizeof(ip))
		return -1;
	memcpy(&ip, p, sizeof(ip));

	size_t payload = ntohs(ip.ip6_plen);
	if (ip.ip6_vfc >> 4 != 6 || payload > len - sizeof(ip))
		return -1;
	*ret = (struct packet){
		.data = p + sizeof(ip),
		.len = payload,
	};
	ret->src.v6.sin6_family = AF_INET6;
	ret->src.v6.sin6_addr = ip.ip6_src;
	ret->dst.v6.sin6_family = AF_INET6;
	ret->dst.v6.sin6_addr = ip.ip6_dst;
	return ip.ip6_nxt;
}

int packet_open(const uint8_t *frame, size_t len, struct packet *ret)
{
	int protocol = -1;

	if (len < ETH_HLEN)
		return -1;
	switch (frame[12] << 8 | frame[13]) {
	case ETHERTYPE_IP:
		protocol = open4(frame + ETH_HLEN, len - ETH_HLEN, ret);
		break;
	case ETHERTYPE_IPV6:
		protocol = open6(frame + ETH_HLEN, len - ETH_HLEN, ret);
		break;
	default:
		break;
	}
	/* TCP and UDP begin with their ports, source first. */
	if ((protocol == IPPROTO_TCP || protocol == IPPROTO_UDP) &&
	    ret->len >= 4) {
		/* The port has the same place in both kinds of address. */
		memcpy(&ret->src.v4.sin_port, ret->data, 2);
		memcpy(&ret->dst.v4.sin_port, ret->data + 2, 2);
	}
	return protocol;
}
