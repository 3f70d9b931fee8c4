/* SPDX-License-Identifier: Apache-2.0 */
/* Shares as the keeper says them, and the places that init makes for them. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "images/init/shares.h"
#include "vmm/lib/io.h"

static void shares_are_cut_up(void **state)
{
	char dir[] = "share0 rw dir /data";
	char file[] = "share15 ro file /etc/a file name";
	char image[] = "share2 ro erofs /data/set";
	char memory[] = "12 ro ext4+dax /data/set";
	struct share s;
	struct err err;

	(void)state;
	assert_int_equal(shares_parse(dir, &s, &err), 0);
	assert_string_equal(s.tag, "share0");
	assert_string_equal(s.path, "/data");
	assert_false(s.readonly || s.file);
	assert_int_equal(shares_parse(file, &s, &err), 0);
	assert_string_equal(s.tag, "share15");
	assert_string_equal(s.path, "/etc/a file name");
	assert_true(s.readonly && s.file);
	assert_null(s.fs);
	assert_int_equal(shares_parse(image, &s, &err), 0);
	assert_string_equal(s.fs, "erofs");
	assert_true(s.readonly && !s.file && !s.dax);
	assert_int_equal(shares_parse(memory, &s, &err), 0);
	assert_string_equal(s.fs, "ext4");
	assert_string_equal(s.tag, "12");
	assert_true(s.dax);
}

static void nonsense_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"share0",
		"share0 ro",
		"share0 ro dir",
		"share0 ro dir data",
		"share0 ro dir /",
		"share0 rx dir /a",
		"share0 ro pipe /a",
		"share0 ro vfat /a",
		" ro dir /a",
		"../x ro dir /a",
		"a/b ro dir /a",
		"share0  dir /a",
		"share0 ro erofs+dax /a",
		"0 ro squashfs+dax /a",
		"0 ro dir+dax /a",
		"0 ro erofs+ /a",
	};
	struct share s;
	struct err err;
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		(void)snprintf(text, sizeof(text), "%s", bad[i]);
		assert_int_equal(shares_parse(text, &s, &err), -EPROTO);
	}
}

/* No virtio-fs of that name is here: the places are made, the mount fails. */
static void places_are_made_on_the_way(void **state)
{
	char root[] = "/tmp/belljar-init-XXXXXX";
	char path[128];
	char share[] = "no-such-tag ro dir /a/deep/place/for/it";
	char *list[] = { share, NULL };
	struct settings s = { .shares = { list, 1 } };
	struct err err;

	(void)state;
	assert_non_null(mkdtemp(root));
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	(void)snprintf(path, sizeof(path), "%s/own", root);
	assert_true(shares_mount(fd, path, &s, &err) < 0);
	assert_non_null(strstr(err.msg, "/a/deep/place/for/it"));
	(void)snprintf(path, sizeof(path), "%s/a/deep/place/for/it", root);
	assert_int_equal(access(path, F_OK), 0);
	(void)close(fd);
	assert_int_equal(io_remove_tree(root, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_are_cut_up),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(places_are_made_on_the_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
