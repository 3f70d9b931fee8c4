/* SPDX-License-Identifier: Apache-2.0 */
/* jail_priv.h - what the files of the jail share.  0 or -errno. */
#ifndef VMM_JAIL_JAIL_PRIV_H
#define VMM_JAIL_JAIL_PRIV_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "vmm/jail/jail.h"
#include "vmm/lib/err.h"

bool jail_is_on(void);

/*
 * ids.c: the subordinate ids that we may give away, as /etc/subuid says; false
 * when there are none, or no newuidmap.
 */
bool jail_ids_range(uid_t *ret_first, unsigned *ret_nr);

/*
 * maps.c: who @pid, a child in a user namespace of its own, is there; a wall
 * that falls short is noted in @b.
 */
int jail_map_ids(struct jail_birth *b, pid_t pid);

/* root.c: an empty root, but for @file (NULL: nothing), all read-only. */
int jail_root_enter(const char *file);

/* caps.c: become @uid if we may; no capability now or ever; not traceable. */
int jail_caps_drop(uid_t uid, struct err *err);
/* caps.c: @files descriptors at most (0: no change), no core files. */
int jail_limits_set(rlim_t files, struct err *err);

/* landlock.c: no file but @file can be opened, with what this kernel has. */
int jail_landlock_enter(const char *file);

#endif
