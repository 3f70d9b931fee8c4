/* SPDX-License-Identifier: Apache-2.0 */
/* -v and --mount: docker's forms, and a sentence for each mistake. */
#include <errno.h>
#include <limits.h>
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

#include "vmm/lib/io.h"
#include "vmm/manager/shares.h"

static struct shares s;
static struct err err;

static int teardown(void **state)
{
	(void)state;
	shares_done(&s);
	return 0;
}

static void expect(unsigned i, const char *source, const char *target,
		   bool readonly)
{
	assert_true(i < s.n);
	assert_string_equal(s.v[i].source, source);
	assert_string_equal(s.v[i].target, target);
	assert_int_equal(s.v[i].readonly, readonly);
}

static void volumes_are_dockers(void **state)
{
	(void)state;
	assert_int_equal(shares_add_volume(&s, "/a:/b", &err), 0);
	assert_int_equal(shares_add_volume(&s, "./a:/c:ro", &err), 0);
	assert_int_equal(shares_add_volume(&s, "/a b:/d/:rw,z", &err), 0);
	assert_int_equal(shares_add_volume(&s, "..:/e//f/./x/../g:ro,Z", &err),
			 0);
	expect(0, "/a", "/b", false);
	expect(1, "./a", "/c", true);
	expect(2, "/a b", "/d", false);
	expect(3, "..", "/e/f/g", true);
}

static void mounts_are_dockers(void **state)
{
	static const char *const readonly[] = {
		"type=bind,src=/a,dst=/1,readonly",
		"type=bind,source=/a,target=/2,ro",
		"readonly=true,destination=/3,source=/a,type=bind",
		"type=bind,src=/a,dst=/4,ro=1,bind-propagation=rprivate",
	};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		char target[] = { '/', (char)('1' + i), '\0' };

		assert_int_equal(shares_add_mount(&s, readonly[i], &err), 0);
		expect(i, "/a", target, true);
	}
	assert_int_equal(
		shares_add_mount(
			&s,
			"type=bind,src=/a,dst=/5,ro=false,consistency=cached",
			&err),
		0);
	expect(4, "/a", "/5", false);
}

static void refused(int r, const char *why)
{
	assert_true(r < 0);
	if (!strstr(err.msg, why))
		fail_msg("'%s' does not say '%s'", err.msg, why);
}

static void mistakes_have_sentences(void **state)
{
	static const char *const volumes[][2] = {
		{ "", "is not HOST:GUEST" },
		{ "/data", "is not HOST:GUEST" },
		{ "data:/data", "named volume" },
		{ ":/data", "on the host is missing" },
		{ "/a:", "in the guest is missing" },
		{ "/a:b", "is not absolute" },
		{ "/a:/", "'/' in the guest" },
		{ "/a:/x/..", "'/' in the guest" },
		{ "/a:/../..", "'/' in the guest" },
		{ "/a:/proc", "guest kernel's" },
		{ "/a:/x/../dev/shm", "guest kernel's" },
		{ "/a:/sys/fs", "guest kernel's" },
		{ "/a:/b:rx", "'rx' is not an option" },
		{ "/a:/b:ro:rw", "'ro:rw' is not an option" },
		{ "/a:/b:", "'' is not an option" },
		{ "/a:/b\nro file /etc", "no line break" },
	};
	static const char *const mounts[][2] = {
		{ "", "lacks its value" },
		{ "src=/a,dst=/b", "the type is missing" },
		{ "type=volume,src=a,dst=/b", "type 'volume' does not exist" },
		{ "type=tmpfs,dst=/b", "type 'tmpfs' does not exist" },
		{ "type=bind,dst=/b", "on the host is missing" },
		{ "type=bind,src=/b", "in the guest is missing" },
		{ "type=bind,src=,dst=/b", "'src' lacks its value" },
		{ "type=bind,src=/a,dst=/b,readonly=no", "true or false" },
		{ "type=bind,src=/a,dst=/b,x=y", "'x=y' is not an option" },
		{ "type=image,dst=/b", "on the host is missing" },
		{ "type=image,src=/a", "in the guest is missing" },
		{ "type=image,src=/a,dst=b", "is not absolute" },
		{ "type=image,src=/a,dst=/b,ro=false", "read-only always" },
		{ "type=image,src=/a,dst=/b,dax=maybe", "true or false" },
		{ "type=bind,src=/a,dst=/b,dax", "dax is for type=image" },
		{ "type=bind,src=/a,dst=/b,bind-propagation=shared",
		  "is not an option" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(volumes) / sizeof(*volumes); i++)
		refused(shares_add_volume(&s, volumes[i][0], &err),
			volumes[i][1]);
	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++)
		refused(shares_add_mount(&s, mounts[i][0], &err), mounts[i][1]);
	assert_int_equal(s.n, 0);
}

