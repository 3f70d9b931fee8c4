/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vmdir.h - the folder of a VM, its name, and what happens to it when its
 * keeper dies.
 *
 *   DATA/vms/.lock            flock while a folder is made, named or repaired
 *   DATA/vms/<id>/
 *     lock                    flock, held by the keeper as long as it lives
 *     name  spec.json         written by the CLI before the keeper starts
 *     cgroup.json             where its control group is, while it is there
 *     state.json              written by the keeper when the VM runs
 *     layer.ext4              the writable layer
 *     log  console.log        what the container and the kernel said
 *     exit.json               written last: how it ended
 *   RUN/vms/<id>/             sockets; removed when the VM ends
 *
 * A folder whose lock is free belongs to a VM that has ended: with exit.json,
 * as it should; without, its keeper was killed, and vmdir_repair() writes the
 * missing exit.json (or removes the folder of a VM started with --rm).
 */
#ifndef VMM_MANAGER_VMDIR_H
#define VMM_MANAGER_VMDIR_H

#include <json-c/json.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "vmm/lib/err.h"
#include "vmm/manager/cmd.h"

#define VMDIR_ID_LEN	12
#define VMDIR_CGROUP	"cgroup.json"
#define VMDIR_CGROUP_MS 2000 /* a killed monitor gives its memory back */

struct vmdir {
	char id[VMDIR_ID_LEN + 1];
	char name[65]; /* the id when the user gave none */
	char path[PATH_MAX - 64]; /* room for a file's name behind it */
	char run[PATH_MAX - 64];
	int lock; /* -1: not held by us */
};

#define VMDIR_NONE                                                             \
	{                                                                      \
		.lock = -1                                                     \
	}

/* Fresh random id, not yet used for anything. */
int vmdir_new_id(char ret[VMDIR_ID_LEN + 1], struct err *err);

/*
 * Make the folder of VM @id, locked.  @name NULL: the id.  -EEXIST with a
 * sentence when another VM has the name.  On failure nothing is left.
 */
int vmdir_create(const struct manager *mgr, const char *id, const char *name,
		 struct vmdir *ret, struct err *err);

/* Give the lock back (when we hold it); the folder stays. */
void vmdir_close(struct vmdir *vm);

/* Remove the folder and the sockets. */
int vmdir_remove(const struct vmdir *vm, struct err *err);

/*
 * Call @each for the folders of all VMs, lock not held, by id.  A positive or
 * negative value from @each ends the walk and is returned.
 */
int vmdir_walk(const struct manager *mgr,
	       int (*each)(const struct vmdir *vm, void *arg), void *arg,
	       struct err *err);

/* The VM with that name, id, or only id with this beginning. */
int vmdir_find(const struct manager *mgr, const char *name, struct vmdir *ret,
	       struct err *err);

/* Does a keeper hold the lock? */
bool vmdir_running(const struct vmdir *vm);
/*
 * The keeper of a VM that runs: a pidfd, which the caller closes, and its
 * number.  -ESRCH with a sentence: it has ended, or not yet begun.
 */
int vmdir_keeper(const struct vmdir *vm, pid_t *ret, struct err *err);

/*
 * Remove the control group that the VM's keeper left, waiting @ms at most for
 * processes that die.  0 also when there is none.
 */
int vmdir_drop_cgroup(const struct vmdir *vm, unsigned ms, struct err *err);

/* Bring folders that lost their keeper in order. */
int vmdir_repair(const struct manager *mgr, struct err *err);

/* Read or replace one of the JSON files; the caller owns *@ret. */
int vmdir_read(const struct vmdir *vm, const char *file,
	       struct json_object **ret, struct err *err);
int vmdir_write(const struct vmdir *vm, const char *file,
		struct json_object *obj, struct err *err);

/* "DIR/FILE", in a buffer that always has room. */
void vmdir_file(const char *dir, const char *file, char ret[PATH_MAX]);

#endif
