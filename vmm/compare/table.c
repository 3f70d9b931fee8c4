/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.c - a result for a terminal: a line for each row, with a bar.
 *
 *	title unit | peer | peer | ... | ratio | bar
 *
 * or, where that is too wide, two:
 *
 *	title unit | ratio | bar
 *		   | peer | peer | ...
 *
 * Where that is too wide as well, the intervals go.
 */
#include "vmm/compare/writers.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "vmm/compare/text.h"
#include "vmm/lib/auto.h"

#define CELL_MAX   32
#define BAR_MIN	   6
#define BAR_MAX	   24
#define TITLE_CUT  24
#define TITLE_MIN  14
#define INDENT	   1
#define EIGHTHS	   8
#define RATIO_FULL 2.0 /* a bar is at least this long: noise stays small */

struct table {
	const struct summary *sum;
	const struct table_style *style;
	FILE *f;
	unsigned title; /* columns of each part */
	unsigned cell;
	unsigned ratio;
	unsigned bar; /* 0: there is none */
	bool spread; /* intervals are shown */
	bool two; /* lines for each row */
	double full; /* log of the ratio that fills the bar */
};

static void paint(const struct table *t, const char *codes)
{
	if (t->style->colour)
		(void)fprintf(t->f, "\033[%sm", codes);
}

/* "22.1±2%", "failed[3]", "22.1[3]" (it went no further), "-". */
static void cell_text(const struct table *t, const struct cell *cell, char *buf)
{
	char number[TEXT_NUMBER_MAX], note[16] = "", spread[16] = "";

	if (cell->note)
		(void)snprintf(note, sizeof(note), "[%u]", cell->note);
	if (!cell->measured) {
		(void)snprintf(buf, CELL_MAX, "%s%s",
			       cell->note ? "failed" : "-", note);
		return;
	}

	double half = summary_spread(&cell->figure);
	const char *sign = t->style->utf8 ? "\u00b1" : "~";
	if (!t->spread || cell->note)
		;
	else if (half < 0 || cell->figure.n < 2) /* nothing bounds it */
		(void)snprintf(spread, sizeof(spread), "%s?", sign);
	else if (half > 99.5)
		(void)snprintf(spread, sizeof(spread), "%s>99%%", sign);
	else
		(void)snprintf(spread, sizeof(spread), "%s%.0f%%", sign,
			       ceil(half));
	(void)snprintf(buf, CELL_MAX, "%s%s%s",
		       text_number(cell->figure.value, number), spread, note);
}

static void title_text(enum row row, char *buf, size_t size)
{
	const struct row_info *info = row_info(row);

	(void)snprintf(buf, size, "%s%s%s", info->title,
		       info->unit[0] ? " " : "", info->unit);
}

static const struct ratio *ratio_of(const struct table *t, enum row row)
{
	return &t->sum->cells[row][t->sum->mine].ratio;
}

static void grow(unsigned *columns, const char *text)
{
	unsigned n = text_columns(text);

	if (*columns < n)
		*columns = n;
}

/* What each part would like to have. */
static void measure(struct table *t)
{
	const struct summary *sum = t->sum;
	double most = RATIO_FULL;
	char buf[RESULT_TEXT_MAX];

	t->title = TITLE_MIN;
	t->cell = 7; /* of a name */
	t->ratio = 0;
	for (enum row row = 0; row < NR_ROWS; row++) {
		if (!sum->has[row] || summary_empty(sum, row))
			continue;
		title_text(row, buf, sizeof(buf));
		grow(&t->title, buf);
		for (size_t i = 0; i < sum->nr_shown; i++) {
			cell_text(t, &sum->cells[row][sum->shown[i]], buf);
			grow(&t->cell, buf);
		}
		if (sum->mine < 0)
			continue;

		const struct ratio *r = ratio_of(t, row);
		grow(&t->ratio, summary_ratio(r, row, buf));
		if (r->verdict != VERDICT_NONE)
			most = fmax(most, fmax(r->value, 1 / r->value));
	}
	t->full = log(most);
}

static unsigned figures(const struct table *t)
{
	return (unsigned)t->sum->nr_shown * (t->cell + 1);
}

static unsigned total(const struct table *t)
{
	return INDENT + t->title + (t->two ? 0 : figures(t)) +
	       (t->ratio ? t->ratio + 1 : 0) + (t->bar ? t->bar + 1 : 0);
}

static void cut_title(struct table *t)
{
	unsigned width = t->style->width;
	unsigned over = total(t) > width ? total(t) - width : 0;

	if (t->title > TITLE_CUT)
		t->title -= over < t->title - TITLE_CUT ? over
							: t->title - TITLE_CUT;
}

