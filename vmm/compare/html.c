/* SPDX-License-Identifier: Apache-2.0 */
/*
 * html.c - the report: one page that needs nothing but itself.  Its own policy
 * forbids it to load or to run anything; the raw samples are in it as a link.
 */
#include "vmm/compare/writers.h"

#include <errno.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/compare/html_parts.h"
#include "vmm/compare/svg.h"
#include "vmm/compare/text.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/json.h"

#define RAW_MAX	 (8UL << 20) /* bytes of JSON that the page carries along */
#define TILES	 4
#define ONE_SIDE 1.15 /* the overview shows at least this far from 1 */

static void put_fact(FILE *f, const char *name, const char *value)
{
	(void)fprintf(f, "<div><dt>%s</dt><dd>", name);
	text_html(f, value);
	(void)fputs("</dd></div>", f);
}

static void put_title(const struct summary *sum, FILE *f)
{
	const struct result *res = sum->res;

	if (sum->mine < 0) {
		(void)fputs("A measurement with nothing to compare", f);
		return;
	}
	text_html(f, res->peers[sum->mine].name);
	(void)fputs(" against ", f);
	text_html(f, res->peers[sum->ref].name);
}

static void put_head(const struct summary *sum, FILE *f)
{
	(void)fputs("<!DOCTYPE html>\n<html lang=\"en\"><head>"
		    "<meta charset=\"utf-8\"/>"
		    "<meta name=\"viewport\" content=\"width=device-width,"
		    "initial-scale=1\"/>"
		    "<meta http-equiv=\"Content-Security-Policy\" "
		    "content=\"default-src 'none';style-src 'unsafe-inline'\"/>"
		    "<meta name=\"color-scheme\" content=\"light dark\"/>"
		    "<title>belljar compare: ",
		    f);
	put_title(sum, f);
	(void)fprintf(f, "</title><style>%s</style></head>\n<body><main>\n",
		      html_style);
}

static void put_intro(const struct summary *sum, FILE *f)
{
	const struct result *res = sum->res;
	char text[RESULT_TEXT_MAX];

	(void)fputs("<header><p class=\"kicker\">belljar compare</p>\n<h1>", f);
	put_title(sum, f);
	(void)fputs("</h1>\n<p class=\"lead\">", f);
	if (res->image[0]) {
		(void)fputs("The same job in each: image <code>", f);
		text_html(f, res->image);
		(void)fputs("</code>", f);
		if (res->command[0]) {
			(void)fputs(", command <code>", f);
			text_html(f, res->command);
			(void)fputs("</code>", f);
		}
	} else {
		(void)fputs("The same small programs in each, one after the "
			    "other, on one machine",
			    f);
	}
	(void)fputs(".</p>\n<dl class=\"facts\">", f);
	put_fact(f, "suite", res->suite[0] ? res->suite : "unnamed");
	(void)snprintf(text, sizeof(text), "%u of %u", res->done, res->runs);
	put_fact(f, "rounds", text);
	put_fact(f, "begun", res->begun[0] ? res->begun : "unknown");
	for (size_t i = 0; i < sum->nr_shown; i++) {
		const struct result_peer *peer = &res->peers[sum->shown[i]];

		if (!peer->version[0])
			continue;
		(void)fputs("<div><dt>", f);
		text_html(f, peer->name);
		(void)fputs("</dt><dd>", f);
		text_html(f, peer->version);
		(void)fputs("</dd></div>", f);
	}
	(void)fputs("</dl></header>\n", f);
	if (res->emulated)
		(void)fputs(
			"<p class=\"banner\" role=\"note\"><strong>Emulated "
			"hardware: ratios only.</strong> This machine is "
			"itself emulated. Its times and rates are those of "
			"the emulator; only how the sides compare says "
			"something.</p>\n",
			f);
	if (*writers_partial(res, text, sizeof(text)))
		(void)fprintf(f,
			      "<p class=\"banner\" role=\"note\">"
			      "<strong>Partial.</strong> %s</p>\n",
			      text);
}

static void put_tile(const struct summary *sum, enum row row, FILE *f)
{
	const struct cell *mine = &sum->cells[row][sum->mine];
	const struct cell *ref = &sum->cells[row][sum->ref];
	char words[SUMMARY_RATIO_MAX];

	(void)fprintf(f,
		      "<li class=\"tile\"><div class=\"what\">%s: %s</div>"
		      "<div class=\"big %s\">%s</div><div class=\"figures\">",
		      row_info(row)->group, row_info(row)->title,
		      html_ratio_class(&mine->ratio),
		      summary_ratio(&mine->ratio, row, words));
	html_figure(&mine->figure, row, f);
	(void)fputs(" <span class=\"soft\">against</span> ", f);
	html_figure(&ref->figure, row, f);
	(void)fprintf(f, "%s</div></li>\n",
		      sum->res->emulated
			      ? " <span class=\"soft\">(emulated)</span>"
			      : "");
}

