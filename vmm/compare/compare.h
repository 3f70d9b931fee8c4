/* SPDX-License-Identifier: Apache-2.0 */
/* compare.h - one comparison, from what was asked for to its result. */
#ifndef VMM_COMPARE_COMPARE_H
#define VMM_COMPARE_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/compare/result.h"
#include "vmm/compare/runner.h"
#include "vmm/manager/cmd.h"

/* Two results of one machine are to agree in as many of their rows. */
#define COMPARE_AGREE_PERCENT 95

/* What was asked for. */
struct compare_plan {
	bool with[RESULT_PEERS_MAX]; /* as peers_all has them */
	bool chosen; /* false: all */
	unsigned runs; /* 0: the suite's */
	uint64_t memory; /* bytes, 0: the default of `belljar run` */
	const struct suite *suite; /* NULL: quick, or IMAGE's command */
	const char *image; /* NULL: the built-in one */
	char *const *command; /* with @image; empty: the image's own */
	struct gpu_plan gpu; /* without @image */
	bool quiet;
};

/*
 * Do it.  @res is empty before.  -EINTR when @stop, a signalfd, told so: @res
 * has what there is then, marked as partial, unless it has no peers yet.
 * Other failures come before the first measurement.
 */
int compare_measure(struct manager *mgr, const struct compare_plan *plan,
		    int stop, struct result *res, struct err *err);

/* Is there any sample? */
bool compare_any(const struct result *res);

#endif
