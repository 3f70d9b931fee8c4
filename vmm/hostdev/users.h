/* SPDX-License-Identifier: Apache-2.0 */
/* users.h - which process has a device node open. */
#ifndef VMM_HOSTDEV_USERS_H
#define VMM_HOSTDEV_USERS_H

#include <stddef.h>
#include <sys/types.h>

#include "vmm/hostdev/hostdev.h"

struct user {
	pid_t pid;
	char name[32]; /* of the process */
	size_t node; /* index of what it has open */
};

/*
 * Look for a process that has one of the @nr nodes of @names (below /dev)
 * open.  Ourselves and udev, which only looks, don't count; nor does what we
 * may not see.
 */
bool users_find(const struct hostdev_sys *sys, const char *const *names,
		size_t nr, struct user *ret);

#endif
