/* SPDX-License-Identifier: Apache-2.0 */
/* shares.h - directories and files of the host in the container's root. */
#ifndef IMAGES_INIT_SHARES_H
#define IMAGES_INIT_SHARES_H

#include <stdbool.h>

#include "images/init/settings.h"
#include "vmm/lib/err.h"

/* A share as AGENT_SHARE says it; strings point into what was cut. */
struct share {
	const char *tag;
	const char *path; /* in the container, absolute */
	bool readonly, file;
	const char *fs; /* of the disk TAG; NULL: it is a virtio-fs */
	bool dax; /* of virtio-pmem number TAG, in memory */
};

/* Cut @text up.  -EPROTO with a sentence. */
int shares_parse(char *text, struct share *ret, struct err *err);

/*
 * Mount all of @s below @root (a descriptor), making what is missing on the
 * way; @dir is a directory of init's own, made, where those of single files go.
 */
int shares_mount(int root, const char *dir, const struct settings *s,
		 struct err *err);

#endif
