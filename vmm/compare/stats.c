/* SPDX-License-Identifier: Apache-2.0 */
/* stats.c - percentiles, bootstrap, ratios; see stats.h. */
#include "vmm/compare/stats.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/lib/auto.h"

/* splitmix64: any seed will do, and the whole state is one number. */
struct prng {
	uint64_t state;
};

static uint64_t prng_next(struct prng *p)
{
	uint64_t z = p->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* In (0, 1): never 0, of which a logarithm is taken. */
static double prng_unit(struct prng *p)
{
	return ((double)(prng_next(p) >> 11) + 0.5) * 0x1p-53;
}

static double prng_normal(struct prng *p)
{
	double r = sqrt(-2 * log(prng_unit(p)));

	return r * cos(2 * M_PI * prng_unit(p));
}

/* Gamma distribution of @shape >= 1 (Marsaglia and Tsang, 2000). */
static double prng_gamma(struct prng *p, double shape)
{
	double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);

	for (;;) {
		double x = prng_normal(p), t = 1 + c * x;
		double v = t * t * t;

		if (v > 0 &&
		    log(prng_unit(p)) < x * x / 2 + d - d * v + d * log(v))
			return d * v;
	}
}

/* FNV-1a of the samples: equal data, equal interval. */
static void prng_seed(struct prng *p, const double *v, size_t n)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < n; i++) {
		unsigned char bytes[sizeof(double)];

		memcpy(bytes, &v[i], sizeof(bytes));
		for (size_t b = 0; b < sizeof(bytes); b++)
			h = (h ^ bytes[b]) * 0x100000001b3;
	}
	p->state = h;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* A sorted copy, which the caller frees. */
static double *sorted_copy(const double *v, size_t n)
{
	double *copy = malloc(n * sizeof(*copy));

	if (!copy)
		return NULL;
	memcpy(copy, v, n * sizeof(*copy));
	qsort(copy, n, sizeof(*copy), compare_doubles);
	return copy;
}

static double between(double a, double b, double part)
{
	/* a + (b - a) * part would overflow between the largest numbers. */
	return a == b ? a : a * (1 - part) + b * part;
}

double stats_percentile(const double *sorted, size_t n, double percentile)
{
	double at = (double)(n - 1) * percentile / 100;
	size_t i = (size_t)at;

	if (i + 1 >= n)
		return sorted[n - 1];
	return between(sorted[i], sorted[i + 1], at - (double)i);
}

/*
 * The percentile of one resample, without drawing its n values: only the k-th
 * and the next of them in order count.  n values drawn with repetition are
 * sorted[floor(n * U)] of n uniform U; in order, U(k) is the sum of the first k
 * of n + 1 exponential gaps over the sum of all.  So three gamma variables give
 * both, exactly as the n drawings would, and a million samples cost no more
 * than ten.
 */
static double resample(struct prng *p, const double *sorted, size_t n,
		       double percentile)
{
	double at = (double)(n - 1) * percentile / 100;
	size_t k = (size_t)at + 1; /* from 1 */
	double below = prng_gamma(p, (double)k);
	double gap = -log(prng_unit(p));
	double above = k < n ? prng_gamma(p, (double)(n - k)) : 0;
	double all = below + gap + above;
	size_t i = (size_t)((double)n * below / all);
	size_t j = (size_t)((double)n * (below + gap) / all);

	i = i < n ? i : n - 1; /* rounding */
	j = j < n ? j : n - 1;
	return between(sorted[i], k < n ? sorted[j] : sorted[i],
		       at - (double)(k - 1));
}

/*
 * Widen the interval to that of order statistics, which holds for every
 * distribution: the percentile lies below the k-th of @n samples when fewer
 * than k of them are below the percentile, and their number is binomial.
 */
static void widen_tail(const double *sorted, size_t n, double p,
		       struct figure *fig)
{
	double below = 0; /* P(no more than i samples below) */
	size_t low = 0, high = n - 1;

	for (size_t i = 0; i < n; i++) {
		below += exp(lgamma((double)n + 1) - lgamma((double)i + 1) -
			     lgamma((double)(n - i) + 1) + (double)i * log(p) +
			     (double)(n - i) * log(1 - p));
		if (below <= 0.025)
			low = i;
		if (below >= 0.975) {
			high = i;
			break;
		}
	}
	fig->low = fmin(fig->low, sorted[low]);
	fig->high = fmax(fig->high, sorted[high]);
}

/* Sorts @draws, of which there are STATS_RESAMPLES. */
static void interval(double *draws, double *low, double *high)
{
	qsort(draws, STATS_RESAMPLES, sizeof(*draws), compare_doubles);
	*low = stats_percentile(draws, STATS_RESAMPLES, 2.5);
	*high = stats_percentile(draws, STATS_RESAMPLES, 97.5);
}

static bool is_open(size_t n, unsigned percentile)
{
	return percentile > 50 && pow(percentile / 100.0, (double)n) > 0.025;
}

int stats_figure(const double *v, size_t n, unsigned percentile,
		 struct figure *ret)
{
	if (n == 0)
		return -ENODATA;

	AUTO_FREE double *sorted = sorted_copy(v, n);
	AUTO_FREE double *draws = malloc(STATS_RESAMPLES * sizeof(*draws));
	if (!sorted || !draws)
		return -ENOMEM;

