/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bucket.h - a token bucket: so much a second on average, and a second's worth
 * at once.
 *
 *            rate tokens a second, in steps of a billionth of a token
 *                 |
 *           +-----v-----+  full: one second's worth; what comes then is lost
 *           |###########|
 *           +-----+-----+  below empty: a debt, after more than a second's
 *                 |        worth went out at once
 *                 v  amount
 *
 * Whoever wants more than the bucket holds waits; who wants more than it can
 * ever hold waits until it is full, and what is missing becomes a debt that
 * the next one waits for.  So nobody starves, and over any time t no more
 * goes out than a second's worth, rate * t, and what a single request is
 * larger than a second's worth.
 *
 * The clock is passed in: CLOCK_MONOTONIC, in nanoseconds.  One that went
 * back adds nothing, one that jumped ahead at most fills the bucket.  No lock
 * inside: one thread at a time.
 */
#ifndef DEVICES_BACKEND_BUCKET_H
#define DEVICES_BACKEND_BUCKET_H

#include <stdint.h>

struct bucket {
	uint64_t rate; /* tokens a second, and the most it holds; 0: no limit */
	uint64_t last; /* when `level` was true */
	__int128 level; /* billionths of a token; negative: a debt */
};

/* Full at @now.  Any @rate; 0 grants everything. */
void bucket_init(struct bucket *b, uint64_t rate, uint64_t now);

/*
 * Nanoseconds until @amount can be had, 0: now; never 0 before it can, so that
 * one wait is enough while nobody else takes.  Nothing is taken.  An amount of
 * 0 can be had even from a bucket in debt.
 */
uint64_t bucket_wait(struct bucket *b, uint64_t now, uint64_t amount);
/*
 * Take @amount, whatever the level: after bucket_wait() said 0, or for what
 * happened before its size was known.
 */
void bucket_spend(struct bucket *b, uint64_t amount);
/* bucket_wait(), and bucket_spend() when it says 0. */
uint64_t bucket_take(struct bucket *b, uint64_t now, uint64_t amount);

#endif
