/* SPDX-License-Identifier: Apache-2.0 */
/* qemu_job_test.c - the job of the peer QEMU: images/compare/qemu_job.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "images/compare/qemu_job.h"

/* On the heap, and no longer than it is, so that ASan sees who reads on. */
static int parse(const void *bytes, size_t len, char **ret_data,
		 struct qemu_job *job, struct err *err)
{
	*ret_data = malloc(len ? len : 1);
	assert_non_null(*ret_data);
	memcpy(*ret_data, bytes, len);
	return qemu_job_parse(*ret_data, len, job, err);
}

static void whole_job_is_taken_apart(void **state)
{
	static const char text[] = "/tmp\0"
				   "1000\0"
				   "5\0"
				   "3\0"
				   "/suite\0"
				   "\0"
				   "a b\nc\0"
				   "PATH=/\0"
				   "EMPTY=";
	struct qemu_job job;
	struct err err = { 0 };
	char *data;

	(void)state;
	assert_int_equal(parse(text, sizeof(text), &data, &job, &err), 0);
	assert_string_equal(job.cwd, "/tmp");
	assert_int_equal(job.uid, 1000);
	assert_int_equal(job.gid, 5);
	assert_string_equal(job.words[0], "/suite");
	assert_string_equal(job.words[1], "");
	assert_string_equal(job.words[2], "a b\nc");
	assert_null(job.words[3]);
	assert_string_equal(job.env[0], "PATH=/");
	assert_string_equal(job.env[1], "EMPTY=");
	assert_null(job.env[2]);
	qemu_job_done(&job);
	free(data);
}

static void environment_may_be_empty(void **state)
{
	static const char text[] = "/\0"
				   "0\0"
				   "0\0"
				   "1\0"
				   "a";
	struct qemu_job job;
	struct err err = { 0 };
	char *data;

	(void)state;
	assert_int_equal(parse(text, sizeof(text), &data, &job, &err), 0);
	assert_string_equal(job.words[0], "a");
	assert_null(job.env[0]);
	qemu_job_done(&job);
	free(data);
}

#define BAD(text)                                                              \
	{                                                                      \
		text, sizeof(text)                                             \
	}

static void what_is_no_job_is_refused(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} bad[] = {
		{ "", 0 },
		{ "/", 1 },
		BAD(""),
		BAD("/"),
		BAD("tmp\0000\0000\0001\0a"),
		BAD("/\0000"),
		BAD("/\0000\0000"),
		BAD("/\0-1\0000\0001\0a"),
		BAD("/\0000\0x\0001\0a"),
		BAD("/\0000\000 1\0001\0a"),
		BAD("/\0004294967295\0000\0001\0a"),
		BAD("/\00099999999999999999999\0000\0001\0a"),
		BAD("/\0000\0000\0000"),
		BAD("/\0000\0000\0001"),
		BAD("/\0000\0000\0002\0a"),
		BAD("/\0000\0000\0001025\0a"),
		BAD("/\0000\0000\0001\0a\0NAME"),
		BAD("/\0000\0000\0001\0a\0=value"),
		BAD("/\0000\0000\0001\0a\0"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct qemu_job job;
		struct err err = { 0 };
		char *data;

		assert_int_equal(
			parse(bad[i].text, bad[i].len, &data, &job, &err),
			-EINVAL);
		assert_string_not_equal(err.msg, "");
		qemu_job_done(&job);
		free(data);
	}
}

/* Every file that ends early is refused or a job: nothing reads on. */
static void cut_jobs_do_no_harm(void **state)
{
	static const char text[] = "/tmp\0001\0002\0002\0a\0b\0C=d";

	(void)state;
	for (size_t len = 0; len <= sizeof(text); len++) {
		struct qemu_job job;
		struct err err = { 0 };
		char *data;
		int r = parse(text, len, &data, &job, &err);

		assert_true(r == -EINVAL || (r == 0 && job.words[1]));
		qemu_job_done(&job);
		free(data);
	}
}

static void status_survives_qemu(void **state)
{
	(void)state;
	for (int status = 0; status <= 255; status++) {
		/* What QEMU does with it. */
		int qemu = (int)(qemu_job_value(status) * 2 + 1) & 0xff;
		int want = status < QEMU_JOB_STATUS_MAX ? status
							: QEMU_JOB_STATUS_MAX;

		assert_int_equal(qemu_job_status(qemu), want);
	}
	/* QEMU's own failure, a reboot, a signal as shells have it. */
	assert_int_equal(qemu_job_status(1), -1);
	assert_int_equal(qemu_job_status(0), -1);
	assert_int_equal(qemu_job_status(128 + 6), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_job_is_taken_apart),
		cmocka_unit_test(environment_may_be_empty),
		cmocka_unit_test(what_is_no_job_is_refused),
		cmocka_unit_test(cut_jobs_do_no_harm),
		cmocka_unit_test(status_survives_qemu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
