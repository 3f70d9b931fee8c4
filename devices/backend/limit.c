/* SPDX-License-Identifier: Apache-2.0 */
/* limit.c - bytes and operations a second, by the host's clock. */
#include "devices/backend/limit.h"

#define BILLION UINT64_C(1000000000)

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * BILLION + (uint64_t)t.tv_nsec;
}

bool limit_set(const struct limit *l)
{
	return l->bytes.rate || l->ops.rate;
}

void limit_init(struct limit *l, uint64_t bytes, uint64_t ops)
{
	uint64_t now = bytes || ops ? now_ns() : 0;

	bucket_init(&l->bytes, bytes, now);
	bucket_init(&l->ops, ops, now);
}

uint64_t limit_wait(struct limit *l, uint64_t bytes, uint64_t ops)
{
	if (!limit_set(l))
		return 0;

	uint64_t now = now_ns();
	uint64_t a = bucket_wait(&l->bytes, now, bytes);
	uint64_t b = bucket_wait(&l->ops, now, ops);

	return a > b ? a : b;
}

void limit_spend(struct limit *l, uint64_t bytes, uint64_t ops)
{
	bucket_spend(&l->bytes, bytes);
	bucket_spend(&l->ops, ops);
}

uint64_t limit_take(struct limit *l, uint64_t bytes, uint64_t ops)
{
	uint64_t wait = limit_wait(l, bytes, ops);

	if (wait == 0)
		limit_spend(l, bytes, ops);
	return wait;
}

struct timespec limit_timespec(uint64_t ns)
{
	return (struct timespec){
		.tv_sec = (time_t)(ns / BILLION),
		.tv_nsec = (long)(ns % BILLION),
	};
}
