/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.h - what is measured on a device; units are those of
 * vmm/compare/rows.c.
 */
#ifndef IMAGES_COMPARE_GPU_ROWS_H
#define IMAGES_COMPARE_GPU_ROWS_H

#include "images/compare/gpu/cuda.h"
#include "images/compare/suite.h"
#include "images/compare/times.h"

/* A median, of ret->ops measurements: as many as the budget has room for. */
typedef int gpu_row_fn(const struct cuda *cuda, int64_t budget,
		       struct figure *ret, struct err *err);

gpu_row_fn copy_in, copy_out; /* copy.c */
gpu_row_fn step_run; /* step.c */

/* That the median is of, however long they take. */
#define TIMES_LEAST 5

#endif
