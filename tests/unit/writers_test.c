/* SPDX-License-Identifier: Apache-2.0 */
/* writers_test.c - what is printed: widths, escapes, failures, nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/compare/text.h"
#include "vmm/compare/writers.h"
#include "vmm/lib/auto.h"

static struct result *empty(void)
{
	struct result *res = result_new();

	assert_non_null(res);
	return res;
}

static void fill(struct result *res, enum row row, size_t peer, double base,
		 unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(
			result_add(res, row, peer, base * (1 + i * 0.001)), 0);
}

/* Every row, @n samples of each; belljar is twice as slow as runc. */
static struct result *sample(const char *const *names, unsigned n)
{
	struct result *res = empty();

	strcpy(res->suite, "full");
	res->runs = 20;
	res->done = 20;
	for (; *names; names++) {
		size_t p = res->nr_peers++;
		double times = strcmp(*names, "belljar") == 0 ? 2 : 1;

		strcpy(res->peers[p].name, *names);
		for (enum row row = 0; row < NR_ROWS; row++) {
			if (row_info(row)->of == row)
				fill(res, row, p, 1234.5 * times, n);
		}
	}
	return res;
}

/* The caller frees it. */
static char *render(const struct result *res, enum format format,
		    const struct table_style *style)
{
	char *text = NULL;
	size_t len = 0;
	struct err err = { 0 };
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	assert_int_equal(format == FORMAT_TABLE
				 ? table_write(res, style, f, &err)
				 : writers_render(res, format, f, &err),
			 0);
	(void)fclose(f);
	assert_int_equal(strlen(text), len);
	return text;
}

static unsigned widest(char *text)
{
	unsigned most = 0;

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		unsigned n = text_columns(line);

		most = n > most ? n : most;
	}
	return most;
}

static const char *const three[] = { "bare", "runc", "belljar", NULL };
static const char *const many[] = { "bare",    "runc",	  "crun",
				    "belljar", "qemu",	  "gvisor",
				    "another", "lasting", NULL };
static const char *const wide[] = { "\u753b\u50cf\u753b\u50cf", "runc",
				    "belljar", NULL };

static void a_table_fits(void **state)
{
	static const char *const *const peers[] = { three, many, wide };
	static const unsigned widths[] = { 60, 80, 100, 140, 200 };

	(void)state;
	for (size_t p = 0; p < 3; p++) {
		struct result *res = sample(peers[p], 4);

		strcpy(res->image, "\u753b\u50cf:\u00e9e\u0301 a long name");
		memset(res->command, 'x', sizeof(res->command) - 1);
		result_fail(res, ROW_SYS_PIPE, 0,
			    "no \u753b\u50cf\u753b\u50cf in a sentence that is "
			    "so long that it needs more than one line");
		for (size_t i = 0; i < 10; i++) {
			/* More than 7 peers fit into no 60 columns. */
			struct table_style style = { widths[i / 2], i % 2,
						     false };
			AUTO_FREE char *text =
				render(res, FORMAT_TABLE, &style);

			if (peers[p] == many && style.width == 60)
				continue;
			assert_in_range(widest(text), 40, style.width);
		}
		result_free(res);
	}
}

static void ascii_is_ascii_and_colour_is_asked_for(void **state)
{
	struct result *res = sample(wide, 4);
	struct table_style plain = { 80, false, false };
	struct table_style colour = { 80, true, true };
	AUTO_FREE char *text = render(res, FORMAT_TABLE, &plain);
	AUTO_FREE char *red = render(res, FORMAT_TABLE, &colour);

	(void)state;
	for (const char *c = text; *c; c++)
		assert_true(*c == '\n' || (*c >= ' ' && *c <= '~'));
	assert_non_null(strstr(red, "\033[31m"));
	assert_non_null(strstr(text, "2.00x slower ##"));
	result_free(res);
}

static void a_terminal_is_not_obeyed(void **state)
{
	struct result *res = sample(three, 5);
	struct table_style style = { 80, true, false };

	(void)state;
	strcpy(res->image, "\033[2J\x9b"
			   "2J\xe2\x80\xae"
			   "evil");
	strcpy(res->peers[0].absent, "\033]0;title\007");
	AUTO_FREE char *text = render(res, FORMAT_TABLE, &style);
	assert_null(strchr(text, '\033'));
	assert_null(strchr(text, '\007'));
	assert_null(strstr(text, "\xe2\x80\xae")); /* right to left */
	assert_non_null(strstr(text, "evil"));
	result_free(res);
}