/* The few rows that people ask for first. */
static void put_tiles(const struct summary *sum, FILE *f)
{
	static const enum row first[] = {
		ROW_JOB_TIME,	ROW_JOB_FIRST,	 ROW_JOB_CPU,
		ROW_JOB_MEMORY, ROW_START_FIRST, ROW_MEMORY_MORE,
		ROW_TRAIN_STEP, ROW_CPU_MATRIX,	 ROW_CPU_INTEGER,
		ROW_SYS_GETPID,
	};
	unsigned n = 0;

	if (sum->mine < 0)
		return;
	(void)fputs("<ul class=\"tiles\">\n", f);
	for (size_t i = 0; n < TILES && i < sizeof(first) / sizeof(first[0]);
	     i++) {
		if (sum->cells[first[i]][sum->mine].ratio.verdict ==
		    VERDICT_NONE)
			continue;
		put_tile(sum, first[i], f);
		n++;
	}
	(void)fputs("</ul>\n", f);
}

static struct scale overview_scale(const struct summary *sum)
{
	double low = 1 / ONE_SIDE, high = ONE_SIDE;

	for (enum row row = 0; row < NR_ROWS; row++) {
		const struct ratio *r = &sum->cells[row][sum->mine].ratio;

		if (r->verdict == VERDICT_NONE)
			continue;
		low = fmin(low, r->low);
		high = fmax(high, r->high);
	}
	return svg_scale(low, high, true);
}

static void put_line(const struct summary *sum, enum row row,
		     const struct scale *scale, FILE *f)
{
	const struct cell *cell = &sum->cells[row][sum->mine];
	char text[RESULT_TEXT_MAX], words[SUMMARY_RATIO_MAX];

	summary_title(row, text, sizeof(text));
	(void)fprintf(f,
		      "<li class=\"line\" data-row=\"%s\"><span>%s</span>"
		      "<span class=\"at\">",
		      row_info(row)->name, text);
	html_ratio_words(&cell->ratio, row, text, sizeof(text));
	if (cell->ratio.verdict != VERDICT_NONE)
		svg_ratio(f, scale, &cell->ratio, text);
	(void)fprintf(f, "</span><span class=\"to %s\">%s</span></li>\n",
		      html_ratio_class(&cell->ratio),
		      cell->ratio.verdict != VERDICT_NONE
			      ? summary_ratio(&cell->ratio, row, words)
		      : cell->note		? "failed"
		      : summary_empty(sum, row) ? "not measured"
						: "no ratio");
}

static void put_legend(const struct summary *sum, FILE *f)
{
	static const struct {
		enum verdict verdict;
		const char *words;
	} keys[] = {
		{ VERDICT_WORSE, "slower, or more" },
		{ VERDICT_BETTER, "faster, or less" },
		{ VERDICT_SAME, "the same, within 5%" },
		{ VERDICT_NOISE, "within the noise" },
		{ VERDICT_FEW, "too few samples" },
	};

	(void)fputs("<ul class=\"legend\">", f);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		(void)fputs("<li>", f);
		svg_mark(f, keys[i].verdict);
		(void)fprintf(f, "%s: %u</li>", keys[i].words,
			      summary_count(sum, keys[i].verdict));
	}
	(void)fputs("</ul>\n", f);
}

static void put_overview(const struct summary *sum, FILE *f)
{
	const char *group = NULL;

	if (sum->mine < 0)
		return;

	struct scale scale = overview_scale(sum);

	(void)fputs("<section><h2>At a glance</h2>\n<p>Each row's ratio of ",
		    f);
	text_html(f, sum->res->peers[sum->mine].name);
	(void)fputs(" to ", f);
	text_html(f, sum->res->peers[sum->ref].name);
	(void)fputs(", turned so that right is always worse. The thick line is "
		    "its 95% interval; the scale is logarithmic.</p>\n",
		    f);
	put_legend(sum, f);
	(void)fputs("<div class=\"box\"><ul class=\"glance\">\n", f);
	(void)fputs("<li class=\"line\" aria-hidden=\"true\"><span></span>"
		    "<span class=\"at\"><span class=\"ends\"><span>\u2190 "
		    "better</span><span>worse \u2192</span></span>",
		    f);
	svg_axis(f, &scale);
	(void)fputs("</span><span></span></li>\n", f);
	for (enum row row = 0; row < NR_ROWS; row++) {
		if (!sum->has[row])
			continue;
		if (!group || strcmp(group, row_info(row)->group) != 0) {
			(void)fprintf(f, "%s<li><h3>%s</h3><ul>\n",
				      group ? "</ul></li>" : "",
				      row_info(row)->group);
			group = row_info(row)->group;
		}
		put_line(sum, row, &scale, f);
	}
	(void)fprintf(f, "%s</ul></div></section>\n",
		      group ? "</ul></li>" : "");
}

