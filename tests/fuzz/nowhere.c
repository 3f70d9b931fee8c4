/* SPDX-License-Identifier: Apache-2.0 */
/* nowhere.c - a network namespace with a loopback interface only. */
#include "tests/fuzz/nowhere.h"

#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

void nowhere_enter(void)
{
	struct ifreq lo = { .ifr_flags = IFF_UP };

	(void)strcpy(lo.ifr_name, "lo");
	if (unshare(geteuid() == 0 ? CLONE_NEWNET
				   : CLONE_NEWUSER | CLONE_NEWNET) < 0) {
		perror("no network namespace of our own");
		exit(1);
	}
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0) {
		perror("bring the loopback interface up");
		exit(1);
	}
	(void)close(fd);
}
