/* SPDX-License-Identifier: Apache-2.0 */
/* rng_test.c - entropy, and drivers that ask for it wrongly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "devices/virtio/models.h"
#include "tests/harness/driver.h"

static struct driver drv;

static int setup(void **state)
{
	(void)state;
	driver_open(&drv, &rng_ops, NULL);
	(void)driver_start(&drv, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	driver_close(&drv);
	return 0;
}

static uint32_t ask(uint32_t len)
{
	gpa_t at = driver_alloc(&drv, len);
	struct driver_buf buf = { at, len, true };

	memset(driver_ptr(&drv, at, len), 0, len);
	(void)driver_chain(&drv.queue[0], &buf, 1);
	driver_kick(&drv, 0);
	return driver_wait(&drv, 0, NULL);
}

static void bytes_are_random(void **state)
{
	unsigned char zero[64] = { 0 };

	(void)state;
	gpa_t first = drv.next;
	assert_int_equal(ask(64), 64);
	gpa_t second = drv.next;
	assert_int_equal(ask(64), 64);
	assert_memory_not_equal(driver_ptr(&drv, first, 64), zero, 64);
	assert_memory_not_equal(driver_ptr(&drv, first, 64),
				driver_ptr(&drv, second, 64), 64);
}

/* Bug class 6: how much a guest asks for is not how much we do. */
static void a_huge_request_is_bounded(void **state)
{
	unsigned char zero[16] = { 0 };

	(void)state;
	gpa_t at = drv.next;
	assert_int_equal(ask(8U << 20), 65536);
	assert_int_equal(driver_figure(&drv, "requests"), 1);
	assert_int_equal(driver_figure(&drv, "bytes"), 65536);
	assert_memory_equal(driver_ptr(&drv, at + 65536, 16), zero, 16);
}

static void many_requests_are_served_in_turns(void **state)
{
	uint32_t id;

	(void)state;
	for (unsigned i = 0; i < 64; i++) {
		struct driver_buf buf = { driver_alloc(&drv, 32), 32, true };

		(void)driver_chain(&drv.queue[0], &buf, 1);
	}
	driver_kick(&drv, 0);
	for (unsigned i = 0; i < 64; i++) {
		assert_int_equal(driver_wait(&drv, 0, &id), 32);
		assert_int_equal(id, i);
	}
}

static void a_request_with_nothing_to_write_gets_nothing(void **state)
{
	struct driver_buf buf = { driver_alloc(&drv, 32), 32, false };

	(void)state;
	(void)driver_chain(&drv.queue[0], &buf, 1);
	driver_kick(&drv, 0);
	assert_int_equal(driver_wait(&drv, 0, NULL), 0);
}

static void a_broken_queue_works_again_after_reset(void **state)
{
	(void)state;
	driver_desc(&drv.queue[0], 0, DRIVER_RAM, 16, VRING_DESC_F_WRITE, 0);
	driver_offer(&drv.queue[0], 0);
	driver_kick(&drv, 0);
	driver_settle(&drv);
	assert_true(driver_needs_reset(&drv));
	assert_true(driver_interrupted(&drv, 0));

	driver_restart(&drv, 0);
	assert_false(driver_needs_reset(&drv));
	assert_int_equal(ask(16), 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bytes_are_random, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_huge_request_is_bounded,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			many_requests_are_served_in_turns, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_request_with_nothing_to_write_gets_nothing, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_broken_queue_works_again_after_reset, setup,
			teardown),
	};

	return cmocka_run_group_tests_name("rng", tests, NULL, NULL);
}
