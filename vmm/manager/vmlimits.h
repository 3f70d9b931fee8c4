/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vmlimits.h - the limits of a VM that `belljar update` can change, as they are
 * now: those of spec.json, and over them what limits.json of its folder says,
 * which the first update writes.
 */
#ifndef VMM_MANAGER_VMLIMITS_H
#define VMM_MANAGER_VMLIMITS_H

#include <json-c/json.h>
#include <stdint.h>

#include "vmm/lib/err.h"
#include "vmm/manager/cpuset.h"
#include "vmm/manager/vmdir.h"

#define VMLIMITS_FILE "limits.json"

struct vmlimits {
	uint64_t memory; /* bytes; 0: not known */
	char cpus[CPUSET_TEXT_MAX + 1]; /* processors; "": all */
};

/*
 * One who changes limits of a VM at a time; waits.  A descriptor that the
 * caller closes, or -errno with a sentence.
 */
int vmlimits_lock(const struct vmdir *vm, struct err *err);

/* @spec: the VM's spec.json, or NULL.  What cannot be read was not changed. */
void vmlimits_read(const struct vmdir *vm, struct json_object *spec,
		   struct vmlimits *ret);
/* The caller holds the lock. */
int vmlimits_write(const struct vmdir *vm, const struct vmlimits *l,
		   struct err *err);

/* For people and programs; the caller owns it. */
struct json_object *vmlimits_to_json(const struct vmlimits *l);

#endif