static void too_long_too_many_twice(void **state)
{
	char text[2 * SHARES_PATH] = "/a:";
	const size_t longest = 3 + SHARES_PATH - 1;

	(void)state;
	memset(text + 3, '/', SHARES_PATH);
	refused(shares_add_volume(&s, text, &err), "longer than");
	memset(text + 4, 'x', SHARES_PATH);
	text[longest] = '\0';
	assert_int_equal(shares_add_volume(&s, text, &err), 0);
	assert_int_equal(strlen(s.v[0].target), SHARES_PATH - 1);
	refused(shares_add_volume(&s, text, &err), "two shares");
	for (unsigned i = 1; i < SHARES_MAX; i++) {
		(void)snprintf(text, sizeof(text), "/a:/%u", i);
		assert_int_equal(shares_add_volume(&s, text, &err), 0);
	}
	refused(shares_add_volume(&s, "/a:/x", &err), "more than 16");
}

static void sources_are_looked_up(void **state)
{
	char dir[] = "/tmp/belljar-shares-XXXXXX";
	char text[PATH_MAX];

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(text, sizeof(text), "%s/file", dir);
	assert_int_equal(io_write_file(text, "x", 1, NULL), 0);
	(void)snprintf(text, sizeof(text), "%s/fifo", dir);
	assert_int_equal(mkfifo(text, 0600), 0);
	(void)snprintf(text, sizeof(text), "%s/.//:/d", dir);
	assert_int_equal(shares_add_volume(&s, text, &err), 0);
	(void)snprintf(text, sizeof(text), "%s/../%s/file:/f", dir, dir + 5);
	assert_int_equal(shares_add_volume(&s, text, &err), 0);
	assert_int_equal(shares_resolve(&s, &err), 0);
	assert_string_equal(s.v[0].source, dir);
	assert_false(s.v[0].file);
	(void)snprintf(text, sizeof(text), "%s/file", dir);
	assert_string_equal(s.v[1].source, text);
	assert_true(s.v[1].file);

	(void)snprintf(text, sizeof(text), "type=bind,src=%s/none,dst=/n", dir);
	assert_int_equal(shares_add_mount(&s, text, &err), 0);
	refused(shares_resolve(&s, &err), "/none' does not exist on the host");
	shares_done(&s);
	(void)snprintf(text, sizeof(text), "%s/fifo:/f", dir);
	assert_int_equal(shares_add_volume(&s, text, &err), 0);
	refused(shares_resolve(&s, &err), "neither a directory nor a plain");
	assert_int_equal(io_remove_tree(dir, NULL), 0);
}

static void images_are_files_with_a_file_system(void **state)
{
	char dir[] = "/tmp/belljar-shares-XXXXXX";
	char text[PATH_MAX], head[4096] = "hsqs";

	(void)state;
	assert_non_null(mkdtemp(dir));
	head[20] = 6;
	head[40] = 96;
	/* What it is called does not matter. */
	(void)snprintf(text, sizeof(text), "%s/data.ext4", dir);
	assert_int_equal(io_write_file(text, head, sizeof(head), NULL), 0);
	(void)snprintf(text, sizeof(text),
		       "type=image,source=%s/data.ext4,destination=/d", dir);
	assert_int_equal(shares_add_mount(&s, text, &err), 0);
	(void)snprintf(text, sizeof(text), "%s:/e", dir);
	assert_int_equal(shares_add_volume(&s, text, &err), 0);
	assert_int_equal(shares_images(&s), 1);
	assert_int_equal(shares_resolve(&s, &err), 0);
	assert_string_equal(s.v[0].disk.fs, "squashfs");
	assert_true(s.v[0].readonly);
	assert_null(s.v[1].disk.fs);
	assert_int_equal(shares_check_kernel(&s, "minimal", &err), 0);
	assert_int_equal(shares_in_memory(&s), 0);
	s.v[0].dax = true;
	assert_int_equal(shares_in_memory(&s), s.v[0].disk.size);
	refused(shares_check_kernel(&s, "minimal", &err), "mkfs.erofs");
	refused(shares_add_mount(&s, "type=image,src=/x,dst=/e", &err),
		"two shares have the path '/e'");
	(void)snprintf(text, sizeof(text), "type=image,src=%s,dst=/f", dir);
	assert_int_equal(shares_add_mount(&s, text, &err), 0);
	refused(shares_resolve(&s, &err), "is a directory, and no image");
	shares_done(&s);
	assert_int_equal(
		shares_add_mount(&s, "type=image,src=/x,dst=/e,dax", &err), 0);
	assert_int_equal(
		shares_add_mount(&s, "type=image,src=/x,dst=/f,dax=0", &err),
		0);
	assert_true(s.v[0].dax && !s.v[1].dax);
	shares_done(&s);
	for (unsigned i = 0; i < SHARES_IMAGES; i++) {
		(void)snprintf(text, sizeof(text), "type=image,src=/x,dst=/%u",
			       i);
		assert_int_equal(shares_add_mount(&s, text, &err), 0);
	}
	refused(shares_add_mount(&s, "type=image,src=/x,dst=/y", &err),
		"more than 12 images");
	refused(shares_resolve(&s, &err), "'/x' does not exist on the host");
	assert_int_equal(io_remove_tree(dir, NULL), 0);
}

#define TEST(f) cmocka_unit_test_teardown(f, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(volumes_are_dockers),
		TEST(mounts_are_dockers),
		TEST(mistakes_have_sentences),
		TEST(too_long_too_many_twice),
		TEST(sources_are_looked_up),
		TEST(images_are_files_with_a_file_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
