/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_test.c - images in the store: found, shared, removed; crashes, full
 * disks and two who want the same at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness/imagetest.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/manager/cmd.h"
#include "vmm/manager/image.h"
#include "vmm/manager/store.h"

static struct imagetest *t;

static int setup(void **state)
{
	(void)imagetest_setup(state);
	t = *state;
	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, "hello", "world");
	imagetest_layer(t, GZIP);
	return 0;
}

static void load_as(const char *name)
{
	t->img.name = name;
	if (imagetest_load(t, docker_archive(&t->img)) < 0)
		fail_msg("refused: %s", t->err.msg);
}

/* The exit status of a verb, its words gone to /dev/null. */
static int verb(cmd_fn *fn, const char *arg)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct manager mgr = { .data = t->dir };
		char name[] = "verb";
		char *copy = strdup(arg);
		char *argv[] = { name, copy, NULL };

		if (!freopen("/dev/null", "we", stdout) ||
		    !freopen("/dev/null", "we", stderr))
			_exit(99);
		status = fn(&mgr, 2, argv);
		free(copy);
		_exit(status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void not_found(const char *name, const char *because)
{
	struct image *none = NULL;
	struct err err = { 0 };

	assert_true(image_find(t->store, name, &none, &err) < 0);
	assert_null(none);
	if (!strstr(err.msg, because))
		fail_msg("'%s' lacks '%s'", err.msg, because);
}

static void image_is_found_by_name_and_id(void **state)
{
	char prefix[8];

	(void)state;
	load_as("test/app:v1");
	memcpy(prefix, t->img.id, 7);
	prefix[7] = '\0';
	const char *const names[] = { "test/app:v1", "docker.io/test/app:v1",
				      t->img.id, prefix };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		AUTO_IMAGE struct image *found = NULL;
		struct err err = { 0 };
		struct stat st;

		if (image_find(t->store, names[i], &found, &err) < 0)
			fail_msg("%s", err.msg);
		assert_string_equal(found->id, t->img.id);
		assert_string_equal(found->config.env[0], "PATH=/bin");
		assert_string_equal(found->config.env[1], "A=b");
		assert_null(found->config.env[2]);
		assert_null(found->config.entrypoint[0]);
		assert_string_equal(found->config.cmd[0], "/bin/true");
		assert_string_equal(found->config.ports[0], "80/tcp");
		assert_string_equal(found->config.working_dir, "/w");
		assert_string_equal(found->config.user, "7:8");
		assert_string_equal(found->config.stop_signal, "SIGINT");
		assert_int_equal(fstat(found->rootfs, &st), 0);
		assert_int_equal(st.st_size, found->rootfs_size);
		assert_int_equal(found->rootfs_size % 4096, 0);
		assert_true(fcntl(found->rootfs, F_GETFD) & FD_CLOEXEC);
		assert_int_equal(fcntl(found->rootfs, F_GETFL) & O_ACCMODE,
				 O_RDONLY);
	}
	not_found("test/app", "no image 'test/app' in the store; load one with "
			      "'belljar load' or 'belljar pull test/app'");
	not_found("ffffffffffffffff", "no image 'ffff");
	not_found("No Such", "is not an image name");
}

static void podman_names_need_no_host(void **state)
{
	AUTO_IMAGE struct image *found = NULL;

	(void)state;
	load_as("localhost/train:latest");
	assert_int_equal(image_find(t->store, "train", &found, NULL), 0);
	assert_string_equal(found->name, "localhost/train:latest");
}

