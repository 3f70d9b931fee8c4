/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue.h - frames that wait for one wire whose reader does not keep up.
 *
 * Each sender has a line of its own and the lines take turns, so that who sends
 * much delays itself.  All lines together hold QUEUE_MAX bytes.  When that is
 * too little, the longest line loses its oldest frame: whoever floods loses its
 * own frames and nobody else's.
 */
#ifndef VMM_SWITCH_QUEUE_H
#define VMM_SWITCH_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 32 long frames: about the window of one TCP connection. */
#define QUEUE_MAX (2U << 20)

struct queued {
	struct queued *next;
	size_t len;
	uint8_t data[];
};

struct queue_line {
	struct queue_line *next; /* whose turn is next */
	struct queued *first, *last;
	size_t bytes;
};

struct queue {
	struct queue_line *line; /* one for each sender, owned */
	struct queue_line *turn, *end; /* those that are not empty */
	size_t bytes; /* of all, with what they cost to keep */
	uint64_t dropped; /* frames */
};

/* For @senders senders.  0 or -ENOMEM. */
int queue_init(struct queue *q, unsigned senders);
/* Accepts a zeroed queue. */
void queue_done(struct queue *q);

/* Keep a copy of @frame of @sender, or drop one: never fails. */
void queue_put(struct queue *q, unsigned sender, const void *frame, size_t len);

/* The next to be sent, which stays; NULL: none. */
const struct queued *queue_next(const struct queue *q);
/* It was. */
void queue_pop(struct queue *q);

static inline bool queue_empty(const struct queue *q)
{
	return !q->turn;
}

#endif
