/* SPDX-License-Identifier: Apache-2.0 */
/* result_test.c - a result goes through its file, a damaged file does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/compare/result.h"
#include "vmm/lib/json.h"

static struct result *empty(void)
{
	struct result *res = result_new();

	assert_non_null(res);
	return res;
}

static struct result *sample(void)
{
	struct result *res = empty();

	strcpy(res->suite, "quick");
	strcpy(res->image, "demo:\xffz");
	strcpy(res->command, "sh -c \"echo \033[31m\"");
	strcpy(res->begun, "2025-01-31T12:00:00Z");
	res->runs = 20;
	res->done = 7;
	res->partial = true;
	res->machine = json_object_new_object();
	json_object_object_add(res->machine, "cpus", json_object_new_int(8));
	res->nr_peers = 3;
	strcpy(res->peers[0].name, "runc");
	strcpy(res->peers[0].version, "1.1.5");
	strcpy(res->peers[1].name, "123456789012345");
	strcpy(res->peers[2].name, "gvisor");
	strcpy(res->peers[2].absent, "no runsc in PATH");
	assert_int_equal(result_add(res, ROW_SYS_GETPID, 0, 0.1), 0);
	assert_int_equal(result_add(res, ROW_SYS_GETPID, 0, 1.0 / 3), 0);
	assert_int_equal(result_add(res, ROW_SYS_GETPID, 0, 1e300), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(result_add(res, ROW_START_FIRST, 1, i), 0);
	result_fail(res, ROW_SYS_GETPID, 1, "it %s", "died");
	result_fail(res, ROW_SYS_GETPID, 1, "a later reason");
	strcpy(res->empty[ROW_GPU_STEP], "no GPU is attached");
	return res;
}

static void a_round_trip_keeps_all(void **state)
{
	struct result *res = sample(), *back = empty();
	char path[] = "/tmp/result_test.XXXXXX";
	struct err err = { 0 };
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(result_write(res, path, &err), 0);
	assert_int_equal(result_read(path, back, &err), 0);
	unlink(path);

	assert_string_equal(back->suite, "quick");
	/* Bytes that are no UTF-8, and controls, become U+FFFD. */
	assert_string_equal(back->image, "demo:\xef\xbf\xbdz");
	assert_string_equal(back->command, "sh -c \"echo \xef\xbf\xbd[31m\"");
	assert_string_equal(back->begun, res->begun);
	assert_int_equal(back->runs, 20);
	assert_int_equal(back->done, 7);
	assert_true(back->partial);
	assert_false(back->emulated);
	assert_int_equal(json_object_get_int(
				 json_object_object_get(back->machine, "cpus")),
			 8);
	assert_int_equal(back->nr_peers, 3);
	assert_memory_equal(back->peers, res->peers, sizeof(res->peers));
	for (enum row row = 0; row < NR_ROWS; row++) {
		assert_string_equal(back->empty[row], res->empty[row]);
		assert_int_equal(result_has(back, row), result_has(res, row));
		for (size_t p = 0; p < 3; p++) {
			struct samples *a = &res->samples[row][p];
			struct samples *b = &back->samples[row][p];

			assert_int_equal(a->n, b->n);
			for (size_t i = 0; i < a->n; i++)
				assert_true(a->v[i] == b->v[i]);
			assert_string_equal(a->failed, b->failed);
		}
	}
	assert_string_equal(back->samples[ROW_SYS_GETPID][1].failed, "it died");
	result_free(res);
	result_free(back);
}

static void a_tail_has_what_its_row_has(void **state)
{
	struct result *res = sample();

	(void)state;
	assert_true(result_has(res, ROW_START_FIRST));
	assert_true(result_has(res, ROW_START_FIRST_P99));
	assert_true(result_has(res, ROW_GPU_STEP));
	assert_false(result_has(res, ROW_START_EXIT_P90));
	assert_false(result_has(res, ROW_GPU_COPY_IN));
	result_free(res);
}

static void only_finite_numbers_count(void **state)
{
	struct result *res = sample();

	(void)state;
	assert_int_equal(result_add(res, ROW_SYS_PIPE, 0, NAN), -EINVAL);
	assert_int_equal(result_add(res, ROW_SYS_PIPE, 0, -INFINITY), -EINVAL);
	assert_int_equal(res->samples[ROW_SYS_PIPE][0].n, 0);
	res->samples[ROW_SYS_PIPE][0].n = RESULT_SAMPLES_MAX;
	assert_int_equal(result_add(res, ROW_SYS_PIPE, 0, 1), -E2BIG);
	res->samples[ROW_SYS_PIPE][0].n = 0;
	result_free(res);
}

#define HEAD                                                                   \
	"{\"version\":1,\"runs\":1,\"done\":1,\"machine\":{},"                 \
	"\"peers\":[{\"name\":\"a\"},{\"name\":\"b\"}],"
#define ROW(rest) HEAD "\"rows\":[{\"name\":\"sys.getpid\"," rest "}]}"

static int from_text(const char *text, struct result *res, struct err *err)
{
	AUTO_JSON struct json_object *doc = NULL;
	int r = json_parse(text, strlen(text), "the test", &doc, err);

	return r ? r : result_from_json(doc, res, err);
}

