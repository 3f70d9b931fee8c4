/* SPDX-License-Identifier: Apache-2.0 */
/* share_image_test.c - superblocks, whole, cut, wrong; files of others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/manager/share_image.h"

#define KIB 1024U

static struct share_image image;
static struct err err;

static void put(unsigned char *at, uint64_t v, unsigned bytes)
{
	for (; bytes--; v >>= 8)
		*at++ = (unsigned char)v;
}

/* Probe a file of @size bytes that begins with @head. */
static int probe(const unsigned char head[2048], size_t size)
{
	AUTO_CLOSE int fd = memfd_create("image", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, head, 2048, 0), 2048);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	memset(&image, 0, sizeof(image));
	memset(&err, 0, sizeof(err));
	return share_image_probe(fd, "/x", &image, &err);
}

static void says(const char *text)
{
	if (!strstr(err.msg, text))
		fail_msg("'%s' is not in '%s'", text, err.msg);
}

static void squashfs(unsigned char head[2048], unsigned kind, uint64_t size)
{
	memset(head, 0, 2048);
	memcpy(head, "hsqs", 4);
	put(head + 20, kind, 2);
	put(head + 40, size, 8);
}

static void what_it_is(void **state)
{
	unsigned char head[2048];

	(void)state;
	squashfs(head, 6, 64 * KIB);
	assert_int_equal(probe(head, 64 * KIB), 0);
	assert_string_equal(image.fs, "squashfs");
	assert_string_equal(image.compression, "zstd");
	assert_int_equal(image.size, 64 * KIB);

	memset(head, 0, sizeof(head));
	put(head + 1024, 0xe0f5e1e2, 4);
	head[1024 + 12] = 12;
	put(head + 1024 + 36, 3, 4);
	assert_int_equal(probe(head, 12 * KIB), 0);
	assert_string_equal(image.fs, "erofs");
	assert_int_equal(image.size, 12 * KIB);
	assert_int_equal(probe(head, 12 * KIB - 1), -EINVAL);
	says("is cut off");

	memset(head, 0, sizeof(head));
	put(head + 1024 + 56, 0xef53, 2);
	put(head + 1024 + 4, 100, 4);
	assert_int_equal(probe(head, 100 * KIB), 0);
	assert_string_equal(image.fs, "ext4");
	put(head + 1024 + 24, 2, 4);
	assert_int_equal(probe(head, 100 * KIB), -EINVAL);
	says("'/x' is cut off");
	put(head + 1024 + 96, 4, 4);
	assert_int_equal(probe(head, 400 * KIB), -EINVAL);
	says("was not unmounted, or is mounted now");
}

/* What can be mapped: whole pages, as they are. */
static void what_is_plain(void **state)
{
	unsigned char head[2048];

	(void)state;
	squashfs(head, 0, 64 * KIB);
	assert_int_equal(probe(head, 64 * KIB), 0);
	assert_int_equal(share_image_check_dax(&image, "/x", &err), -ENOTSUP);
	says("'/x', a squashfs, does not have its files in pages");

	memset(head, 0, sizeof(head));
	put(head + 1024, 0xe0f5e1e2, 4);
	head[1024 + 12] = 12;
	put(head + 1024 + 36, 3, 4);
	for (unsigned chunks = 0; chunks <= 4; chunks += 4) {
		put(head + 1024 + 80, chunks, 4);
		assert_int_equal(probe(head, 12 * KIB), 0);
		assert_int_equal(share_image_check_dax(&image, "/x", &err), 0);
	}
	put(head + 1024 + 80, 1, 4); /* LZ4 */
	assert_int_equal(probe(head, 12 * KIB), 0);
	assert_false(image.plain);

	memset(head, 0, sizeof(head));
	put(head + 1024 + 56, 0xef53, 2);
	put(head + 1024 + 4, 100, 4);
	assert_int_equal(probe(head, 400 * KIB), 0);
	assert_false(image.plain);
	put(head + 1024 + 24, 2, 4);
	assert_int_equal(probe(head, 400 * KIB), 0);
	assert_true(image.plain);
}

static void what_is_none(void **state)
{
	unsigned char head[2048] = { 0 };

	(void)state;
	assert_int_equal(probe(head, 0), -EINVAL);
	says("'/x' is no squashfs, erofs or ext4");
	assert_int_equal(probe(head, 1 << 20), -EINVAL);
	/* Magic numbers with nonsense around them. */
	put(head + 1024, 0xe0f5e1e2, 4);
	head[1024 + 12] = 200;
	assert_int_equal(probe(head, 1 << 20), -EINVAL);
	memset(head, 0xff, sizeof(head));
	put(head + 1024 + 56, 0xef53, 2);
	assert_int_equal(probe(head, 1 << 20), -EINVAL);
	squashfs(head, 6, UINT64_MAX);
	assert_int_equal(probe(head, 1 << 20), -EINVAL);
	says("is cut off");
	/* Cut inside of the superblock. */
	squashfs(head, 6, 96);
	assert_int_equal(probe(head, 30), -EINVAL);
}

static void what_a_kernel_reads(void **state)
{
	static const unsigned ours[] = { 5, 6 }, theirs[] = { 0, 1, 3, 4, 99 };
	unsigned char head[2048];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		squashfs(head, ours[i], 96);
		assert_int_equal(probe(head, 4096), 0);
		assert_int_equal(
			share_image_check(&image, "/x", "minimal", &err), 0);
	}
	for (unsigned i = 0; i < 5; i++) {
		squashfs(head, theirs[i], 96);
		assert_int_equal(probe(head, 4096), 0);
		assert_int_equal(
			share_image_check(&image, "/x", "minimal", &err),
			-ENOTSUP);
		says("which the minimal kernel cannot read");
		assert_int_equal(share_image_check(&image, "/x", "stock", &err),
				 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_is),
		cmocka_unit_test(what_is_plain),
		cmocka_unit_test(what_is_none),
		cmocka_unit_test(what_a_kernel_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
