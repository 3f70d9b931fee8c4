/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - Ethernet, ARP (RFC 826) and the first bytes of IPv4. */
#include "vmm/switch/check.h"

#include <arpa/inet.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <string.h>

static unsigned type_of(const uint8_t *frame)
{
	return (unsigned)frame[12] << 8 | frame[13];
}

/* Whole, and of Ethernet and IPv4? */
static bool read_arp(const uint8_t *frame, size_t len, struct ether_arp *ret)
{
	if (len < ETH_HLEN + sizeof(*ret))
		return false;
	memcpy(ret, frame + ETH_HLEN, sizeof(*ret));
	return ret->arp_hrd == htons(ARPHRD_ETHER) &&
	       ret->arp_pro == htons(ETHERTYPE_IP) &&
	       ret->arp_hln == ETH_ALEN && ret->arp_pln == 4;
}

static bool own_arp(const struct station *from, const uint8_t *frame,
		    size_t len)
{
	static const uint8_t nobody[4];
	struct ether_arp arp;

	if (!read_arp(frame, len, &arp) ||
	    memcmp(arp.arp_sha, from->mac, ETH_ALEN) != 0)
		return false;
	/* RFC 5227: who asks whether its address is free has none yet. */
	return memcmp(arp.arp_spa, &from->addr, 4) == 0 ||
	       (arp.arp_op == htons(ARPOP_REQUEST) &&
		memcmp(arp.arp_spa, nobody, 4) == 0);
}

static bool own_ip(const struct station *from, const uint8_t *frame, size_t len)
{
	struct ip ip;

	if (len < ETH_HLEN + sizeof(ip))
		return false;
	memcpy(&ip, frame + ETH_HLEN, sizeof(ip));
	return ip.ip_v == 4 && ip.ip_src.s_addr == from->addr.s_addr;
}

bool check_sender(const struct station *from, const uint8_t *frame, size_t len)
{
	if (memcmp(frame + ETH_ALEN, from->mac, ETH_ALEN) != 0)
		return false;
	switch (type_of(frame)) {
	case ETHERTYPE_ARP:
		return own_arp(from, frame, len);
	case ETHERTYPE_IP:
		return own_ip(from, frame, len);
	default:
		return false;
	}
}

bool check_asks_for(struct in_addr addr, const uint8_t *frame, size_t len)
{
	struct ether_arp arp;

	return type_of(frame) == ETHERTYPE_ARP && read_arp(frame, len, &arp) &&
	       arp.arp_op == htons(ARPOP_REQUEST) &&
	       memcmp(arp.arp_tpa, &addr, 4) == 0;
}

size_t check_answer(const struct station *who, const uint8_t *frame,
		    uint8_t ret[CHECK_ARP_LEN])
{
	struct ether_header eth = { .ether_type = htons(ETHERTYPE_ARP) };
	struct ether_arp arp;

	memcpy(&arp, frame + ETH_HLEN, sizeof(arp));
	arp.arp_op = htons(ARPOP_REPLY);
	memcpy(arp.arp_tha, arp.arp_sha, ETH_ALEN);
	memcpy(arp.arp_tpa, arp.arp_spa, 4);
	memcpy(arp.arp_sha, who->mac, ETH_ALEN);
	memcpy(arp.arp_spa, &who->addr, 4);
	memcpy(eth.ether_dhost, frame + ETH_ALEN, ETH_ALEN);
	memcpy(eth.ether_shost, who->mac, ETH_ALEN);
	memcpy(ret, &eth, sizeof(eth));
	memcpy(ret + sizeof(eth), &arp, sizeof(arp));
	return CHECK_ARP_LEN;
}