static void damage_is_a_sentence(void **state)
{
	static const char *const bad[] = {
		"[]",
		"{}",
		"\"text\"",
		"{\"version\":0}",
		"{\"version\":\"1\"}",
		"{\"version\":1}",
		"{\"version\":1,\"runs\":-1,\"done\":1}",
		"{\"version\":1,\"runs\":1e99,\"done\":1}",
		"{\"version\":1,\"suite\":7,\"runs\":1,\"done\":1}",
		"{\"version\":1,\"runs\":1,\"done\":1,\"machine\":[]}",
		"{\"version\":1,\"runs\":1,\"done\":1,"
		"\"machine\":{\"a\":{\"b\":1}}}",
		"{\"version\":1,\"runs\":1,\"done\":1,\"machine\":{},"
		"\"peers\":{}}",
		"{\"version\":1,\"runs\":1,\"done\":1,\"machine\":{},"
		"\"peers\":[null]}",
		"{\"version\":1,\"runs\":1,\"done\":1,\"machine\":{},"
		"\"peers\":[{\"name\":\"\"}]}",
		"{\"version\":1,\"runs\":1,\"done\":1,\"machine\":{},"
		"\"peers\":[{\"name\":\"a\"},{\"name\":\"a\"}]}",
		"{\"version\":1,\"runs\":1,\"done\":1,\"machine\":{},"
		"\"peers\":[1,2,3,4,5,6,7,8,9]}",
		HEAD "\"rows\":null}",
		HEAD "\"rows\":[null]}",
		HEAD "\"rows\":[{\"name\":1}]}",
		ROW("\"samples\":[]"),
		ROW("\"samples\":{\"a\":1}"),
		ROW("\"samples\":{\"a\":[\"1\"]}"),
		ROW("\"samples\":{\"a\":[null]}"),
		ROW("\"samples\":{\"a\":[NaN]}"),
		ROW("\"samples\":{\"a\":[1,-Infinity]}"),
		ROW("\"samples\":{\"a\":[1e999]}"),
		ROW("\"failed\":{\"a\":[1]}"),
		ROW("\"failed\":\"x\""),
		ROW("\"empty\":{}"),
		HEAD "\"rows\":[{\"name\":\"sys.getpid\",\"samples\":{\"a\":"
		     "[1]}},{\"name\":\"sys.getpid\"}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct result *res = empty();
		struct err err = { 0 };
		int r = from_text(bad[i], res, &err);

		if (r >= 0 || strlen(err.msg) < 10)
			fail_msg("'%s': %d, '%s'", bad[i], r, err.msg);
		result_free(res);
	}
}

static void other_versions_are_read(void **state)
{
	struct result *res = empty();
	struct err err = { 0 };

	(void)state;
	assert_int_equal(
		from_text("{\"version\":2,\"new\":[],\"runs\":1,\"done\":1,"
			  "\"machine\":{},\"peers\":[{\"name\":\"a\",\"x\":1}],"
			  "\"rows\":[{\"name\":\"of.tomorrow\",\"samples\":7},"
			  "{\"name\":\"start.first.p99\",\"samples\":{\"a\":"
			  "[1]}},"
			  "{\"name\":\"sys.pipe\",\"samples\":{\"a\":[1,2.5],"
			  "\"who\":[3]}}]}",
			  res, &err),
		0);
	assert_int_equal(res->samples[ROW_SYS_PIPE][0].n, 2);
	assert_false(result_has(res, ROW_START_FIRST_P99));
	result_free(res);
}

static void counts_are_bounded(void **state)
{
	struct json_object *doc = NULL, *list = json_object_new_array();
	struct json_object *one = json_object_new_int(1);
	struct result *res = empty();
	const char *text = ROW("\"samples\":{\"a\":[]}");
	struct err err = { 0 };

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), "it", &doc, &err), 0);
	for (int i = 0; i <= RESULT_SAMPLES_MAX; i++)
		json_object_array_add(list, json_object_get(one));

	struct json_object *row = json_object_array_get_idx(
		json_object_object_get(doc, "rows"), 0);
	json_object_object_add(json_object_object_get(row, "samples"), "a",
			       list);
	assert_int_equal(result_from_json(doc, res, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "more than 1000000 samples"));
	json_object_put(one);
	json_object_put(doc);
	result_free(res);
}

/* A file cut anywhere, or with a bit turned, does no harm. */
static void cut_and_turned_files(void **state)
{
	struct result *res = sample();
	AUTO_JSON struct json_object *doc = result_to_json(res);
	const char *text = json_object_to_json_string(doc);
	size_t len = strlen(text);
	char *copy = malloc(len + 1);

	(void)state;
	assert_non_null(copy);
	for (size_t i = 0; i < len; i++) {
		for (int turn = 0; turn < 3; turn++) {
			struct result *back = empty();
			struct err err = { 0 };

			memcpy(copy, text, len + 1);
			if (turn)
				copy[i] =
					(char)(copy[i] ^ (turn == 1 ? 1 : 16));
			else
				copy[i] = '\0';
			if (copy[i] || !turn)
				(void)from_text(copy, back, &err);
			result_free(back);
		}
	}
	free(copy);
	result_free(res);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_round_trip_keeps_all),
		cmocka_unit_test(a_tail_has_what_its_row_has),
		cmocka_unit_test(only_finite_numbers_count),
		cmocka_unit_test(damage_is_a_sentence),
		cmocka_unit_test(other_versions_are_read),
		cmocka_unit_test(counts_are_bounded),
		cmocka_unit_test(cut_and_turned_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
