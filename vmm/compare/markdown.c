/* SPDX-License-Identifier: Apache-2.0 */
/* markdown.c - a result as GitHub's tables, one for each group. */
#include "vmm/compare/writers.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "vmm/compare/text.h"
#include "vmm/lib/auto.h"

static void put_head(const struct summary *sum, FILE *f)
{
	const struct result *res = sum->res;
	char partial[RESULT_TEXT_MAX];

	(void)fputs("# belljar compare: ", f);
	text_markdown(f, res->image[0] ? res->image : "the built-in suite");
	(void)fputs("\n\n", f);
	if (res->command[0]) {
		(void)fputs("Command: ", f);
		text_markdown(f, res->command);
		(void)fputs("\n\n", f);
	}
	text_markdown(f, res->suite[0] ? res->suite : "unnamed");
	(void)fprintf(f, " suite, %u of %u rounds, begun ", res->done,
		      res->runs);
	text_markdown(f, res->begun[0] ? res->begun : "at an unknown time");
	(void)fputs(". Figures are medians with 95% intervals.\n", f);
	if (res->emulated)
		(void)fputs("\n**Emulated hardware: ratios only**; the other "
			    "numbers are those of the emulator.\n",
			    f);
	if (*writers_partial(res, partial, sizeof(partial)))
		(void)fprintf(f, "\n**Partial.** %s\n", partial);
}

static void put_columns(const struct summary *sum, const char *group, FILE *f)
{
	const struct result *res = sum->res;

	(void)fprintf(f, "\n## %s\n\n| ", group);
	for (size_t i = 0; i < sum->nr_shown; i++) {
		(void)fputs("| ", f);
		text_markdown(f, res->peers[sum->shown[i]].name);
		(void)fputs(res->emulated ? " (emulated) " : " ", f);
	}
	for (size_t i = 0; i < sum->nr_shown; i++) {
		if ((int)sum->shown[i] == sum->ref)
			continue;
		(void)fputs("| ", f);
		text_markdown(f, res->peers[sum->shown[i]].name);
		(void)fputs(" / ", f);
		text_markdown(f, res->peers[sum->ref].name);
		(void)fputc(' ', f);
	}
	(void)fputs("|\n|---", f);
	for (size_t i = 0; i < sum->nr_shown; i++)
		(void)fputs("|--:", f);
	for (size_t i = 0; i + 1 < sum->nr_shown; i++)
		(void)fputs("|---", f);
	(void)fputs("|\n", f);
}

static void put_cell(const struct cell *cell, FILE *f)
{
	const struct figure *fig = &cell->figure;
	char value[TEXT_NUMBER_MAX], low[TEXT_NUMBER_MAX],
		high[TEXT_NUMBER_MAX];

	(void)fputs(" | ", f);
	if (cell->measured)
		(void)fprintf(f, "%s [%s, %s]", text_number(fig->value, value),
			      text_number(fig->low, low),
			      fig->open ? "?" : text_number(fig->high, high));
	else
		(void)fputs(cell->note ? "failed" : "-", f);
	if (cell->note)
		(void)fprintf(f, "[^%u]", cell->note);
}

static void put_row(const struct summary *sum, enum row row, FILE *f)
{
	const struct row_info *info = row_info(row);
	const char *empty = summary_empty(sum, row);
	char ratio[SUMMARY_RATIO_MAX];

	(void)fputs("| ", f);
	text_markdown(f, info->title);
	if (info->unit[0]) {
		(void)fputs(", ", f);
		text_markdown(f, info->unit);
	}
	if (empty) { /* the other cells may be left out */
		(void)fputs(" | ", f);
		text_markdown(f, empty);
		(void)fputs(" |\n", f);
		return;
	}
	for (size_t i = 0; i < sum->nr_shown; i++)
		put_cell(&sum->cells[row][sum->shown[i]], f);
	for (size_t i = 0; i < sum->nr_shown; i++) {
		const struct ratio *r = &sum->cells[row][sum->shown[i]].ratio;

		if ((int)sum->shown[i] == sum->ref)
			continue;
		(void)fprintf(f, " | %s", summary_ratio(r, row, ratio));
	}
	(void)fputs(" |\n", f);
}

static void put_notes(const struct summary *sum, FILE *f)
{
	const struct result *res = sum->res;

	(void)fputc('\n', f);
	for (size_t p = 0; p < res->nr_peers; p++) {
		if (!res->peers[p].absent[0])
			continue;
		(void)fputs("- ", f);
		text_markdown(f, res->peers[p].name);
		(void)fputs(" is absent: ", f);
		text_markdown(f, res->peers[p].absent);
		(void)fputc('\n', f);
	}
	for (unsigned i = 0; i < sum->nr_notes; i++) {
		(void)fprintf(f, "\n[^%u]: ", i + 1);
		text_markdown(f, res->peers[sum->notes[i].peer].name);
		(void)fputs(": ", f);
		text_markdown(f, sum->notes[i].why);
		(void)fputc('\n', f);
	}
}

int markdown_write(const struct result *res, FILE *f, struct err *err)
{
	AUTO_FREE struct summary *sum = summary_new(res);
	const char *group = NULL;

	if (!sum)
		return err_set(err, ENOMEM, "write the comparison");
	put_head(sum, f);
	for (enum row row = 0; row < NR_ROWS; row++) {
		if (!sum->has[row])
			continue;
		if (!group || strcmp(group, row_info(row)->group) != 0) {
			group = row_info(row)->group;
			put_columns(sum, group, f);
		}
		put_row(sum, row, f);
	}
	if (!group)
		(void)fputs("\nNothing was measured.\n", f);
	put_notes(sum, f);
	return writers_end(f, err);
}
