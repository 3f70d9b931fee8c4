/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pmem_test.c - where the memory is said to be, flushes, drivers that ask
 * nonsense, and devices that read from it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <linux/virtio_pmem.h>

#include "devices/virtio/models.h"
#include "tests/harness/driver.h"
#include "vmm/lib/le.h"

#define GPA    UINT64_C(0x108000000)
#define SIZE   UINT64_C(0x200000)
#define FAILED 1

static struct driver drv;

static int setup(void **state)
{
	static const struct pmem_config config = { .id = "data",
						   .gpa = GPA,
						   .size = SIZE };

	(void)state;
	driver_open(&drv, &pmem_ops, &config);
	(void)driver_start(&drv, UINT64_MAX);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	driver_close(&drv);
	return 0;
}

/* One request; the answer, and how many bytes of it came. */
static uint32_t ask(const struct driver_buf *buf, unsigned nr, gpa_t answer,
		    uint32_t *ret_len)
{
	le32_t *at = driver_ptr(&drv, answer, sizeof(*at));

	*at = le32_make(77);
	(void)driver_chain(&drv.queue[0], buf, nr);
	driver_kick(&drv, 0);
	*ret_len = driver_wait(&drv, 0, NULL);
	return le32_get(*at);
}

static gpa_t request(uint32_t type)
{
	gpa_t at = driver_alloc(&drv, 4);

	*(le32_t *)driver_ptr(&drv, at, 4) = le32_make(type);
	return at;
}

static uint32_t flush(uint32_t type)
{
	gpa_t answer = driver_alloc(&drv, 4);
	const struct driver_buf buf[] = { { request(type), 4, false },
					  { answer, 4, true } };
	uint32_t len, ret = ask(buf, 2, answer, &len);

	assert_int_equal(len, 4);
	return ret;
}

static void its_place_is_said(void **state)
{
	(void)state;
	assert_int_equal(driver_read(&drv, drv.device, 8), GPA);
	assert_int_equal(driver_read(&drv, drv.device + 8, 8), SIZE);
	driver_write(&drv, drv.device, 0, 8);
	driver_write(&drv, drv.device + 8, UINT64_MAX, 8);
	assert_int_equal(driver_read(&drv, drv.device, 8), GPA);
	assert_int_equal(driver_read(&drv, drv.device + 8, 8), SIZE);
}

/* Nothing was written, so all of it is permanent. */
static void a_flush_succeeds(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(flush(VIRTIO_PMEM_REQ_TYPE_FLUSH), 0);
	assert_int_equal(driver_figure(&drv, "flushes"), 200);
	assert_int_equal(driver_figure(&drv, "bytes"), SIZE);
}

static void unknown_requests_fail(void **state)
{
	(void)state;
	assert_int_equal(flush(1), FAILED);
	assert_int_equal(flush(UINT32_MAX), FAILED);
	assert_int_equal(driver_figure(&drv, "errors"), 2);
	assert_int_equal(flush(VIRTIO_PMEM_REQ_TYPE_FLUSH), 0);
}

/* Bug class 3: too short, in pieces, without one half, without end. */
static void requests_of_any_shape(void **state)
{
	gpa_t good = request(VIRTIO_PMEM_REQ_TYPE_FLUSH);
	gpa_t answer = driver_alloc(&drv, 4096);
	const struct driver_buf pieces[] = { { good, 1, false },
					     { good + 1, 3, false },
					     { answer, 3, true },
					     { answer + 3, 1, true } };
	const struct driver_buf large[] = { { good, 4096, false },
					    { answer, 4096, true } };
	const struct driver_buf no_answer = { good, 4, false };
	const struct driver_buf no_request = { answer, 4, true };
	const struct driver_buf short_request[] = { { good, 3, false },
						    { answer, 4, true } };
	const struct driver_buf short_answer[] = { { good, 4, false },
						   { answer, 2, true } };
	uint32_t len;

	(void)state;
	assert_int_equal(ask(pieces, 4, answer, &len), 0);
	assert_int_equal(len, 4);
	assert_int_equal(ask(large, 2, answer, &len), 0);
	assert_int_equal(len, 4);
	assert_int_equal(ask(&no_answer, 1, answer, &len), 77);
	assert_int_equal(len, 0);
	assert_int_equal(ask(&no_request, 1, answer, &len), FAILED);
	assert_int_equal(len, 4);
	assert_int_equal(ask(short_request, 2, answer, &len), FAILED);
	(void)ask(short_answer, 2, answer, &len);
	assert_int_equal(len, 2);
	assert_false(driver_needs_reset(&drv));
}

static void a_broken_ring_needs_a_reset(void **state)
{
	const struct driver_buf buf = { (gpa_t)1 << 50, 4, true };

	(void)state;
	(void)driver_chain(&drv.queue[0], &buf, 1);
	driver_kick(&drv, 0);
	driver_settle(&drv);
	assert_true(driver_needs_reset(&drv));
	driver_restart(&drv, UINT64_MAX);
	assert_int_equal(flush(VIRTIO_PMEM_REQ_TYPE_FLUSH), 0);
}

/* The memory itself: devices read from it, and none writes to it. */
static void devices_only_read_it(void **state)
{
	static const unsigned char file[8192] = { [4096] = 0, [5000] = 1 };
	gpa_t answer = driver_alloc(&drv, 4);
	const struct driver_buf flush_of_it[] = { { GPA + 4096, 4, false },
						  { answer, 4, true } };
	const struct driver_buf type_1[] = { { GPA + 5000, 4, false },
					     { answer, 4, true } };
	const struct driver_buf written[] = {
		{ request(VIRTIO_PMEM_REQ_TYPE_FLUSH), 4, false },
		{ GPA, 4, true }
	};
	uint32_t len;

	(void)state;
	assert_int_equal(gmem_add_rom(&drv.gm, GPA, sizeof(file), file), 0);
	assert_int_equal(ask(flush_of_it, 2, answer, &len), 0);
	assert_int_equal(ask(type_1, 2, answer, &len), FAILED);
	(void)driver_chain(&drv.queue[0], written, 2);
	driver_kick(&drv, 0);
	driver_settle(&drv);
	assert_true(driver_needs_reset(&drv));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(its_place_is_said),	   TEST(a_flush_succeeds),
		TEST(unknown_requests_fail),	   TEST(requests_of_any_shape),
		TEST(a_broken_ring_needs_a_reset), TEST(devices_only_read_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