static void lay_out(struct table *t)
{
	unsigned width = t->style->width;

	t->spread = true;
	measure(t);
	t->bar = t->ratio ? BAR_MIN : 0;
	cut_title(t);
	if (total(t) > width) {
		t->two = true;
		measure(t);
		cut_title(t);
	}
	if (t->two && INDENT + figures(t) > width) {
		t->spread = false;
		measure(t);
		cut_title(t);
	}
	while (t->bar && t->bar < BAR_MAX && total(t) < width)
		t->bar++;
}

/* Where the figures begin in a line of their own: at the right. */
static unsigned left_of_figures(const struct table *t)
{
	unsigned width = t->style->width;

	if (!t->two)
		return INDENT + t->title;
	return figures(t) + INDENT < width ? width - figures(t) : INDENT;
}

/* Longer is further from the reference; filled is worse, hatched better. */
static void put_bar(const struct table *t, const struct ratio *r)
{
	static const char *const part[EIGHTHS] = { "",	"▏", "▎", "▍",
						   "▌", "▋", "▊", "▉" };
	double share = fabs(log(r->value)) / t->full * t->bar;
	bool worse = r->verdict == VERDICT_WORSE;
	unsigned whole = (unsigned)share;

	if (r->verdict != VERDICT_WORSE && r->verdict != VERDICT_BETTER) {
		(void)fputs(r->verdict == VERDICT_NONE ? ""
			    : t->style->utf8	       ? "·"
						       : ".",
			    t->f);
		return;
	}
	if (!worse || !t->style->utf8) /* no eighths: at least one mark */
		whole = share < 1 ? 1 : (unsigned)lround(share);
	paint(t, worse ? "31" : "32");
	for (unsigned i = 0; i < whole; i++)
		(void)fputs(!t->style->utf8 ? worse ? "#" : "+"
			    : worse	    ? "█"
					    : "░",
			    t->f);
	if (worse && t->style->utf8) {
		unsigned eighths = (unsigned)((share - whole) * EIGHTHS);

		(void)fputs(part[whole == 0 && eighths == 0 ? 1 : eighths],
			    t->f);
	}
	paint(t, "0");
}

static void put_ratio(const struct table *t, enum row row)
{
	const struct ratio *r = ratio_of(t, row);
	char buf[SUMMARY_RATIO_MAX];

	summary_ratio(r, row, buf);
	(void)fputc(' ', t->f);
	paint(t, r->verdict == VERDICT_WORSE	? "31"
		 : r->verdict == VERDICT_BETTER ? "32"
						: "2");
	text_fit(t->f, buf, t->bar ? t->ratio : text_columns(buf), false,
		 t->style->utf8);
	paint(t, "0");
	if (t->bar) {
		(void)fputc(' ', t->f);
		put_bar(t, r);
	}
}

static void put_figures(const struct table *t, enum row row)
{
	const struct summary *sum = t->sum;
	char buf[CELL_MAX];

	for (size_t i = 0; i < sum->nr_shown; i++) {
		const struct cell *cell = &sum->cells[row][sum->shown[i]];
		const char *codes = cell->note		 ? "33"
				    : sum->res->emulated ? "2"
							 : NULL;

		cell_text(t, cell, buf);
		(void)fputc(' ', t->f);
		if (codes)
			paint(t, codes);
		text_fit(t->f, buf, t->cell, true, t->style->utf8);
		if (codes)
			paint(t, "0");
	}
}

static void put_row(const struct table *t, enum row row)
{
	const char *empty = summary_empty(t->sum, row);
	char buf[RESULT_TEXT_MAX];

	(void)fprintf(t->f, "%*s", INDENT, "");
	title_text(row, buf, sizeof(buf));
	text_fit(t->f, buf, t->title, false, t->style->utf8);
	if (empty) {
		const char *above = row ? summary_empty(t->sum, row - 1) : NULL;
		unsigned at = INDENT + t->title + 2;

		(void)fputs("  ", t->f);
		text_wrap(t->f,
			  above && strcmp(above, empty) == 0 ? "as above"
							     : empty,
			  at, at, t->style->width, t->style->utf8);
		return;
	}
	if (!t->two)
		put_figures(t, row);
	if (t->ratio)
		put_ratio(t, row);
	(void)fputc('\n', t->f);
	if (t->two) {
		(void)fprintf(t->f, "%*s", (int)left_of_figures(t), "");
		put_figures(t, row);
		(void)fputc('\n', t->f);
	}
}

