/* SPDX-License-Identifier: Apache-2.0 */
/* summary.c - figures, ratios and footnotes of a result; see summary.h. */
#include "vmm/compare/summary.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/compare/text.h"

/* A ratio wants what people use today: a container, else no box at all. */
static int find_reference(const struct result *res)
{
	static const char *const order[] = { "runc", "crun", "bare" };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		int p = result_peer(res, order[i]);

		if (p >= 0 && !res->peers[p].absent[0])
			return p;
	}
	for (size_t p = 0; p < res->nr_peers; p++) {
		if (!res->peers[p].absent[0])
			return (int)p;
	}
	return -1;
}

static int find_mine(const struct summary *sum)
{
	int p = result_peer(sum->res, "belljar");

	if (p >= 0 && p != sum->ref && !sum->res->peers[p].absent[0])
		return p;
	for (size_t i = 0; i < sum->nr_shown; i++) {
		if ((int)sum->shown[i] != sum->ref)
			return (int)sum->shown[i];
	}
	return -1;
}

/* The same reason of the same peer has one number, however many rows. */
static unsigned note_of(struct summary *sum, enum row row, size_t peer,
			const char *why)
{
	for (unsigned i = 0; i < sum->nr_notes; i++) {
		struct note *n = &sum->notes[i];

		if (n->peer == peer && strcmp(n->why, why) == 0) {
			n->rows++;
			return i + 1;
		}
	}
	if (sum->nr_notes == SUMMARY_NOTES_MAX) /* more than rows * peers */
		return 0;
	sum->notes[sum->nr_notes] = (struct note){ peer, row, 1, why };
	return ++sum->nr_notes;
}

static int fill(struct summary *sum, enum row row, size_t peer)
{
	const struct row_info *info = row_info(row);
	const struct samples *s = &sum->res->samples[info->of][peer];
	struct cell *cell = &sum->cells[row][peer];

	if (s->failed[0])
		cell->note = note_of(sum, row, peer, s->failed);
	if (s->n == 0)
		return 0;
	cell->measured = true;

	int r = stats_figure(s->v, s->n, info->percentile, &cell->figure);
	if (r || sum->ref < 0 || (size_t)sum->ref == peer)
		return r;
	return stats_ratio(s, &sum->res->samples[info->of][sum->ref], info,
			   &cell->ratio);
}

struct summary *summary_new(const struct result *res)
{
	struct summary *sum = calloc(1, sizeof(*sum));

	if (!sum)
		return NULL;
	sum->res = res;
	sum->ref = find_reference(res);
	for (size_t p = 0; p < res->nr_peers; p++) {
		if (!res->peers[p].absent[0])
			sum->shown[sum->nr_shown++] = p;
	}
	sum->mine = find_mine(sum);
	for (enum row row = 0; row < NR_ROWS; row++) {
		sum->has[row] = result_has(res, row);
		for (size_t i = 0; sum->has[row] && i < sum->nr_shown; i++) {
			if (fill(sum, row, sum->shown[i])) {
				free(sum);
				return NULL;
			}
		}
	}
	return sum;
}

const char *summary_empty(const struct summary *sum, enum row row)
{
	const char *own = sum->res->empty[row];
	const char *why = own[0] ? own : sum->res->empty[row_info(row)->of];

	return why[0] ? why : NULL;
}

unsigned summary_count(const struct summary *sum, enum verdict v)
{
	unsigned n = 0;

	for (enum row row = 0; sum->mine >= 0 && row < NR_ROWS; row++) {
		const struct cell *cell = &sum->cells[row][sum->mine];

		n += cell->measured && cell->ratio.verdict == v;
	}
	return n;
}

static bool is_amount(enum row row)
{
	return row == ROW_JOB_CPU || row == ROW_JOB_MEMORY ||
	       row == ROW_MEMORY_FIRST || row == ROW_MEMORY_MORE ||
	       row == ROW_MEMORY_BACK || row == ROW_BLOCK_RANDOM_READ_CPU ||
	       row == ROW_ISOLATION_CALLS;
}

const char *summary_word(enum row row, bool worse)
{
	if (is_amount(row)) /* of which less may be worse */
		return worse == !row_info(row)->higher ? "more" : "less";
	return worse ? "slower" : "faster";
}

const char *summary_times(double factor, char *buf)
{
	if (factor < 9.995)
		(void)snprintf(buf, TEXT_NUMBER_MAX, "%.2f", factor);
	else
		(void)text_number(factor, buf);
	return buf;
}

const char *summary_ratio(const struct ratio *ratio, enum row row, char *buf)
{
	bool worse = ratio->value > 1;
	char times[TEXT_NUMBER_MAX];

	if (ratio->verdict == VERDICT_NONE)
		return memcpy(buf, "-", sizeof("-"));
	if (ratio->verdict == VERDICT_SAME)
		return memcpy(buf, "same", sizeof("same"));

	summary_times(worse ? ratio->value : 1 / ratio->value, times);
	(void)snprintf(
		buf, SUMMARY_RATIO_MAX, "%sx%s %s", times,
		ratio->verdict == VERDICT_NOISE || ratio->verdict == VERDICT_FEW
			? ","
			: "",
		ratio->verdict == VERDICT_NOISE ? "noise"
		: ratio->verdict == VERDICT_FEW ? "few"
						: summary_word(row, worse));
	return buf;
}

double summary_spread(const struct figure *figure)
{
	if (figure->open || figure->value == 0)
		return -1;
	return fabs((figure->high - figure->low) / 2 / figure->value) * 100;
}

void summary_title(enum row row, char *buf, size_t size)
{
	const struct row_info *info = row_info(row);

	if (info->of == row)
		(void)snprintf(buf, size, "%s", info->title);
	else
		(void)snprintf(buf, size, "%s, p%u", row_info(info->of)->title,
			       info->percentile);
}
