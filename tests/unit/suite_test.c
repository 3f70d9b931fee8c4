/* SPDX-License-Identifier: Apache-2.0 */
/* suite_test.c - the program that `belljar compare` measures with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness/suite_run.h"
#include "vmm/compare/rows.h"
#include "vmm/lib/io.h"

static void first_says_so(void **state)
{
	struct suite_run r;

	(void)state;
	SUITE_RUN(&r, 0, "first");
	assert_string_equal(r.text, "first\n");
	assert_string_equal(r.said, "");
	assert_int_equal(r.status, 0);
}

static void idle_waits_for_a_line_or_the_end(void **state)
{
	const char *const words[] = { "idle", NULL };
	struct suite_run r;

	(void)state;
	for (int line = 0; line <= 1; line++) {
		suite_start(&r, words, 0);
		suite_expect(&r, "ready");
		assert_int_equal(waitpid(r.pid, NULL, WNOHANG), 0);
		if (line)
			suite_send_line(&r);
		else
			(void)close(r.in), r.in = -1;
		suite_finish(&r);
		assert_string_equal(r.text, "");
		assert_int_equal(r.status, 0);
	}
}

/* Resident memory of @pid in KiB. */
static unsigned long resident(pid_t pid)
{
	char path[64], line[128];
	unsigned long kib = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmRSS: %lu kB", &kib) == 1)
			break;
	(void)fclose(f);
	return kib;
}

static void peak_has_the_memory_and_gives_it_back(void **state)
{
	const char *const words[] = { "peak", "16", NULL };
	struct suite_run r;

	(void)state;
	suite_start(&r, words, 0);
	suite_expect(&r, "ready");
	unsigned long before = resident(r.pid);
	suite_send_line(&r);
	suite_expect(&r, "peak");
	assert_true(resident(r.pid) >= before + 15 * 1024);
	suite_send_line(&r);
	suite_expect(&r, "freed");
	assert_true(resident(r.pid) <= before + 2 * 1024);
	suite_finish(&r);
	assert_int_equal(r.status, 0);
}

static void peak_without_its_lines_fails(void **state)
{
	struct suite_run r;

	(void)state;
	SUITE_RUN(&r, 0, "peak", "1");
	assert_string_equal(r.text, "ready\n");
	assert_non_null(strstr(r.said, "ended before a line came"));
	assert_int_equal(r.status, 1);
}

static void calls_begins_and_ends(void **state)
{
	struct suite_run r;

	(void)state;
	SUITE_RUN(&r, 0, "calls");
	assert_string_equal(r.said, "");
	assert_string_equal(r.text, "begin\nend\n");
	assert_int_equal(r.status, 0);
}

static void bad_usage_is_one_sentence_and_2(void **state)
{
	static const char *const bad[][SUITE_WORDS_MAX + 1] = {
		{ NULL },
		{ "nonsense" },
		{ "first", "x" },
		{ "idle", "x" },
		{ "calls", "x" },
		{ "peak" },
		{ "peak", "0" },
		{ "peak", "-1" },
		{ "peak", "1x" },
		{ "peak", "99999999999999999999" },
		{ "serve" },
		{ "serve", "0" },
		{ "serve", "65536" },
		{ "run" },
		{ "run", "sys.nothing" },
		{ "run", "all", "sys.getpid" },
		{ "run", "--time" },
		{ "run", "--time", "0", "all" },
		{ "run", "--time", "1e3", "all" },
		{ "run", "--dir" },
		{ "run", "--dir", "", "all" },
		{ "run", "--what", "1", "all" },
		{ "run", "--time", "1" },
	};
	struct suite_run r;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		suite_start(&r, bad[i], 0);
		suite_finish(&r);
		assert_int_equal(r.status, 2);
		assert_string_equal(r.text, "");
		assert_int_equal(strncmp(r.said, "suite: ", 7), 0);
		assert_ptr_equal(strchr(r.said, '\n'),
				 r.said + strlen(r.said) - 1);
	}
}

/* The rows that a program inside can measure, by their groups. */
static bool is_inside(const char *name)
{
	static const char *const groups[] = { "cpu.", "ram.", "sys.", "block.",
					      "train." };

	/* What an I/O costs the host is seen from there. */
	if (strcmp(name, "block.random.cpu") == 0)
		return false;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (strncmp(name, groups[i], strlen(groups[i])) == 0)
			return true;
	return false;
}

/* Take "begin ROW" and what follows it off *@text. */
static void check_row(char **text, const char *name, const char *failed)
{
	char want[64], got[64] = "";
	double value = -1;
	unsigned long long ops = 0;

	(void)snprintf(want, sizeof(want), "begin %s", name);
	assert_string_equal(strsep(text, "\n"), want);
	const char *line = strsep(text, "\n");
	assert_non_null(line);
	(void)snprintf(want, sizeof(want), "ready %s", name);
	if (strcmp(line, want) == 0)
		line = strsep(text, "\n");
	assert_non_null(line);
	if (failed) {
		(void)snprintf(want, sizeof(want), "failed %s ", name);
		assert_int_equal(strncmp(line, want, strlen(want)), 0);
		assert_non_null(strstr(line, failed));
		return;
	}
	assert_int_equal(sscanf(line, "value %63s %lf %llu", got, &value, &ops),
			 3);
	assert_string_equal(got, name);
	assert_true(isfinite(value) && value > 0);
	assert_true(ops > 0);
}

/* A directory of its own for each test, empty at the end of it. */
static int make_dir(void **state)
{
	static char dir[64];

	(void)snprintf(dir, sizeof(dir), "/tmp/suite-test-XXXXXX");
	*state = mkdtemp(dir);
	return *state ? 0 : -1;
}

