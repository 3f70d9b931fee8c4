/* SPDX-License-Identifier: Apache-2.0 */
/* pace.h - clocks, and repeating an operation for a span of time. */
#ifndef IMAGES_COMPARE_PACE_H
#define IMAGES_COMPARE_PACE_H

#include <stdint.h>

#include "vmm/lib/err.h"

/* CLOCK_MONOTONIC, in ns. */
int64_t pace_now(void);

/* What was done in how long: @ns is more than 0. */
struct pace {
	uint64_t ops;
	double ns;
};

/* Do it @n times.  0 or -errno with a sentence. */
typedef int pace_fn(void *state, uint64_t n, struct err *err);

/*
 * Call @fn for about @budget ns, in batches so long that reading the clock
 * between them costs nothing.  The batches that find out how long that is are
 * the warm-up and not counted, unless one of them alone took the budget.
 */
int pace_run(int64_t budget, pace_fn *fn, void *state, struct pace *ret,
	     struct err *err);

/* Pseudo-random numbers (splitmix64): fast, and the same everywhere. */
uint64_t pace_random(uint64_t *state);
/* One of them as a number from -0.5 up to 0.5. */
float pace_random_float(uint64_t *state);

/*
 * Whoever computes for the sake of the time it takes has to keep the compiler
 * from seeing that nobody wants the result.
 */
static inline void pace_keep(uint64_t value)
{
	__asm__ volatile("" : : "r"(value));
}

static inline void pace_keep_double(double value)
{
	__asm__ volatile("" : : "x"(value));
}

#endif
