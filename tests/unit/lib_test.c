/* SPDX-License-Identifier: Apache-2.0 */
/* lib_test.c - numbers, sizes, sentences, small files, descriptors sent. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/err.h"
#include "vmm/lib/io.h"
#include "vmm/lib/json.h"
#include "vmm/lib/parse.h"

static void numbers_are_whole_and_in_range(void **state)
{
	struct err err = { 0 };
	uint64_t n = 77;

	(void)state;
	assert_int_equal(parse_u64("64", "--cpus", 1, 64, &n, &err), 0);
	assert_int_equal(n, 64);
	for (const char *const *bad =
		     (const char *const[]){ "", "-1", "+1", " 1", "1 ", "1x",
					    "0x10", NULL };
	     *bad; bad++)
		assert_int_equal(parse_u64(*bad, "--cpus", 1, 64, &n, &err),
				 -EINVAL);
	assert_int_equal(parse_u64("65", "--cpus", 1, 64, &n, &err), -ERANGE);
	assert_string_equal(err.msg, "--cpus: 65 is outside 1..64");
	assert_int_equal(
		parse_u64("18446744073709551616", "x", 0, UINT64_MAX, &n, &err),
		-ERANGE);
	assert_int_equal(n, 64);
}

static void sizes_are_those_of_docker(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "0", 0 },
		{ "1048576", 1 << 20 },
		{ "64m", 64 << 20 },
		{ "64M", 64 << 20 },
		{ "512kb", 512 << 10 },
		{ "2GiB", UINT64_C(2) << 30 },
		{ "1.5g", UINT64_C(3) << 29 },
		{ "4t", UINT64_C(4) << 40 },
		{ "10b", 10 },
	};
	struct err err = { 0 };
	uint64_t n = 77;

	(void)state;
	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(parse_size(good[i].text, "-m", &n, &err), 0);
		assert_int_equal(n, good[i].bytes);
	}
	n = 77;
	for (const char *const *bad =
		     (const char *const[]){ "", "m", "-1m", "1mm", "0x10",
					    "1 m", "nan", "inf", "1e", ".5g",
					    NULL };
	     *bad; bad++)
		assert_int_equal(parse_size(*bad, "-m", &n, &err), -EINVAL);
	assert_int_equal(parse_size("9999999t", "-m", &n, &err), -ERANGE);
	assert_int_equal(n, 77);
}

static void a_failure_keeps_its_sentence(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(err_set(&err, ENOENT, "open '%s'", "x"), -ENOENT);
	assert_string_equal(err.msg, "open 'x': No such file or directory");
	assert_int_equal(err_wrap(&err, "device '%s'", "rng"), -ENOENT);
	assert_string_equal(err.msg, "device 'rng': open 'x': "
				     "No such file or directory");
	assert_int_equal(err_set(NULL, EIO, "nobody listens"), -EIO);

	/* Longer than there is room for: cut, not overrun. */
	char text[2000];
	memset(text, 'y', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(err_set(&err, EIO, "%s", text), -EIO);
	assert_int_equal(err_wrap(&err, "%s", text), -EIO);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
}

static void a_file_is_replaced_whole(void **state)
{
	char dir[] = "/tmp/lib_test.XXXXXX";
	char path[64];
	struct err err = { 0 };
	AUTO_FREE char *text = NULL;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/a/b/c", dir);
	assert_int_equal(io_mkdirs(path, 0700, &err), 0);
	assert_int_equal(io_mkdirs(path, 0700, &err), 0);

	(void)snprintf(path, sizeof(path), "%s/file", dir);
	assert_int_equal(io_write_file(path, "old", 3, &err), 0);
	assert_int_equal(io_write_file(path, "newer", 5, &err), 0);
	assert_int_equal(io_read_file(path, 5, &text, &err), 0);
	assert_string_equal(text, "newer");

	char *more = NULL;
	assert_int_equal(io_read_file(path, 4, &more, &err), -EFBIG);
	assert_null(more);

	/* The line, cut at the room there is; nothing of a file that is not. */
	char line[4];
	assert_int_equal(io_write_file(path, "abc\ndef\n", 8, &err), 0);
	assert_int_equal(io_read_line(AT_FDCWD, path, line, 4), 0);
	assert_string_equal(line, "abc");
	assert_int_equal(io_read_line(AT_FDCWD, path, line, 3), 0);
	assert_string_equal(line, "ab");
	assert_int_equal(io_read_line(AT_FDCWD, dir, line, 4), -EISDIR);
	assert_string_equal(line, "");

	/* A symlink is removed, not what it points to. */
	char link[64];
	(void)snprintf(link, sizeof(link), "%s/a/link", dir);
	assert_int_equal(symlink("/etc/passwd", link), 0);
	assert_int_equal(io_remove_tree(dir, &err), 0);
	assert_int_equal(access(dir, F_OK), -1);
	assert_int_equal(access("/etc/passwd", F_OK), 0);
	assert_int_equal(io_remove_tree(dir, &err), 0);
}

static void a_descriptor_travels(void **state)
{
	int pair[2];
	int got = -1;
	int none = 7;
	char byte = 0;
	struct stat a;
	struct stat b;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(io_send_fd(pair[0], "x", 1, STDERR_FILENO), 0);
	assert_int_equal(io_send_fd(pair[0], "y", 1, -1), 0);
	assert_int_equal(io_recv_fd(pair[1], &byte, 1, &got), 1);
	assert_int_equal(byte, 'x');
	assert_int_equal(fstat(got, &a), 0);
	assert_int_equal(fstat(STDERR_FILENO, &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	assert_int_equal(io_recv_fd(pair[1], &byte, 1, &none), 1);
	assert_int_equal(none, -1);
	(void)close(got);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

static int parse_text(const char *text, struct json_object **ret,
		      struct err *err)
{
	return json_parse(text, strlen(text), "the text", ret, err);
}

static void json_is_the_whole_text(void **state)
{
	AUTO_JSON struct json_object *o = NULL;
	struct json_object *none = NULL;
	struct err err = { 0 };
	const char *s = NULL;
	int64_t n = 0;

	(void)state;
	assert_int_equal(parse_text("{\"a\":\"b\",\"n\":5}\n", &o, &err), 0);
	assert_int_equal(json_get_str(o, "a", &s, &err), 0);
	assert_string_equal(s, "b");
	assert_int_equal(json_get_i64(o, "n", &n, &err), 0);
	assert_int_equal(n, 5);
	assert_int_equal(json_get_i64(o, "a", &n, &err), -EINVAL);
	assert_int_equal(json_get_str(o, "z", &s, &err), -ENOENT);
	assert_string_equal(err.msg, "'z' is missing");

	assert_int_equal(parse_text("{} x", &none, &err), -EINVAL);
	assert_int_equal(parse_text("{\"a\":", &none, &err), -EINVAL);
	assert_int_equal(parse_text("", &none, &err), -EINVAL);
	char deep[101];
	memset(deep, '[', 100);
	deep[100] = '\0';
	assert_int_equal(parse_text(deep, &none, &err), -EINVAL);
	assert_null(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_whole_and_in_range),
		cmocka_unit_test(sizes_are_those_of_docker),
		cmocka_unit_test(a_failure_keeps_its_sentence),
		cmocka_unit_test(a_file_is_replaced_whole),
		cmocka_unit_test(a_descriptor_travels),
		cmocka_unit_test(json_is_the_whole_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