static void failures_are_named(void **state)
{
	static const enum format formats[] = { FORMAT_TABLE, FORMAT_MARKDOWN,
					       FORMAT_CSV, FORMAT_HTML };
	struct result *res = sample(three, 4);
	struct table_style style = { 80, true, false };

	(void)state;
	res->samples[ROW_NET_IN][2].n = 0;
	result_fail(res, ROW_NET_IN, 2, "the tap is gone");
	result_fail(res, ROW_NET_OUT, 2, "the tap is gone");
	strcpy(res->empty[ROW_GPU_STEP], "no GPU is attached");
	strcpy(res->peers[res->nr_peers].name, "gvisor");
	strcpy(res->peers[res->nr_peers++].absent, "runsc is not in PATH");
	res->partial = true;
	res->done = 7;
	res->emulated = true;
	for (size_t i = 0; i < 4; i++) {
		AUTO_FREE char *text = render(res, formats[i], &style);

		assert_non_null(strstr(text, "the tap is gone"));
		assert_non_null(strstr(text, "no GPU is attached"));
		assert_non_null(strstr(text, "runsc is not in PATH"));
		if (formats[i] == FORMAT_CSV)
			continue;
		assert_non_null(strstr(text, "failed"));
		assert_non_null(strstr(text, "7 of 20 rounds"));
		assert_non_null(strcasestr(text, "emulated hardware"));
	}
	AUTO_FREE char *text = render(res, FORMAT_TABLE, &style);
	assert_non_null(strstr(text, "failed[1]"));
	assert_non_null(strstr(text, "[1] belljar, 2 rows: the tap is gone"));
	result_free(res);
}

static void little_is_shown_as_little(void **state)
{
	struct result *none = empty(), *one = sample(three, 1);
	static const char *const alone[] = { "belljar", NULL };
	struct result *single = sample(alone, 20);
	struct table_style style = { 80, true, false };
	AUTO_FREE char *nothing = render(none, FORMAT_TABLE, &style);
	AUTO_FREE char *few = render(one, FORMAT_TABLE, &style);

	(void)state;
	assert_non_null(strstr(nothing, "Nothing was measured."));
	assert_non_null(strstr(few, "2.00x, few"));
	assert_null(strstr(few, "slower"));
	for (enum format f = 0; f < NR_FORMATS; f++) {
		free(render(none, f, &style));
		free(render(one, f, &style));
		free(render(single, f, &style));
	}
	result_free(none);
	result_free(one);
	result_free(single);
}

static void any_number_is_drawn(void **state)
{
	static const double v[] = {
		1e308,	-1e308, 5e-324, 0,    1,
		1e-300, 1e300,	-1,	1e15, 1e15 + 0.125
	};
	struct table_style style = { 80, true, false };
	size_t n = sizeof(v) / sizeof(v[0]);

	(void)state;
	/* Each with each, on the same axis and as ratios. */
	for (size_t a = 0; a < n; a++) {
		struct result *res = sample(three, 0);

		for (size_t b = 0; b < n; b++) {
			for (unsigned i = 0; i < 4; i++) {
				enum row row = ROW_CPU_INTEGER + (enum row)b;

				assert_int_equal(result_add(res, row, 1, v[a]),
						 0);
				assert_int_equal(result_add(res, row, 2, v[b]),
						 0);
			}
		}
		for (enum format f = 0; f < NR_FORMATS; f++) {
			AUTO_FREE char *text = render(res, f, &style);

			assert_null(strstr(text, "nan"));
			assert_null(strstr(text, "inf%"));
		}
		result_free(res);
	}
}

static void csv_is_quoted(void **state)
{
	struct result *res = sample(three, 4);
	unsigned rows = 0;

	(void)state;
	result_fail(res, ROW_SYS_PIPE, 1, "say \"no\", twice;\nor =more");
	result_fail(res, ROW_SYS_FAULT, 1, "=HYPERLINK(1)");
	AUTO_FREE char *text = render(res, FORMAT_CSV, NULL);
	assert_non_null(
		strstr(text, ",\"say \"\"no\"\", twice; or =more\"\r\n"));
	assert_non_null(strstr(text, ",'=HYPERLINK(1)\r\n"));
	assert_non_null(strstr(
		text, "sys.getpid,System calls,getpid,ns,lower,belljar,4,50,"
		      "2472.7,"));
	for (char *c = text; (c = strstr(c, "\r\n")); c += 2)
		rows++;
	assert_int_equal(rows, 1 + 3 * NR_ROWS);
	result_free(res);
}

