/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.h - what ran, under which limits, how it ended and what it took: a
 * JSON file outside of the VM's folder, for whoever has to answer for it.
 *
 * It is written before anything of the VM runs, with "finished": null, and
 * replaced at the end; so a record without an end is that of a VM that runs or
 * whose keeper was killed.  docs/untrusted.md describes the fields.
 */
#ifndef VMM_MANAGER_RECORD_H
#define VMM_MANAGER_RECORD_H

#include <json-c/json.h>
#include <limits.h>
#include <stdbool.h>
#include <time.h>

#include "vmm/lib/err.h"
#include "vmm/manager/cgroup.h"
#include "vmm/manager/spec.h"
#include "vmm/manager/vmdir.h"

#define RECORD_VERSION 1

/* How a VM ended; strings NULL: nothing to say. */
struct record_end {
	int status;
	const char *error;
	bool timed_out;
	unsigned missing; /* enum jail_wall */
	const char *limits_missing; /* what does not hold, and why */
	const struct cgroup_usage *usage;
};

/*
 * Where the record of VM @id goes: what --record says, made absolute;
 * DATA/records/ID.json with a profile; otherwise "".
 */
int record_path(const struct manager *mgr, const struct run_options *o,
		const char *id, char ret[PATH_MAX], struct err *err);

/*
 * The record at the start (@end NULL) or at the end of a VM that was started
 * at @started; the caller owns it.  NULL when memory has run out.
 */
struct json_object *record_to_json(const struct spec *spec,
				   const struct vmdir *vm, time_t started,
				   const struct record_end *end);

/*
 * Write it to spec->record, mode 0600, whole or not at all; nothing to do
 * when that is NULL.  A directory of ours is made.  -errno with a sentence,
 * also when the path is something other than a file.
 */
int record_write(const struct spec *spec, const struct vmdir *vm,
		 time_t started, const struct record_end *end, struct err *err);

/*
 * Complete the record of a VM whose keeper was killed, out of its spec.json.
 * What is missing, has an end or is another VM's stays as it is.
 */
int record_repair(struct json_object *spec, const char *id, struct err *err);

/* "2026-01-31T12:00:00Z"; the caller owns it. */
struct json_object *record_time(time_t t);

#endif
