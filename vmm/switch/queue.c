/* SPDX-License-Identifier: Apache-2.0 */
/* queue.c - lines of frames, one for each sender. */
#include "vmm/switch/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t cost(size_t len)
{
	return sizeof(struct queued) + len;
}

int queue_init(struct queue *q, unsigned senders)
{
	*q = (struct queue){ .line = calloc(senders, sizeof(*q->line)) };
	return q->line ? 0 : -ENOMEM;
}

static void drop_first(struct queue *q, struct queue_line *l)
{
	struct queued *f = l->first;

	l->first = f->next;
	l->bytes -= cost(f->len);
	q->bytes -= cost(f->len);
	free(f);
}

void queue_done(struct queue *q)
{
	while (q->turn) {
		while (q->turn->first)
			drop_first(q, q->turn);
		q->turn = q->turn->next;
	}
	free(q->line);
	*q = (struct queue){ .line = NULL };
}

static struct queue_line *longest(const struct queue *q)
{
	struct queue_line *max = q->turn;

	for (struct queue_line *l = q->turn; l; l = l->next)
		if (l->bytes > max->bytes)
			max = l;
	return max;
}

/* Make room for a frame of @l that costs @bytes.  False: it is to be lost. */
static bool make_room(struct queue *q, const struct queue_line *l, size_t bytes)
{
	while (QUEUE_MAX - q->bytes < bytes) {
		struct queue_line *max = longest(q);

		/* The last of a line stays: an empty one has no turn. */
		if (max == l || max->bytes <= l->bytes + bytes ||
		    max->first == max->last)
			return false;
		drop_first(q, max);
		q->dropped++;
	}
	return true;
}

static void take_turn(struct queue *q, struct queue_line *l)
{
	l->next = NULL;
	if (q->turn)
		q->end->next = l;
	else
		q->turn = l;
	q->end = l;
}

void queue_put(struct queue *q, unsigned sender, const void *frame, size_t len)
{
	struct queue_line *l = &q->line[sender];
	struct queued *f = NULL;

	if (make_room(q, l, cost(len)))
		f = malloc(cost(len));
	if (!f) {
		q->dropped++;
		return;
	}
	f->next = NULL;
	f->len = len;
	memcpy(f->data, frame, len);
	if (l->first) {
		l->last->next = f;
	} else {
		l->first = f;
		take_turn(q, l);
	}
	l->last = f;
	l->bytes += cost(len);
	q->bytes += cost(len);
}

const struct queued *queue_next(const struct queue *q)
{
	return q->turn ? q->turn->first : NULL;
}

void queue_pop(struct queue *q)
{
	struct queue_line *l = q->turn;

	drop_first(q, l);
	q->turn = l->next;
	if (l->first)
		take_turn(q, l);
}
