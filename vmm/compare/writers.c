/* SPDX-License-Identifier: Apache-2.0 */
/* writers.c - which writer, and the small ones: JSON and CSV. */
#include "vmm/compare/writers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm/compare/text.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/json.h"

#define WIDTH_DEFAULT 80
#define WIDTH_MIN     60

static const char *const names[NR_FORMATS] = {
	[FORMAT_TABLE] = "table", [FORMAT_JSON] = "json",
	[FORMAT_CSV] = "csv",	  [FORMAT_MARKDOWN] = "markdown",
	[FORMAT_HTML] = "html",
};

enum format writers_format(const char *name)
{
	enum format f = 0;

	while (f < NR_FORMATS && strcmp(names[f], name) != 0)
		f++;
	return f;
}

/* The first of the three variables that is set decides, as in setlocale(). */
static bool locale_is_utf8(void)
{
	static const char *const vars[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < sizeof(vars) / sizeof(vars[0]); i++) {
		const char *v = getenv(vars[i]);

		if (v && *v)
			return strcasestr(v, "utf-8") || strcasestr(v, "utf8");
	}
	return false;
}

struct table_style writers_style(FILE *f)
{
	struct table_style style = { .width = WIDTH_DEFAULT };
	int fd = fileno(f);

	if (fd < 0 || !isatty(fd))
		return style;

	struct winsize size = { 0 };
	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col)
		style.width = size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col;

	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	style.utf8 = locale_is_utf8();
	style.colour = !(no && *no) && term && strcmp(term, "dumb") != 0;
	return style;
}

int writers_render(const struct result *res, enum format format, FILE *f,
		   struct err *err)
{
	struct table_style style;

	switch (format) {
	case FORMAT_TABLE:
		style = writers_style(f);
		return table_write(res, &style, f, err);
	case FORMAT_JSON:
		return json_write(res, f, err);
	case FORMAT_CSV:
		return csv_write(res, f, err);
	case FORMAT_MARKDOWN:
		return markdown_write(res, f, err);
	case FORMAT_HTML:
		return html_write(res, f, err);
	case NR_FORMATS:
		break;
	}
	return err_say(err, EINVAL,
		       "no such format; there are table, json, csv, markdown "
		       "and html");
}

int writers_end(FILE *f, struct err *err)
{
	errno = 0;

	int failed = fflush(f);
	int why = errno;

	if (!failed && !ferror(f))
		return 0;
	/* An earlier write's errno is gone; this one's is the usual one. */
	(void)err_set(err, why ? why : EIO, "write the comparison");
	if (err)
		err->code = EIO;
	return -EIO;
}

const char *writers_partial(const struct result *res, char *buf, size_t size)
{
	buf[0] = '\0';
	if (res->partial)
		(void)snprintf(buf, size,
			       "Stopped before the end: %u of %u rounds are "
			       "complete, and what was measured until then is "
			       "below.",
			       res->done, res->runs);
	return buf;
}

int json_write(const struct result *res, FILE *f, struct err *err)
{
	AUTO_JSON struct json_object *doc = NULL;
	const char *text = result_to_text(res, &doc);

	if (!text)
		return err_set(err, ENOMEM, "write the comparison");
	(void)fprintf(f, "%s\n", text);
	return writers_end(f, err);
}

static void csv_line(const struct summary *sum, enum row row, size_t peer,
		     FILE *f)
{
	const struct row_info *info = row_info(row);
	const struct cell *cell = &sum->cells[row][peer];
	const struct figure *fig = &cell->figure;
	const char *texts[] = { info->name,
				info->group,
				info->title,
				info->unit,
				info->higher ? "higher" : "lower",
				sum->res->peers[peer].name };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		text_csv(f, texts[i]);
		(void)fputc(',', f);
	}
	(void)fprintf(f, "%zu,%u,", cell->measured ? fig->n : 0,
		      info->percentile);
	if (cell->measured)
		(void)fprintf(f, "%.6g,%.6g,", fig->value, fig->low);
	else
		(void)fputs(",,", f);
	/* An open end is no number. */
	if (cell->measured && !fig->open)
		(void)fprintf(f, "%.6g", fig->high);
	(void)fputc(',', f);
	if (cell->ratio.verdict != VERDICT_NONE)
		(void)fprintf(f, "%.6g,%.6g,%.6g,%s,", cell->ratio.value,
			      cell->ratio.low, cell->ratio.high,
			      stats_verdict(cell->ratio.verdict));
	else
		(void)fputs(",,,,", f);
	if (sum->res->peers[peer].absent[0])
		text_csv(f, sum->res->peers[peer].absent);
	else if (cell->note)
		text_csv(f, sum->notes[cell->note - 1].why);
	else if (summary_empty(sum, row))
		text_csv(f, summary_empty(sum, row));
	(void)fputs("\r\n", f);
}

int csv_write(const struct result *res, FILE *f, struct err *err)
{
	AUTO_FREE struct summary *sum = summary_new(res);

	if (!sum)
		return err_set(err, ENOMEM, "write the comparison");
	(void)fputs("name,group,title,unit,better,peer,n,percentile,value,low,"
		    "high,times_worse,times_worse_low,times_worse_high,verdict,"
		    "failed\r\n",
		    f);
	for (enum row row = 0; row < NR_ROWS; row++) {
		for (size_t p = 0; sum->has[row] && p < res->nr_peers; p++)
			csv_line(sum, row, p, f);
	}
	return writers_end(f, err);
}
