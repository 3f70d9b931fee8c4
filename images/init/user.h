/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user.h - who the container's process is: "user[:group]" looked up in the
 * image's own passwd and group files, with docker's rules.
 */
#ifndef IMAGES_INIT_USER_H
#define IMAGES_INIT_USER_H

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

#include "vmm/lib/err.h"

#define USER_GROUPS 1024 /* supplementary groups; more are left out */

struct user {
	uid_t uid;
	gid_t gid;
	size_t nr_groups;
	gid_t groups[USER_GROUPS];
	char home[PATH_MAX]; /* "/" when no entry says otherwise */
};

/*
 * Look @spec (NULL or "": root) up in @etc/passwd and @etc/group.  A number
 * needs no entry; its group is then 0.  With an explicit group there are no
 * supplementary ones.  -ENOENT with docker's sentence for an unknown name.
 */
int user_lookup(const char *etc, const char *spec, struct user *ret,
		struct err *err);

/* Become @u for good: groups, gid, uid. */
int user_become(const struct user *u, struct err *err);

#endif
