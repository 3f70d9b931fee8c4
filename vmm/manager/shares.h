/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shares.h - directories and files of the host that a VM is to see: what a
 * person writes with -v and --mount, and what is found there.
 */
#ifndef VMM_MANAGER_SHARES_H
#define VMM_MANAGER_SHARES_H

#include <json-c/json.h>
#include <stdbool.h>

#include "vmm/lib/err.h"

#define SHARES_MAX  16 /* as the monitor's --fs */
#define SHARES_PATH 1024 /* bytes of a path in the guest, and a NUL */

struct share {
	const char *option; /* "-v" or "--mount", for sentences */
	char *source; /* as written; absolute and real once resolved */
	char *target; /* absolute, in the guest, without . and .. */
	bool readonly;
	bool file; /* a single file; known once resolved */
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
 * Look the sources up.  -ENOENT, -EINVAL (neither directory nor plain file)
 * and so on with a sentence.
 */
int shares_resolve(struct shares *s, struct err *err);

/* The caller owns it; NULL when there are none. */
struct json_object *shares_to_json(const struct shares *s);

void shares_done(struct shares *s);

#endif
