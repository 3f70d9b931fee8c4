/* SPDX-License-Identifier: Apache-2.0 */
/* tapns.c - a network namespace of our own, with taps. */
#include "tests/harness/tapns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/harness/netns.h"

int tapns_enter(const char **ret_step)
{
	*ret_step = "become root of a user namespace";
	int r = netns_become_root();
	if (r < 0)
		return r;
	*ret_step = "make a network namespace";
	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	(void)netns_write_text("/proc/sys/net/ipv6/conf/default/disable_ipv6",
			       "1");
	*ret_step = "open /dev/net/tun";
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	if (fd < 0)
		return -errno;
	*ret_step = "make a tap";
	r = ioctl(fd, TUNSETIFF, &ifr) < 0 ? -errno : 0;
	(void)close(fd);
	return r;
}

void tapns_ip(const char *fmt, ...)
{
	char cmd[256] = "ip ";
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(cmd + 3, sizeof(cmd) - 3, fmt, ap);
	va_end(ap);
	/* NOLINTNEXTLINE(cert-env33-c): constant text, in a test */
	if (system(cmd) != 0)
		fail_msg("%s", cmd);
}

int tapns_tap(const char *name, int flags)
{
	struct ifreq ifr = { .ifr_flags =
				     (short)(IFF_TAP | IFF_NO_PI | flags) };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	assert_true(fd >= 0);
	(void)snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	assert_int_equal(ioctl(fd, TUNSETIFF, &ifr), 0);
	tapns_ip("link set %s up", name);
	return fd;
}

int tapns_wire(const char *name)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_ALL),
				  .sll_ifindex = (int)if_nametoindex(name) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	assert_true(fd >= 0);
	assert_int_equal(
		setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)),
		0);
	/* Not what we send ourselves. */
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on,
				    sizeof(on)),
			 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static uint32_t sum(const void *data, size_t len, uint32_t start)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++)
		start += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	return start;
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)s;
}

/* Addresses, protocol and length: RFC 9293, 3.1. */
static uint32_t pseudo(const struct iphdr *ip, size_t tcp_len)
{
	return sum(&ip->saddr, 8, IPPROTO_TCP + (uint32_t)tcp_len);
}

size_t tapns_segment(void *ret, size_t len, unsigned char fill)
{
	unsigned char *frame = ret;
	struct ether_header eth = {
		.ether_dhost = { 2, 0, 0, 0, 0, 1 },
		.ether_shost = { 2, 0, 0, 0, 0, 2 },
		.ether_type = htons(ETHERTYPE_IP),
	};
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons((uint16_t)(40 + len)),
		.ttl = 64,
		.protocol = IPPROTO_TCP,
		.saddr = htonl(0xc0000202),
		.daddr = htonl(0xc0000201),
	};
	struct tcphdr tcp = { .th_sport = htons(1),
			      .th_dport = htons(2),
			      .th_off = 5,
			      .th_flags = TH_ACK };

	ip.check = htons((uint16_t)~fold(sum(&ip, sizeof(ip), 0)));
	tcp.th_sum = htons(fold(pseudo(&ip, sizeof(tcp) + len)));
	memcpy(frame, &eth, sizeof(eth));
	memcpy(frame + 14, &ip, sizeof(ip));
	memcpy(frame + 34, &tcp, sizeof(tcp));
	memset(frame + TAPNS_HEADS, fill, len);
	return TAPNS_HEADS + len;
}

int tapns_checksum_ok(const void *frame, size_t len)
{
	const unsigned char *p = frame;
	struct iphdr ip;

	memcpy(&ip, p + 14, sizeof(ip));
	size_t tcp = ntohs(ip.tot_len) - sizeof(ip);
	return len >= 34 + tcp &&
	       fold(sum(p + 34, tcp, pseudo(&ip, tcp))) == 0xffff;
}
