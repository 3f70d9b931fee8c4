/* SPDX-License-Identifier: Apache-2.0 */
/* pace.c - clocks, and repeating an operation for a span of time. */
#include "images/compare/pace.h"

#include <time.h>

/* A batch is this part of the budget, or longer. */
#define BATCHES 16L

int64_t pace_now(void)
{
	struct timespec ts = { 0 };

	/* It cannot fail: the clock exists and the pointer is good. */
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* How long a batch takes, at least 1 ns, or -errno. */
static int64_t batch(pace_fn *fn, void *state, uint64_t n, struct err *err)
{
	int64_t begin = pace_now();
	int r = fn(state, n, err);
	if (r < 0)
		return r;

	int64_t took = pace_now() - begin;
	return took > 0 ? took : 1;
}

int pace_run(int64_t budget, pace_fn *fn, void *state, struct pace *ret,
	     struct err *err)
{
	uint64_t n = 1;
	int64_t took = batch(fn, state, n, err);

	while (took >= 0 && took < budget / BATCHES) {
		/* Far away: larger steps, so that a slow clock ends it too. */
		n *= took < budget / (BATCHES * 16) ? 8 : 2;
		took = batch(fn, state, n, err);
	}
	if (took < 0)
		return (int)took;

	struct pace p = { .ops = n, .ns = (double)took };
	if (took < budget) {
		int64_t spent = 0;

		p.ops = 0;
		do {
			took = batch(fn, state, n, err);
			if (took < 0)
				return (int)took;
			spent += took;
			p.ops += n;
		} while (spent + took / 2 < budget);
		p.ns = (double)spent;
	}
	*ret = p;
	return 0;
}

uint64_t pace_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

float pace_random_float(uint64_t *state)
{
	return (float)(pace_random(state) >> 40) / (1 << 24) - 0.5F;
}
