/* SPDX-License-Identifier: Apache-2.0 */
/* A bar on a terminal; silence anywhere else. */
#ifndef VMM_MANAGER_PROGRESS_H
#define VMM_MANAGER_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool on;
	bool drawn; /* the line holds something */
	char label[48];
	uint64_t done, total; /* bytes; total 0: unknown */
	int64_t next_ns; /* CLOCK_MONOTONIC: not redrawn before */
};

/* Draws on stderr if that is a terminal and @quiet is not set. */
void progress_init(struct progress *p, bool quiet);

/* Begin a line: @label, and how many bytes make it full (0: unknown). */
void progress_begin(struct progress *p, const char *label, uint64_t total);

/* @bytes more are done.  Redraws at most ten times a second. */
void progress_add(struct progress *p, uint64_t bytes);

/* Wipe the line, so that what is printed next stands alone. */
void progress_clear(struct progress *p);

#endif
