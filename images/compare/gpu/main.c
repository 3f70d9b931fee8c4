/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - /gpu in the image of `belljar compare`: what a GPU does here.
 *
 *   gpu [--time MS] [--device BDF]
 *
 * prints "device NAME", then for each row "value ROW NUMBER OPERATIONS" or
 * "failed ROW SENTENCE", then "end".  The status is 1 when there is no device
 * to measure and GPU_NO_LIBRARY when there is no library to reach one by: a
 * sentence on standard error says more.
 *
 * The one program of that image that is not static: libcuda.so.1 needs glibc,
 * which the image has beside it.  It is the driver's, of the same version as
 * the kernel's part, so it comes from outside.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "images/compare/gpu/gpu.h"
#include "images/compare/gpu/rows.h"

#define TIME_MAX_MS  3600000UL
#define NS_PER_MS    1000000L
#define STATUS_USAGE 2

static const struct {
	const char *name;
	gpu_row_fn *run;
} rows[] = {
	{ "gpu.in", copy_in },
	{ "gpu.out", copy_out },
	{ "gpu.step", step_run },
};

static void measure(const struct cuda *cuda, size_t i, int64_t budget)
{
	struct figure f = { 0 };
	struct err err = { 0 };

	if (rows[i].run(cuda, budget, &f, &err) < 0)
		(void)printf("failed %s %s\n", rows[i].name, err.msg);
	else if (!isfinite(f.number) || f.number <= 0)
		(void)printf("failed %s measured %g, which is no figure\n",
			     rows[i].name, f.number);
	else
		(void)printf("value %s %.9g %llu\n", rows[i].name, f.number,
			     (unsigned long long)f.ops);
}

static int usage(void)
{
	(void)fputs("gpu: usage: gpu [--time MS] [--device BDF]\n", stderr);
	return STATUS_USAGE;
}

static int fail(const struct err *err, int status)
{
	(void)fprintf(stderr, "gpu: %s\n", err->msg);
	return status;
}

int main(int argc, char **argv)
{
	unsigned long ms = 1000;
	const char *bdf = NULL;
	struct cuda cuda;
	struct err err = { 0 };
	char *end;

	for (int i = 1; i < argc; i += 2) {
		if (i + 1 == argc)
			return usage();
		if (strcmp(argv[i], "--device") == 0) {
			bdf = argv[i + 1];
		} else if (strcmp(argv[i], "--time") == 0) {
			ms = strtoul(argv[i + 1], &end, 10);
			if (*end || ms == 0 || ms > TIME_MAX_MS)
				return usage();
		} else {
			return usage();
		}
	}
	/* What the driver compiles stays ours: no file in anybody's home. */
	(void)setenv("CUDA_CACHE_DISABLE", "1", 1);
	if (cuda_load(&cuda, &err) < 0)
		return fail(&err, GPU_NO_LIBRARY);
	if (cuda_open(&cuda, bdf, &err) < 0)
		return fail(&err, EXIT_FAILURE);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		measure(&cuda, i, (int64_t)ms * NS_PER_MS);
	(void)puts("end");
	if (fflush(stdout) == 0)
		return 0;
	(void)err_set(&err, errno, "write to standard output");
	return fail(&err, EXIT_FAILURE);
}
