/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writers.h - a result printed: for a terminal, for programs, for people.
 *
 * All of them show the same (summary.h): medians or tails with 95% intervals,
 * ratios to the reference, failures and absences by name.  All texts of the
 * result are taken for a stranger's.  They return 0, -ENOMEM, or -EIO when not
 * everything could be written, with a sentence.
 */
#ifndef VMM_COMPARE_WRITERS_H
#define VMM_COMPARE_WRITERS_H

#include <stdbool.h>
#include <stdio.h>

#include "vmm/compare/summary.h"

enum format {
	FORMAT_TABLE,
	FORMAT_JSON,
	FORMAT_CSV,
	FORMAT_MARKDOWN,
	FORMAT_HTML,
	NR_FORMATS /* also: no format is called so */
};

struct table_style {
	unsigned width; /* columns, at least 60 */
	bool utf8;
	bool colour;
};

/* "table", "json", "csv", "markdown", "html"; else NR_FORMATS. */
enum format writers_format(const char *name);

/*
 * What suits @f: the terminal's width, else 80 columns; UTF-8 by the locale's
 * variables and colour (unless NO_COLOR is set) on a terminal only.
 */
struct table_style writers_style(FILE *f);

/* Any format; the table as writers_style() has it. */
int writers_render(const struct result *res, enum format format, FILE *f,
		   struct err *err);

int table_write(const struct result *res, const struct table_style *style,
		FILE *f, struct err *err);
int json_write(const struct result *res, FILE *f, struct err *err);
int csv_write(const struct result *res, FILE *f, struct err *err);
int markdown_write(const struct result *res, FILE *f, struct err *err);

/* One page that needs nothing else: no script, no network, no fonts. */
int html_write(const struct result *res, FILE *f, struct err *err);

/* For the writers: flush @f.  0, or -EIO with a sentence if any write failed.
 */
int writers_end(FILE *f, struct err *err);

/* One sentence about a result that is not whole, or "": for all writers. */
const char *writers_partial(const struct result *res, char *buf, size_t size);

#endif
