/* SPDX-License-Identifier: Apache-2.0 */
/* filter.c - which frames of the guest may reach libslirp. */
#include "vmm/net/filter.h"

#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

/* Offsets of RFC 791 section 3.1 and RFC 8200 section 3, after Ethernet. */
#define IP4_DST		 (ETH_HLEN + 16)
#define IP4_END		 (ETH_HLEN + 20)
#define IP6_NEXT	 (ETH_HLEN + 6)
#define IP6_DST		 (ETH_HLEN + 24)
#define IP6_END		 (ETH_HLEN + 40)
#define FIRST_MULTICAST4 224

static bool admits4(const uint8_t *frame, size_t len)
{
	if (len < IP4_END)
		return false;

	uint8_t net = frame[IP4_DST];
	/* Connecting to 0.0.0.0 reaches the loopback interface on Linux. */
	return net != 0 && net != IN_LOOPBACKNET && net < FIRST_MULTICAST4;
}

static bool admits6(const uint8_t *frame, size_t len)
{
	static const uint8_t zero[8];

	if (len < IP6_END)
		return false;

	/* ::, ::1, and the embedded IPv4 of ::a.b.c.d and ::ffff:a.b.c.d */
	if (memcmp(frame + IP6_DST, zero, sizeof(zero)) == 0)
		return false;
	return frame[IP6_DST] != 0xff || frame[IP6_NEXT] == IPPROTO_ICMPV6;
}

bool filter_admits(const uint8_t *frame, size_t len)
{
	switch (frame[12] << 8 | frame[13]) {
	case ETHERTYPE_ARP:
		return true;
	case ETHERTYPE_IP:
		return admits4(frame, len);
	case ETHERTYPE_IPV6:
		return admits6(frame, len);
	default:
		return false;
	}
}