	struct figure fig = {
		.n = n,
		.value = stats_percentile(sorted, n, percentile),
		.low = sorted[0],
		.high = sorted[n - 1],
		.min = sorted[0],
		.max = sorted[n - 1],
		.open = is_open(n, percentile),
	};
	if (n >= STATS_BOOTSTRAP_MIN) {
		struct prng prng;

		prng_seed(&prng, sorted, n);
		for (size_t i = 0; i < STATS_RESAMPLES; i++)
			draws[i] = resample(&prng, sorted, n, percentile);
		interval(draws, &fig.low, &fig.high);
		if (percentile > 50)
			widen_tail(sorted, n, percentile / 100.0, &fig);
		if (fig.open)
			fig.high = fig.max;
	}
	*ret = fig;
	return 0;
}

static enum verdict judge(const struct ratio *r, bool few, double floor)
{
	if (few)
		return VERDICT_FEW;
	if (r->low >= 1 - STATS_SAME && r->high <= 1 + STATS_SAME &&
	    ((r->low <= 1 && r->high >= 1) || fabs(r->value - 1) < floor))
		return VERDICT_SAME;
	if ((r->low <= 1 && r->high >= 1) || fabs(r->value - 1) < floor)
		return VERDICT_NOISE;
	return r->value > 1 ? VERDICT_WORSE : VERDICT_BETTER;
}

/* @a over @b, both sorted: value and interval of the ratio. */
static int ratio_of(const double *a, size_t na, const double *b, size_t nb,
		    unsigned percentile, struct ratio *r)
{
	r->value = stats_percentile(a, na, percentile) /
		   stats_percentile(b, nb, percentile);
	r->low = a[0] / b[nb - 1];
	r->high = a[na - 1] / b[0];
	if (na < STATS_BOOTSTRAP_MIN || nb < STATS_BOOTSTRAP_MIN)
		return 0;

	AUTO_FREE double *draws = malloc(STATS_RESAMPLES * sizeof(*draws));
	if (!draws)
		return -ENOMEM;

	struct prng pa, pb;
	prng_seed(&pa, a, na);
	prng_seed(&pb, b, nb);
	/* Equal data must not draw in step: their ratio would never vary. */
	pb.state = ~pb.state;
	for (size_t i = 0; i < STATS_RESAMPLES; i++)
		draws[i] = resample(&pa, a, na, percentile) /
			   resample(&pb, b, nb, percentile);
	interval(draws, &r->low, &r->high);
	return 0;
}

int stats_ratio(const struct samples *mine, const struct samples *ref,
		const struct row_info *row, struct ratio *ret)
{
	*ret = (struct ratio){ .verdict = VERDICT_NONE };
	if (mine->n == 0 || ref->n == 0)
		return 0;

	AUTO_FREE double *a = sorted_copy(mine->v, mine->n);
	AUTO_FREE double *b = sorted_copy(ref->v, ref->n);
	if (!a || !b)
		return -ENOMEM;
	/* A resample may be all of the smallest: no ratio with 0 among them. */
	if (a[0] <= 0 || b[0] <= 0)
		return 0;

	struct ratio r = { 0 };
	int res =
		row->higher
			? ratio_of(b, ref->n, a, mine->n, row->percentile, &r)
			: ratio_of(a, mine->n, b, ref->n, row->percentile, &r);
	if (res)
		return res;
	if (!isfinite(r.value) || !isfinite(r.high) || r.low <= 0)
		return 0; /* beyond what a double can say */

	bool few = mine->n < STATS_VERDICT_MIN || ref->n < STATS_VERDICT_MIN ||
		   is_open(mine->n, row->percentile) ||
		   is_open(ref->n, row->percentile);
	r.verdict = judge(&r, few, row->noise_floor);
	*ret = r;
	return 0;
}

const char *stats_verdict(enum verdict verdict)
{
	static const char *const words[] = {
		[VERDICT_NONE] = "no ratio",
		[VERDICT_FEW] = "not enough samples",
		[VERDICT_SAME] = "same",
		[VERDICT_NOISE] = "within the noise",
		[VERDICT_BETTER] = "better",
		[VERDICT_WORSE] = "worse",
	};

	return words[verdict];
}

static int agree_one(const struct samples *x, const struct samples *y,
		     unsigned percentile, struct agreement *sum, bool *overlap)
{
	struct figure fx, fy;

	if (x->n == 0 || y->n == 0)
		return 0;
	if (stats_figure(x->v, x->n, percentile, &fx) ||
	    stats_figure(y->v, y->n, percentile, &fy))
		return -ENOMEM;
	if (fx.open || fy.open) {
		sum->open++;
		return 0;
	}
	*overlap = fx.low <= fy.high && fy.low <= fx.high;
	sum->rows++;
	sum->agree += *overlap;
	return 0;
}

int stats_agree(const struct result *a, const struct result *b,
		struct agreement *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t p = 0; p < a->nr_peers; p++) {
		int q = result_peer(b, a->peers[p].name);

		if (q < 0)
			continue;
		for (enum row row = 0; row < NR_ROWS; row++) {
			const struct row_info *info = row_info(row);

			if (agree_one(&a->samples[info->of][p],
				      &b->samples[info->of][q],
				      info->percentile, ret,
				      &ret->overlap[row][p]))
				return -ENOMEM;
		}
	}
	return 0;
}
