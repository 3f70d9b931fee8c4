/* SPDX-License-Identifier: Apache-2.0 */
/* netlink.c - the rtnetlink requests of a static network. */
#include "images/init/netlink.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Large enough for the largest of the three. */
struct request {
	struct nlmsghdr head;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg addr;
		struct rtmsg route;
	} u;
	uint8_t attrs[64];
};

/* IFF_UP; <net/if.h> and <linux/if.h> cannot both be had. */
#define LINK_UP 1U

int netlink_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	return fd < 0 ? -errno : fd;
}

static void request_init(struct request *req, uint16_t type, size_t body)
{
	memset(req, 0, sizeof(*req));
	req->head.nlmsg_len = (uint32_t)NLMSG_LENGTH(body);
	req->head.nlmsg_type = type;
	req->head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
}

static void request_attr(struct request *req, uint16_t type, const void *data,
			 size_t len)
{
	uint8_t *at = (uint8_t *)req + NLMSG_ALIGN(req->head.nlmsg_len);
	struct rtattr attr = {
		.rta_type = type,
		.rta_len = (uint16_t)RTA_LENGTH(len),
	};

	memcpy(at, &attr, sizeof(attr));
	memcpy(at + RTA_LENGTH(0), data, len);
	req->head.nlmsg_len = (uint32_t)(NLMSG_ALIGN(req->head.nlmsg_len) +
					 RTA_ALIGN(attr.rta_len));
}

static int request_send(int fd, const struct request *req)
{
	if (send(fd, req, req->head.nlmsg_len, 0) < 0)
		return -errno;

	struct {
		struct nlmsghdr head;
		struct nlmsgerr err;
		uint8_t rest[512];
	} reply;
	ssize_t n = recv(fd, &reply, sizeof(reply), 0);
	if (n < 0)
		return -errno;
	if ((size_t)n < sizeof(reply.head) + sizeof(reply.err) ||
	    reply.head.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return reply.err.error;
}

static size_t addr_len(int family)
{
	return family == AF_INET6 ? sizeof(struct in6_addr)
				  : sizeof(struct in_addr);
}

int netlink_link_up(int fd, int ifindex)
{
	struct request req;

	request_init(&req, RTM_NEWLINK, sizeof(req.u.link));
	req.u.link.ifi_index = ifindex;
	req.u.link.ifi_flags = LINK_UP;
	req.u.link.ifi_change = LINK_UP;
	return request_send(fd, &req);
}

int netlink_addr_add(int fd, int ifindex, int family, const void *addr,
		     unsigned prefix)
{
	struct request req;

	request_init(&req, RTM_NEWADDR, sizeof(req.u.addr));
	req.head.nlmsg_flags |= NLM_F_CREATE | NLM_F_REPLACE;
	req.u.addr.ifa_family = (uint8_t)family;
	req.u.addr.ifa_prefixlen = (uint8_t)prefix;
	req.u.addr.ifa_index = (uint32_t)ifindex;
	if (family == AF_INET6)
		req.u.addr.ifa_flags = IFA_F_NODAD;
	request_attr(&req, IFA_LOCAL, addr, addr_len(family));
	request_attr(&req, IFA_ADDRESS, addr, addr_len(family));
	return request_send(fd, &req);
}

int netlink_route_add(int fd, int ifindex, int family, const void *gateway)
{
	struct request req;
	uint32_t index = (uint32_t)ifindex;

	request_init(&req, RTM_NEWROUTE, sizeof(req.u.route));
	req.head.nlmsg_flags |= NLM_F_CREATE | NLM_F_REPLACE;
	req.u.route.rtm_family = (uint8_t)family;
	req.u.route.rtm_table = RT_TABLE_MAIN;
	req.u.route.rtm_protocol = RTPROT_STATIC;
	req.u.route.rtm_scope = RT_SCOPE_UNIVERSE;
	req.u.route.rtm_type = RTN_UNICAST;
	request_attr(&req, RTA_GATEWAY, gateway, addr_len(family));
	request_attr(&req, RTA_OIF, &index, sizeof(index));
	return request_send(fd, &req);
}
