/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bucket.c - a token bucket in whole numbers.
 *
 * A level is at most 2^64 * 10^9 < 2^94 either way, unless bucket_spend() is
 * called again and again without a wait: DEBT_MAX is its end then.  What
 * comes in, a product of two 64-bit numbers, fits 128 bits without a sign.
 */
#include "devices/backend/bucket.h"

#define BILLION	 INT64_C(1000000000)
#define DEBT_MAX ((__int128)1 << 100)

static __int128 parts(uint64_t tokens)
{
	return (__int128)tokens * BILLION;
}

static void refill(struct bucket *b, uint64_t now)
{
	__int128 room = parts(b->rate) - b->level;

	if (now > b->last) {
		unsigned __int128 gain =
			(unsigned __int128)(now - b->last) * b->rate;

		b->level +=
			gain < (unsigned __int128)room ? (__int128)gain : room;
	}
	b->last = now;
}

void bucket_init(struct bucket *b, uint64_t rate, uint64_t now)
{
	*b = (struct bucket){
		.rate = rate,
		.last = now,
		.level = parts(rate),
	};
}

uint64_t bucket_wait(struct bucket *b, uint64_t now, uint64_t amount)
{
	if (b->rate == 0 || amount == 0)
		return 0;
	refill(b, now);

	__int128 missing =
		parts(amount < b->rate ? amount : b->rate) - b->level;
	if (missing <= 0)
		return 0;
	/* A token a second is one part a nanosecond.  Rounded up. */
	__int128 ns = (missing + b->rate - 1) / b->rate;
	return ns < INT64_MAX ? (uint64_t)ns : INT64_MAX;
}

void bucket_spend(struct bucket *b, uint64_t amount)
{
	if (b->rate == 0)
		return;
	b->level -= parts(amount);
	if (b->level < -DEBT_MAX)
		b->level = -DEBT_MAX;
}

uint64_t bucket_take(struct bucket *b, uint64_t now, uint64_t amount)
{
	uint64_t wait = bucket_wait(b, now, amount);

	if (wait == 0)
		bucket_spend(b, amount);
	return wait;
}
