/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blk_direct_test.c - disks with cache=none: a guest may put its requests where
 * O_DIRECT may not.
 */
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/harness/disk_guest.h"
#include "tests/harness/fake_engine.h"
#include "vmm/lib/io.h"

#define MOST	(600U * DISK_SECTOR) /* more than the bounce buffer */
#define SECTORS 8U /* of a block */

static struct disk_guest g;
static gpa_t data; /* aligned */

static bool possible(void)
{
	char name[] = "/var/tmp/belljar-direct-XXXXXX";
	int fd = mkostemp(name, O_CLOEXEC);
	bool ok = fd >= 0 && fcntl(fd, F_SETFL, O_DIRECT) == 0;

	(void)unlink(name);
	if (fd >= 0)
		(void)close(fd);
	return ok;
}

static int setup(void **state)
{
	static bool none;

	*state = NULL;
	if (!possible()) {
		*state = &none; /* skip */
		return 0;
	}
	disk_config.cache = BLK_NONE;
	disk_open_as_is(&g);
	g.drv.next = (g.drv.next + 4095) & ~UINT64_C(4095);
	data = driver_alloc(&g.drv, MOST + 4096);
	return 0;
}

static int teardown(void **state)
{
	if (!*state)
		disk_close(&g);
	disk_config.cache = BLK_WRITEBACK;
	return 0;
}

static void check(const unsigned char *expected)
{
	/* The test's descriptor is one with O_DIRECT, too. */
	unsigned char *got = aligned_alloc(4096, DISK_SIZE);

	assert_non_null(got);

	assert_int_equal(io_pread_full(g.disk, got, DISK_SIZE, 0), DISK_SIZE);
	assert_memory_equal(got, expected, DISK_SIZE);
	free(got);
}

static void aligned_or_not_bytes_are_the_same(void **state)
{
	if (*state)
		skip();
	unsigned char *shadow = test_calloc(1, DISK_SIZE);

	srandom(7);
	for (unsigned i = 0; i < 300; i++) {
		uint32_t n = 1 + (uint32_t)random() % (i % 8 ? 20 : 600);
		uint64_t sector = (uint64_t)random() % (DISK_SECTORS - n + 1);
		gpa_t at = data + (i % 3 ? (gpa_t)random() % 4096 : 0);
		uint32_t len = n * DISK_SECTOR;
		unsigned char *p = driver_ptr(&g.drv, at, len);
		bool write = random() % 2;

		g.drv.next = data + MOST + 4096;
		if (i % 4 == 0) {
			sector &= ~(uint64_t)(SECTORS - 1);
			len = (len + 4095) & ~4095U;
			if (sector * DISK_SECTOR + len > DISK_SIZE ||
			    len > MOST)
				continue;
		}
		for (uint32_t b = 0; write && b < len; b++)
			p[b] = (unsigned char)random();
		assert_int_equal(
			disk_request(&g,
				     write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN,
				     sector, at, len),
			VIRTIO_BLK_S_OK);
		unsigned char *there = shadow + sector * DISK_SECTOR;
		if (write)
			memcpy(there, p, len);
		else
			assert_memory_equal(p, there, len);
	}
	assert_int_equal(disk_request(&g, VIRTIO_BLK_T_FLUSH, 0, 0, 0), 0);
	check(shadow);
	test_free(shadow);
}

/* Each is read, changed and written: not at once. */
static void neighbours_in_one_block_do_not_lose_writes(void **state)
{
	if (*state)
		skip();
	unsigned char *shadow = test_calloc(1, DISK_SIZE);

	for (unsigned i = 0; i < 4 * SECTORS; i++) {
		gpa_t at = data + i * DISK_SECTOR;
		struct driver_buf buf[] = {
			{ disk_header(&g, VIRTIO_BLK_T_OUT, i), 16, false },
			{ at, DISK_SECTOR, false },
			{ driver_alloc(&g.drv, 1), 1, true },
		};

		memset(driver_ptr(&g.drv, at, DISK_SECTOR), (int)i + 1,
		       DISK_SECTOR);
		memset(shadow + i * DISK_SECTOR, (int)i + 1, DISK_SECTOR);
		(void)driver_chain(&g.drv.queue[0], buf, 3);
	}
	driver_kick(&g.drv, 0);
	for (unsigned i = 0; i < 4 * SECTORS; i++)
		assert_int_equal(driver_wait(&g.drv, 0, NULL), 1);
	check(shadow);
	test_free(shadow);
}

/* An unaligned request waits for all others, and they for it. */
static void an_unaligned_request_is_alone(void **state)
{
	if (*state)
		skip();
	static const uint32_t sectors[] = { 0, 1, 8 };

	__atomic_store_n(&fake.hold, true, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < 3; i++) {
		struct driver_buf buf[] = {
			{ disk_header(&g, VIRTIO_BLK_T_IN, sectors[i]), 16,
			  false },
			{ data, 4096, true },
			{ driver_alloc(&g.drv, 1), 1, true },
		};

		(void)driver_chain(&g.drv.queue[0], buf, 3);
	}
	driver_kick(&g.drv, 0);
	fake_await_held(1);
	while (driver_figure(&g.drv, "stalls") == 0)
		(void)sched_yield();
	assert_int_equal(fake.held, 1);
	fake_release();
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(driver_wait(&g.drv, 0, NULL), 4097);
	assert_int_equal(driver_figure(&g.drv, "most_in_flight"), 1);
}

static void the_end_of_the_disk_stays_where_it_is(void **state)
{
	struct stat st;

	if (*state)
		skip();
	assert_int_equal(disk_request(&g, VIRTIO_BLK_T_OUT, DISK_LAST, data + 8,
				      DISK_SECTOR),
			 0);
	assert_int_equal(fstat(g.disk, &st), 0);
	assert_int_equal(st.st_size, DISK_SIZE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(aligned_or_not_bytes_are_the_same),
		TEST(neighbours_in_one_block_do_not_lose_writes),
		TEST(an_unaligned_request_is_alone),
		TEST(the_end_of_the_disk_stays_where_it_is),
	};

	return DISK_RUN("blk, cache=none", tests);
}
