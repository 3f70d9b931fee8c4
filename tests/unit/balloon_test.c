/* SPDX-License-Identifier: Apache-2.0 */
/*
 * balloon_test.c - what comes back to the host is exactly what the guest gave,
 * and drivers that give wrongly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <linux/virtio_balloon.h>
#include <sys/stat.h>

#include "devices/virtio/balloon.h"
#include "devices/virtio/models.h"
#include "tests/harness/driver.h"
#include "vmm/lib/le.h"

#define PAGE	  4096U
#define CONFIG_AT offsetof(struct virtio_balloon_config, actual)
#define ALL                                                                    \
	(VIRTIO_BIT(VIRTIO_BALLOON_F_STATS_VQ) |                               \
	 VIRTIO_BIT(VIRTIO_BALLOON_F_DEFLATE_ON_OOM) |                         \
	 VIRTIO_BIT(VIRTIO_BALLOON_F_REPORTING))

enum { INFLATE, DEFLATE, STATS, REPORT_COMPACT, REPORT };

static struct driver drv;

static int setup(void **state)
{
	(void)state;
	driver_open(&drv, &balloon_ops, NULL);
	assert_int_equal(driver_start(&drv, ALL) & ALL, ALL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	driver_close(&drv);
	return 0;
}

/* Bytes of RAM that the host has allocated. */
static uint64_t allocated(void)
{
	struct stat st;

	assert_int_equal(fstat(drv.gm.fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

/* @pages of RAM that begin on a page, full of ones. */
static gpa_t full(uint32_t pages)
{
	drv.next = (drv.next + PAGE - 1) & ~(gpa_t)(PAGE - 1);
	gpa_t at = driver_alloc(&drv, pages * PAGE);

	memset(driver_ptr(&drv, at, pages * PAGE), 1, pages * PAGE);
	return at;
}

static void is(gpa_t at, uint32_t pages, int what)
{
	const unsigned char *p = driver_ptr(&drv, at, pages * PAGE);

	for (size_t i = 0; i < (size_t)pages * PAGE; i++)
		assert_int_equal(p[i], what);
}

static void send_buf(unsigned nr, gpa_t at, uint32_t len, bool write)
{
	struct driver_buf buf = { at, len, write };

	(void)driver_chain(&drv.queue[nr], &buf, 1);
	driver_kick(&drv, nr);
}

static void ask(unsigned nr, gpa_t at, uint32_t len, bool write)
{
	send_buf(nr, at, len, write);
	assert_int_equal(driver_wait(&drv, nr, NULL), 0);
}

static void inflate(const uint32_t *pfn, unsigned n)
{
	gpa_t at = driver_alloc(&drv, n * 4);
	le32_t *list = driver_ptr(&drv, at, n * 4);

	for (unsigned i = 0; i < n; i++)
		list[i] = le32_make(pfn[i]);
	ask(INFLATE, at, n * 4, false);
}

static void reported_pages_go_back(void **state)
{
	struct balloon_status s;

	(void)state;
	for (unsigned nr = REPORT_COMPACT; nr <= REPORT; nr++) {
		gpa_t at = full(16);
		uint64_t before = allocated();

		ask(nr, at + PAGE, 8 * PAGE, true);
		assert_int_equal(before - allocated(), 8 * PAGE);
		is(at, 1, 1);
		is(at + 9 * PAGE, 7, 1);
		is(at + PAGE, 8, 0);
	}
	balloon_status(drv.dev, &s);
	assert_int_equal(s.reported, 2 * 8 * PAGE);
	assert_int_equal(driver_figure(&drv, "reported_bytes"), 2 * 8 * PAGE);
}

/* Bytes around whole pages are somebody's. */
static void parts_of_pages_stay(void **state)
{
	(void)state;
	gpa_t at = full(4);

	ask(REPORT, at + 10, 3 * PAGE - 20, true);
	is(at, 1, 1);
	is(at + PAGE, 1, 0);
	is(at + 2 * PAGE, 2, 1);
	ask(REPORT, at, 100, true);
	is(at, 1, 1);
}

static void the_balloon_takes_its_pages(void **state)
{
	(void)state;
	gpa_t at = full(8);
	uint32_t first = (uint32_t)(at / PAGE);
	/* Up, down, alone, twice. */
	const uint32_t pfn[] = { first + 1, first + 2, first + 5,
				 first + 4, first + 7, first + 7 };

	inflate(pfn, 6);
	is(at, 1, 1);
	is(at + PAGE, 2, 0);
	is(at + 3 * PAGE, 1, 1);
	is(at + 4 * PAGE, 2, 0);
	is(at + 6 * PAGE, 1, 1);
	is(at + 7 * PAGE, 1, 0);

	/* Taken back by touching it; deflating is only told. */
	memset(driver_ptr(&drv, at + PAGE, PAGE), 7, PAGE);
	ask(DEFLATE, driver_alloc(&drv, 4), 4, false);
	is(at + PAGE, 1, 7);
}

static void pages_outside_ram_are_nothing(void **state)
{
	(void)state;
	gpa_t at = full(2);
	uint32_t last = DRIVER_RAM / PAGE - 1;
	const uint32_t pfn[] = { UINT32_MAX, 0xfee00,
				 last + 1,   (uint32_t)(at / PAGE),
				 0x100000,   UINT32_MAX - 1 };

	inflate(pfn, 6);
	is(at, 1, 0);
	is(at + PAGE, 1, 1);
	assert_false(driver_needs_reset(&drv));
}

/* Bug class 6: what a guest sends is not how much we do at a time. */
static void a_long_list_is_bounded(void **state)
{
	(void)state;
	gpa_t page = full(1);
	const uint32_t n = 1 << 20;
	gpa_t at = driver_alloc(&drv, n * 4);
	le32_t *list = driver_ptr(&drv, at, n * 4);

	list[2000] = le32_make((uint32_t)(page / PAGE));
	ask(INFLATE, at, n * 4, false);
	is(page, 1, 1);
}

static void the_driver_writes_actual_only(void **state)
{
	struct balloon_status s;

	(void)state;
	balloon_resize(drv.dev, DRIVER_RAM);
	driver_write(&drv, drv.device, 77, 4);
	driver_write(&drv, drv.device + CONFIG_AT, 3, 4);
	driver_write(&drv, drv.device + CONFIG_AT, 9, 2);
	driver_write(&drv, drv.device + CONFIG_AT + 2, 9, 4);
	driver_write(&drv, drv.device + CONFIG_AT + 4, 9, 4);
	balloon_status(drv.dev, &s);
	assert_int_equal(s.target, 0);
	assert_int_equal(s.actual, 3 * PAGE);
	/* More than all RAM is not believed. */
	driver_write(&drv, drv.device + CONFIG_AT, UINT32_MAX, 4);
	balloon_status(drv.dev, &s);
	assert_int_equal(s.actual, DRIVER_RAM);
}

static void a_new_size_is_told(void **state)
{
	struct balloon_status s;

	(void)state;
	/* The least is all that this RAM has. */
	balloon_resize(drv.dev, 1);
	balloon_status(drv.dev, &s);
	assert_int_equal(s.target, DRIVER_RAM - BALLOON_LEAST);
	assert_int_equal(driver_read(&drv, drv.device, 4),
			 (DRIVER_RAM - BALLOON_LEAST) / PAGE);
	balloon_resize(drv.dev, UINT64_MAX);
	balloon_status(drv.dev, &s);
	assert_int_equal(s.target, 0);
}

static void add_stat(gpa_t at, unsigned i, uint16_t tag, uint64_t val)
{
	struct virtio_balloon_stat s = { .tag = (__virtio16)htole16(tag),
					 .val = (__virtio64)htole64(val) };

	memcpy(driver_ptr(&drv, at + i * sizeof(s), sizeof(s)), &s, sizeof(s));
}

static void figures_come_when_asked(void **state)
{
	const uint32_t len = 3 * sizeof(struct virtio_balloon_stat);
	struct balloon_status s;
	uint32_t id;

	(void)state;
	balloon_status(drv.dev, &s);
	assert_true(s.free == BALLOON_UNKNOWN);
	assert_int_equal(s.figures, 0);
	gpa_t at = driver_alloc(&drv, len);
	add_stat(at, 0, VIRTIO_BALLOON_S_MEMFREE, 1000);
	add_stat(at, 1, VIRTIO_BALLOON_S_NR, 5); /* unknown to us */
	add_stat(at, 2, VIRTIO_BALLOON_S_AVAIL, 2000);
	send_buf(STATS, at, len, false);
	driver_settle(&drv);
	assert_false(driver_take(&drv.queue[STATS], NULL, NULL));
	balloon_status(drv.dev, &s);
	assert_int_equal(s.figures, 1);
	assert_int_equal(s.free, 1000);
	assert_int_equal(s.available, 2000);
	assert_true(s.total == BALLOON_UNKNOWN);
	/* The buffer came back, as a question; the answer is the next one. */
	assert_int_equal(driver_wait(&drv, STATS, &id), 0);
	balloon_status(drv.dev, &s);
	assert_false(driver_take(&drv.queue[STATS], &id, NULL));

	add_stat(at, 0, VIRTIO_BALLOON_S_MEMFREE, 3000);
	send_buf(STATS, at, len, false);
	driver_settle(&drv);
	balloon_status(drv.dev, &s);
	assert_int_equal(s.figures, 2);
	assert_int_equal(s.free, 3000);
	driver_restart(&drv, ALL);
	balloon_status(drv.dev, &s);
	assert_true(s.free == BALLOON_UNKNOWN);
}

static void two_buffers_for_figures(void **state)
{
	uint32_t id;

	(void)state;
	gpa_t at = driver_alloc(&drv, 64);
	send_buf(STATS, at, 5, false);
	send_buf(STATS, at, 64, true);
	assert_int_equal(driver_wait(&drv, STATS, &id), 0);
	assert_int_equal(id, 0);
	driver_settle(&drv);
	assert_false(driver_take(&drv.queue[STATS], &id, NULL));
}

static void a_broken_ring_needs_a_reset(void **state)
{
	struct balloon_status s;

	(void)state;
	send_buf(STATS, driver_alloc(&drv, 16), 16, false);
	send_buf(REPORT, (gpa_t)1 << 50, PAGE, true);
	driver_settle(&drv);
	assert_true(driver_needs_reset(&drv));
	balloon_status(drv.dev, &s);
	assert_false(s.driver);
	driver_restart(&drv, ALL);
	balloon_status(drv.dev, &s);
	assert_true(s.driver);
	gpa_t at = full(1);
	ask(REPORT, at, PAGE, true);
	is(at, 1, 0);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(reported_pages_go_back),
		TEST(parts_of_pages_stay),
		TEST(the_balloon_takes_its_pages),
		TEST(pages_outside_ram_are_nothing),
		TEST(a_long_list_is_bounded),
		TEST(the_driver_writes_actual_only),
		TEST(a_new_size_is_told),
		TEST(figures_come_when_asked),
		TEST(two_buffers_for_figures),
		TEST(a_broken_ring_needs_a_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