static void loading_twice_converts_once(void **state)
{
	char path[STORE_PATH_MAX];
	struct stat before, after;

	(void)state;
	load_as("a");
	store_image_path(t->store, t->img.id, "rootfs.squashfs", path);
	assert_int_equal(stat(path, &before), 0);
	load_as("b");
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_true(before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
}

static void rmi_removes_with_the_last_name(void **state)
{
	(void)state;
	load_as("a");
	load_as("b");
	assert_int_equal(verb(cmd_rmi, "a"), 0);
	not_found("a", "no image 'a'");
	assert_true(store_has(t->store, t->img.id));
	assert_int_equal(verb(cmd_rmi, "a"), EXIT_BELLJAR);
	load_as("a");
	/* Two names: not by id. */
	assert_int_equal(verb(cmd_rmi, t->img.id), EXIT_BELLJAR);
	assert_int_equal(verb(cmd_rmi, "a"), 0);
	assert_int_equal(verb(cmd_rmi, t->img.id), 0);
	assert_true(imagetest_is_empty(t));
}

static void image_in_use_is_not_removed(void **state)
{
	AUTO_IMAGE struct image *found = NULL;

	(void)state;
	load_as("a");
	assert_int_equal(image_find(t->store, "a", &found, NULL), 0);

	/* A copy of the descriptor is what a monitor has. */
	AUTO_CLOSE int copy = dup(found->rootfs);
	image_free(TAKE_PTR(found));
	assert_int_equal(verb(cmd_rmi, "a"), EXIT_BELLJAR);
	assert_int_equal(image_find(t->store, "a", &found, NULL), 0);
	image_free(TAKE_PTR(found));
	(void)close(TAKE_FD(copy));
	assert_int_equal(verb(cmd_rmi, "a"), 0);
	assert_true(imagetest_is_empty(t));
}

static void cut(const char *file, off_t len)
{
	char path[STORE_PATH_MAX];

	store_image_path(t->store, t->img.id, file, path);
	assert_int_equal(len < 0 ? unlink(path) : truncate(path, len), 0);
}

static void damaged_image_is_said_and_loaded_again(void **state)
{
	static const struct {
		const char *file;
		off_t len; /* -1: the file is gone */
	} damages[] = {
		{ "rootfs.squashfs", -1 },  { "rootfs.squashfs", 0 },
		{ "rootfs.squashfs", 200 }, { "config.json", -1 },
		{ "config.json", 0 },	    { "config.json", 10 },
	};

	(void)state;
	load_as("a");
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		AUTO_IMAGE struct image *found = NULL;

		cut(damages[i].file, damages[i].len);
		not_found("a", "is damaged");
		not_found(t->img.id, "load or pull it again");
		load_as("a");
		assert_int_equal(image_find(t->store, "a", &found, NULL), 0);
	}
	cut("rootfs.squashfs", -1);
	assert_int_equal(verb(cmd_images, "a"), 0);
	assert_int_equal(verb(cmd_rmi, "a"), 0);
	assert_true(imagetest_is_empty(t));
}

static void vanished_image_can_be_removed(void **state)
{
	char path[STORE_PATH_MAX];

	(void)state;
	load_as("a");
	store_image_path(t->store, t->img.id, "", path);
	assert_int_equal(io_remove_tree(path, NULL), 0);
	not_found("a", "is damaged");
	assert_int_equal(verb(cmd_rmi, "a"), 0);
	not_found("a", "no image 'a'");
}

static void damaged_names_are_said(void **state)
{
	static const char *const texts[] = { "{", "[]", "{\"names\": 3}", "" };
	char path[STORE_PATH_MAX];

	(void)state;
	load_as("a");
	(void)snprintf(path, sizeof(path), "%s/repositories.json", t->dir);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(
			io_write_file(path, texts[i], strlen(texts[i]), NULL),
			0);
		not_found("a", "remove this file, then load");
		assert_int_equal(verb(cmd_rmi, "a"), EXIT_BELLJAR);
	}
	assert_int_equal(unlink(path), 0);
	load_as("a");
}

/* Start `belljar load` that reads from a pipe; *@ret_fd is its other end. */
static pid_t start_load(int *ret_fd)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct manager mgr = { .data = t->dir };
		char name[] = "load", quiet[] = "-q";
		char *argv[] = { name, quiet, NULL };

		if (dup2(fds[0], 0) < 0 || close(fds[1]) < 0 ||
		    !freopen("/dev/null", "we", stdout) ||
		    !freopen("/dev/null", "we", stderr))
			_exit(99);
		_exit(cmd_load(&mgr, 2, argv));
	}
	(void)close(fds[0]);
	*ret_fd = fds[1];
	return pid;
}