static void put_notes(const struct summary *sum, FILE *f)
{
	const struct result *res = sum->res;
	bool any = sum->nr_notes > 0;

	for (size_t p = 0; p < res->nr_peers; p++)
		any |= res->peers[p].absent[0] != '\0';
	if (!any)
		return;
	(void)fputs("<section><h2>What failed, and who was absent</h2>\n"
		    "<ol class=\"notes\">\n",
		    f);
	for (unsigned i = 0; i < sum->nr_notes; i++) {
		const struct note *n = &sum->notes[i];
		char title[RESULT_TEXT_MAX];

		summary_title(n->row, title, sizeof(title));
		(void)fprintf(f, "<li id=\"note-%u\"><strong>", i + 1);
		text_html(f, res->peers[n->peer].name);
		(void)fputs("</strong>, ", f);
		if (n->rows > 1)
			(void)fprintf(f, "%u rows: ", n->rows);
		else
			(void)fprintf(f, "%s: ", title);
		text_html(f, n->why);
		(void)fputs("</li>\n", f);
	}
	(void)fputs("</ol>\n", f);
	for (size_t p = 0; p < res->nr_peers; p++) {
		if (!res->peers[p].absent[0])
			continue;
		(void)fputs("<p class=\"gone\"><strong>", f);
		text_html(f, res->peers[p].name);
		(void)fputs("</strong> is absent: ", f);
		text_html(f, res->peers[p].absent);
		(void)fputs("</p>\n", f);
	}
	(void)fputs("</section>\n", f);
}

static void put_machine(const struct result *res, FILE *f)
{
	(void)fputs("<section><h2>The machine</h2>\n<dl class=\"machine\">\n",
		    f);
	if (res->machine) {
		json_object_object_foreach(res->machine, key, value)
		{
			char name[RESULT_TEXT_MAX];

			text_clean(key, name, sizeof(name));
			for (char *c = name; *c; c++) {
				if (*c == '_')
					*c = ' ';
			}
			(void)fputs("<dt>", f);
			text_html(f, name);
			(void)fputs("</dt><dd>", f);
			text_html(f, value ? json_object_get_string(value)
					   : "unknown");
			(void)fputs("</dd>\n", f);
		}
	}
	(void)fputs("</dl></section>\n", f);
}

static void put_method(FILE *f)
{
	(void)fprintf(
		f,
		"<section><h2>How it was measured</h2>\n"
		"<p>The sides took turns, round by round, so that whatever else "
		"the machine did fell upon all of them. A figure is the median "
		"of its samples; p90 and p99 are tails of the same samples. "
		"Each has a 95%% interval: a percentile bootstrap of %d "
		"resamples, or, of fewer than %d samples, the smallest and the "
		"largest. Where a tail has too few samples for an upper end, "
		"it says \u201c?\u201d.</p>\n"
		"<p>A ratio is called a difference only if its interval leaves "
		"out 1, it is beyond the row's floor of noise, and each side "
		"has at least %d samples. Nothing is estimated, and no sample "
		"is left out of a figure; a plot shows at most a few hundred. "
		"Axes of samples do not begin at 0.</p></section>\n",
		STATS_RESAMPLES, STATS_BOOTSTRAP_MIN, STATS_VERDICT_MIN);
}

static int put_base64(FILE *f, const char *text)
{
	size_t len = strlen(text); /* at most RAW_MAX */
	AUTO_FREE unsigned char *out = malloc((len + 2) / 3 * 4 + 1);

	if (!out)
		return -ENOMEM;
	(void)EVP_EncodeBlock(out, (const unsigned char *)text, (int)len);
	(void)fputs((char *)out, f);
	return 0;
}

static int put_foot(const struct result *res, FILE *f)
{
	AUTO_JSON struct json_object *doc = result_to_json(res);
	const char *text =
		doc ? json_object_to_json_string_ext(
			      doc, JSON_C_TO_STRING_PLAIN |
					   JSON_C_TO_STRING_NOSLASHESCAPE)
		    : NULL;

	if (!text)
		return -ENOMEM;
	(void)fputs("<footer>", f);
	if (strlen(text) <= RAW_MAX) {
		(void)fputs("<p>Every sample is in this page: <a "
			    "download=\"compare.json\" "
			    "href=\"data:application/json;base64,",
			    f);
		if (put_base64(f, text) < 0)
			return -ENOMEM;
		(void)fputs("\">compare.json</a>.</p>", f);
	}
	(void)fputs("<p>Made by belljar " BELLJAR_VERSION
		    ".</p></footer>\n</main></body></html>\n",
		    f);
	return 0;
}

int html_write(const struct result *res, FILE *f, struct err *err)
{
	AUTO_FREE struct summary *sum = summary_new(res);

	if (!sum)
		return err_set(err, ENOMEM, "write the report");
	put_head(sum, f);
	put_intro(sum, f);
	put_tiles(sum, f);
	put_overview(sum, f);
	html_claims(sum, f);
	html_rows(sum, f);
	put_notes(sum, f);
	put_machine(res, f);
	put_method(f);
	if (put_foot(res, f))
		return err_set(err, ENOMEM, "write the report");
	return writers_end(f, err);
}
