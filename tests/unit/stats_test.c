/* SPDX-License-Identifier: Apache-2.0 */
/* stats_test.c - percentiles, intervals that cover, verdicts at their edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "vmm/compare/stats.h"

#define NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-9)

static void percentiles_are_those_of_type_7(void **state)
{
	/* What numpy.percentile() says of these. */
	static const double v[] = { 15, 20, 35, 40, 50 };
	static const double two[] = { 1, 2 };

	(void)state;
	NEAR(stats_percentile(v, 5, 0), 15);
	NEAR(stats_percentile(v, 5, 40), 29);
	NEAR(stats_percentile(v, 5, 50), 35);
	NEAR(stats_percentile(v, 5, 90), 46);
	NEAR(stats_percentile(v, 5, 99), 49.6);
	NEAR(stats_percentile(v, 5, 100), 50);
	NEAR(stats_percentile(two, 2, 50), 1.5);
	NEAR(stats_percentile(v, 1, 99), 15);
}

static void few_samples_span_all_of_them(void **state)
{
	static const double v[] = { 4, 1, 3, 2 };
	struct figure f;

	(void)state;
	assert_int_equal(stats_figure(v, 0, 50, &f), -ENODATA);
	assert_int_equal(stats_figure(v, 4, 50, &f), 0);
	assert_int_equal(f.n, 4);
	NEAR(f.value, 2.5);
	NEAR(f.low, 1);
	NEAR(f.high, 4);
	assert_false(f.open);
	assert_int_equal(stats_figure(v, 1, 50, &f), 0);
	NEAR(f.low, 4);
	NEAR(f.high, 4);
}

static double unit(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005U + 1442695040888963407U;
	return ((double)(*seed >> 11) + 0.5) * 0x1p-53;
}

/* Times with a long tail: exponential above a floor of 1. */
static void draw(uint64_t *seed, double *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		v[i] = 1 - log(unit(seed));
}

static void a_tail_wants_many_samples(void **state)
{
	double v[400];
	uint64_t seed = 1;
	struct figure f;

	(void)state;
	draw(&seed, v, 400);
	assert_int_equal(stats_figure(v, 35, 90, &f), 0);
	assert_true(f.open);
	NEAR(f.high, f.max);
	assert_int_equal(stats_figure(v, 36, 90, &f), 0);
	assert_false(f.open);
	assert_int_equal(stats_figure(v, 367, 99, &f), 0);
	assert_true(f.open);
	assert_int_equal(stats_figure(v, 368, 99, &f), 0);
	assert_false(f.open);
	assert_int_equal(stats_figure(v, 5, 50, &f), 0);
	assert_false(f.open);
}

