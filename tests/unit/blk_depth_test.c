/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blk_depth_test.c - disks with many requests in flight and many queues: what
 * waits for what, and what a disk that hangs or fails does to others.
 */
#include <errno.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_pci.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/harness/disk_guest.h"
#include "tests/harness/fake_engine.h"
#include "vmm/lib/io.h"

#define QUEUES 4U
#define DEPTH  32U /* of each queue */

static struct disk_guest g;

static int setup(void **state)
{
	(void)state;
	disk_config.queues = QUEUES;
	disk_open_as_is(&g);
	return 0;
}

static int setup_unsafe(void **state)
{
	disk_config.cache = BLK_UNSAFE;
	return setup(state);
}

static int teardown(void **state)
{
	(void)state;
	disk_close(&g);
	disk_config.queues = 0;
	disk_config.cache = BLK_WRITEBACK;
	return 0;
}

/* A request in queue @nr; the place of its status. */
static gpa_t offer(unsigned nr, uint32_t type, uint64_t sector, gpa_t data,
		   uint32_t len)
{
	gpa_t status = driver_alloc(&g.drv, 1);
	struct driver_buf buf[] = {
		{ disk_header(&g, type, sector), 16, false },
		{ data, len, type == VIRTIO_BLK_T_IN },
		{ status, 1, true },
	};

	*(uint8_t *)driver_ptr(&g.drv, status, 1) = 0xee;
	if (len == 0)
		buf[1] = buf[2];
	(void)driver_chain(&g.drv.queue[nr], buf, len ? 3 : 2);
	return status;
}

static uint8_t status_at(gpa_t at)
{
	return *(volatile uint8_t *)driver_ptr(&g.drv, at, 1);
}

static void every_queue_is_served(void **state)
{
	gpa_t data = driver_alloc(&g.drv, QUEUES * DEPTH * DISK_SECTOR);
	unsigned char *p =
		driver_ptr(&g.drv, data, QUEUES * DEPTH * DISK_SECTOR);
	unsigned char *got = test_malloc(QUEUES * DEPTH * DISK_SECTOR);

	(void)state;
	assert_true(g.agreed & VIRTIO_BIT(VIRTIO_BLK_F_MQ));
	assert_int_equal(driver_read(&g.drv, g.drv.device + 34, 2), QUEUES);
	for (unsigned i = 0; i < QUEUES * DEPTH; i++) {
		memset(p + i * DISK_SECTOR, (int)(i + 1), DISK_SECTOR);
		(void)offer(i % QUEUES, VIRTIO_BLK_T_OUT, i,
			    data + i * DISK_SECTOR, DISK_SECTOR);
	}
	for (unsigned q = 0; q < QUEUES; q++)
		driver_kick(&g.drv, q);
	for (unsigned i = 0; i < QUEUES * DEPTH; i++)
		assert_int_equal(driver_wait(&g.drv, i % QUEUES, NULL), 1);
	assert_int_equal(
		io_pread_full(g.disk, got, QUEUES * DEPTH * DISK_SECTOR, 0),
		QUEUES * DEPTH * DISK_SECTOR);
	assert_memory_equal(got, p, QUEUES * DEPTH * DISK_SECTOR);
	assert_int_equal(driver_figure(&g.drv, "writes"), QUEUES * DEPTH);
	assert_int_equal(driver_figure(&g.drv, "write_bytes"),
			 QUEUES * DEPTH * DISK_SECTOR);
	test_free(got);
}

/* A driver that has not agreed on more uses the first. */
static void one_queue_is_enough(void **state)
{
	gpa_t data = driver_alloc(&g.drv, DISK_SECTOR);

	(void)state;
	driver_restart(&g.drv, DISK_FEATURES & ~VIRTIO_BIT(VIRTIO_BLK_F_MQ));
	assert_int_equal(
		disk_request(&g, VIRTIO_BLK_T_IN, 0, data, DISK_SECTOR), 0);
}

static void requests_are_in_flight_together(void **state)
{
	gpa_t data = driver_alloc(&g.drv, DISK_SECTOR);

	(void)state;
	__atomic_store_n(&fake.hold, true, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < DEPTH; i++)
		(void)offer(0, VIRTIO_BLK_T_IN, i, data, DISK_SECTOR);
	driver_kick(&g.drv, 0);
	fake_await_held(DEPTH);
	assert_false(driver_take(&g.drv.queue[0], NULL, NULL));
	assert_int_equal(driver_figure(&g.drv, "most_in_flight"), DEPTH);
	fake_release();
	for (unsigned i = 0; i < DEPTH; i++)
		(void)driver_wait(&g.drv, 0, NULL);
}

