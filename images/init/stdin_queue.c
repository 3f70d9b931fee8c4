/* SPDX-License-Identifier: Apache-2.0 */
/* stdin_queue.c - bytes on their way to the process's stdin. */
#include "images/init/stdin_queue.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Termios' VEOF as every new terminal has it. */
#define END_OF_TRANSMISSION 4

void stdin_queue_init(struct stdin_queue *q)
{
	q->start = q->end = 0;
	q->window = AGENT_WINDOW;
	q->freed = 0;
	q->ended = false;
}

bool stdin_queue_empty(const struct stdin_queue *q)
{
	return q->start == q->end;
}

static void append(struct stdin_queue *q, const uint8_t *data, size_t len)
{
	if (q->start > 0) {
		memmove(q->data, q->data + q->start, q->end - q->start);
		q->end -= q->start;
		q->start = 0;
	}
	memcpy(q->data + q->end, data, len);
	q->end += len;
}

int stdin_queue_add(struct stdin_queue *q, const uint8_t *data, size_t len)
{
	if (q->ended || len > q->window)
		return -EPROTO;
	q->window -= (uint32_t)len;
	append(q, data, len);
	return 0;
}

int stdin_queue_end(struct stdin_queue *q, bool mark)
{
	static const uint8_t eot = END_OF_TRANSMISSION;

	if (q->ended)
		return -EPROTO;
	q->ended = true;
	if (mark)
		append(q, &eot, 1);
	return 0;
}

int stdin_queue_drain(struct stdin_queue *q, int fd)
{
	ssize_t n = (ssize_t)(q->end - q->start);

	if (fd >= 0)
		n = write(fd, q->data + q->start, (size_t)n);
	if (n < 0)
		return -errno;
	q->start += (size_t)n;
	q->freed += (uint32_t)n;
	return 0;
}

uint32_t stdin_queue_credit(struct stdin_queue *q)
{
	/* Half a window at a time, so that records stay few. */
	if (q->ended || q->freed < AGENT_WINDOW / 2)
		return 0;

	uint32_t credit = q->freed;
	q->freed = 0;
	q->window += credit;
	return credit;
}