static int remove_dir(void **state)
{
	/* It fails when something was left behind. */
	return rmdir(*state);
}

static void all_rows_have_a_value(void **state)
{
	struct suite_run r;
	char *rest = r.text;

	SUITE_RUN(&r, 0, "run", "--time", "20", "--dir", *state, "all");
	assert_string_equal(r.said, "");
	for (enum row row = 0; row < NR_ROWS; row++)
		if (is_inside(row_info(row)->name))
			check_row(&rest, row_info(row)->name, NULL);
	assert_string_equal(rest, "end\n");
	assert_int_equal(r.status, 0);
}

static void rows_come_in_the_order_asked_for(void **state)
{
	struct suite_run r;
	char *rest = r.text;

	(void)state;
	SUITE_RUN(&r, 0, "run", "--time", "5", "sys.mmap", "cpu.float",
		  "sys.mmap");
	check_row(&rest, "sys.mmap", NULL);
	check_row(&rest, "cpu.float", NULL);
	check_row(&rest, "sys.mmap", NULL);
	assert_string_equal(rest, "end\n");
}

/* The child of @pid, as soon as it has one. */
static pid_t child_of(pid_t pid)
{
	char path[64], text[32];

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children",
		       (int)pid, (int)pid);
	do {
		assert_int_equal(
			io_read_line(AT_FDCWD, path, text, sizeof(text)), 0);
	} while (!text[0]);
	return (pid_t)strtol(text, NULL, 10);
}

static void a_killed_row_fails_alone(void **state)
{
	const char *const words[] = { "run",	   "--time",   "2000",
				      "cpu.float", "sys.mmap", NULL };
	struct suite_run r;
	char *rest = r.text;

	(void)state;
	suite_start(&r, words, 0);
	assert_int_equal(kill(child_of(r.pid), SIGKILL), 0);
	suite_finish(&r);
	check_row(&rest, "cpu.float", "killed by signal 9");
	check_row(&rest, "sys.mmap", NULL);
	assert_string_equal(rest, "end\n");
	assert_int_equal(r.status, 0);
}

static const char *const on_disk[] = { "block.random", "block.read",
				       "block.write",  "block.fsync",
				       "train.loader", "train.checkpoint" };

#define NR_ON_DISK (sizeof(on_disk) / sizeof(on_disk[0]))

/* Each row that needs a file fails with @why; one that needs none does not. */
static void check_disk(const char *dir, rlim_t file_max, const char *why)
{
	struct suite_run r;
	char *rest;

	for (size_t i = 0; i < NR_ON_DISK; i++) {
		rest = r.text;
		SUITE_RUN(&r, file_max, "run", "--time", "5", "--dir", dir,
			  on_disk[i], "sys.getpid");
		check_row(&rest, on_disk[i], why);
		check_row(&rest, "sys.getpid", NULL);
		assert_string_equal(rest, "end\n");
		assert_int_equal(r.status, 0);
	}
}

static void a_file_that_may_not_grow_fails_by_name(void **state)
{
	check_disk(*state, 4096, "File too large");
}

static void a_full_disk_fails_by_name(void **state)
{
	char dir[128];

	(void)snprintf(dir, sizeof(dir), "%s/full", (char *)*state);
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(mount("full", dir, "tmpfs", 0, "size=64k"), 0);
	check_disk(dir, 0, "No space left on device");
	/* Nothing of theirs is left there: else it is busy or not empty. */
	DIR *d = opendir(dir);
	unsigned names = 0;
	while (d && readdir(d))
		names++;
	(void)closedir(d);
	assert_int_equal(umount(dir), 0);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(names, 2); /* . and .. */
}

static void a_directory_is_made_and_removed(void **state)
{
	char dir[128];
	struct suite_run r;
	char *rest = r.text;

	(void)snprintf(dir, sizeof(dir), "%s/new", (char *)*state);
	SUITE_RUN(&r, 0, "run", "--time", "5", "--dir", dir, "block.fsync");
	check_row(&rest, "block.fsync", NULL);
	assert_int_equal(access(dir, F_OK), -1);
}

static void no_directory_fails_by_name(void **state)
{
	(void)state;
	check_disk("/proc/nowhere", 0, "/proc/nowhere");
}

static void standard_output_that_is_closed_is_an_error(void **state)
{
	const char *const words[] = { "run", "--time", "5", "sys.getpid",
				      NULL };
	struct suite_run r;

	(void)state;
	suite_start(&r, words, 0);
	(void)close(r.out);
	r.out = dup(r.err);
	suite_finish(&r);
	assert_int_equal(r.status, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_says_so),
		cmocka_unit_test(idle_waits_for_a_line_or_the_end),
		cmocka_unit_test(peak_has_the_memory_and_gives_it_back),
		cmocka_unit_test(peak_without_its_lines_fails),
		cmocka_unit_test(calls_begins_and_ends),
		cmocka_unit_test(bad_usage_is_one_sentence_and_2),
		cmocka_unit_test_setup_teardown(all_rows_have_a_value, make_dir,
						remove_dir),
		cmocka_unit_test(rows_come_in_the_order_asked_for),
		cmocka_unit_test(a_killed_row_fails_alone),
		cmocka_unit_test_setup_teardown(
			a_file_that_may_not_grow_fails_by_name, make_dir,
			remove_dir),
		cmocka_unit_test_setup_teardown(a_full_disk_fails_by_name,
						make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_directory_is_made_and_removed,
						make_dir, remove_dir),
		cmocka_unit_test(no_directory_fails_by_name),
		cmocka_unit_test(standard_output_that_is_closed_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