/* What there is no room for waits in its queue, and comes to its turn. */
static void more_than_the_disk_takes(void **state)
{
	gpa_t data = driver_alloc(&g.drv, DISK_SECTOR);

	(void)state;
	__atomic_store_n(&fake.hold, true, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < 4 * 80; i++)
		(void)offer(i % QUEUES, VIRTIO_BLK_T_IN, i, data, DISK_SECTOR);
	for (unsigned q = 0; q < QUEUES; q++)
		driver_kick(&g.drv, q);
	fake_await_held(ENGINE_DEPTH);
	while (driver_figure(&g.drv, "stalls") == 0)
		(void)sched_yield();
	fake_release();
	for (unsigned i = 0; i < 4 * 80; i++)
		(void)driver_wait(&g.drv, i % QUEUES, NULL);
	assert_int_equal(driver_figure(&g.drv, "most_in_flight"), ENGINE_DEPTH);
}

/* Of those with many pieces only some are in flight: each takes memory. */
static void requests_of_many_pieces(void **state)
{
	enum { PIECES = 12, EACH = 18 };
	struct driver_buf buf[PIECES + 2];
	unsigned char *all = test_malloc(DISK_SIZE);

	(void)state;
	for (unsigned i = 0; i < DISK_SIZE; i++)
		all[i] = (unsigned char)(i / DISK_SECTOR * 7);
	assert_int_equal(pwrite(g.disk, all, DISK_SIZE, 0), DISK_SIZE);
	__atomic_store_n(&fake.hold, true, __ATOMIC_RELEASE);
	gpa_t data = driver_alloc(&g.drv, QUEUES * EACH * PIECES * DISK_SECTOR);
	for (unsigned i = 0; i < QUEUES * EACH; i++) {
		buf[0] = (struct driver_buf){ disk_header(&g, VIRTIO_BLK_T_IN,
							  (uint64_t)i * PIECES),
					      16, false };
		for (unsigned p = 0; p < PIECES; p++)
			buf[1 + p] = (struct driver_buf){
				data + (i * PIECES + p) * DISK_SECTOR,
				DISK_SECTOR, true
			};
		buf[1 + PIECES] =
			(struct driver_buf){ driver_alloc(&g.drv, 1), 1, true };
		(void)driver_chain(&g.drv.queue[i % QUEUES], buf, PIECES + 2);
	}
	for (unsigned q = 0; q < QUEUES; q++)
		driver_kick(&g.drv, q);
	fake_await_held(64);
	while (driver_figure(&g.drv, "stalls") == 0)
		(void)sched_yield();
	assert_int_equal(driver_figure(&g.drv, "most_in_flight"), 64);
	fake_release();
	for (unsigned i = 0; i < QUEUES * EACH; i++)
		assert_int_equal(driver_wait(&g.drv, i % QUEUES, NULL),
				 PIECES * DISK_SECTOR + 1);
	assert_memory_equal(
		driver_ptr(&g.drv, data, QUEUES * EACH * PIECES * DISK_SECTOR),
		all, QUEUES * EACH * PIECES * DISK_SECTOR);
	test_free(all);
}

/* Section 5.2.6.2, and more: of other queues, too. */
static void a_flush_waits_for_earlier_writes(void **state)
{
	gpa_t data = driver_alloc(&g.drv, DISK_SECTOR);

	(void)state;
	__atomic_store_n(&fake.hold_writes, true, __ATOMIC_RELEASE);
	gpa_t write = offer(1, VIRTIO_BLK_T_OUT, 0, data, DISK_SECTOR);
	driver_kick(&g.drv, 1);
	fake_await_held(1);
	gpa_t flush = offer(0, VIRTIO_BLK_T_FLUSH, 0, 0, 0);
	gpa_t read = offer(0, VIRTIO_BLK_T_IN, 0, data, DISK_SECTOR);
	driver_kick(&g.drv, 0);
	/* The read, which was offered last, is done first. */
	(void)driver_wait(&g.drv, 0, NULL);
	assert_int_equal(status_at(read), 0);
	assert_int_equal(status_at(flush), 0xee);
	assert_int_equal(fake.flushes, 0);

	/* And not for later ones. */
	gpa_t later = offer(2, VIRTIO_BLK_T_OUT, 8, data, DISK_SECTOR);
	driver_kick(&g.drv, 2);
	fake_await_held(2);
	fake_release();
	(void)driver_wait(&g.drv, 0, NULL);
	(void)driver_wait(&g.drv, 1, NULL);
	(void)driver_wait(&g.drv, 2, NULL);
	assert_int_equal(status_at(write), 0);
	assert_int_equal(status_at(flush), 0);
	assert_int_equal(status_at(later), 0);
	assert_int_equal(fake.flushes, 1);
}

