/* SPDX-License-Identifier: Apache-2.0 */
/* blk_test.c - disks: data, errors, and drivers that break the rules. */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_pci.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/virtio/models.h"
#include "tests/harness/driver.h"
#include "vmm/lib/io.h"

#define SECTOR	512U
#define SECTORS 8192U /* 4 MiB */
#define DISK	(SECTORS * SECTOR)
#define LAST	(SECTORS - 1)

static struct driver drv;
static int disk = -1; /* the test's own descriptor of the file */
static uint64_t agreed;

#define FEATURES                                                               \
	(VIRTIO_BIT(VIRTIO_BLK_F_FLUSH) | VIRTIO_BIT(VIRTIO_BLK_F_SEG_MAX) |   \
	 VIRTIO_BIT(VIRTIO_BLK_F_DISCARD) |                                    \
	 VIRTIO_BIT(VIRTIO_BLK_F_WRITE_ZEROES) | VIRTIO_BIT(VIRTIO_BLK_F_RO) | \
	 VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) |                             \
	 VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX))

static void open_disk(size_t size, bool readonly, uint64_t features)
{
	disk = memfd_create("disk", MFD_CLOEXEC);
	assert_true(disk >= 0);
	assert_int_equal(ftruncate(disk, (off_t)size), 0);

	struct blk_config cfg = {
		.fd = fcntl(disk, F_DUPFD_CLOEXEC, 0),
		.readonly = readonly,
		.serial = "image-0123456789abcdefgh",
	};
	driver_open(&drv, &blk_ops, &cfg);
	agreed = driver_start(&drv, features);
}

static int setup(void **state)
{
	(void)state;
	open_disk(DISK, false, FEATURES);
	return 0;
}

static int setup_readonly(void **state)
{
	(void)state;
	open_disk(DISK, true, FEATURES);
	return 0;
}

