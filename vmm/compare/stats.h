/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats.h - from samples to a figure with its interval, from two peers' figures
 * to a ratio and a verdict.  Distribution-free throughout: times of computers
 * have long tails, so there are no means and no standard deviations here.
 *
 * An interval is the 95% percentile bootstrap of STATS_RESAMPLES resamples.
 * The generator is seeded from the data: a result prints the same twice.
 *
 * Few samples:
 * - n < STATS_BOOTSTRAP_MIN: the interval is min..max.  That is the widest the
 *   samples can say, and covers the true median in 94% (5 samples), 88% (4),
 *   75% (3), 50% (2) of cases, 0% for one sample: no bootstrap does better.
 * - A tail: the largest of n samples lies below the true p-th percentile with
 *   probability p^n.  While that is more than 2.5% (p90: n < 36, p99: n < 368)
 *   the samples do not bound the percentile above; the figure is `open`, and
 *   its `high`, the largest sample, bounds nothing.  A bootstrap alone covers a
 *   p99 in 88% of cases (500 samples): intervals of tails are widened to those
 *   of order statistics, which hold for every distribution.  Intervals of
 *   their ratios are not, and are that much too narrow.
 */
#ifndef VMM_COMPARE_STATS_H
#define VMM_COMPARE_STATS_H

#include <stdbool.h>
#include <stddef.h>

#include "vmm/compare/result.h"

#define STATS_RESAMPLES	    2000
#define STATS_BOOTSTRAP_MIN 5
/*
 * The least samples on each side of a verdict.  3 and 3 that do not overlap
 * come by chance in 1 of 10 cases, 4 and 4 in 1 of 35.
 */
#define STATS_VERDICT_MIN 4
/* An interval of a ratio within 1 +- this is called "the same". */
#define STATS_SAME 0.05

struct figure {
	size_t n;
	double value; /* the percentile */
	double low; /* its 95% interval */
	double high;
	double min; /* of the samples */
	double max;
	bool open; /* see above: no upper end */
};

enum verdict {
	VERDICT_NONE, /* one has no samples, or a figure is not above 0 */
	VERDICT_FEW, /* not enough samples */
	VERDICT_SAME, /* the whole interval is near 1 */
	VERDICT_NOISE, /* cannot be told apart */
	VERDICT_BETTER,
	VERDICT_WORSE,
};

struct ratio {
	/* Times worse than the reference, whichever way is better; 1: equal. */
	double value;
	double low;
	double high;
	enum verdict verdict;
};

/*
 * The @percentile (0..100) of @n sorted values, interpolated between the two
 * nearest (type 7 of Hyndman and Fan, as R and numpy do).  @n > 0.
 */
double stats_percentile(const double *sorted, size_t n, double percentile);

/* -ENODATA when @n is 0, or -ENOMEM. */
int stats_figure(const double *v, size_t n, unsigned percentile,
		 struct figure *ret);

/*
 * How many times worse @mine is than @ref, as @row sees it.  No samples are a
 * VERDICT_NONE, not an error.  0 or -ENOMEM.
 */
int stats_ratio(const struct samples *mine, const struct samples *ref,
		const struct row_info *row, struct ratio *ret);

/* "worse", "within the noise"... */
const char *stats_verdict(enum verdict verdict);

struct agreement {
	unsigned rows; /* of a row and a peer: both have a closed interval */
	unsigned agree; /* of those: the two intervals overlap */
	unsigned open; /* not among them: too few samples to bound a tail */
	bool overlap[NR_ROWS][RESULT_PEERS_MAX]; /* by the peers of @a */
};

/*
 * Do two results of one machine agree?  Peers are matched by name, rows in
 * which either has no samples are not counted.  0 or -ENOMEM.
 */
int stats_agree(const struct result *a, const struct result *b,
		struct agreement *ret);

#endif