/* Each is answered after one that began when it was there. */
static void flushes_share_their_work(void **state)
{
	(void)state;
	__atomic_store_n(&fake.hold, true, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < DEPTH; i++)
		(void)offer(0, VIRTIO_BLK_T_FLUSH, 0, 0, 0);
	driver_kick(&g.drv, 0);
	fake_await_held(1);
	fake_release();
	for (unsigned i = 0; i < DEPTH; i++)
		(void)driver_wait(&g.drv, 0, NULL);
	assert_in_range(fake.flushes, 2, DEPTH / 2);
}

static void unsafe_disks_do_not_flush(void **state)
{
	gpa_t data = driver_alloc(&g.drv, DISK_SECTOR);

	(void)state;
	assert_int_equal(
		disk_request(&g, VIRTIO_BLK_T_OUT, 0, data, DISK_SECTOR), 0);
	assert_int_equal(disk_request(&g, VIRTIO_BLK_T_FLUSH, 0, 0, 0), 0);
	assert_int_equal(fake.flushes, 0);
}

static void failures_reach_the_guest(void **state)
{
	static const int errors[] = { EIO, ENOSPC, EIO };
	static const uint32_t types[] = { VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT,
					  VIRTIO_BLK_T_FLUSH };
	gpa_t data = driver_alloc(&g.drv, DISK_SECTOR);

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		__atomic_store_n(&fake.error, errors[i], __ATOMIC_RELEASE);
		for (unsigned t = 0; t < 3; t++)
			assert_int_equal(disk_request(&g, types[t], 0, data,
						      t < 2 ? DISK_SECTOR : 0),
					 VIRTIO_BLK_S_IOERR);
		assert_int_equal(disk_range(&g, VIRTIO_BLK_T_DISCARD, 0, 8, 0),
				 VIRTIO_BLK_S_IOERR);
	}
	assert_int_equal(driver_figure(&g.drv, "errors"), 12);
	__atomic_store_n(&fake.error, 0, __ATOMIC_RELEASE);
	assert_int_equal(
		disk_request(&g, VIRTIO_BLK_T_OUT, 0, data, DISK_SECTOR), 0);
	assert_false(driver_needs_reset(&g.drv));
}

/* A disk that hangs: others, registers and statistics do not. */
static void a_disk_that_hangs_holds_nobody_up(void **state)
{
	gpa_t data = driver_alloc(&g.drv, DISK_SECTOR);

	(void)state;
	__atomic_store_n(&fake.hold, true, __ATOMIC_RELEASE);
	(void)offer(0, VIRTIO_BLK_T_IN, 0, data, DISK_SECTOR);
	driver_kick(&g.drv, 0);
	fake_await_held(1);
	driver_settle(&g.drv);
	assert_int_equal(driver_figure(&g.drv, "reads"), 1);
	assert_int_equal(driver_read(&g.drv, g.drv.device, 8), DISK_SECTORS);
	assert_int_equal(
		blk_grow(g.drv.dev, "image-0123456789abcd", 2 * DISK_SIZE), 0);
	assert_false(driver_take(&g.drv.queue[0], NULL, NULL));
	fake_release();
	(void)driver_wait(&g.drv, 0, NULL);
}

static bool has_grown(void *arg)
{
	uint64_t sectors = *(uint64_t *)arg;

	return driver_read(&g.drv, g.drv.device, 8) == sectors;
}

