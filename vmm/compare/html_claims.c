/* SPDX-License-Identifier: Apache-2.0 */
/*
 * html_claims.c - what people say of VMs, each with the rows that answer it.
 * The page gives the numbers and leaves the answer to its reader.
 */
#include "vmm/compare/html_parts.h"
#include "vmm/compare/text.h"

#define CLAIM_ROWS 14

static const struct claim {
	const char *text;
	enum row rows[CLAIM_ROWS]; /* the first NR_ROWS ends them */
} claims[] = {
	{ "A VM boots in minutes, a container starts in milliseconds.",
	  { ROW_START_FIRST, ROW_START_FIRST_P99, ROW_START_EXIT,
	    ROW_START_MANY, ROW_JOB_FIRST, NR_ROWS } },
	{ "A VM is slow, a container is native.",
	  { ROW_JOB_TIME, ROW_CPU_INTEGER, ROW_CPU_FLOAT, ROW_CPU_MATRIX,
	    ROW_RAM_COPY, ROW_RAM_RANDOM, ROW_SYS_GETPID, ROW_SYS_FORK_EXEC,
	    ROW_BLOCK_RANDOM_READ, ROW_NET_IN, ROW_NET_ROUND_TRIP,
	    ROW_TRAIN_STEP, ROW_TRAIN_LOADER, NR_ROWS } },
	{ "A VM reserves its memory.",
	  { ROW_MEMORY_FIRST, ROW_MEMORY_MORE, ROW_MEMORY_BACK, ROW_JOB_MEMORY,
	    NR_ROWS } },
	{ "A VM cannot reach the GPU.",
	  { ROW_GPU_COPY_IN, ROW_GPU_COPY_OUT, ROW_GPU_STEP, NR_ROWS } },
	{ "A VM is heavyweight: few of them fit on a machine.",
	  { ROW_START_RATE, ROW_MEMORY_MORE, ROW_BLOCK_RANDOM_READ_CPU,
	    ROW_JOB_CPU, NR_ROWS } },
	{ "A container isolates well enough.",
	  { ROW_ISOLATION_CALLS, NR_ROWS } },
};

static void put_side(const struct summary *sum, enum row row, int peer, FILE *f)
{
	const struct cell *cell = &sum->cells[row][peer];

	text_html(f, sum->res->peers[peer].name);
	(void)fputc(' ', f);
	if (!cell->measured) {
		(void)fputs(cell->note ? "failed: " : "was not measured", f);
		if (cell->note)
			text_html(f, sum->notes[cell->note - 1].why);
		return;
	}
	html_figure(&cell->figure, row, f);
	(void)fputc(' ', f);
	html_interval(&cell->figure, f);
}

static void put_row(const struct summary *sum, enum row row, FILE *f)
{
	const struct ratio *ratio = &sum->cells[row][sum->mine].ratio;
	char title[RESULT_TEXT_MAX], words[SUMMARY_RATIO_MAX];

	summary_title(row, title, sizeof(title));
	(void)fprintf(f, "<li><a href=\"#%s\">%s</a>: ",
		      row_info(row_info(row)->of)->name, title);
	put_side(sum, row, sum->mine, f);
	(void)fputs(", ", f);
	put_side(sum, row, sum->ref, f);
	if (ratio->verdict != VERDICT_NONE)
		(void)fprintf(f, ": <span class=\"%s\">%s</span>",
			      html_ratio_class(ratio),
			      summary_ratio(ratio, row, words));
	(void)fputs("</li>\n", f);
}

static void put_claim(const struct summary *sum, const struct claim *claim,
		      FILE *f)
{
	const char *empty = NULL;
	unsigned rows = 0;

	(void)fprintf(f, "<div class=\"claim\"><h3>\u201c%s\u201d</h3><ul>\n",
		      claim->text);
	for (size_t i = 0; claim->rows[i] != NR_ROWS; i++) {
		enum row row = claim->rows[i];

		if (!sum->has[row])
			continue;
		if (summary_empty(sum, row)) {
			empty = summary_empty(sum, row);
			continue;
		}
		if (sum->mine < 0)
			continue;
		put_row(sum, row, f);
		rows++;
	}
	if (!rows || empty) {
		(void)fputs("<li class=\"soft\">not measured here: ", f);
		text_html(f, empty	     ? empty
			     : sum->mine < 0 ? "there are no two sides"
					     : "this suite has no such row");
		(void)fputs("</li>\n", f);
	}
	(void)fputs("</ul></div>\n", f);
}

void html_claims(const struct summary *sum, FILE *f)
{
	(void)fputs("<section><h2>What people say, and what was measured</h2>\n"
		    "<div class=\"box\">\n",
		    f);
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
		put_claim(sum, &claims[i], f);
	(void)fputs("</div></section>\n", f);
}
