/* SPDX-License-Identifier: Apache-2.0 */
/* command.h - what one run of IMAGE COMMAND gave, until all are judged. */
#ifndef VMM_COMPARE_COMMAND_H
#define VMM_COMPARE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct turn {
	bool made; /* it ran to its end, in this round */
	int status;
	uint64_t time, first, cpu; /* ns; first 0: no output */
	uint64_t memory; /* bytes, peak; 0: not seen */
	char how[320]; /* it ended */
	char no_memory[208]; /* why not, "" */
};

/*
 * The status that the command has: 0 when it succeeds anywhere, else the one
 * that it has in all of @turns; -1 when they differ, or none was made.
 */
int command_status(const struct turn *turns, size_t n);

#endif
