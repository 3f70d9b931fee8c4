/* SPDX-License-Identifier: Apache-2.0 */
/* html_rows.c - the page's plots of samples, a table for each row. */
#include <math.h>
#include <string.h>

#include "vmm/compare/html_parts.h"
#include "vmm/compare/svg.h"
#include "vmm/compare/text.h"

#define TAILS_MAX 4

void html_figure(const struct figure *fig, enum row row, FILE *f)
{
	char number[TEXT_NUMBER_MAX];

	(void)fprintf(f, "%s", text_number(fig->value, number));
	if (row_info(row)->unit[0])
		(void)fprintf(f, " <span class=\"unit\">%s</span>",
			      row_info(row)->unit);
}

static const char *high_end(const struct figure *fig, char *buf)
{
	return fig->open ? "?" : text_number(fig->high, buf);
}

void html_interval(const struct figure *fig, FILE *f)
{
	char low[TEXT_NUMBER_MAX], high[TEXT_NUMBER_MAX];

	(void)fprintf(f, "<span class=\"ci\">[%s, %s]</span>",
		      text_number(fig->low, low), high_end(fig, high));
}

const char *html_ratio_class(const struct ratio *ratio)
{
	if (ratio->verdict != VERDICT_WORSE && ratio->verdict != VERDICT_BETTER)
		return "w-even";
	if (ratio->low >= 1 - STATS_SAME && ratio->high <= 1 + STATS_SAME)
		return "w-slight";
	return ratio->verdict == VERDICT_WORSE ? "w-bad" : "w-good";
}

void html_ratio_words(const struct ratio *ratio, enum row row, char *buf,
		      size_t size)
{
	char title[RESULT_TEXT_MAX / 2], words[SUMMARY_RATIO_MAX];

	summary_title(row, title, sizeof(title));
	if (ratio->verdict == VERDICT_NONE)
		(void)snprintf(buf, size, "%s: no ratio", title);
	else
		(void)snprintf(buf, size,
			       "%s: %s; times worse %.3g, 95%% interval %.3g "
			       "to %.3g",
			       title, summary_ratio(ratio, row, words),
			       ratio->value, ratio->low, ratio->high);
}

static void put_vs(const struct summary *sum, enum row row, size_t peer,
		   FILE *f)
{
	const struct ratio *r = &sum->cells[row][peer].ratio;
	char words[SUMMARY_RATIO_MAX];

	(void)fputs("<td class=\"vs\" role=\"cell\">", f);
	if ((int)peer == sum->ref)
		(void)fputs("<span class=\"soft\">reference</span>", f);
	else if (r->verdict != VERDICT_NONE)
		(void)fprintf(f, "<span class=\"%s\">%s</span>",
			      html_ratio_class(r),
			      summary_ratio(r, row, words));
	(void)fputs("</td>", f);
}

static void put_note(const struct cell *cell, FILE *f)
{
	if (cell->note)
		(void)fprintf(f,
			      " <a href=\"#note-%u\" aria-label=\"note %u\">"
			      "[%u]</a>",
			      cell->note, cell->note, cell->note);
}

static void put_plot(const struct summary *sum, enum row row, size_t peer,
		     const struct scale *scale, FILE *f)
{
	const struct figure *fig = &sum->cells[row][peer].figure;
	const struct row_info *info = row_info(row);
	char title[2 * RESULT_TEXT_MAX], v[TEXT_NUMBER_MAX],
		low[TEXT_NUMBER_MAX], high[TEXT_NUMBER_MAX];

	(void)snprintf(title, sizeof(title),
		       "%s, %s: %zu samples, median %s %s, 95%% interval %s to "
		       "%s",
		       info->title, sum->res->peers[peer].name, fig->n,
		       text_number(fig->value, v), info->unit,
		       text_number(fig->low, low), high_end(fig, high));
	svg_strip(f, scale, &sum->res->samples[row][peer], fig, title);
}

static void put_peer(const struct summary *sum, enum row row,
		     const enum row *tails, size_t nr_tails, size_t peer,
		     const struct scale *scale, FILE *f)
{
	const struct cell *cell = &sum->cells[row][peer];

	(void)fprintf(f,
		      "<tr role=\"row\"%s><th scope=\"row\" "
		      "role=\"rowheader\">",
		      (int)peer == sum->mine ? " class=\"mine\"" : "");
	text_html(f, sum->res->peers[peer].name);
	(void)fputs("</th><td class=\"plot\" role=\"cell\">", f);
	if (cell->measured)
		put_plot(sum, row, peer, scale, f);
	(void)fputs("</td><td class=\"fig\" role=\"cell\">", f);
	if (cell->measured) {
		html_figure(&cell->figure, row, f);
		put_note(cell, f);
		(void)fputc(' ', f);
		html_interval(&cell->figure, f);
	} else {
		(void)fprintf(f, "<span class=\"failed\">%s</span>",
			      cell->note ? "failed" : "not measured");
		put_note(cell, f);
	}
	(void)fputs("</td>", f);
	for (size_t i = 0; i < nr_tails; i++) {
		const struct cell *tail = &sum->cells[tails[i]][peer];
		char number[TEXT_NUMBER_MAX];

		(void)fprintf(f,
			      "<td class=\"tail\" role=\"cell\" "
			      "data-label=\"p%u\">",
			      row_info(tails[i])->percentile);
		if (tail->measured)
			(void)fprintf(f, "%s%s",
				      text_number(tail->figure.value, number),
				      tail->figure.open
					      ? "<span class=\"unit\">"
						"?</span>"
					      : "");
		(void)fputs("</td>", f);
	}
	(void)fprintf(f,
		      "<td class=\"num n\" role=\"cell\" "
		      "data-label=\"n\">%zu</td>",
		      cell->measured ? cell->figure.n : 0);
	put_vs(sum, row, peer, f);
	(void)fputs("</tr>\n", f);
}