static int setup_plain(void **state)
{
	(void)state;
	open_disk(DISK, false, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	driver_close(&drv);
	(void)close(disk);
	disk = -1;
	return 0;
}

static gpa_t header(uint32_t type, uint64_t sector)
{
	struct virtio_blk_outhdr h = {
		.type = htole32(type),
		.sector = htole64(sector),
	};
	gpa_t at = driver_alloc(&drv, sizeof(h));

	assert_int_equal(gmem_write(&drv.gm, at, &h, sizeof(h)), 0);
	return at;
}

/* One request with @len bytes at @data; its status. */
static uint8_t request(uint32_t type, uint64_t sector, gpa_t data, uint32_t len)
{
	bool write = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
	gpa_t status = driver_alloc(&drv, 1);
	struct driver_buf buf[] = {
		{ header(type, sector), 16, false },
		{ data, len, write },
		{ status, 1, true },
	};
	uint8_t *s = driver_ptr(&drv, status, 1);

	*s = 0xee;
	if (len == 0)
		buf[1] = buf[2];
	(void)driver_chain(&drv.queue[0], buf, len ? 3 : 2);
	driver_kick(&drv, 0);
	(void)driver_wait(&drv, 0, NULL);
	return *s;
}

static void scribble(gpa_t at, uint32_t len)
{
	unsigned char *p = driver_ptr(&drv, at, len);

	for (uint32_t i = 0; i < len; i++)
		p[i] = (unsigned char)random();
}

static void check_file(const unsigned char *expected)
{
	unsigned char *got = malloc(DISK);

	assert_non_null(got);
	assert_int_equal(io_pread_full(disk, got, DISK, 0), DISK);
	assert_memory_equal(got, expected, DISK);
	free(got);
}

static void random_writes_read_back(void **state)
{
	unsigned char *shadow = calloc(1, DISK);
	gpa_t data = driver_alloc(&drv, 64 * SECTOR);

	(void)state;
	assert_non_null(shadow);
	srandom(1);
	for (unsigned i = 0; i < 500; i++) {
		uint32_t n = 1 + (uint32_t)random() % 64;
		uint64_t sector = (uint64_t)random() % (SECTORS - n + 1);
		size_t len = (size_t)n * SECTOR;
		unsigned char *at = shadow + sector * SECTOR;

		if (random() % 2) {
			scribble(data, (uint32_t)len);
			memcpy(at, driver_ptr(&drv, data, (uint32_t)len), len);
			assert_int_equal(request(VIRTIO_BLK_T_OUT, sector, data,
						 (uint32_t)len),
					 VIRTIO_BLK_S_OK);
		} else {
			assert_int_equal(request(VIRTIO_BLK_T_IN, sector, data,
						 (uint32_t)len),
					 VIRTIO_BLK_S_OK);
			assert_memory_equal(
				driver_ptr(&drv, data, (uint32_t)len), at, len);
		}
	}
	assert_int_equal(request(VIRTIO_BLK_T_FLUSH, 0, 0, 0), 0);
	check_file(shadow);
	free(shadow);
}

/* Section 2.7.4: where the driver cuts a request up is its own business. */
static void a_request_cut_into_odd_pieces(void **state)
{
	gpa_t head = header(VIRTIO_BLK_T_OUT, 3);
	gpa_t data = driver_alloc(&drv, 2 * SECTOR);
	gpa_t status = driver_alloc(&drv, 1);
	unsigned char got[2 * SECTOR];
	struct driver_buf buf[] = {
		{ head, 5, false },	   { head + 5, 0, false },
		{ head + 5, 11, false },   { data, 1, false },
		{ data + 1, 1000, false }, { data + 1001, 23, false },
		{ status, 1, true },
	};

	(void)state;
	scribble(data, 2 * SECTOR);
	(void)driver_chain(&drv.queue[0], buf, 7);
	driver_kick(&drv, 0);
	assert_int_equal(driver_wait(&drv, 0, NULL), 1);
	assert_int_equal(*(uint8_t *)driver_ptr(&drv, status, 1), 0);
	assert_int_equal(io_pread_full(disk, got, sizeof(got), 3 * SECTOR),
			 sizeof(got));
	assert_memory_equal(got, driver_ptr(&drv, data, 2 * SECTOR),
			    sizeof(got));
}

static void the_header_shares_its_buffer_with_the_data(void **state)
{
	gpa_t head = driver_alloc(&drv, 16 + SECTOR);
	gpa_t out = driver_alloc(&drv, SECTOR + 1);
	struct virtio_blk_outhdr h = { .type = htole32(VIRTIO_BLK_T_OUT),
				       .sector = htole64(9) };
	struct driver_buf write[] = { { head, 16 + SECTOR, false },
				      { out, 1, true } };
	struct driver_buf read[] = { { header(VIRTIO_BLK_T_IN, 9), 16, false },
				     { out, SECTOR + 1, true } };

	(void)state;
	scribble(head, 16 + SECTOR);
	assert_int_equal(gmem_write(&drv.gm, head, &h, sizeof(h)), 0);
	(void)driver_chain(&drv.queue[0], write, 2);
	(void)driver_chain(&drv.queue[0], read, 2);
	driver_kick(&drv, 0);
	(void)driver_wait(&drv, 0, NULL);
	assert_int_equal(driver_wait(&drv, 0, NULL), SECTOR + 1);
	assert_memory_equal(driver_ptr(&drv, out, SECTOR),
			    driver_ptr(&drv, head + 16, SECTOR), SECTOR);
}

static void a_full_queue_is_answered_in_order(void **state)
{
	gpa_t status = driver_alloc(&drv, 256);
	uint32_t id;

	(void)state;
	for (unsigned i = 0; i < 128; i++) {
		struct driver_buf buf[] = {
			{ header(VIRTIO_BLK_T_FLUSH, 0), 16, false },
			{ status + i, 1, true },
		};

		(void)driver_chain(&drv.queue[0], buf, 2);
	}
	driver_kick(&drv, 0);
	for (unsigned i = 0; i < 128; i++) {
		(void)driver_wait(&drv, 0, &id);
		assert_int_equal(id, 2 * i);
	}
}

static void the_disk_describes_itself(void **state)
{
	gpa_t id = driver_alloc(&drv, 20);

	(void)state;
	assert_int_equal(driver_read(&drv, drv.device, 8), SECTORS);
	assert_int_equal(driver_read(&drv, drv.device + 12, 4), 254);
	assert_int_equal(driver_read(&drv, drv.device + 20, 4), SECTOR);
	assert_true(agreed & VIRTIO_BIT(VIRTIO_BLK_F_FLUSH));
	assert_false(agreed & VIRTIO_BIT(VIRTIO_BLK_F_RO));
	assert_int_equal(request(VIRTIO_BLK_T_GET_ID, 0, id, 20), 0);
	assert_memory_equal(driver_ptr(&drv, id, 20), "image-0123456789abcd",
			    20);
}

static void out_of_bounds_sectors_fail(void **state)
{
	gpa_t data = driver_alloc(&drv, 2 * SECTOR);

	(void)state;
	assert_int_equal(request(VIRTIO_BLK_T_IN, LAST, data, SECTOR), 0);
	assert_int_equal(request(VIRTIO_BLK_T_IN, LAST, data, 2 * SECTOR),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(VIRTIO_BLK_T_IN, SECTORS, data, SECTOR),
			 VIRTIO_BLK_S_IOERR);
	/* Times 512 this wraps around to 0. */
	assert_int_equal(
		request(VIRTIO_BLK_T_OUT, UINT64_C(1) << 55, data, SECTOR),
		VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(VIRTIO_BLK_T_OUT, UINT64_MAX, data, SECTOR),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(VIRTIO_BLK_T_IN, 0, data, 100),
			 VIRTIO_BLK_S_IOERR);
	struct stat st;
	assert_int_equal(fstat(disk, &st), 0);
	assert_int_equal(st.st_size, DISK);
}

static void unknown_requests_are_unsupported(void **state)
{
	gpa_t data = driver_alloc(&drv, SECTOR);

	(void)state;
	assert_int_equal(request(77, 0, data, SECTOR), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(request(VIRTIO_BLK_T_IN, 0, data, SECTOR), 0);
}

static void a_readonly_disk_is_not_written(void **state)
{
	struct virtio_blk_discard_write_zeroes range = { 0, htole32(8), 0 };
	gpa_t data = driver_alloc(&drv, SECTOR);
	unsigned char zero[SECTOR] = { 0 };
	unsigned char got[SECTOR];

	(void)state;
	assert_true(agreed & VIRTIO_BIT(VIRTIO_BLK_F_RO));
	assert_false(agreed & VIRTIO_BIT(VIRTIO_BLK_F_DISCARD));
	scribble(data, SECTOR);
	assert_int_equal(request(VIRTIO_BLK_T_OUT, 0, data, SECTOR),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(gmem_write(&drv.gm, data, &range, sizeof(range)), 0);
	assert_int_equal(request(VIRTIO_BLK_T_WRITE_ZEROES, 0, data, 16),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(io_pread_full(disk, got, SECTOR, 0), SECTOR);
	assert_memory_equal(got, zero, SECTOR);
	assert_int_equal(request(VIRTIO_BLK_T_IN, 0, data, SECTOR), 0);
}

static uint8_t range_request(uint32_t type, uint64_t sector, uint32_t sectors,
			     uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes range = { htole64(sector),
							 htole32(sectors),
							 htole32(flags) };
	gpa_t at = driver_alloc(&drv, sizeof(range));

	assert_int_equal(gmem_write(&drv.gm, at, &range, sizeof(range)), 0);
	return request(type, 0, at, sizeof(range));
}

static void discard_and_zero_give_space_back(void **state)
{
	unsigned char *shadow = malloc(DISK);
	struct stat st;

	(void)state;
	assert_non_null(shadow);
	memset(shadow, 'x', DISK);
	assert_int_equal(io_pwrite_full(disk, shadow, DISK, 0), 0);

	assert_int_equal(range_request(VIRTIO_BLK_T_DISCARD, 0, 4096, 0), 0);
	assert_int_equal(fstat(disk, &st), 0);
	assert_true(st.st_blocks <= 4096);
	memset(shadow, 0, 4096UL * SECTOR);

	assert_int_equal(range_request(VIRTIO_BLK_T_WRITE_ZEROES, 5001, 3, 0),
			 0);
	assert_int_equal(range_request(VIRTIO_BLK_T_WRITE_ZEROES, 6001, 3, 1),
			 0);
	memset(shadow + 5001UL * SECTOR, 0, 3UL * SECTOR);
	memset(shadow + 6001UL * SECTOR, 0, 3UL * SECTOR);
	check_file(shadow);
	free(shadow);
}

static void bad_ranges_are_refused(void **state)
{
	gpa_t many = driver_alloc(&drv, 17 * 16);

	(void)state;
	memset(driver_ptr(&drv, many, 17 * 16), 0, 17 * 16);
	assert_int_equal(range_request(VIRTIO_BLK_T_DISCARD, LAST, 2, 0),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(
		range_request(VIRTIO_BLK_T_WRITE_ZEROES, UINT64_MAX, 1, 0),
		VIRTIO_BLK_S_IOERR);
	assert_int_equal(range_request(VIRTIO_BLK_T_DISCARD, 0, 1, 1),
			 VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(range_request(VIRTIO_BLK_T_WRITE_ZEROES, 0, 1, 2),
			 VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(request(VIRTIO_BLK_T_DISCARD, 0, many, 17 * 16),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(VIRTIO_BLK_T_DISCARD, 0, many, 15),
			 VIRTIO_BLK_S_IOERR);
}

static void a_file_that_shrank_gives_errors(void **state)
{
	gpa_t data = driver_alloc(&drv, 8 * SECTOR);

	(void)state;
	assert_int_equal(ftruncate(disk, 10 * SECTOR), 0);
	assert_int_equal(request(VIRTIO_BLK_T_IN, 0, data, SECTOR), 0);
	assert_int_equal(request(VIRTIO_BLK_T_IN, 8, data, 8 * SECTOR),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(VIRTIO_BLK_T_IN, LAST, data, SECTOR),
			 VIRTIO_BLK_S_IOERR);
	assert_false(driver_needs_reset(&drv));
}

/* The host refuses to store it: as a full disk, without filling one. */
static void a_write_the_host_refuses_is_an_error(void **state)
{
	struct rlimit old;
	struct rlimit small;
	gpa_t data = driver_alloc(&drv, SECTOR);

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 64 * SECTOR;
	void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	uint8_t inside = request(VIRTIO_BLK_T_OUT, 63, data, SECTOR);
	uint8_t beyond = request(VIRTIO_BLK_T_OUT, 64, data, SECTOR);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	(void)signal(SIGXFSZ, before);
	assert_int_equal(inside, VIRTIO_BLK_S_OK);
	assert_int_equal(beyond, VIRTIO_BLK_S_IOERR);
	assert_false(driver_needs_reset(&drv));
}

static bool broken(void *arg)
{
	return driver_needs_reset(arg);
}

/* Bug class 3: short chains. */
static void a_request_without_a_header_breaks_the_queue(void **state)
{
	gpa_t at = driver_alloc(&drv, 32);
	struct driver_buf buf[] = { { at, 15, false }, { at + 16, 1, true } };

	(void)state;
	(void)driver_chain(&drv.queue[0], buf, 2);
	driver_kick(&drv, 0);
	driver_until(&drv, broken, &drv);
}

static void a_request_without_a_status_breaks_the_queue(void **state)
{
	struct driver_buf buf = { header(VIRTIO_BLK_T_FLUSH, 0), 16, false };

	(void)state;
	(void)driver_chain(&drv.queue[0], &buf, 1);
	driver_kick(&drv, 0);
	driver_until(&drv, broken, &drv);

	driver_restart(&drv, FEATURES);
	assert_int_equal(request(VIRTIO_BLK_T_FLUSH, 0, 0, 0), 0);
}

/*
 * The disk's own preadv(), here in place of libc's: while `held`, a read
 * stops half way, so that a test can do something meanwhile.
 */
static struct {
	bool held; /* atomic */
	bool over; /* atomic: the read that was held has ended */
	sem_t reached, go;
} disk_read;

ssize_t preadv(int fd, const struct iovec *iov, int nr, off_t off)
{
	bool held = __atomic_load_n(&disk_read.held, __ATOMIC_ACQUIRE);

	if (held) {
		(void)sem_post(&disk_read.reached);
		(void)sem_wait(&disk_read.go);
	}
	ssize_t n = syscall(SYS_preadv, fd, iov, nr, off, 0);
	if (held)
		__atomic_store_n(&disk_read.over, true, __ATOMIC_RELEASE);
	return n;
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
	driver_write(&drv, drv.common + VIRTIO_PCI_COMMON_STATUS, 0, 1);
	reset.read_was_over =
		__atomic_load_n(&disk_read.over, __ATOMIC_ACQUIRE);
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
		{ header(VIRTIO_BLK_T_IN, 0), 16, false },
		{ driver_alloc(&drv, SECTOR), SECTOR, true },
		{ driver_alloc(&drv, 1), 1, true },
	};
	pthread_t thread;

	(void)state;
	(void)sem_init(&disk_read.reached, 0, 0);
	(void)sem_init(&disk_read.go, 0, 0);
	__atomic_store_n(&disk_read.held, true, __ATOMIC_RELEASE);
	(void)driver_chain(&drv.queue[0], buf, 3);
	driver_kick(&drv, 0);
	(void)sem_wait(&disk_read.reached);
	__atomic_store_n(&disk_read.held, false, __ATOMIC_RELEASE);

	assert_int_equal(pthread_create(&thread, NULL, write_reset, NULL), 0);
	pid_t tid;
	do {
		tid = __atomic_load_n(&reset.tid, __ATOMIC_ACQUIRE);
	} while (!__atomic_load_n(&reset.over, __ATOMIC_ACQUIRE) &&
		 (tid == 0 || !asleep(tid)));
	(void)sem_post(&disk_read.go);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(reset.read_was_over);

	driver_restart(&drv, FEATURES);
	assert_int_equal(request(VIRTIO_BLK_T_FLUSH, 0, 0, 0), 0);
}

/* The same in a hurry: nothing left over disturbs the next driver. */
static void resets_under_load(void **state)
{
	gpa_t data = driver_alloc(&drv, 64 * SECTOR);

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		drv.next = 0x200000;
		for (unsigned i = 0; i < 64; i++) {
			struct driver_buf buf[] = {
				{ header(VIRTIO_BLK_T_IN, 0), 16, false },
				{ data, 64 * SECTOR, true },
				{ driver_alloc(&drv, 1), 1, true },
			};

			(void)driver_chain(&drv.queue[0], buf, 3);
		}
		driver_kick(&drv, 0);
		driver_restart(&drv, FEATURES);
	}
	assert_int_equal(request(VIRTIO_BLK_T_FLUSH, 0, 0, 0), 0);
}

static void what_is_no_disk_is_refused(void **state)
{
	struct err err = { 0 };
	struct blk_config cfg = { .fd = open("/dev/null", O_RDWR | O_CLOEXEC) };

	(void)state;
	assert_int_equal(driver_try_open(&drv, &blk_ops, &cfg, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "neither a file nor a block device"));
	/* It stays the caller's. */
	assert_int_equal(close(cfg.fd), 0);
	driver_close(&drv);

	cfg.fd = memfd_create("empty", MFD_CLOEXEC);
	assert_int_equal(driver_try_open(&drv, &blk_ops, &cfg, &err), -EINVAL);
	assert_int_equal(close(cfg.fd), 0);
	driver_close(&drv);
}

static void half_a_sector_is_ignored(void **state)
{
	(void)state;
	open_disk(5 * SECTOR + 100, false, FEATURES);
	assert_int_equal(driver_read(&drv, drv.device, 8), 5);
	gpa_t data = driver_alloc(&drv, SECTOR);
	assert_int_equal(request(VIRTIO_BLK_T_IN, 5, data, SECTOR),
			 VIRTIO_BLK_S_IOERR);
	(void)teardown(NULL);
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
		TEST(out_of_bounds_sectors_fail),
		TEST(unknown_requests_are_unsupported),
		TEST_WITH(a_readonly_disk_is_not_written, setup_readonly),
		TEST(discard_and_zero_give_space_back),
		TEST(bad_ranges_are_refused),
		TEST(a_file_that_shrank_gives_errors),
		TEST(a_write_the_host_refuses_is_an_error),
		TEST(a_request_without_a_header_breaks_the_queue),
		TEST(a_request_without_a_status_breaks_the_queue),
		TEST(reset_waits_for_the_request_in_hand),
		TEST(resets_under_load),
		cmocka_unit_test(what_is_no_disk_is_refused),
		cmocka_unit_test(half_a_sector_is_ignored),
	};

	return cmocka_run_group_tests_name("blk", tests, NULL, NULL);
}
