/* SPDX-License-Identifier: Apache-2.0 */
/* net.c - the guest's network, from the keeper's settings. */
#include "images/init/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "images/init/netlink.h"
#include "images/init/say.h"
#include "images/init/sysctl.h"
#include "vmm/lib/auto.h"

/* Interface 1 of a network namespace is its loopback. */
#define LOOPBACK 1

/* Beyond it nobody numbers the interfaces of a new machine. */
#define IFINDEX_MAX 64

int net_parse(const char *text, struct net_addr *ret, struct err *err)
{
	char addr[INET6_ADDRSTRLEN];
	size_t len = strcspn(text, "/");

	if (len >= sizeof(addr))
		return err_say(err, EINVAL, "'%s' is no IP address", text);
	memcpy(addr, text, len);
	addr[len] = '\0';

	struct net_addr a = { .family =
				      strchr(addr, ':') ? AF_INET6 : AF_INET };
	unsigned width = a.family == AF_INET6 ? 128 : 32;
	if (inet_pton(a.family, addr, a.bytes) != 1)
		return err_say(err, EINVAL, "'%s' is no IP address", text);

	a.prefix = width;
	if (text[len] == '/') {
		char *end;
		unsigned long prefix = strtoul(text + len + 1, &end, 10);

		if (end == text + len + 1 || *end || prefix > width)
			return err_say(err, EINVAL,
				       "'%s' has no prefix length from 0 to %u",
				       text, width);
		a.prefix = (unsigned)prefix;
	}
	*ret = a;
	return 0;
}

/* The first interface beside the loopback: its name and index, or -ENODEV. */
static int find_interface(char name[IF_NAMESIZE])
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;

	for (int i = LOOPBACK + 1; i <= IFINDEX_MAX; i++) {
		struct ifreq ifr = { .ifr_ifindex = i };

		if (ioctl(fd, SIOCGIFNAME, &ifr) < 0)
			continue;
		memcpy(name, ifr.ifr_name, IF_NAMESIZE);
		name[IF_NAMESIZE - 1] = '\0';
		if (ioctl(fd, SIOCGIFFLAGS, &ifr) == 0 &&
		    !(ifr.ifr_flags & (IFF_LOOPBACK | IFF_NOARP)))
			return i;
	}
	return -ENODEV;
}

/*
 * Addresses come from the keeper alone, so router advertisements must not add
 * any; and like docker, no privilege for low ports and ping.
 */
static void set_sysctls(const char *interface)
{
	char path[128];

	(void)snprintf(path, sizeof(path),
		       "/proc/sys/net/ipv6/conf/%s/accept_ra", interface);
	sysctl_set(path, "0");
	sysctl_set("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
	sysctl_set("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
}

static bool no_ipv6(int family, int r)
{
	return family == AF_INET6 && (r == -EAFNOSUPPORT || r == -EOPNOTSUPP);
}

static int add_addr(int nl, int ifindex, const char *text, struct err *err)
{
	struct net_addr a = { 0 };
	int r = net_parse(text, &a, err);
	if (r < 0)
		return r;

	r = netlink_addr_add(nl, ifindex, a.family, a.bytes, a.prefix);
	if (no_ipv6(a.family, r)) {
		say("this kernel has no IPv6: '%s' left out", text);
		return 0;
	}
	return r < 0 ? err_set(err, -r, "set address '%s'", text) : 0;
}

static int add_gateway(int nl, int ifindex, const char *text, struct err *err)
{
	struct net_addr a = { 0 };
	int r = net_parse(text, &a, err);
	if (r < 0)
		return r;

	r = netlink_route_add(nl, ifindex, a.family, a.bytes);
	if (no_ipv6(a.family, r))
		return 0;
	return r < 0 ? err_set(err, -r, "set gateway '%s'", text) : 0;
}

static int interface_up(int nl, const struct settings *s, struct err *err)
{
	char name[IF_NAMESIZE];
	int ifindex = find_interface(name);
	if (ifindex < 0)
		return err_say(err, ENODEV,
			       "the machine has no network interface");

	set_sysctls(name);
	int r = netlink_link_up(nl, ifindex);
	if (r < 0)
		return err_set(err, -r, "start interface '%s'", name);

	for (size_t i = 0; r == 0 && i < s->addrs.n; i++)
		r = add_addr(nl, ifindex, s->addrs.v[i], err);
	for (size_t i = 0; r == 0 && i < s->gateways.n; i++)
		r = add_gateway(nl, ifindex, s->gateways.v[i], err);
	return r;
}

int net_up(const struct settings *s, struct err *err)
{
	if (sethostname(s->hostname, strlen(s->hostname)) < 0)
		return err_set(err, errno, "set hostname '%s'", s->hostname);

	AUTO_CLOSE int nl = netlink_open();
	if (nl < 0)
		return err_set(err, -nl, "open a netlink socket");

	int r = netlink_link_up(nl, LOOPBACK);
	if (r < 0)
		return err_set(err, -r, "start the loopback");
	return s->addrs.n > 0 ? interface_up(nl, s, err) : 0;
}
