/* SPDX-License-Identifier: Apache-2.0 */
/* blk_limit_test.c - disks that do no more a second than they are told. */
#include <linux/virtio_blk.h>
#include <linux/virtio_pci.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/harness/disk_guest.h"
#include "tests/harness/fake_engine.h"

#define SECOND	 INT64_C(1000000000)
#define PROMPT	 (10 * SECOND) /* for what must not wait for 1000 seconds */
#define FOREVER	 (900 * SECOND)
#define DATA	 0x8000U
#define DATA_SEC (DATA / DISK_SECTOR)

static struct disk_guest g;
/* Not by gettid(): the disk's thread may not ask for it. */
static _Thread_local bool tester;

/* What the disk's thread does, seen at libc's door. */
static struct {
	unsigned clock_reads; /* atomic, all of them */
} seen;

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	if (!tester)
		__atomic_fetch_add(&seen.clock_reads, 1, __ATOMIC_RELAXED);
	return (int)syscall(SYS_clock_gettime, clock, ret);
}

static int64_t now_ns(void)
{
	struct timespec t;

	(void)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

static unsigned sleeps(void)
{
	return __atomic_load_n(&fake.sleeps, __ATOMIC_RELAXED);
}

/* Until the thread sleeps because of a limit; for how long it does. */
static int64_t held_for(void)
{
	int64_t until = now_ns() + DRIVER_TIMEOUT * INT64_C(1000000);
	int64_t ns;

	while ((ns = __atomic_load_n(&fake.sleep_ns, __ATOMIC_ACQUIRE)) == 0) {
		if (now_ns() > until)
			fail_msg("the disk does not wait for its limits");
		(void)sched_yield();
	}
	return ns;
}

static void open_disk(uint64_t bytes, uint64_t ops)
{
	tester = true;
	disk_open_limited(&g, bytes, ops);
}

static int teardown(void **state)
{
	(void)state;
	disk_close(&g);
	return 0;
}

/* Offer a request and do not wait. */
static void offer(uint32_t type, uint64_t sector, gpa_t data, uint32_t len)
{
	struct driver_buf buf[] = {
		{ disk_header(&g, type, sector), 16, false },
		{ data, len, type == VIRTIO_BLK_T_IN },
		{ driver_alloc(&g.drv, 1), 1, true },
	};

	if (len == 0)
		buf[1] = buf[2];
	(void)driver_chain(&g.drv.queue[0], buf, len ? 3 : 2);
}

static void requests_keep_to_their_rate(void **state)
{
	int64_t begin = now_ns();

	(void)state;
	open_disk(0, 50);
	for (unsigned i = 0; i < 50 + 25; i++)
		offer(VIRTIO_BLK_T_FLUSH, 0, 0, 0);
	driver_kick(&g.drv, 0);
	unsigned before = sleeps();
	for (unsigned i = 0; i < 50; i++)
		(void)driver_wait(&g.drv, 0, NULL);
	int64_t burst = now_ns() - begin;
	for (unsigned i = 0; i < 25; i++)
		(void)driver_wait(&g.drv, 0, NULL);
	int64_t all = now_ns() - begin;

	/* Half a second for what is more than a second's worth. */
	assert_true(all >= SECOND / 2);
	assert_true(all <= SECOND / 2 + PROMPT);
	assert_true(burst < all);
	/* Each of the 25 is waited for once, then done; and the kicks. */
	assert_true(sleeps() - before <= 2 * 25 + 8);
}

static void bytes_keep_to_their_rate(void **state)
{
	int64_t begin = now_ns();

	(void)state;
	open_disk(UINT64_C(64) * DATA, 0);
	gpa_t data = driver_alloc(&g.drv, DATA);
	for (unsigned i = 0; i < 64 + 32; i++) {
		uint32_t type = i % 2 ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT;

		assert_int_equal(
			disk_request(&g, type, i % 64 * DATA_SEC, data, DATA),
			VIRTIO_BLK_S_OK);
	}
	assert_true(now_ns() - begin >= SECOND / 2);
	assert_true(now_ns() - begin <= SECOND / 2 + PROMPT);
}

/* 64 bytes a second: what follows a request of 64 KiB waits for 1000 s. */
static void hold_it(void)
{
	open_disk(64, 0);
	gpa_t data = driver_alloc(&g.drv, 2 * DATA);

	/* More than a second's worth is not refused, and does not starve. */
	assert_int_equal(disk_request(&g, VIRTIO_BLK_T_IN, 0, data, 2 * DATA),
			 0);
	offer(VIRTIO_BLK_T_OUT, 0, data, DISK_SECTOR);
	driver_kick(&g.drv, 0);
	assert_true(held_for() > FOREVER);
}

static void reset_does_not_wait_for_the_limit(void **state)
{
	(void)state;
	hold_it();
	int64_t begin = now_ns();
	driver_restart(&g.drv, DISK_FEATURES);
	/* The new driver's request, which is free, nor for the old one's. */
	assert_int_equal(disk_request(&g, VIRTIO_BLK_T_FLUSH, 0, 0, 0), 0);
	assert_true(now_ns() - begin < PROMPT);
}

/* Else a guest would reset its disk to have a full bucket. */
static void reset_pays_no_debt(void **state)
{
	(void)state;
	hold_it();
	driver_restart(&g.drv, DISK_FEATURES);
	assert_int_equal(disk_request(&g, VIRTIO_BLK_T_FLUSH, 0, 0, 0), 0);
	offer(VIRTIO_BLK_T_IN, 0, driver_alloc(&g.drv, DATA), DISK_SECTOR);
	driver_kick(&g.drv, 0);
	assert_true(held_for() > FOREVER);
	assert_false(driver_take(&g.drv.queue[0], NULL, NULL));
}

static void close_does_not_wait_for_the_limit(void **state)
{
	(void)state;
	hold_it();
	int64_t begin = now_ns();
	disk_close(&g);
	assert_true(now_ns() - begin < PROMPT);
}

static void a_guest_that_kicks_wakes_nobody(void **state)
{
	(void)state;
	hold_it();
	unsigned before = sleeps();
	for (unsigned i = 0; i < 1000; i++) {
		driver_kick(&g.drv, 0);
		(void)sched_yield();
	}
	driver_restart(&g.drv, DISK_FEATURES);
	assert_int_equal(disk_request(&g, VIRTIO_BLK_T_FLUSH, 0, 0, 0), 0);
	assert_true(sleeps() - before <= 8);
}

/* Two ranges are two operations; and what is zeroed is written. */
static void ranges_are_paid_for(void **state)
{
	struct virtio_blk_discard_write_zeroes range[] = {
		{ 0, htole32(8), 0 },
		{ htole64(64), htole32(8), 0 },
	};

	int64_t begin = now_ns();

	(void)state;
	open_disk(64, 4);
	gpa_t at = driver_alloc(&g.drv, sizeof(range));
	assert_int_equal(gmem_write(&g.drv.gm, at, range, sizeof(range)), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(disk_request(&g, VIRTIO_BLK_T_DISCARD, 0, at,
					      sizeof(range)),
				 0);
	assert_true(now_ns() - begin >= SECOND / 2);

	/* 4 KiB twice are 128 seconds' worth. */
	assert_int_equal(disk_request(&g, VIRTIO_BLK_T_WRITE_ZEROES, 0, at,
				      sizeof(range)),
			 0);
	offer(VIRTIO_BLK_T_IN, 0, driver_alloc(&g.drv, DATA), DISK_SECTOR);
	driver_kick(&g.drv, 0);
	while (held_for() < 100 * SECOND)
		(void)sched_yield();
}

static void without_limits_nobody_reads_the_clock(void **state)
{
	gpa_t data;

	(void)state;
	open_disk(0, 0);
	__atomic_store_n(&seen.clock_reads, 0, __ATOMIC_RELAXED);
	data = driver_alloc(&g.drv, DATA);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(
			disk_request(&g, VIRTIO_BLK_T_IN, 0, data, DATA), 0);
	assert_int_equal(__atomic_load_n(&seen.clock_reads, __ATOMIC_RELAXED),
			 0);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(requests_keep_to_their_rate),
		TEST(bytes_keep_to_their_rate),
		TEST(reset_does_not_wait_for_the_limit),
		TEST(reset_pays_no_debt),
		cmocka_unit_test(close_does_not_wait_for_the_limit),
		TEST(a_guest_that_kicks_wakes_nobody),
		TEST(ranges_are_paid_for),
		TEST(without_limits_nobody_reads_the_clock),
	};

	return DISK_RUN("blk limits", tests);
}