/* Feed half of an archive, and wait until the loader has taken all of it. */
static void feed_half(int fd)
{
	struct blob archive = docker_archive(&t->img);
	int left = 1;

	assert_int_equal(io_write_full(fd, archive.data, archive.len / 2), 0);
	blob_done(&archive);
	while (left > 0) {
		assert_int_equal(ioctl(fd, FIONREAD, &left), 0);
		(void)sched_yield();
	}
	assert_false(imagetest_is_empty(t));
}

static void killed_load_is_swept(void **state)
{
	struct err err = { 0 };
	int status, fd;

	(void)state;
	pid_t pid = start_load(&fd);
	feed_half(fd);
	/* While it lives, what it has is left alone. */
	store_close(t->store);
	assert_int_equal(store_open(t->dir, &t->store, &err), 0);
	assert_false(imagetest_is_empty(t));

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)close(fd);
	assert_true(WIFSIGNALED(status));
	assert_false(imagetest_is_empty(t));
	store_close(t->store);
	assert_int_equal(store_open(t->dir, &t->store, &err), 0);
	assert_true(imagetest_is_empty(t));
}

static void interrupted_load_cleans_up(void **state)
{
	int status, fd;

	(void)state;
	pid_t pid = start_load(&fd);
	feed_half(fd);
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)close(fd);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EXIT_BELLJAR);
	assert_true(imagetest_is_empty(t));
}

static void two_loads_at_once_make_one_image(void **state)
{
	AUTO_IMAGE struct image *found = NULL;
	struct blob archive;
	pid_t pid[2];
	int fd[2], status;

	(void)state;
	t->img.name = "twin";
	archive = docker_archive(&t->img);
	for (int i = 0; i < 2; i++)
		pid[i] = start_load(&fd[i]);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			io_write_full(fd[i], archive.data, archive.len), 0);
	blob_done(&archive);
	for (int i = 0; i < 2; i++)
		(void)close(fd[i]);
	/* The second holds the first's pipe open: it has to end before. */
	for (int i = 1; i >= 0; i--) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	assert_int_equal(image_find(t->store, "twin", &found, NULL), 0);
	assert_int_equal(verb(cmd_images, "twin"), 0);
}

/* A store on a disk of @size; skips the test when we may not mount. */
static void mount_small(const char *size)
{
	char option[32];

	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		print_message("needs root, to mount a small tmpfs\n");
		skip();
	}
	(void)snprintf(option, sizeof(option), "size=%s", size);
	assert_int_equal(mount("small", t->dir, "tmpfs", 0, option), 0);
	store_close(t->store);
	assert_int_equal(store_open(t->dir, &t->store, NULL), 0);
}

static void add_noise(size_t len)
{
	AUTO_FREE char *noise = malloc(len);
	uint32_t x = 1;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		noise[i] = (char)(x >> 24);
	}
	tar_begin(&t->tar, PLAIN);
	tar_file(&t->tar, "noise", noise, len);
	imagetest_layer(t, PLAIN);
}

static void full_disk(const char *size)
{
	mount_small(size);
	add_noise(3 << 20);
	assert_int_equal(imagetest_load(t, docker_archive(&t->img)), -ENOSPC);
	assert_non_null(strstr(t->err.msg, "the store '"));
	assert_non_null(strstr(t->err.msg, "is full ("));
	assert_non_null(strstr(t->err.msg, "remove images with 'belljar rmi'"));
	assert_true(imagetest_is_empty(t));
	assert_int_equal(umount(t->dir), 0);
}

static void full_while_unpacking(void **state)
{
	(void)state;
	full_disk("2m");
}

static void full_while_converting(void **state)
{
	(void)state;
	full_disk("5m");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, imagetest_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(image_is_found_by_name_and_id),
		T(podman_names_need_no_host),
		T(loading_twice_converts_once),
		T(rmi_removes_with_the_last_name),
		T(image_in_use_is_not_removed),
		T(damaged_image_is_said_and_loaded_again),
		T(vanished_image_can_be_removed),
		T(damaged_names_are_said),
		T(killed_load_is_swept),
		T(interrupted_load_cleans_up),
		T(two_loads_at_once_make_one_image),
		T(full_while_unpacking),
		T(full_while_converting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
