/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are no kernels, initramfs that does not fit, long lines. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/harness/fw.h"
#include "vmm/core/layout.h"

static struct fw fw;

static void empty_file_is_refused(void **state)
{
	(void)state;
	int fd = memfd_create("empty", MFD_CLOEXEC);
	struct image img = { 0 };

	assert_int_equal(image_open(fd, "a.img", &img, &fw.err), -EINVAL);
	assert_string_equal(fw.err.msg,
			    "'a.img' is empty; give a kernel or initramfs "
			    "file");
	image_done(&img); /* of a zeroed struct: stdin stays open */
	assert_true(fcntl(0, F_GETFD) >= 0 || errno == EBADF);
	(void)close(fd);
}

static void what_is_not_a_file_is_refused(void **state)
{
	(void)state;
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int pipefd[2];
	struct image img = { 0 };

	assert_int_equal(image_open(fd, "dir", &img, &fw.err), -EINVAL);
	assert_non_null(strstr(fw.err.msg, "'dir' is not a regular file"));
	(void)close(fd);
	assert_int_equal(pipe(pipefd), 0);
	assert_int_equal(image_open(pipefd[0], "pipe", &img, &fw.err), -EINVAL);
	assert_non_null(strstr(fw.err.msg, "'pipe' is not a regular file"));
	(void)close(pipefd[0]);
	(void)close(pipefd[1]);
}

static void other_files_are_not_kernels(void **state)
{
	(void)state;
	unsigned char gzip[1024] = { 0x1f, 0x8b, 8 };

	fw_refuses(&fw, gzip, sizeof(gzip), ENOEXEC, "is not a kernel");
	fw_refuses(&fw, "\x7f", 1, ENOEXEC, "is not a kernel");
	fw_refuses(&fw, "#!/bin/sh\n", 10, ENOEXEC,
		   "neither an ELF vmlinux nor a bzImage");
}

static void file_cut_short_while_loading_is_an_error(void **state)
{
	(void)state;
	struct fw_elf e = fw_elf();
	struct image img = fw_image(&e, sizeof(e), "kernel");
	struct boot boot;

	assert_int_equal(ftruncate(img.fd, sizeof(e) - 1), 0);
	assert_int_equal(firmware_load(&fw.m, &img, NULL, 0, &boot, &fw.err),
			 -EINVAL);
	assert_non_null(strstr(fw.err.msg, "became shorter"));
	image_done(&img);
}

static void command_line_has_a_limit(void **state)
{
	(void)state;
	struct fw_elf e = fw_elf();
	char line[LAYOUT_CMDLINE_MAX + 1];
	char ram[LAYOUT_CMDLINE_MAX];
	struct boot boot;

	memset(line, 'x', sizeof(line));
	line[LAYOUT_CMDLINE_MAX - 1] = '\0';
	fw.m.cmdline = line;
	assert_int_equal(fw_load(&fw, &e, sizeof(e), &boot), 0);
	assert_int_equal(gmem_read(&fw.gm, LAYOUT_CMDLINE, ram, sizeof(ram)),
			 0);
	assert_string_equal(ram, line);

	line[LAYOUT_CMDLINE_MAX - 1] = 'x';
	line[LAYOUT_CMDLINE_MAX] = '\0';
	fw_refuses(&fw, &e, sizeof(e), E2BIG,
		   "has 2048 characters; this kernel takes at most 2047");
}

/* Load a kernel with @nr initramfs pieces of @size bytes. */
static int load_with(uint64_t size, unsigned nr)
{
	struct fw_elf e = fw_elf();
	struct image kernel = fw_image(&e, sizeof(e), "kernel");
	struct image piece[3];
	struct boot boot;

	for (unsigned i = 0; i < nr; i++)
		piece[i] = fw_hole(size, "piece");
	int r = firmware_load(&fw.m, &kernel, piece, nr, &boot, &fw.err);
	for (unsigned i = 0; i < nr; i++)
		image_done(&piece[i]);
	image_done(&kernel);
	return r;
}

static void initramfs_too_large_comes_with_the_numbers(void **state)
{
	(void)state;
	assert_int_equal(load_with(40 << 20, 2), -ENOSPC);
	assert_non_null(strstr(fw.err.msg,
			       "initramfs is too large: it needs 80 MiB where "
			       "61 MiB are left of 64 MiB"));
	/* As large as files get: the padded sum of two would wrap to 0. */
	assert_int_equal(load_with(INT64_MAX, 2), -ENOSPC);
	assert_non_null(strstr(fw.err.msg, "too large"));
}

static void initramfs_may_fill_all_that_is_left(void **state)
{
	(void)state;
	uint64_t left = (64 << 20) - FW_KERNEL_AT - FW_KERNEL_SIZE;

	assert_int_equal(load_with(left, 1), 0);
	assert_int_equal(load_with(left + 1, 1), -ENOSPC);
}

static void initramfs_stays_below_the_hole(void **state)
{
	(void)state;
	struct {
		uint64_t address, size;
	} module;

	fw_done(&fw);
	fw_init(&fw, 6144);
	assert_int_equal(load_with(4096, 1), 0);
	/* The one module entry follows the 56 bytes of the start info. */
	assert_int_equal(gmem_read(&fw.gm, LAYOUT_START_INFO + 56, &module,
				   sizeof(module)),
			 0);
	assert_int_equal(module.address, LAYOUT_LOW_RAM_END - 4096);
	assert_int_equal(module.size, 4096);
}

static int setup(void **state)
{
	(void)state;
	fw_init(&fw, 64);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fw_done(&fw);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(empty_file_is_refused),
		TEST(what_is_not_a_file_is_refused),
		TEST(other_files_are_not_kernels),
		TEST(file_cut_short_while_loading_is_an_error),
		TEST(command_line_has_a_limit),
		TEST(initramfs_too_large_comes_with_the_numbers),
		TEST(initramfs_may_fill_all_that_is_left),
		TEST(initramfs_stays_below_the_hole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
