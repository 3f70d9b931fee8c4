/* SPDX-License-Identifier: Apache-2.0 */
/* ip.c - job ip: an address for eth0. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/route.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guest.h"

static struct sockaddr address(const struct job *job, const char *text)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr ret;

	if (!text || inet_pton(AF_INET, text, &in.sin_addr) != 1) {
		errno = EINVAL;
		fail(job, "address");
	}
	memcpy(&ret, &in, sizeof(ret));
	return ret;
}

void do_ip(struct job *job)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "eth0" };
	struct rtentry route = { .rt_flags = RTF_UP | RTF_GATEWAY };

	ifr.ifr_addr = address(job, job->field[1]);
	if (fd < 0 || ioctl(fd, SIOCSIFADDR, &ifr) < 0)
		fail(job, "address");
	ifr.ifr_addr = address(job, "255.255.255.0");
	if (ioctl(fd, SIOCSIFNETMASK, &ifr) < 0)
		fail(job, "netmask");
	ifr.ifr_flags = IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		fail(job, "up");
	route.rt_dst = address(job, "0.0.0.0");
	route.rt_genmask = route.rt_dst;
	route.rt_gateway = address(job, job->field[2]);
	if (ioctl(fd, SIOCADDRT, &route) < 0)
		fail(job, "route");
	(void)close(fd);
}
