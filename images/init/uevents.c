/* SPDX-License-Identifier: Apache-2.0 */
/* uevents.c - wait for what the kernel announces. */
#include "images/init/uevents.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>

#include "images/init/now.h"
#include "vmm/lib/auto.h"

static int listen_uevents(void)
{
	AUTO_CLOSE int fd =
		socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       NETLINK_KOBJECT_UEVENT);
	if (fd < 0)
		return -errno;

	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int uevents_wait(bool (*fact)(void *arg), void *arg, int timeout_ms)
{
	if (fact(arg))
		return 0;

	AUTO_CLOSE int fd = listen_uevents();
	if (fd < 0)
		return fd;

	int64_t end = (int64_t)(now_ns() / NOW_MS) + timeout_ms;
	/* After the socket is bound, so that no event is missed. */
	while (!fact(arg)) {
		int64_t left = end - (int64_t)(now_ns() / NOW_MS);
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char event[4096];

		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return -ETIMEDOUT;
		while (recv(fd, event, sizeof(event), 0) > 0)
			;
	}
	return 0;
}