static void a_disk_grows_while_it_runs(void **state)
{
	gpa_t data = driver_alloc(&g.drv, DISK_SECTOR);
	uint64_t sectors = 2 * DISK_SECTORS;

	(void)state;
	assert_int_equal(blk_grow(g.drv.dev, "other", 2 * DISK_SIZE), -ENODEV);
	assert_int_equal(blk_grow(g.drv.dev, "image-0123456789abcd", 1024),
			 -ERANGE);
	assert_int_equal(ftruncate(g.disk, 2 * (off_t)DISK_SIZE), 0);
	assert_int_equal(
		blk_grow(g.drv.dev, "image-0123456789abcd", 2 * DISK_SIZE), 0);
	while (!has_grown(&sectors))
		(void)sched_yield();
	assert_true(driver_interrupted(&g.drv, 0));
	assert_int_equal(disk_request(&g, VIRTIO_BLK_T_OUT, DISK_SECTORS, data,
				      DISK_SECTOR),
			 0);
	assert_int_equal(disk_request(&g, VIRTIO_BLK_T_OUT, 2 * DISK_SECTORS,
				      data, DISK_SECTOR),
			 VIRTIO_BLK_S_IOERR);
}

/* What the host says of its size is looked after. */
static void a_disk_that_did_not_grow_stays(void **state)
{
	gpa_t data = driver_alloc(&g.drv, DISK_SECTOR);

	(void)state;
	assert_int_equal(
		blk_grow(g.drv.dev, "image-0123456789abcd", 2 * DISK_SIZE), 0);
	/* Two turns of the thread: it has looked. */
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(
			disk_request(&g, VIRTIO_BLK_T_IN, 0, data, DISK_SECTOR),
			0);
	assert_int_equal(driver_read(&g.drv, g.drv.device, 8), DISK_SECTORS);
	assert_int_equal(disk_request(&g, VIRTIO_BLK_T_IN, DISK_SECTORS, data,
				      DISK_SECTOR),
			 VIRTIO_BLK_S_IOERR);
}

/* To look whether it has takes no request's place. */
static void a_full_disk_grows(void **state)
{
	gpa_t data = driver_alloc(&g.drv, DISK_SECTOR);

	(void)state;
	__atomic_store_n(&fake.hold, true, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < ENGINE_DEPTH + 2 * QUEUES; i++)
		(void)offer(i % QUEUES, VIRTIO_BLK_T_IN, i, data, DISK_SECTOR);
	for (unsigned q = 0; q < QUEUES; q++)
		driver_kick(&g.drv, q);
	fake_await_held(ENGINE_DEPTH);
	assert_int_equal(ftruncate(g.disk, 2 * (off_t)DISK_SIZE), 0);
	assert_int_equal(
		blk_grow(g.drv.dev, "image-0123456789abcd", 2 * DISK_SIZE), 0);
	fake_await_held(ENGINE_DEPTH + 1);
	fake_release();
	for (unsigned i = 0; i < ENGINE_DEPTH + 2 * QUEUES; i++)
		(void)driver_wait(&g.drv, i % QUEUES, NULL);
	assert_int_equal(driver_figure(&g.drv, "most_in_flight"), ENGINE_DEPTH);
}

static void resets_with_all_in_flight(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 50; round++) {
		g.drv.next = 0x200000;
		gpa_t data = driver_alloc(&g.drv, 8 * DISK_SECTOR);

		for (unsigned i = 0; i < QUEUES * DEPTH; i++)
			(void)offer(i % QUEUES,
				    i % 3 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN,
				    i * 8, data, 8 * DISK_SECTOR);
		(void)offer(0, VIRTIO_BLK_T_FLUSH, 0, 0, 0);
		for (unsigned q = 0; q < QUEUES; q++)
			driver_kick(&g.drv, q);
		driver_restart(&g.drv, DISK_FEATURES);
	}
	assert_int_equal(disk_request(&g, VIRTIO_BLK_T_FLUSH, 0, 0, 0), 0);
}

#define TEST(name)	   cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_WITH(name, s) cmocka_unit_test_setup_teardown(name, s, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_queue_is_served),
		TEST(one_queue_is_enough),
		TEST(requests_are_in_flight_together),
		TEST(more_than_the_disk_takes),
		TEST(requests_of_many_pieces),
		TEST(a_flush_waits_for_earlier_writes),
		TEST(flushes_share_their_work),
		TEST_WITH(unsafe_disks_do_not_flush, setup_unsafe),
		TEST(failures_reach_the_guest),
		TEST(a_disk_that_hangs_holds_nobody_up),
		TEST(a_disk_grows_while_it_runs),
		TEST(a_disk_that_did_not_grow_stays),
		TEST(a_full_disk_grows),
		TEST(resets_with_all_in_flight),
	};

	return DISK_RUN("blk, depth", tests);
}
