/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layers_hostile_test.c - layers that climb out, lie or flood: refused with a
 * sentence and nothing left, or taken within bounds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness/imagetest.h"

static void refused(struct imagetest *t, const char *because)
{
	imagetest_refuses(t, oci_archive(&t->img), because);
}

static void bad_hard_links_are_refused(void **state)
{
	struct imagetest *t = *state;

	tar_begin(&t->tar, PLAIN);
	tar_link(&t->tar, "a", "missing");
	imagetest_layer(t, PLAIN);
	refused(t, "the hard link 'a' points to 'missing', which isn't there");
	test_image_done(&t->img);

	tar_begin(&t->tar, PLAIN);
	tar_dir(&t->tar, "d", 0755);
	tar_link(&t->tar, "a", "d");
	imagetest_layer(t, PLAIN);
	refused(t, "is a directory");
	test_image_done(&t->img);

	tar_begin(&t->tar, PLAIN);
	tar_link(&t->tar, "a", "../../etc/shadow");
	imagetest_layer(t, PLAIN);
	refused(t, "hard link to outside of the image");
}

static void escaping_paths_are_refused(void **state)
{
	struct imagetest *t = *state;

	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, "a/../../etc/passwd", "x");
	imagetest_layer(t, PLAIN);
	refused(t, "layer 1 of 1: the entry 'a/../../etc/passwd' climbs out");
	test_image_done(&t->img);

	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, "/etc/passwd", "x");
	imagetest_layer(t, PLAIN);
	refused(t, "the entry '/etc/passwd' has an absolute path");
	test_image_done(&t->img);

	tar_begin(&t->tar, PLAIN);
	tar_symlink(&t->tar, "a", "../../etc");
	tar_text(&t->tar, "a/passwd", "x");
	imagetest_layer(t, PLAIN);
	refused(t, "the entry 'a/passwd' escapes from the image");
	test_image_done(&t->img);

	tar_begin(&t->tar, PLAIN);
	tar_symlink(&t->tar, "a", "b");
	tar_symlink(&t->tar, "b", "a");
	tar_text(&t->tar, "a/x", "x");
	imagetest_layer(t, PLAIN);
	refused(t, "symbolic links in a loop");
	test_image_done(&t->img);

	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, "f", "x");
	tar_text(&t->tar, "f/x", "x");
	imagetest_layer(t, PLAIN);
	refused(t, "below something that is no directory");
	test_image_done(&t->img);

	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, ".wh.", "");
	imagetest_layer(t, PLAIN);
	refused(t, "whiteout of nothing");
	test_image_done(&t->img);

	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, ".", "the root as a file");
	imagetest_layer(t, PLAIN);
	refused(t, "is not a directory");
}

static void lengths_are_bounded(void **state)
{
	struct imagetest *t = *state;
	char path[6000];
	size_t len = 0;

	memset(path, 'n', 256);
	path[256] = '\0';
	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, path, "x");
	imagetest_layer(t, PLAIN);
	refused(t, "has a name of over 255 bytes");
	test_image_done(&t->img);

	while (len < 5000)
		len += (size_t)sprintf(path + len, "dddddddddddddddd/");
	(void)sprintf(path + len, "f");
	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, path, "x");
	imagetest_layer(t, PLAIN);
	refused(t, "has a path of over 4095 bytes");
	test_image_done(&t->img);

	for (len = 0; len < 1400; len += 2)
		memcpy(path + len, "d/", 2);
	memcpy(path + len, "f", 2);
	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, path, "x");
	imagetest_layer(t, PLAIN);
	refused(t, "nested more than 512 deep");
}

/*
 * ASan keeps what was freed for a while; what is measured below is not that.
 * It calls this by its name.
 */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=1";
}

/* The most memory that this process has had so far, in MiB. */
static long peak(void)
{
	struct rusage use;

	assert_int_equal(getrusage(RUSAGE_SELF, &use), 0);
	return use.ru_maxrss / 1024;
}

/* In a child, whose peak begins at what there is now. */
static int load_and_measure(struct imagetest *t)
{
	struct blob archive = oci_archive(&t->img);
	long before = peak();

	if (imagetest_load(t, archive) < 0)
		return 255;
	long more = peak() - before;
	return more > 254 ? 254 : (int)more;
}

static void a_flood_of_entries_stays_bounded(void **state)
{
	struct imagetest *t = *state;
	char path[64];
	int status;

	tar_begin(&t->tar, PLAIN);
	for (int i = 0; i < 100000; i++) {
		(void)snprintf(path, sizeof(path), "d%d/f%d", i % 100, i);
		tar_text(&t->tar, path, "");
	}
	imagetest_layer(t, GZIP);
	tar_begin(&t->tar, PLAIN);
	for (int i = 0; i < 100; i++) {
		(void)snprintf(path, sizeof(path), ".wh.d%d", i);
		tar_text(&t->tar, path, "");
	}
	tar_text(&t->tar, "end", "x");
	imagetest_layer(t, PLAIN);

	pid_t pid = fork();
	if (pid == 0)
		_exit(load_and_measure(t));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	/* About 170 bytes a name, and twice that under ASan. */
	assert_in_range(WEXITSTATUS(status), 1, 60);
	imagetest_loads_as(t, "file end 0644 0 0\n");
}

static void wrong_digests_are_named(void **state)
{
	struct imagetest *t = *state;
	char want[65];

	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, "a", "1");
	imagetest_layer(t, GZIP);
	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, "b", "2");
	imagetest_layer(t, GZIP);
	struct test_layer *l = &t->img.layer[1];

	l->file.data[l->file.len - 5] ^= 1;
	refused(t, "layer 2 of 2: its digest should be sha256:");
	assert_non_null(strstr(t->err.msg, l->digest));
	l->file.data[l->file.len - 5] ^= 1;

	memcpy(want, l->diff_id, sizeof(want));
	memset(l->diff_id, '0', 64);
	refused(t, "layer 2 of 2: its diff_id should be sha256:0000");
	assert_non_null(strstr(t->err.msg, want));
}

static void damaged_layers_are_refused(void **state)
{
	static char noise[200000];
	struct imagetest *t = *state;

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)(i * i * 2654435761u >> 13);

	for (int i = 0; i < 3; i++) {
		tar_begin(&t->tar, PLAIN);
		tar_file(&t->tar, "noise", noise, sizeof(noise));
		imagetest_layer(t, i == 0 ? PLAIN : i == 1 ? GZIP : ZSTD);
		/* Cut short, with a digest that says it should be so. */
		struct test_layer *l = &t->img.layer[0];
		l->file.len /= 2;
		sha256_hex(l->file.data, l->file.len, l->digest);
		refused(t, "layer 1 of 1: it is damaged or cut short: ");
		test_image_done(&t->img);
	}

	/* Not a tar at all, though everything adds up. */
	struct blob junk = { .data = strdup("this is not a layer"), .len = 19 };
	test_image_add(&t->img, junk, GZIP);
	refused(t, "layer 1 of 1: it is damaged or cut short: ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IMAGE_TEST(bad_hard_links_are_refused),
		IMAGE_TEST(escaping_paths_are_refused),
		IMAGE_TEST(lengths_are_bounded),
		IMAGE_TEST(a_flood_of_entries_stays_bounded),
		IMAGE_TEST(wrong_digests_are_named),
		IMAGE_TEST(damaged_layers_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
