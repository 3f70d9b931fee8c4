/* SPDX-License-Identifier: Apache-2.0 */
/* filter.c - which frames of the guest may reach libslirp. */
#include "vmm/net/filter.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <string.h>

#include "vmm/abi/net.h"

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

static bool is_ping6(const uint8_t *frame, size_t len)
{
	return frame[IP6_NEXT] == IPPROTO_ICMPV6 && len > IP6_END &&
	       frame[IP6_END] == ICMP6_ECHO_REQUEST;
}

/* For any other libslirp writes a line on stderr, however many there are. */
static bool answers_ping6(const uint8_t *dst)
{
	static const char *const who[] = { NET_GATEWAY6, NET_DNS6 };
	struct in6_addr addr;

	for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
		(void)inet_pton(AF_INET6, who[i], &addr);
		if (memcmp(dst, &addr, sizeof(addr)) == 0)
			return true;
	}
	return false;
}

static bool admits6(const uint8_t *frame, size_t len)
{
	static const uint8_t zero[8];

	if (len < IP6_END)
		return false;

	if (is_ping6(frame, len) && !answers_ping6(frame + IP6_DST))
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