static void markdown_and_html_are_escaped(void **state)
{
	struct result *res = sample(three, 4);

	(void)state;
	strcpy(res->image, "a|b`c`<img src=x>");
	strcpy(res->command, "<script>alert('1')</script>&\"");
	strcpy(res->peers[0].version, "<b>");
	res->machine = json_object_new_object();
	json_object_object_add(res->machine, "<i>",
			       json_object_new_string("</dl><u>"));
	AUTO_FREE char *html = render(res, FORMAT_HTML, NULL);
	AUTO_FREE char *md = render(res, FORMAT_MARKDOWN, NULL);
	assert_null(strstr(html, "<script"));
	assert_null(strstr(html, "<img"));
	assert_null(strstr(html, "<b>"));
	assert_null(strstr(html, "<i>"));
	assert_null(strstr(html, "<u>"));
	assert_non_null(strstr(
		html,
		"&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;"));
	assert_null(strstr(md, "<"));
	assert_non_null(strstr(md, "a\\|b\\`c\\`&lt;img src=x\\>"));
	result_free(res);
}

/* Each element that begins ends, in order: also for those who parse XML. */
static void html_is_well_formed(void **state)
{
	struct result *res = sample(many, 4);
	AUTO_FREE char *html = render(res, FORMAT_HTML, NULL);
	char open[64][16];
	unsigned depth = 0, elements = 0;

	(void)state;
	for (char *c = html; (c = strchr(c, '<')); c++) {
		char name[16] = "", *end = strchr(c, '>');

		assert_non_null(end);
		if (c[1] == '!' || end[-1] == '/')
			continue;
		(void)sscanf(c + (c[1] == '/' ? 2 : 1), "%15[a-z0-9]", name);
		elements++;
		if (c[1] == '/') {
			assert_true(depth > 0);
			assert_string_equal(open[--depth], name);
		} else {
			assert_true(depth < 64);
			memcpy(open[depth++], name, sizeof(name));
		}
	}
	assert_int_equal(depth, 0);
	assert_true(elements > 1000);
	result_free(res);
}

static void a_full_disk_is_told(void **state)
{
	struct result *res = sample(three, 4);

	(void)state;
	for (enum format i = 0; i < NR_FORMATS; i++) {
		FILE *f = fopen("/dev/full", "w");
		struct err err = { 0 };

		assert_non_null(f);
		assert_int_equal(writers_render(res, i, f, &err), -EIO);
		assert_non_null(strstr(err.msg, "write the comparison"));
		assert_int_equal(err.code, EIO);
		(void)fclose(f);
	}
	struct err err = { 0 };
	assert_int_equal(
		writers_render(res, writers_format("yaml"), stdout, &err),
		-EINVAL);
	result_free(res);
}

static void numbers_are_short(void **state)
{
	static const struct {
		double v;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ 0.1234, "0.123" },
		{ 0.0123, "0.0123" },
		{ 1.2345, "1.23" },
		{ 9.999, "10.0" },
		{ 12.345, "12.3" },
		{ 99.96, "100" },
		{ 1234.5, "1234" },
		{ 99994, "99994" },
		{ 99996, "100k" },
		{ 999499, "999k" },
		{ 999600, "1.00M" },
		{ 12345678, "12.3M" },
		{ -12.345, "-12.3" },
		{ 2.5e10, "25.0G" },
		{ 0.00001, "1.0e-05" },
	};
	char buf[TEXT_NUMBER_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(text_number(cases[i].v, buf),
				    cases[i].text);
	assert_true(strlen(text_number(1e300, buf)) < 10);
}

static void references_are_what_people_use(void **state)
{
	static const char *const sets[][3] = { { "belljar", "crun", "bare" },
					       { "bare", "belljar", "crun" },
					       { "qemu", "belljar", "bare" },
					       { "qemu", "belljar", "kata" } };
	static const int refs[] = { 1, 2, 2, 0 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct result *res = empty();

		for (size_t p = 0; p < 3; p++)
			strcpy(res->peers[res->nr_peers++].name, sets[i][p]);
		AUTO_FREE struct summary *sum = summary_new(res);
		assert_non_null(sum);
		assert_int_equal(sum->ref, refs[i]);
		assert_string_equal(res->peers[sum->mine].name, "belljar");
		result_free(res);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_fits),
		cmocka_unit_test(ascii_is_ascii_and_colour_is_asked_for),
		cmocka_unit_test(a_terminal_is_not_obeyed),
		cmocka_unit_test(failures_are_named),
		cmocka_unit_test(little_is_shown_as_little),
		cmocka_unit_test(any_number_is_drawn),
		cmocka_unit_test(csv_is_quoted),
		cmocka_unit_test(markdown_and_html_are_escaped),
		cmocka_unit_test(html_is_well_formed),
		cmocka_unit_test(a_full_disk_is_told),
		cmocka_unit_test(numbers_are_short),
		cmocka_unit_test(references_are_what_people_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
