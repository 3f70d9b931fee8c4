/* SPDX-License-Identifier: Apache-2.0 */
/* timing.h - where the time of a run went. */
#ifndef VMM_MANAGER_TIMING_H
#define VMM_MANAGER_TIMING_H

#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>

/* Instants, ns of CLOCK_MONOTONIC of this host; 0: not reached. */
struct timing {
	uint64_t begin; /* belljar's main() */
	uint64_t image; /* image and kernel found */
	uint64_t spawn; /* folder and layer made, keeper there */
	uint64_t started; /* the monitor enters the guest */
	uint64_t exec; /* the container's process begins */
	uint64_t exited; /* it ended */
	uint64_t ended; /* the monitor ended */
	uint64_t init_ns; /* duration of init's part, as the guest says */
};

uint64_t timing_now(void);

/*
 * Milliseconds of each phase, and "total"; phases that were not reached are
 * left out.  The caller owns it; NULL when memory has run out.
 */
struct json_object *timing_to_json(const struct timing *t);

/* The object as a table for a person. */
void timing_print(struct json_object *times, FILE *to);

#endif