static void say(const struct table *t, unsigned indent, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void say(const struct table *t, unsigned indent, const char *fmt, ...)
{
	char text[4 * RESULT_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text_wrap(t->f, text, 0, indent, t->style->width, t->style->utf8);
}

static void put_head(const struct table *t)
{
	const struct result *res = t->sum->res;
	char partial[RESULT_TEXT_MAX];

	paint(t, "1");
	say(t, 2, "belljar compare: %s%s%s",
	    res->image[0] ? res->image : "the built-in suite",
	    res->command[0] ? " " : "", res->command);
	paint(t, "0");
	say(t, 2, "%s suite, %u of %u rounds, begun %s",
	    res->suite[0] ? res->suite : "unnamed", res->done, res->runs,
	    res->begun[0] ? res->begun : "at an unknown time");
	if (res->emulated) {
		paint(t, "1;33");
		say(t, 2,
		    "emulated hardware: ratios only; the other numbers are "
		    "those of the emulator");
		paint(t, "0");
	}
	if (*writers_partial(res, partial, sizeof(partial))) {
		paint(t, "1;33");
		say(t, 2, "PARTIAL. %s", partial);
		paint(t, "0");
	}
}

static void put_columns(const struct table *t, const char *group)
{
	const struct summary *sum = t->sum;
	unsigned left = left_of_figures(t), need = text_columns(group);
	char buf[2 * RESULT_TEXT_MAX];

	(void)fputc('\n', t->f);
	paint(t, "1");
	text_fit(t->f, group, need < left ? left : need, false, t->style->utf8);
	paint(t, "0");
	if (need > left)
		(void)fprintf(t->f, "\n%*s", (int)left, "");
	for (size_t i = 0; i < sum->nr_shown; i++) {
		(void)fputc(' ', t->f);
		text_fit(t->f, sum->res->peers[sum->shown[i]].name, t->cell,
			 true, t->style->utf8);
	}
	if (t->ratio && !t->two) {
		(void)snprintf(buf, sizeof(buf), "%s/%s",
			       sum->res->peers[sum->mine].name,
			       sum->res->peers[sum->ref].name);
		need = text_columns(buf);
		(void)fputc(' ', t->f);
		text_fit(t->f, buf, need < t->ratio ? need : t->ratio, false,
			 t->style->utf8);
	}
	(void)fputc('\n', t->f);
	if (!sum->res->emulated)
		return;
	(void)fprintf(t->f, "%*s", (int)left, "");
	for (size_t i = 0; i < sum->nr_shown; i++) {
		(void)fputc(' ', t->f);
		text_fit(t->f, "emulated", t->cell, true, t->style->utf8);
	}
	(void)fputc('\n', t->f);
}

static void put_notes(const struct table *t)
{
	const struct summary *sum = t->sum;
	const struct result *res = sum->res;
	char title[RESULT_TEXT_MAX];

	for (unsigned i = 0; i < sum->nr_notes; i++) {
		const struct note *n = &sum->notes[i];

		summary_title(n->row, title, sizeof(title));
		if (n->rows > 1)
			say(t, 4, "[%u] %s, %u rows: %s", i + 1,
			    res->peers[n->peer].name, n->rows, n->why);
		else
			say(t, 4, "[%u] %s, %s: %s", i + 1,
			    res->peers[n->peer].name, title, n->why);
	}
	for (size_t p = 0; p < res->nr_peers; p++) {
		if (res->peers[p].absent[0])
			say(t, 4, "%s is absent: %s", res->peers[p].name,
			    res->peers[p].absent);
	}
}

static void put_legend(const struct table *t)
{
	const struct summary *sum = t->sum;
	char full[TEXT_NUMBER_MAX];

	if (t->spread)
		say(t, 2,
		    "%s: half of the 95%% interval, in %% of the figure; ?: too "
		    "few samples for one.",
		    t->style->utf8 ? "\u00b1" : "~");
	if (t->ratio)
		say(t, 2, "Ratios are those of %s to %s.",
		    sum->res->peers[sum->mine].name,
		    sum->res->peers[sum->ref].name);
	if (t->ratio)
		say(t, 2,
		    "noise: the interval of the ratio includes 1; same: it is "
		    "within 5%% of 1; few: too few samples to tell.");
	if (t->bar)
		say(t, 2,
		    "A whole bar is %sx, on a logarithmic scale; %s is worse, "
		    "%s better.",
		    summary_times(exp(t->full), full),
		    t->style->utf8 ? "█" : "#", t->style->utf8 ? "░" : "+");
}

int table_write(const struct result *res, const struct table_style *style,
		FILE *f, struct err *err)
{
	AUTO_FREE struct summary *sum = summary_new(res);
	const char *group = NULL;

	if (!sum)
		return err_set(err, ENOMEM, "write the comparison");

	struct table t = { .sum = sum, .style = style, .f = f };
	lay_out(&t);
	put_head(&t);
	for (enum row row = 0; row < NR_ROWS; row++) {
		if (!sum->has[row])
			continue;
		if (!group || strcmp(group, row_info(row)->group) != 0) {
			group = row_info(row)->group;
			put_columns(&t, group);
		}
		put_row(&t, row);
	}
	if (!group)
		say(&t, 2, "Nothing was measured.");
	(void)fputc('\n', f);
	put_notes(&t);
	if (group)
		put_legend(&t);
	return writers_end(f, err);
}
