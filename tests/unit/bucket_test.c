/* SPDX-License-Identifier: Apache-2.0 */
/* bucket_test.c - the arithmetic of a token bucket, at its edges too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "devices/backend/bucket.h"

#define SECOND UINT64_C(1000000000)

static void a_second_at_once_then_the_rate(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, 1000, 5);
	assert_int_equal(bucket_take(&b, 5, 400), 0);
	assert_int_equal(bucket_take(&b, 5, 600), 0);
	assert_int_equal(bucket_take(&b, 5, 1), SECOND / 1000);
	/* It stays what it was until then. */
	assert_int_equal(bucket_take(&b, 5 + SECOND / 1000 - 1, 1), 1);
	assert_int_equal(bucket_take(&b, 5 + SECOND / 1000, 1), 0);
	assert_int_equal(bucket_take(&b, 5 + SECOND / 1000, 500), SECOND / 2);
}

static void fractions_are_kept(void **state)
{
	struct bucket b;
	uint64_t now = 0;
	unsigned taken = 0;

	(void)state;
	bucket_init(&b, 3, now);
	assert_int_equal(bucket_take(&b, now, 3), 0);
	/* Asked often, and a third of a second has no last digit. */
	for (; now < SECOND; now += 7 * 1001)
		taken += bucket_take(&b, now, 1) == 0;
	assert_int_equal(taken, 2);
	assert_int_equal(bucket_take(&b, SECOND, 1), 0);
}

/* Whoever waits as told gets all of the rate and nothing beyond it. */
static void waits_are_exact_for_any_rate(void **state)
{
	(void)state;
	srandom(1);
	for (unsigned i = 0; i < 2000; i++) {
		uint64_t rate = 1 + ((uint64_t)random() >> (random() % 31));
		uint64_t start = (uint64_t)random();
		uint64_t now = start, total = 0, largest = 0;
		struct bucket b;

		bucket_init(&b, rate, now);
		for (unsigned n = 0; n < 50; n++) {
			uint64_t want = (uint64_t)random() % (2 * rate) + 1;
			uint64_t wait = bucket_take(&b, now, want);

			if (wait) {
				assert_int_not_equal(
					bucket_wait(&b, now + wait - 1, want),
					0);
				now += wait;
				assert_int_equal(bucket_take(&b, now, want), 0);
			}
			total += want;
			largest = want > largest ? want : largest;
		}
		unsigned __int128 due =
			(unsigned __int128)rate * (now - start) / SECOND;
		uint64_t beyond = largest > rate ? largest - rate : 0;
		assert_true(total <= due + rate + beyond);
		assert_true(total + rate + 1 >= due);
	}
}

static void more_than_it_holds_becomes_a_debt(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, 100, 0);
	assert_int_equal(bucket_take(&b, 0, 1), 0);
	/* Not before it is full, then all of it. */
	assert_int_equal(bucket_take(&b, 0, 350), SECOND / 100);
	assert_int_equal(bucket_take(&b, SECOND / 100, 350), 0);
	assert_int_equal(bucket_wait(&b, SECOND / 100, 1),
			 250 * (SECOND / 100) + SECOND / 100);
	/* What needs nothing does not wait for others' debts. */
	assert_int_equal(bucket_take(&b, SECOND / 100, 0), 0);
	assert_int_equal(bucket_take(&b, 4 * SECOND, 1), 0);
}

static void one_a_second(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, 1, 0);
	assert_int_equal(bucket_take(&b, 0, 1), 0);
	assert_int_equal(bucket_take(&b, 0, 1), SECOND);
	assert_int_equal(bucket_take(&b, SECOND - 1, 1), 1);
	assert_int_equal(bucket_take(&b, SECOND, 1), 0);
}

static void the_largest_numbers(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, UINT64_MAX, 0);
	assert_int_equal(bucket_take(&b, 0, UINT64_MAX), 0);
	assert_int_equal(bucket_take(&b, 0, UINT64_MAX), SECOND);
	assert_int_equal(bucket_take(&b, 0, 1), 1);
	assert_int_equal(bucket_take(&b, 1, UINT64_MAX / SECOND), 0);
	assert_int_equal(bucket_take(&b, UINT64_MAX, UINT64_MAX), 0);

	/* A debt of 584 billion years; a wait that a timer can hold. */
	bucket_init(&b, 1, 0);
	assert_int_equal(bucket_take(&b, 0, UINT64_MAX), 0);
	assert_int_equal(bucket_take(&b, 0, 1), INT64_MAX);
	assert_int_not_equal(bucket_take(&b, UINT64_MAX, 1), 0);
	for (unsigned i = 0; i < 1000; i++)
		bucket_spend(&b, UINT64_MAX);
	assert_int_equal(bucket_take(&b, UINT64_MAX, 1), INT64_MAX);

	/* The longest rest fills it at the highest rate, and no more. */
	bucket_init(&b, UINT64_MAX, 0);
	bucket_spend(&b, UINT64_MAX);
	bucket_spend(&b, UINT64_MAX);
	assert_int_equal(bucket_wait(&b, 0, 1), SECOND + 1);
	assert_int_equal(bucket_take(&b, UINT64_MAX, UINT64_MAX), 0);
	assert_int_not_equal(bucket_take(&b, UINT64_MAX, 1), 0);
}

static void a_long_rest_is_no_credit(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, 10, 0);
	assert_int_equal(bucket_take(&b, 1000000 * SECOND, 10), 0);
	assert_int_equal(bucket_take(&b, 1000000 * SECOND, 1), SECOND / 10);
}

static void a_clock_that_steps(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, 10, 100 * SECOND);
	assert_int_equal(bucket_take(&b, 100 * SECOND, 10), 0);
	/* Back: nothing is gained, nothing is stuck until it catches up. */
	assert_int_equal(bucket_take(&b, 50 * SECOND, 1), SECOND / 10);
	assert_int_equal(bucket_take(&b, 50 * SECOND + SECOND / 10, 1), 0);
	/* Ahead and back again and again: at most a full bucket each time. */
	assert_int_equal(bucket_take(&b, UINT64_MAX, 10), 0);
	assert_int_not_equal(bucket_take(&b, 0, 1), 0);
}

static void no_rate_is_no_limit(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, 0, 0);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(bucket_take(&b, 0, UINT64_MAX), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_at_once_then_the_rate),
		cmocka_unit_test(fractions_are_kept),
		cmocka_unit_test(waits_are_exact_for_any_rate),
		cmocka_unit_test(more_than_it_holds_becomes_a_debt),
		cmocka_unit_test(one_a_second),
		cmocka_unit_test(the_largest_numbers),
		cmocka_unit_test(a_long_rest_is_no_credit),
		cmocka_unit_test(a_clock_that_steps),
		cmocka_unit_test(no_rate_is_no_limit),
	};

	return cmocka_run_group_tests_name("bucket", tests, NULL, NULL);
}
