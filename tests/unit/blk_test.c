/* SPDX-License-Identifier: Apache-2.0 */
/* blk_test.c - disks: what is written is what is read, and reset. */
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_pci.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/harness/disk_guest.h"
#include "tests/harness/fake_engine.h"
#include "vmm/lib/io.h"

static struct disk_guest g;

static int setup(void **state)
{
	(void)state;
	disk_open(&g, DISK_SIZE, false, DISK_FEATURES);
	return 0;
}

static int setup_readonly(void **state)
{
	(void)state;
	disk_open(&g, DISK_SIZE, true, DISK_FEATURES);
	return 0;
}

static int setup_plain(void **state)
{
	(void)state;
	disk_open(&g, DISK_SIZE, false, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	disk_close(&g);
	return 0;
}

static void scribble(gpa_t at, uint32_t len)
{
	unsigned char *p = driver_ptr(&g.drv, at, len);

	for (uint32_t i = 0; i < len; i++)
		p[i] = (unsigned char)random();
}

static void check_file(const unsigned char *expected)
{
	unsigned char *got = malloc(DISK_SIZE);

	assert_non_null(got);
	assert_int_equal(io_pread_full(g.disk, got, DISK_SIZE, 0), DISK_SIZE);
	assert_memory_equal(got, expected, DISK_SIZE);
	free(got);
}

static void random_writes_read_back(void **state)
{
	unsigned char *shadow = calloc(1, DISK_SIZE);
	gpa_t data = driver_alloc(&g.drv, 64 * DISK_SECTOR);

	(void)state;
	assert_non_null(shadow);
	srandom(1);
	for (unsigned i = 0; i < 500; i++) {
		uint32_t n = 1 + (uint32_t)random() % 64;
		uint64_t sector = (uint64_t)random() % (DISK_SECTORS - n + 1);
		size_t len = (size_t)n * DISK_SECTOR;
		unsigned char *at = shadow + sector * DISK_SECTOR;

		if (random() % 2) {
			scribble(data, (uint32_t)len);
			memcpy(at, driver_ptr(&g.drv, data, (uint32_t)len),
			       len);
			assert_int_equal(disk_request(&g, VIRTIO_BLK_T_OUT,
						      sector, data,
						      (uint32_t)len),
					 VIRTIO_BLK_S_OK);
		} else {
			assert_int_equal(disk_request(&g, VIRTIO_BLK_T_IN,
						      sector, data,
						      (uint32_t)len),
					 VIRTIO_BLK_S_OK);
			assert_memory_equal(
				driver_ptr(&g.drv, data, (uint32_t)len), at,
				len);
		}
	}
	assert_int_equal(disk_request(&g, VIRTIO_BLK_T_FLUSH, 0, 0, 0), 0);
	check_file(shadow);
	free(shadow);
}

/* Section 2.7.4: where the driver cuts a request up is its own business. */
static void a_request_cut_into_odd_pieces(void **state)
{
	gpa_t head = disk_header(&g, VIRTIO_BLK_T_OUT, 3);
	gpa_t data = driver_alloc(&g.drv, 2 * DISK_SECTOR);
	gpa_t status = driver_alloc(&g.drv, 1);
	unsigned char got[2 * DISK_SECTOR];
	struct driver_buf buf[] = {
		{ head, 5, false },	   { head + 5, 0, false },
		{ head + 5, 11, false },   { data, 1, false },
		{ data + 1, 1000, false }, { data + 1001, 23, false },
		{ status, 1, true },
	};

	(void)state;
	scribble(data, 2 * DISK_SECTOR);
	(void)driver_chain(&g.drv.queue[0], buf, 7);
	driver_kick(&g.drv, 0);
	assert_int_equal(driver_wait(&g.drv, 0, NULL), 1);
	assert_int_equal(*(uint8_t *)driver_ptr(&g.drv, status, 1), 0);
	assert_int_equal(
		io_pread_full(g.disk, got, sizeof(got), 3 * DISK_SECTOR),
		sizeof(got));
	assert_memory_equal(got, driver_ptr(&g.drv, data, 2 * DISK_SECTOR),
			    sizeof(got));
}

static void the_header_shares_its_buffer_with_the_data(void **state)
{
	gpa_t head = driver_alloc(&g.drv, 16 + DISK_SECTOR);
	gpa_t out = driver_alloc(&g.drv, DISK_SECTOR + 1);
	struct virtio_blk_outhdr h = { .type = htole32(VIRTIO_BLK_T_OUT),
				       .sector = htole64(9) };
	struct driver_buf write[] = { { head, 16 + DISK_SECTOR, false },
				      { out, 1, true } };
	struct driver_buf read[] = { { disk_header(&g, VIRTIO_BLK_T_IN, 9), 16,
				       false },
				     { out, DISK_SECTOR + 1, true } };

	(void)state;
	scribble(head, 16 + DISK_SECTOR);
	assert_int_equal(gmem_write(&g.drv.gm, head, &h, sizeof(h)), 0);
	(void)driver_chain(&g.drv.queue[0], write, 2);
	driver_kick(&g.drv, 0);
	/* Both use `out`: not at once. */
	(void)driver_wait(&g.drv, 0, NULL);
	(void)driver_chain(&g.drv.queue[0], read, 2);
	driver_kick(&g.drv, 0);
	assert_int_equal(driver_wait(&g.drv, 0, NULL), DISK_SECTOR + 1);
	assert_memory_equal(driver_ptr(&g.drv, out, DISK_SECTOR),
			    driver_ptr(&g.drv, head + 16, DISK_SECTOR),
			    DISK_SECTOR);
}

static void a_full_queue_is_answered_in_order(void **state)
{
	gpa_t status = driver_alloc(&g.drv, 256);
	uint32_t id;

	(void)state;
	for (unsigned i = 0; i < 128; i++) {
		struct driver_buf buf[] = {
			{ disk_header(&g, VIRTIO_BLK_T_FLUSH, 0), 16, false },
			{ status + i, 1, true },
		};

		(void)driver_chain(&g.drv.queue[0], buf, 2);
	}
	driver_kick(&g.drv, 0);
	for (unsigned i = 0; i < 128; i++) {
		(void)driver_wait(&g.drv, 0, &id);
		assert_int_equal(id, 2 * i);
	}
}

static void the_disk_describes_itself(void **state)
{
	gpa_t id = driver_alloc(&g.drv, 20);

	(void)state;
	assert_int_equal(driver_read(&g.drv, g.drv.device, 8), DISK_SECTORS);
	assert_int_equal(driver_read(&g.drv, g.drv.device + 12, 4), 254);
	assert_int_equal(driver_read(&g.drv, g.drv.device + 20, 4),
			 DISK_SECTOR);
	assert_true(g.agreed & VIRTIO_BIT(VIRTIO_BLK_F_FLUSH));
	assert_false(g.agreed & VIRTIO_BIT(VIRTIO_BLK_F_RO));
	assert_int_equal(disk_request(&g, VIRTIO_BLK_T_GET_ID, 0, id, 20), 0);
	assert_memory_equal(driver_ptr(&g.drv, id, 20), "image-0123456789abcd",
			    20);
}

static void a_readonly_disk_is_not_written(void **state)
{
	struct virtio_blk_discard_write_zeroes range = { 0, htole32(8), 0 };
	gpa_t data = driver_alloc(&g.drv, DISK_SECTOR);
	unsigned char zero[DISK_SECTOR] = { 0 };
	unsigned char got[DISK_SECTOR];

	(void)state;
	assert_true(g.agreed & VIRTIO_BIT(VIRTIO_BLK_F_RO));
	assert_false(g.agreed & VIRTIO_BIT(VIRTIO_BLK_F_DISCARD));
	scribble(data, DISK_SECTOR);
	assert_int_equal(
		disk_request(&g, VIRTIO_BLK_T_OUT, 0, data, DISK_SECTOR),
		VIRTIO_BLK_S_IOERR);
	assert_int_equal(gmem_write(&g.drv.gm, data, &range, sizeof(range)), 0);
	assert_int_equal(
		disk_request(&g, VIRTIO_BLK_T_WRITE_ZEROES, 0, data, 16),
		VIRTIO_BLK_S_IOERR);
	assert_int_equal(io_pread_full(g.disk, got, DISK_SECTOR, 0),
			 DISK_SECTOR);
	assert_memory_equal(got, zero, DISK_SECTOR);
	assert_int_equal(
		disk_request(&g, VIRTIO_BLK_T_IN, 0, data, DISK_SECTOR), 0);
}

static void discard_and_zero_give_space_back(void **state)
{
	unsigned char *shadow = malloc(DISK_SIZE);
	struct stat st;

	(void)state;
	assert_non_null(shadow);
	memset(shadow, 'x', DISK_SIZE);
	assert_int_equal(pwrite(g.disk, shadow, DISK_SIZE, 0), DISK_SIZE);

	assert_int_equal(disk_range(&g, VIRTIO_BLK_T_DISCARD, 0, 4096, 0), 0);
	assert_int_equal(fstat(g.disk, &st), 0);
	assert_true(st.st_blocks <= 4096);
	memset(shadow, 0, 4096UL * DISK_SECTOR);

	assert_int_equal(disk_range(&g, VIRTIO_BLK_T_WRITE_ZEROES, 5001, 3, 0),
			 0);
	assert_int_equal(disk_range(&g, VIRTIO_BLK_T_WRITE_ZEROES, 6001, 3, 1),
			 0);
	memset(shadow + 5001UL * DISK_SECTOR, 0, 3UL * DISK_SECTOR);
	memset(shadow + 6001UL * DISK_SECTOR, 0, 3UL * DISK_SECTOR);
	check_file(shadow);
	free(shadow);
}

static struct {
	pid_t tid; /* atomic */
	bool over; /* atomic: the register write returned */
	bool read_was_over; /* when it did */
} reset;

static void *write_reset(void *arg)
{
	(void)arg;
	__atomic_store_n(&reset.tid, gettid(), __ATOMIC_RELEASE);
	driver_write(&g.drv, g.drv.common + VIRTIO_PCI_COMMON_STATUS, 0, 1);
	reset.read_was_over = driver_take(&g.drv.queue[0], NULL, NULL);
	__atomic_store_n(&reset.over, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Is that thread waiting for something? */
static bool asleep(pid_t tid)
{
	char path[64];
	char stat[64] = { 0 };

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		(void)!read(fd, stat, sizeof(stat) - 1);
		(void)close(fd);
	}
	return strstr(stat, ") S ") != NULL;
}

/* Bug class 5: after reset nothing of the old driver's is touched. */
static void reset_waits_for_the_request_in_hand(void **state)
{
	struct driver_buf buf[] = {
		{ disk_header(&g, VIRTIO_BLK_T_IN, 0), 16, false },
		{ driver_alloc(&g.drv, DISK_SECTOR), DISK_SECTOR, true },
		{ driver_alloc(&g.drv, 1), 1, true },
	};
	pthread_t thread;

	(void)state;
	reset.tid = 0;
	reset.over = false;
	__atomic_store_n(&fake.hold, true, __ATOMIC_RELEASE);
	(void)driver_chain(&g.drv.queue[0], buf, 3);
	driver_kick(&g.drv, 0);
	fake_await_held(1);

	assert_int_equal(pthread_create(&thread, NULL, write_reset, NULL), 0);
	pid_t tid;
	do {
		tid = __atomic_load_n(&reset.tid, __ATOMIC_ACQUIRE);
	} while (!__atomic_load_n(&reset.over, __ATOMIC_ACQUIRE) &&
		 (tid == 0 || !asleep(tid)));
	assert_false(__atomic_load_n(&reset.over, __ATOMIC_ACQUIRE));
	fake_release();
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(reset.read_was_over);

	driver_restart(&g.drv, DISK_FEATURES);
	assert_int_equal(disk_request(&g, VIRTIO_BLK_T_FLUSH, 0, 0, 0), 0);
}

/* The same in a hurry: nothing left over disturbs the next driver. */
static void resets_under_load(void **state)
{
	gpa_t data = driver_alloc(&g.drv, 64 * DISK_SECTOR);

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		g.drv.next = 0x200000;
		for (unsigned i = 0; i < 64; i++) {
			struct driver_buf buf[] = {
				{ disk_header(&g, VIRTIO_BLK_T_IN, 0), 16,
				  false },
				{ data, 64 * DISK_SECTOR, true },
				{ driver_alloc(&g.drv, 1), 1, true },
			};

			(void)driver_chain(&g.drv.queue[0], buf, 3);
		}
		driver_kick(&g.drv, 0);
		driver_restart(&g.drv, DISK_FEATURES);
	}
	assert_int_equal(disk_request(&g, VIRTIO_BLK_T_FLUSH, 0, 0, 0), 0);
}

#define TEST(name)	   cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_WITH(name, s) cmocka_unit_test_setup_teardown(name, s, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(random_writes_read_back),
		TEST_WITH(random_writes_read_back, setup_plain),
		TEST(a_request_cut_into_odd_pieces),
		TEST(the_header_shares_its_buffer_with_the_data),
		TEST(a_full_queue_is_answered_in_order),
		TEST(the_disk_describes_itself),
		TEST_WITH(a_readonly_disk_is_not_written, setup_readonly),
		TEST(discard_and_zero_give_space_back),
		TEST(reset_waits_for_the_request_in_hand),
		TEST(resets_under_load),
	};

	return DISK_RUN("blk", tests);
}
