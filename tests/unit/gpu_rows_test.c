/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gpu_rows_test.c - the program /gpu of the image of `belljar compare`, with
 * the libcuda.so.1 of tests/compare, which runs its kernel on this processor.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "images/compare/gpu/gpu.h"
#include "tests/harness/suite_run.h"
#include "vmm/lib/io.h"

#define BDF "0000:01:00.0"

static const char *const rows[] = { "gpu.in", "gpu.out", "gpu.step" };

#define NR_ROWS (sizeof(rows) / sizeof(rows[0]))

static struct suite_run r;

static void set(const char *name, const char *value)
{
	assert_int_equal(setenv(name, value, 1), 0);
}

static int setup(void **state)
{
	const char *build = getenv("BELLJAR_BUILD");
	char dir[4096];

	(void)state;
	(void)snprintf(dir, sizeof(dir), "%s/tests/compare/cuda",
		       build ? build : "build");
	set("LD_LIBRARY_PATH", dir);
	(void)unsetenv("MOCK_CUDA_FAIL");
	(void)unsetenv("MOCK_CUDA_BDF");
	(void)unsetenv("MOCK_CUDA_DEVICES");
	(void)unsetenv("MOCK_CUDA_WRONG");
	return 0;
}

static void run(const char *const *words)
{
	suite_start_other(&r, "gpu", words, 0);
	suite_finish(&r);
}

static void run_short(void)
{
	static const char *const words[] = { "--time", "1", NULL };

	run(words);
}

/* A value in each row but those that failed with @why, from the n-th on. */
static void check_rows(size_t failed, const char *why)
{
	char *rest = r.text, name[16], want[128];
	double value;
	unsigned long long ops;

	assert_string_equal(r.said, "");
	assert_int_equal(r.status, 0);
	assert_string_equal(strsep(&rest, "\n"), "device Mock GPU");
	for (size_t i = 0; i < NR_ROWS; i++) {
		const char *line = strsep(&rest, "\n");

		assert_non_null(line);
		(void)snprintf(want, sizeof(want), "failed %s ", rows[i]);
		if (i < failed) {
			assert_int_equal(sscanf(line, "value %15s %lf %llu",
						name, &value, &ops),
					 3);
			assert_string_equal(name, rows[i]);
			assert_true(isfinite(value) && value > 0 && ops >= 5);
		} else if (strncmp(line, want, strlen(want)) != 0 ||
			   !strstr(line, why)) {
			fail_msg("'%s' without '%s%s'", line, want, why);
		}
	}
	assert_string_equal(strsep(&rest, "\n"), "end");
	assert_string_equal(rest, "");
}

/* One sentence on standard error, which has @why. */
static void check_failed(int status, const char *why)
{
	assert_string_equal(r.text, "");
	assert_int_equal(r.status, status);
	if (strncmp(r.said, "gpu: ", 5) != 0 || !strstr(r.said, why) ||
	    strchr(r.said, '\n') != r.said + strlen(r.said) - 1)
		fail_msg("'%s' without '%s'", r.said, why);
}

static void all_rows_have_a_value(void **state)
{
	(void)state;
	run_short();
	check_rows(NR_ROWS, "");
}

static void the_device_is_the_one_at_the_address(void **state)
{
	static const char *const words[] = { "--device", BDF, "--time", "1",
					     NULL };

	(void)state;
	set("MOCK_CUDA_BDF", BDF);
	run(words);
	check_rows(NR_ROWS, "");
	set("MOCK_CUDA_BDF", "0000:02:00.0");
	run(words);
	check_failed(1, "device " BDF ": cuDeviceGetByPCIBusId: invalid device "
			"ordinal (CUDA_ERROR_INVALID_DEVICE, 101)");
}

static void a_function_that_fails_is_named(void **state)
{
	static const struct {
		const char *name;
		size_t rows; /* that have values; beyond all: it ends there */
	} cases[] = {
		{ "cuInit", 9 },	   { "cuDeviceGetCount", 9 },
		{ "cuDeviceGet", 9 },	   { "cuDeviceGetName", 9 },
		{ "cuCtxCreate", 9 },	   { "cuMemcpyHtoD", 0 },
		{ "cuMemcpyDtoH", 0 },	   { "cuMemAlloc", 0 },
		{ "cuModuleLoadData", 2 }, { "cuModuleGetFunction", 2 },
		{ "cuLaunchKernel", 2 },   { "cuCtxSynchronize", 2 },
	};
	char why[96];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		set("MOCK_CUDA_FAIL", cases[i].name);
		(void)snprintf(why, sizeof(why),
			       "%s: unknown error (CUDA_ERROR_UNKNOWN, 999)",
			       cases[i].name);
		run_short();
		if (cases[i].rows > NR_ROWS)
			check_failed(1, why);
		else
			check_rows(cases[i].rows, why);
	}
}

static void no_device_is_said(void **state)
{
	(void)state;
	set("MOCK_CUDA_DEVICES", "0");
	run_short();
	check_failed(1, "cuInit: no CUDA-capable device is detected");
}

static void what_comes_back_is_looked_at(void **state)
{
	(void)state;
	set("MOCK_CUDA_WRONG", "copy");
	run_short();
	assert_non_null(strstr(r.text, "failed gpu.in cuMemcpyDtoH: what came "
				       "back is not what cuMemcpyHtoD sent"));
	assert_null(strstr(r.text, "value gpu.out"));
	set("MOCK_CUDA_WRONG", "launch");
	run_short();
	check_rows(2, "cuLaunchKernel: element 0,0 of product 0 is ");
}

static void no_library_is_a_status_of_its_own(void **state)
{
	char dir[] = "/tmp/gpu_rows_test.XXXXXX", path[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	set("LD_LIBRARY_PATH", dir);
	(void)snprintf(path, sizeof(path), "%s/libcuda.so.1", dir);
	assert_int_equal(io_write_file(path, "none", 4, NULL), 0);
	run_short();
	check_failed(GPU_NO_LIBRARY, "libcuda.so.1: file too short");
	assert_int_equal(unlink(path), 0);
	/* One that is a library, and another. */
	assert_int_equal(symlink("/lib/x86_64-linux-gnu/libm.so.6", path), 0);
	run_short();
	check_failed(GPU_NO_LIBRARY, "dlsym: libcuda.so.1 has no cuInit");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void bad_usage_is_one_sentence(void **state)
{
	static const char *const bad[][3] = {
		{ "--time" },	{ "--time", "0" },    { "--time", "1x" },
		{ "--device" }, { "--what", "this" }, { "all" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		run(bad[i]);
		check_failed(2, "usage: ");
	}
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_rows_have_a_value),
		TEST(the_device_is_the_one_at_the_address),
		TEST(a_function_that_fails_is_named),
		TEST(no_device_is_said),
		TEST(what_comes_back_is_looked_at),
		TEST(no_library_is_a_status_of_its_own),
		TEST(bad_usage_is_one_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
