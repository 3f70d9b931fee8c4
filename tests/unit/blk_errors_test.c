/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blk_errors_test.c - hosts that fail a disk, and drivers that break the rules
 * of theirs.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/virtio/models.h"
#include "tests/harness/disk_guest.h"

static struct disk_guest g;

static int setup(void **state)
{
	(void)state;
	disk_open(&g, DISK_SIZE, false, DISK_FEATURES);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	disk_close(&g);
	return 0;
}

static void out_of_bounds_sectors_fail(void **state)
{
	gpa_t data = driver_alloc(&g.drv, 2 * DISK_SECTOR);

	(void)state;
	assert_int_equal(
		disk_request(&g, VIRTIO_BLK_T_IN, DISK_LAST, data, DISK_SECTOR),
		0);
	assert_int_equal(disk_request(&g, VIRTIO_BLK_T_IN, DISK_LAST, data,
				      2 * DISK_SECTOR),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(disk_request(&g, VIRTIO_BLK_T_IN, DISK_SECTORS, data,
				      DISK_SECTOR),
			 VIRTIO_BLK_S_IOERR);
	/* Times 512 this wraps around to 0. */
	assert_int_equal(disk_request(&g, VIRTIO_BLK_T_OUT, UINT64_C(1) << 55,
				      data, DISK_SECTOR),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(disk_request(&g, VIRTIO_BLK_T_OUT, UINT64_MAX, data,
				      DISK_SECTOR),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(disk_request(&g, VIRTIO_BLK_T_IN, 0, data, 100),
			 VIRTIO_BLK_S_IOERR);
	struct stat st;
	assert_int_equal(fstat(g.disk, &st), 0);
	assert_int_equal(st.st_size, DISK_SIZE);
}

static void unknown_requests_are_unsupported(void **state)
{
	gpa_t data = driver_alloc(&g.drv, DISK_SECTOR);

	(void)state;
	assert_int_equal(disk_request(&g, 77, 0, data, DISK_SECTOR),
			 VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(
		disk_request(&g, VIRTIO_BLK_T_IN, 0, data, DISK_SECTOR), 0);
}

static void bad_ranges_are_refused(void **state)
{
	gpa_t many = driver_alloc(&g.drv, 17 * 16);

	(void)state;
	memset(driver_ptr(&g.drv, many, 17 * 16), 0, 17 * 16);
	assert_int_equal(disk_range(&g, VIRTIO_BLK_T_DISCARD, DISK_LAST, 2, 0),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(
		disk_range(&g, VIRTIO_BLK_T_WRITE_ZEROES, UINT64_MAX, 1, 0),
		VIRTIO_BLK_S_IOERR);
	assert_int_equal(disk_range(&g, VIRTIO_BLK_T_DISCARD, 0, 1, 1),
			 VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(disk_range(&g, VIRTIO_BLK_T_WRITE_ZEROES, 0, 1, 2),
			 VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(
		disk_request(&g, VIRTIO_BLK_T_DISCARD, 0, many, 17 * 16),
		VIRTIO_BLK_S_IOERR);
	assert_int_equal(disk_request(&g, VIRTIO_BLK_T_DISCARD, 0, many, 15),
			 VIRTIO_BLK_S_IOERR);
}

static void a_file_that_shrank_gives_errors(void **state)
{
	gpa_t data = driver_alloc(&g.drv, 8 * DISK_SECTOR);

	(void)state;
	assert_int_equal(ftruncate(g.disk, 10 * DISK_SECTOR), 0);
	assert_int_equal(
		disk_request(&g, VIRTIO_BLK_T_IN, 0, data, DISK_SECTOR), 0);
	assert_int_equal(
		disk_request(&g, VIRTIO_BLK_T_IN, 8, data, 8 * DISK_SECTOR),
		VIRTIO_BLK_S_IOERR);
	assert_int_equal(
		disk_request(&g, VIRTIO_BLK_T_IN, DISK_LAST, data, DISK_SECTOR),
		VIRTIO_BLK_S_IOERR);
	assert_false(driver_needs_reset(&g.drv));
}

/* The host refuses to store it: as a full g.disk, without filling one. */
static void a_write_the_host_refuses_is_an_error(void **state)
{
	struct rlimit old;
	struct rlimit small;
	gpa_t data = driver_alloc(&g.drv, DISK_SECTOR);

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 64 * DISK_SECTOR;
	void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	uint8_t inside =
		disk_request(&g, VIRTIO_BLK_T_OUT, 63, data, DISK_SECTOR);
	uint8_t beyond =
		disk_request(&g, VIRTIO_BLK_T_OUT, 64, data, DISK_SECTOR);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	(void)signal(SIGXFSZ, before);
	assert_int_equal(inside, VIRTIO_BLK_S_OK);
	assert_int_equal(beyond, VIRTIO_BLK_S_IOERR);
	assert_false(driver_needs_reset(&g.drv));
}

/* As root, or as root of a user namespace. */
static int enter_namespaces(void)
{
	char map[32];
	int n = snprintf(map, sizeof(map), "0 %u 1", geteuid());

	if (unshare(CLONE_NEWNS) == 0)
		return 0;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return -1;
	int fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, map, (size_t)n) == n ? 0 : -1;
}

/* A file on a file system of 64 KiB that nothing else is on; -1. */
static int file_on_a_small_one(void)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	pid_t pid = fork();
	if (pid == 0) {
		/* In a mount namespace of its own, which ends with it. */
		if (enter_namespaces() < 0 ||
		    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("small", "/mnt", "tmpfs", 0, "size=64k") < 0)
			_exit(1);
		int fd = open("/mnt/disk", O_RDWR | O_CREAT, 0600);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
		_exit(fd >= 0 && sendmsg(pair[1], &msg, 0) == 1 ? 0 : 1);
	}
	int status;
	int fd = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status == 0) {
		assert_int_equal(recvmsg(pair[0], &msg, 0), 1);
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	}
	(void)close(pair[0]);
	(void)close(pair[1]);
	return fd;
}

static void a_full_file_system_is_an_error(void **state)
{
	int fd = file_on_a_small_one();

	(void)state;
	if (fd < 0)
		skip();
	disk_config.fd = fd;
	disk_open_as_is(&g);
	disk_config.fd = 0;
	(void)close(fd);

	gpa_t data = driver_alloc(&g.drv, 128 * DISK_SECTOR);
	assert_int_equal(
		disk_request(&g, VIRTIO_BLK_T_OUT, 0, data, 64 * DISK_SECTOR),
		0);
	assert_int_equal(
		disk_request(&g, VIRTIO_BLK_T_OUT, 64, data, 128 * DISK_SECTOR),
		VIRTIO_BLK_S_IOERR);
	/* What is given back can be used again. */
	assert_int_equal(disk_range(&g, VIRTIO_BLK_T_DISCARD, 0, 192, 0), 0);
	assert_int_equal(disk_request(&g, VIRTIO_BLK_T_OUT, 1000, data,
				      64 * DISK_SECTOR),
			 0);
	assert_int_equal(driver_figure(&g.drv, "errors"), 1);
	disk_close(&g);
}

static bool broken(void *arg)
{
	return driver_needs_reset(arg);
}

/* Bug class 3: short chains. */
static void a_request_without_a_header_breaks_the_queue(void **state)
{
	gpa_t at = driver_alloc(&g.drv, 32);
	struct driver_buf buf[] = { { at, 15, false }, { at + 16, 1, true } };

	(void)state;
	(void)driver_chain(&g.drv.queue[0], buf, 2);
	driver_kick(&g.drv, 0);
	driver_until(&g.drv, broken, &g.drv);
}

static void a_request_without_a_status_breaks_the_queue(void **state)
{
	struct driver_buf buf = { disk_header(&g, VIRTIO_BLK_T_FLUSH, 0), 16,
				  false };

	(void)state;
	(void)driver_chain(&g.drv.queue[0], &buf, 1);
	driver_kick(&g.drv, 0);
	driver_until(&g.drv, broken, &g.drv);

	driver_restart(&g.drv, DISK_FEATURES);
	assert_int_equal(disk_request(&g, VIRTIO_BLK_T_FLUSH, 0, 0, 0), 0);
}

static void what_is_no_disk_is_refused(void **state)
{
	struct err err = { 0 };
	struct blk_config cfg = { .fd = open("/dev/null", O_RDWR | O_CLOEXEC) };

	(void)state;
	assert_int_equal(driver_try_open(&g.drv, &blk_ops, &cfg, &err),
			 -EINVAL);
	assert_non_null(strstr(err.msg, "neither a file nor a block device"));
	/* It stays the caller's. */
	assert_int_equal(close(cfg.fd), 0);
	driver_close(&g.drv);

	cfg.fd = memfd_create("empty", MFD_CLOEXEC);
	assert_int_equal(driver_try_open(&g.drv, &blk_ops, &cfg, &err),
			 -EINVAL);
	assert_int_equal(close(cfg.fd), 0);
	driver_close(&g.drv);
}

static void half_a_sector_is_ignored(void **state)
{
	(void)state;
	disk_open(&g, 5 * DISK_SECTOR + 100, false, DISK_FEATURES);
	assert_int_equal(driver_read(&g.drv, g.drv.device, 8), 5);
	gpa_t data = driver_alloc(&g.drv, DISK_SECTOR);
	assert_int_equal(
		disk_request(&g, VIRTIO_BLK_T_IN, 5, data, DISK_SECTOR),
		VIRTIO_BLK_S_IOERR);
	disk_close(&g);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(out_of_bounds_sectors_fail),
		TEST(unknown_requests_are_unsupported),
		TEST(bad_ranges_are_refused),
		TEST(a_file_that_shrank_gives_errors),
		TEST(a_write_the_host_refuses_is_an_error),
		cmocka_unit_test(a_full_file_system_is_an_error),
		TEST(a_request_without_a_header_breaks_the_queue),
		TEST(a_request_without_a_status_breaks_the_queue),
		cmocka_unit_test(what_is_no_disk_is_refused),
		cmocka_unit_test(half_a_sector_is_ignored),
	};

	return DISK_RUN("blk, errors", tests);
}
