/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.h - what is measured on a device; units are those of
 * vmm/compare/rows.c.
 */
#ifndef IMAGES_COMPARE_GPU_ROWS_H
#define IMAGES_COMPARE_GPU_ROWS_H

#include <stdbool.h>

#include "images/compare/gpu/cuda.h"
#include "images/compare/suite.h"

/* A median, of ret->ops measurements: as many as the budget has room for. */
typedef int gpu_row_fn(const struct cuda *cuda, int64_t budget,
		       struct figure *ret, struct err *err);

gpu_row_fn copy_in, copy_out; /* copy.c */
gpu_row_fn step_run; /* step.c */

/* Times of one row, in ns.  times.c */
#define TIMES_MAX 65536
#define TIMES_MIN 5 /* that the median is of, however long they take */

struct times {
	int64_t ns[TIMES_MAX];
	size_t n;
	int64_t until;
};

/* NULL: no memory, with a sentence.  The caller frees it. */
struct times *times_new(int64_t budget, struct err *err);

/* Is there time, and room, for one more? */
bool times_more(const struct times *t);
void times_add(struct times *t, int64_t ns);
double times_median(struct times *t);

#endif