static void it_prints_the_same_twice(void **state)
{
	double v[50], turned[50];
	uint64_t seed = 2;
	struct figure a, b;

	(void)state;
	draw(&seed, v, 50);
	for (size_t i = 0; i < 50; i++)
		turned[i] = v[49 - i];
	assert_int_equal(stats_figure(v, 50, 50, &a), 0);
	assert_int_equal(stats_figure(turned, 50, 50, &b), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_true(a.low < a.value && a.value < a.high);
	assert_true(a.low > a.min && a.high < a.max);
}

/* How many of 1,000 intervals of @n samples hold what they estimate. */
static unsigned covered(size_t n, unsigned percentile)
{
	double v[1000], truth = 1 - log(1 - percentile / 100.0);
	uint64_t seed = 3;
	unsigned hits = 0;

	for (unsigned i = 0; i < 1000; i++) {
		struct figure f;

		draw(&seed, v, n);
		assert_int_equal(stats_figure(v, n, percentile, &f), 0);
		hits += f.low <= truth && (truth <= f.high || f.open);
	}
	return hits;
}

static void intervals_cover_the_truth(void **state)
{
	(void)state;
	/* 95% are meant; few samples make any bootstrap a little short. */
	assert_in_range(covered(5, 50), 900, 990);
	assert_in_range(covered(10, 50), 915, 985);
	assert_in_range(covered(20, 50), 925, 980);
	assert_in_range(covered(200, 50), 930, 970);
	assert_in_range(covered(40, 90), 940, 1000);
	assert_in_range(covered(500, 99), 940, 1000);
	assert_in_range(covered(20, 99), 990, 1000); /* open */
}

/* P(the 6th of 11 drawn with repetition is among the first @i of 11). */
static double sixth_within(unsigned i)
{
	double p = i / 11.0, term = pow(1 - p, 11), fewer = term;

	if (i == 11)
		return 1;
	for (unsigned m = 1; m < 6; m++) { /* binomial: fewer than 6 of 11 */
		term *= (12 - m) * p / (m * (1 - p));
		fewer += term;
	}
	return 1 - fewer;
}

/*
 * Resamples are drawn by way of order statistics.  Of samples that say their
 * own place the ends of the bootstrap are known exactly.
 */
static void the_short_cut_is_the_bootstrap(void **state)
{
	double v[11];
	unsigned low = 1, high = 1;
	struct figure f;

	(void)state;
	for (unsigned i = 0; i < 11; i++)
		v[i] = i + 1;
	while (sixth_within(low) < 0.025)
		low++;
	while (sixth_within(high) < 0.975)
		high++;
	assert_int_equal(stats_figure(v, 11, 50, &f), 0);
	NEAR(f.low, low);
	NEAR(f.high, high);
}

static struct row_info row_of(bool higher, unsigned char percentile)
{
	struct row_info row = *row_info(ROW_SYS_GETPID);

	row.higher = higher;
	row.percentile = percentile;
	return row;
}

static struct ratio ratio_of(double *a, size_t na, double *b, size_t nb,
			     bool higher)
{
	struct row_info row = row_of(higher, 50);
	struct samples x = { .v = a, .n = na }, y = { .v = b, .n = nb };
	struct ratio r;

	assert_int_equal(stats_ratio(&x, &y, &row, &r), 0);
	return r;
}

static void verdicts_know_which_way_is_better(void **state)
{
	double one[] = { 100, 101, 99, 100, 102 };
	double two[] = { 200, 202, 198, 200, 204 };
	struct ratio r = ratio_of(two, 5, one, 5, false);

	(void)state;
	NEAR(r.value, 2);
	assert_int_equal(r.verdict, VERDICT_WORSE);
	assert_true(r.low > 1.9 && r.high < 2.1);
	r = ratio_of(two, 5, one, 5, true);
	NEAR(r.value, 0.5);
	assert_int_equal(r.verdict, VERDICT_BETTER);
	assert_int_equal(ratio_of(one, 5, two, 5, true).verdict, VERDICT_WORSE);
	assert_int_equal(ratio_of(one, 5, one, 5, false).verdict, VERDICT_SAME);
}

static void verdicts_at_their_edges(void **state)
{
	double wide[] = { 80, 90, 100, 110, 120, 130 };
	double near[] = { 100.4, 100.5, 100.5, 100.5, 100.5, 100.6 };
	double hundred[] = { 100, 100, 100, 100, 100, 100 };
	double far[] = { 103, 103, 103, 103, 103, 103 };
	double zero[] = { 0, 5, 5, 5, 5, 5 };

	(void)state;
	assert_int_equal(ratio_of(wide, 6, hundred, 6, false).verdict,
			 VERDICT_NOISE);
	/* Told apart, but by less than the floor of 1%. */
	struct ratio r = ratio_of(near, 6, hundred, 6, false);
	assert_true(r.low > 1);
	assert_int_equal(r.verdict, VERDICT_SAME);
	assert_int_equal(ratio_of(far, 6, hundred, 6, false).verdict,
			 VERDICT_WORSE);
	assert_int_equal(ratio_of(hundred, 6, far, 6, false).verdict,
			 VERDICT_BETTER);
	assert_int_equal(ratio_of(far, 4, hundred, 4, false).verdict,
			 VERDICT_WORSE);
	r = ratio_of(far, 3, hundred, 6, false);
	assert_int_equal(r.verdict, VERDICT_FEW);
	NEAR(r.value, 1.03);
	assert_int_equal(ratio_of(zero, 6, hundred, 6, false).verdict,
			 VERDICT_NONE);
	assert_int_equal(ratio_of(hundred, 6, zero, 6, false).verdict,
			 VERDICT_NONE);
	assert_int_equal(ratio_of(hundred, 0, far, 6, false).verdict,
			 VERDICT_NONE);
	double huge[] = { 1e308, 1e308, 1e308, 1e308, 1e308 };
	double tiny[] = { 1e-308, 1e-308, 1e-308, 1e-308, 1e-308 };
	assert_int_equal(ratio_of(huge, 5, tiny, 5, false).verdict,
			 VERDICT_NONE);
}

static void an_open_tail_has_no_verdict(void **state)
{
	double a[100], b[100];
	uint64_t seed = 5;
	struct row_info row = row_of(false, 99);
	struct samples x = { .v = a, .n = 100 }, y = { .v = b, .n = 100 };
	struct ratio r;

	(void)state;
	draw(&seed, a, 100);
	for (size_t i = 0; i < 100; i++)
		b[i] = 10 * a[i];
	assert_int_equal(stats_ratio(&y, &x, &row, &r), 0);
	NEAR(r.value, 10);
	assert_int_equal(r.verdict, VERDICT_FEW);
	row.percentile = 90;
	assert_int_equal(stats_ratio(&y, &x, &row, &r), 0);
	assert_int_equal(r.verdict, VERDICT_WORSE);
}

/* Two machines that are equal: how often does a verdict say otherwise? */
static void equals_are_seldom_told_apart(void **state)
{
	double a[20], b[20];
	uint64_t seed = 6;
	unsigned wrong = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		draw(&seed, a, 20);
		draw(&seed, b, 20);

		enum verdict v = ratio_of(a, 20, b, 20, false).verdict;
		wrong += v == VERDICT_BETTER || v == VERDICT_WORSE;
	}
	assert_in_range(wrong, 5, 75);
}

