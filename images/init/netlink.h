/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netlink.h - the three rtnetlink requests a static network needs,
 * rtnetlink(7). Each returns 0 or the kernel's -errno.
 */
#ifndef IMAGES_INIT_NETLINK_H
#define IMAGES_INIT_NETLINK_H

/* A socket for the others, or -errno. */
int netlink_open(void);

int netlink_link_up(int fd, int ifindex);

/*
 * @addr is a struct in_addr or in6_addr by @family.  IPv6 addresses skip
 * duplicate detection: nobody else is on this link, and it takes a second.
 */
int netlink_addr_add(int fd, int ifindex, int family, const void *addr,
		     unsigned prefix);

/* A default route. */
int netlink_route_add(int fd, int ifindex, int family, const void *gateway);

#endif
