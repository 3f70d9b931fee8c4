/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stdin_queue.h - bytes on their way to the process's stdin, and the credit
 * they cost.  The window of vmm/abi/agent.h bounds the queue.
 */
#ifndef IMAGES_INIT_STDIN_QUEUE_H
#define IMAGES_INIT_STDIN_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/abi/agent.h"

struct stdin_queue {
	size_t start, end; /* of data */
	uint32_t window; /* what the keeper may still send */
	uint32_t freed; /* consumed, not yet credited */
	bool ended; /* the keeper has sent end of file */
	uint8_t data[AGENT_WINDOW + 1]; /* and the terminal's ^D */
};

void stdin_queue_init(struct stdin_queue *q);

/* -EPROTO: beyond the window, or after the end. */
int stdin_queue_add(struct stdin_queue *q, const uint8_t *data, size_t len);

/* The keeper's end of file; @mark: append ^D, for a terminal.  As above. */
int stdin_queue_end(struct stdin_queue *q, bool mark);

/* Write once to @fd; negative: throw everything away.  0 or -errno. */
int stdin_queue_drain(struct stdin_queue *q, int fd);

bool stdin_queue_empty(const struct stdin_queue *q);

/* Credit worth a record now, 0 for none yet; what it returns is granted. */
uint32_t stdin_queue_credit(struct stdin_queue *q);

#endif