static void add(struct result *res, enum row row, size_t peer, double base,
		uint64_t *seed)
{
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(result_add(res, row, peer,
					    base * (1 + 0.1 * unit(seed))),
				 0);
}

static void two_runs_agree_or_not(void **state)
{
	struct result *a = result_new(), *b = result_new();
	struct agreement sum;
	uint64_t seed = 7;

	(void)state;
	assert_true(a && b);
	a->nr_peers = 2;
	b->nr_peers = 2;
	strcpy(a->peers[0].name, "bare");
	strcpy(a->peers[1].name, "runc");
	strcpy(b->peers[0].name, "runc"); /* in another order */
	strcpy(b->peers[1].name, "crun");
	add(a, ROW_SYS_GETPID, 0, 50, &seed);
	add(a, ROW_SYS_GETPID, 1, 100, &seed);
	add(b, ROW_SYS_GETPID, 0, 100, &seed);
	add(a, ROW_SYS_PIPE, 1, 100, &seed);
	add(b, ROW_SYS_PIPE, 0, 120, &seed);
	add(a, ROW_START_FIRST, 1, 100, &seed);
	add(b, ROW_START_FIRST, 0, 100, &seed);

	assert_int_equal(stats_agree(a, b, &sum), 0);
	assert_int_equal(sum.rows, 3);
	assert_int_equal(sum.agree, 2);
	assert_int_equal(sum.open, 2); /* p90 and p99 of 10 */
	assert_true(sum.overlap[ROW_SYS_GETPID][1]);
	assert_false(sum.overlap[ROW_SYS_PIPE][1]);
	assert_false(sum.overlap[ROW_SYS_GETPID][0]);
	result_free(a);
	result_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percentiles_are_those_of_type_7),
		cmocka_unit_test(few_samples_span_all_of_them),
		cmocka_unit_test(a_tail_wants_many_samples),
		cmocka_unit_test(it_prints_the_same_twice),
		cmocka_unit_test(intervals_cover_the_truth),
		cmocka_unit_test(the_short_cut_is_the_bootstrap),
		cmocka_unit_test(verdicts_know_which_way_is_better),
		cmocka_unit_test(verdicts_at_their_edges),
		cmocka_unit_test(an_open_tail_has_no_verdict),
		cmocka_unit_test(equals_are_seldom_told_apart),
		cmocka_unit_test(two_runs_agree_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
