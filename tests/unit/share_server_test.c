/* SPDX-License-Identifier: Apache-2.0 */
/*
 * share_server_test.c - a real virtiofsd, started as the keeper does, behind
 * the device; the guest's half speaks FUSE through the queue.  Needs root.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/fuse.h>

#include "devices/virtio/models.h"
#include "tests/harness/driver.h"
#include "vmm/lib/io.h"
#include "vmm/manager/share_server.h"

#define FEATURES                                                               \
	(VIRTIO_BIT(VIRTIO_F_VERSION_1) |                                      \
	 VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) |                             \
	 VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX))
#define PATIENCE 30000

static struct driver drv;
static struct share_server server;
static struct share share;
static char dir[64], path[128], program[PATH_MAX];
static uint64_t unique;

/* What the last request brought. */
static struct fuse_out_header out;
static unsigned char body[4096];

static void put(const char *name, const char *text)
{
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(io_write_file(path, text, strlen(text), NULL), 0);
}

/* One FUSE request: @arg and then @name; its error, 0 when it succeeds. */
static int fuse_as(uint32_t uid, uint32_t opcode, uint64_t node,
		   const void *arg, size_t len, const void *more,
		   size_t more_len)
{
	struct fuse_in_header in = {
		.len = (uint32_t)(sizeof(in) + len + more_len),
		.opcode = opcode,
		.unique = ++unique,
		.nodeid = node,
		.uid = uid,
		.gid = uid,
	};
	gpa_t ask = driver_alloc(&drv, in.len);
	gpa_t answer = driver_alloc(&drv, sizeof(out) + sizeof(body));
	struct driver_buf buf[] = {
		{ ask, in.len, false },
		{ answer, sizeof(out) + sizeof(body), true },
	};
	char *to = driver_ptr(&drv, ask, in.len);

	memcpy(to, &in, sizeof(in));
	if (len)
		memcpy(to + sizeof(in), arg, len);
	if (more_len)
		memcpy(to + sizeof(in) + len, more, more_len);
	(void)driver_chain(&drv.queue[1], buf, 2);
	driver_kick(&drv, 1);
	(void)driver_wait(&drv, 1, NULL);
	memcpy(&out, driver_ptr(&drv, answer, sizeof(out)), sizeof(out));
	memcpy(body, driver_ptr(&drv, answer + sizeof(out), sizeof(body)),
	       sizeof(body));
	assert_int_equal(out.unique, unique);
	/* Not more than 4 MiB of RAM for all requests of a test. */
	drv.next = ask;
	return -out.error;
}

static int fuse(uint32_t opcode, uint64_t node, const void *arg, size_t len,
		const char *name)
{
	return fuse_as(0, opcode, node, arg, len, name,
		       name ? strlen(name) + 1 : 0);
}

static uint64_t lookup(const char *name)
{
	struct fuse_entry_out entry;

	if (fuse(FUSE_LOOKUP, FUSE_ROOT_ID, NULL, 0, name) != 0)
		return 0;
	memcpy(&entry, body, sizeof(entry));
	return entry.nodeid;
}

static int open_file(uint64_t node, uint32_t flags, uint64_t *ret)
{
	struct fuse_open_in in = { .flags = flags };
	struct fuse_open_out opened;
	int r = fuse(FUSE_OPEN, node, &in, sizeof(in), NULL);

	memcpy(&opened, body, sizeof(opened));
	*ret = opened.fh;
	return r;
}

static int write_to(uint64_t node, uint64_t fh, const char *text)
{
	struct fuse_write_in in = { .fh = fh, .size = (uint32_t)strlen(text) };

	return fuse_as(0, FUSE_WRITE, node, &in, sizeof(in), text, in.size);
}

static int make_file(uint32_t uid, const char *name)
{
	struct fuse_create_in in = { .flags = O_WRONLY | O_CREAT,
				     .mode = S_IFREG | 0644 };

	return fuse_as(uid, FUSE_CREATE, FUSE_ROOT_ID, &in, sizeof(in), name,
		       strlen(name) + 1);
}

static void start_fuse(void)
{
	struct fuse_init_in in = { .major = FUSE_KERNEL_VERSION,
				   .minor = FUSE_KERNEL_MINOR_VERSION,
				   .max_readahead = 65536 };

	assert_int_equal(fuse(FUSE_INIT, 0, &in, sizeof(in), NULL), 0);
}