static struct scale scale_of(const struct summary *sum, enum row row)
{
	double low = INFINITY, high = -INFINITY;

	for (size_t i = 0; i < sum->nr_shown; i++) {
		const struct cell *cell = &sum->cells[row][sum->shown[i]];

		if (!cell->measured)
			continue;
		low = fmin(low, cell->figure.min);
		high = fmax(high, cell->figure.max);
	}
	return high >= low ? svg_scale(low, high, false)
			   : svg_scale(0, 1, false);
}

static void put_columns(const struct summary *sum, const enum row *tails,
			size_t nr_tails, FILE *f)
{
	(void)fprintf(f,
		      "<thead role=\"rowgroup\"><tr role=\"row\">"
		      "<th scope=\"col\" role=\"columnheader\">in</th>"
		      "<th scope=\"col\" role=\"columnheader\">samples</th>"
		      "<th scope=\"col\" role=\"columnheader\" class=\"fig\">"
		      "median%s [95%%]</th>",
		      sum->res->emulated ? ", emulated" : "");
	for (size_t i = 0; i < nr_tails; i++)
		(void)fprintf(f,
			      "<th scope=\"col\" role=\"columnheader\" "
			      "class=\"tail\">p%u</th>",
			      row_info(tails[i])->percentile);
	(void)fputs("<th scope=\"col\" role=\"columnheader\" class=\"num\">n"
		    "</th><th scope=\"col\" role=\"columnheader\" "
		    "class=\"vs\">to ",
		    f);
	text_html(f, sum->ref >= 0 ? sum->res->peers[sum->ref].name : "none");
	(void)fputs("</th></tr></thead>\n<tbody role=\"rowgroup\">\n", f);
}

static void put_row(const struct summary *sum, enum row row, FILE *f)
{
	const struct row_info *info = row_info(row);
	const char *empty = summary_empty(sum, row);
	enum row tails[TAILS_MAX];
	size_t nr_tails = 0;

	for (enum row t = row + 1; t < NR_ROWS && nr_tails < TAILS_MAX; t++) {
		if (row_info(t)->of == row)
			tails[nr_tails++] = t;
	}
	(void)fprintf(f,
		      "<article id=\"%s\"><header><h3>%s</h3><span "
		      "class=\"soft\">%s%s%s is better</span></header>\n",
		      info->name, info->title, info->unit,
		      info->unit[0] ? ", " : "",
		      info->higher ? "higher" : "lower");
	if (empty) {
		(void)fputs("<p class=\"gone\">Not measured: ", f);
		text_html(f, empty);
		(void)fputs("</p></article>\n", f);
		return;
	}

	struct scale scale = scale_of(sum, row);
	(void)fprintf(f, "<table role=\"table\" aria-label=\"%s: %s\">",
		      info->group, info->title);
	put_columns(sum, tails, nr_tails, f);
	for (size_t i = 0; i < sum->nr_shown; i++)
		put_peer(sum, row, tails, nr_tails, sum->shown[i], &scale, f);
	(void)fputs("</tbody><tfoot aria-hidden=\"true\"><tr><th></th>"
		    "<td class=\"plot\">",
		    f);
	svg_axis(f, &scale);
	(void)fprintf(f,
		      "</td><td colspan=\"%zu\" class=\"soft\">%s</td></tr>"
		      "</tfoot></table></article>\n",
		      nr_tails + 3,
		      scale.log ? "<span class=\"unit\">logarithmic</span>"
				: "");
}

void html_rows(const struct summary *sum, FILE *f)
{
	const char *group = NULL;

	for (enum row row = 0; row < NR_ROWS; row++) {
		const struct row_info *info = row_info(row);

		if (!sum->has[row] || info->of != row)
			continue;
		if (!group || strcmp(group, info->group) != 0) {
			(void)fprintf(f,
				      "%s<section><h2>%s</h2>\n"
				      "<div class=\"box\">\n",
				      group ? "</div></section>\n" : "",
				      info->group);
			group = info->group;
		}
		put_row(sum, row, f);
	}
	if (group)
		(void)fputs("</div></section>\n", f);
}
