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
	uint64_t taken; /* devices taken from the host's drivers */
	uint64_t started; /* the monitor enters the guest */
	uint64_t exec; /* the container's process begins */
	uint64_t exited; /* it ended */
	uint64_t ended; /* the monitor ended */
	uint64_t init_ns; /* duration of init's part, as the guest says */
	struct {
		uint64_t bytes, page, threads;
		uint64_t populate_ns; /* to have it all */
		uint64_t map_ns; /* to map it for devices */
	} memory; /* part of the monitor's start; bytes 0: not so */
};

uint64_t timing_now(void);

/* Note what the monitor's event "memory" says. */
void timing_memory(struct timing *t, struct json_object *event);

/*
 * Milliseconds of each phase, and "total"; phases that were not reached are
 * left out; "memory" when it was populated.  The caller owns it; NULL when
 * memory has run out.
 */
struct json_object *timing_to_json(const struct timing *t);

/* The object as a table for a person. */
void timing_print(struct json_object *times, FILE *to);

#endif
