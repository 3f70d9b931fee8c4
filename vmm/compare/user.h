/* SPDX-License-Identifier: Apache-2.0 */
/* user.h - the user that an image names, by the image's own files. */
#ifndef VMM_COMPARE_USER_H
#define VMM_COMPARE_USER_H

#include <sys/types.h>

#include "vmm/lib/err.h"

#define USER_GROUPS_MAX 32

struct user {
	uid_t uid;
	gid_t gid;
	gid_t groups[USER_GROUPS_MAX]; /* besides @gid */
	size_t nr_groups;
	char home[128];
};

/*
 * @spec is "user[:group]" of the image's config, names or numbers, or NULL for
 * root; @root is where the image was unpacked.  Symbolic links there are not
 * followed.
 */
int user_find(const char *root, const char *spec, struct user *ret,
	      struct err *err);

#endif