static void serve(const char *source, bool file, bool readonly)
{
	struct jail_birth birth = { .cgroup = -1 };
	struct err err = { 0 };

	share = (struct share){ .option = "-v",
				.source = strdup(source),
				.readonly = readonly,
				.file = file };
	int r = share_server_start(program, &share, dir, &birth, &server, &err);
	if (r < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(birth.missing, 0);
	assert_int_equal(share_server_wait(&server, PATIENCE), 0);

	struct fs_config cfg = { .fd = server.sock, .tag = "share0" };
	driver_open(&drv, &fs_ops, &cfg);
	assert_int_equal(driver_start(&drv, FEATURES), FEATURES);
	start_fuse();
}

static int setup(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(share_server_find(program, &err), 0);
	(void)snprintf(dir, sizeof(dir), "/tmp/belljar-share-XXXXXX");
	assert_non_null(mkdtemp(dir));
	put("hello", "hello\n");
	put("secret", "beside it\n");
	server = (struct share_server){ .pidfd = -1, .sock = -1, .err = -1 };
	return 0;
}

static int teardown(void **state)
{
	int status;

	(void)state;
	driver_close(&drv);
	/* Its connection is closed: it ends by itself. */
	assert_int_equal(waitpid(server.pid, &status, 0), server.pid);
	(void)close(server.pidfd);
	(void)close(server.err);
	free(share.source);
	return io_remove_tree(dir, NULL);
}

static void expect_read(uint64_t node, const char *text)
{
	struct fuse_read_in in = { .size = 100 };

	assert_int_equal(open_file(node, O_RDONLY, &in.fh), 0);
	assert_int_equal(fuse(FUSE_READ, node, &in, sizeof(in), NULL), 0);
	assert_int_equal(out.len - sizeof(out), strlen(text));
	assert_memory_equal(body, text, strlen(text));
}

static void a_directory_is_read_and_written(void **state)
{
	struct stat st;
	uint64_t fh;

	(void)state;
	serve(dir, false, false);
	uint64_t node = lookup("hello");
	assert_int_not_equal(node, 0);
	expect_read(node, "hello\n");
	assert_int_equal(open_file(node, O_WRONLY, &fh), 0);
	assert_int_equal(write_to(node, fh, "HELLO"), 0);
	expect_read(node, "HELLO\n");
	/* Who is who in the guest is so on the host. */
	assert_int_equal(make_file(0, "of-root"), 0);
	assert_int_equal(make_file(1234, "of-1234"), EACCES);
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(make_file(1234, "of-1234"), 0);
	(void)snprintf(path, sizeof(path), "%s/of-root", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 0);
	(void)snprintf(path, sizeof(path), "%s/of-1234", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 1234);
	assert_int_equal(st.st_gid, 1234);
}

static void what_is_read_only_is_so_outside(void **state)
{
	uint64_t fh;

	(void)state;
	serve(dir, false, true);
	uint64_t node = lookup("hello");
	expect_read(node, "hello\n");
	assert_int_equal(open_file(node, O_WRONLY, &fh), EROFS);
	assert_int_equal(make_file(0, "new"), EROFS);
	assert_int_equal(fuse(FUSE_UNLINK, FUSE_ROOT_ID, NULL, 0, "hello"),
			 EROFS);
	struct fuse_setattr_in in = { .valid = FATTR_MODE, .mode = 0777 };
	assert_int_equal(fuse(FUSE_SETATTR, node, &in, sizeof(in), NULL),
			 EROFS);
}

static void a_single_file_is_alone(void **state)
{
	uint64_t fh;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/hello", dir);
	serve(path, true, false);
	assert_int_equal(lookup("hello"), 0);
	assert_int_equal(lookup("secret"), 0);
	uint64_t node = lookup(SHARE_SERVER_FILE);
	expect_read(node, "hello\n");
	assert_int_equal(open_file(node, O_WRONLY, &fh), 0);
	assert_int_equal(write_to(node, fh, "HELLO"), 0);
	expect_read(node, "HELLO\n");
	/* Beside it nothing can be made, and it can't be taken away. */
	assert_int_equal(make_file(0, "new"), EROFS);
	int r = fuse(FUSE_UNLINK, FUSE_ROOT_ID, NULL, 0, SHARE_SERVER_FILE);
	assert_true(r == EROFS || r == EBUSY);
	assert_int_equal(access(path, F_OK), 0);
}

static void nothing_is_above_the_share(void **state)
{
	struct fuse_entry_out entry;
	struct stat st;

	(void)state;
	serve(dir, false, false);
	/* Above the top is the top. */
	assert_int_equal(fuse(FUSE_LOOKUP, FUSE_ROOT_ID, NULL, 0, ".."), 0);
	memcpy(&entry, body, sizeof(entry));
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(entry.attr.ino, st.st_ino);
	assert_int_equal(lookup("../secret"), 0);
	/* A link leads nowhere on the host: it is the guest's to follow. */
	(void)snprintf(path, sizeof(path), "%s/link", dir);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	uint64_t node = lookup("link");
	uint64_t fh;
	assert_int_not_equal(node, 0);
	assert_int_not_equal(open_file(node, O_RDONLY, &fh), 0);
}

static void a_device_can_not_be_made(void **state)
{
	struct fuse_mknod_in in = { .mode = S_IFCHR | 0600, .rdev = 0x101 };

	(void)state;
	serve(dir, false, false);
	assert_int_equal(fuse(FUSE_MKNOD, FUSE_ROOT_ID, &in, sizeof(in), "mem"),
			 EPERM);
}

/* The guest boots again: its rings stop, and start anew. */
static void a_reset_and_a_start(void **state)
{
	(void)state;
	serve(dir, false, false);
	driver_write(&drv, drv.common + 20, 0, 1);
	while (driver_read(&drv, drv.common + 20, 1) != 0)
		(void)loop_once(&drv.loop, 100);
	driver_restart(&drv, FEATURES);
	start_fuse();
	expect_read(lookup("hello"), "hello\n");
}

static void a_killed_server_leaves_errors(void **state)
{
	(void)state;
	serve(dir, false, false);
	siginfo_t info;

	assert_int_equal(kill(server.pid, SIGKILL), 0);
	/* Process 1 of its namespace: when it is gone, all are. */
	assert_int_equal(
		waitid(P_PID, (id_t)server.pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(lookup("hello"), 0);
	assert_int_equal(out.error, -ENOTCONN);
}

static void no_program_is_a_sentence(void **state)
{
	struct err err;
	char found[PATH_MAX];

	(void)state;
	assert_int_equal(setenv("BELLJAR_VIRTIOFSD", "/none", 1), 0);
	assert_int_equal(share_server_find(found, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "qemu-system-common"));
	assert_int_equal(unsetenv("BELLJAR_VIRTIOFSD"), 0);
}

/* What is no virtiofsd; it ends its side unless @silent. */
static int wait_for(const void *answer, size_t len, bool silent)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	const struct share_server s = { .sock = pair[0],
					.pidfd = (int)syscall(SYS_pidfd_open,
							      getpid(), 0) };
	assert_true(s.pidfd >= 0);
	assert_int_equal(write(pair[1], answer, len), len);
	if (!silent)
		(void)shutdown(pair[1], SHUT_WR);
	int r = share_server_wait(&s, silent ? 20 : PATIENCE);
	(void)close(s.pidfd);
	(void)close(pair[0]);
	(void)close(pair[1]);
	return r;
}

static void servers_that_are_none(void **state)
{
	uint32_t answer[5] = { 1, 5, 8, 0, 0 };

	(void)state;
	assert_int_equal(wait_for(answer, sizeof(answer), false), 0);
	assert_int_equal(wait_for(answer, 19, false), -EPIPE);
	assert_int_equal(wait_for(answer, 19, true), -ETIMEDOUT);
	assert_int_equal(wait_for("", 0, false), -EPIPE);
	for (unsigned i = 0; i < 3; i++) {
		answer[i]++;
		assert_int_equal(wait_for(answer, sizeof(answer), false),
				 -EPROTO);
		answer[i]--;
	}
	assert_int_equal(wait_for("HTTP/1.1 400 Bad Request", 24, false),
			 -EPROTO);
}

#define SERVED(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(a_directory_is_read_and_written),
		SERVED(what_is_read_only_is_so_outside),
		SERVED(a_single_file_is_alone),
		SERVED(nothing_is_above_the_share),
		SERVED(a_device_can_not_be_made),
		SERVED(a_reset_and_a_start),
		SERVED(a_killed_server_leaves_errors),
	};
	const struct CMUnitTest others[] = {
		cmocka_unit_test(no_program_is_a_sentence),
		cmocka_unit_test(servers_that_are_none),
	};
	int r = 0;

	if (geteuid() == 0)
		r = cmocka_run_group_tests(tests, NULL, NULL);
	else
		print_message("not root: a real virtiofsd is not tried\n");
	return r + cmocka_run_group_tests(others, NULL, NULL);
}
