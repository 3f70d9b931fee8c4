/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shares.h - directories and files of the host that a VM is to see, and images
 * of file systems that it is to mount: what a person writes with -v and
 * --mount, and what is found there.
 */
#ifndef VMM_MANAGER_SHARES_H
#define VMM_MANAGER_SHARES_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/lib/err.h"
#include "vmm/manager/share_image.h"

#define SHARES_MAX    16 /* as the monitor's --fs */
#define SHARES_IMAGES 12 /* beside the disks that a VM has anyway */
#define SHARES_PATH   1024 /* bytes of a path in the guest, and a NUL */

struct share {
	const char *option; /* "-v" or "--mount", for sentences */
	char *source; /* as written; absolute and real once resolved */
	char *target; /* absolute, in the guest, without . and .. */
	bool readonly;
	bool file; /* a single file; known once resolved */
	bool image; /* of a file system: a disk, and no server */
	bool dax; /* an image in the guest's memory, and no disk */
	struct share_image disk; /* of an image; known once resolved */
};

struct shares {
	unsigned n;
	struct share v[SHARES_MAX];
};

/*
 * One value of -v or --mount more.  0, or -errno with a sentence.  The host is
 * not looked at.
 */
int shares_add_volume(struct shares *s, const char *text, struct err *err);
int shares_add_mount(struct shares *s, const char *text, struct err *err);

/*
 * Look the sources up.  -ENOENT, -EINVAL (neither directory nor plain file, no
 * file system) and so on with a sentence.
 */
int shares_resolve(struct shares *s, struct err *err);

/* -ENOTSUP with a sentence: a kernel of @flavour cannot mount one of them. */
int shares_check_kernel(const struct shares *s, const char *flavour,
			struct err *err);

/* How many of them are images, and so disks or memory of the VM. */
unsigned shares_images(const struct shares *s);

/* Bytes of those in memory (dax), once resolved. */
uint64_t shares_in_memory(const struct shares *s);

/* The caller owns it; NULL when there are none. */
struct json_object *shares_to_json(const struct shares *s);

void shares_done(struct shares *s);

#endif
