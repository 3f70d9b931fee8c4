/* SPDX-License-Identifier: Apache-2.0 */
/*
 * summary.h - a result as all writers show it: for each row and peer a figure,
 * its ratio to the reference, and why something is missing.
 */
#ifndef VMM_COMPARE_SUMMARY_H
#define VMM_COMPARE_SUMMARY_H

#include "vmm/compare/stats.h"

#define SUMMARY_NOTES_MAX 400
#define SUMMARY_RATIO_MAX 40

struct cell {
	bool measured; /* figure is filled */
	struct figure figure;
	struct ratio ratio; /* VERDICT_NONE for the reference itself */
	unsigned note; /* why it failed, or went no further; 0: it did not */
};

struct note {
	size_t peer;
	enum row row; /* the first with this reason */
	unsigned rows; /* with it */
	const char *why; /* of the result */
};

struct summary {
	const struct result *res;
	int ref; /* peer that the others are measured against, -1: none */
	int mine; /* belljar, else the first that is not ref; -1: none */
	size_t shown[RESULT_PEERS_MAX]; /* peers that took part */
	size_t nr_shown;
	bool has[NR_ROWS];
	struct cell cells[NR_ROWS][RESULT_PEERS_MAX];
	struct note notes[SUMMARY_NOTES_MAX]; /* number - 1 */
	unsigned nr_notes;
};

/* The caller frees it, before @res; NULL when memory has run out. */
struct summary *summary_new(const struct result *res);

/* The reason there are no figures in the whole of @row, NULL: there are. */
const char *summary_empty(const struct summary *sum, enum row row);

/* Rows with verdict @v of peer @mine. */
unsigned summary_count(const struct summary *sum, enum verdict v);

/*
 * "1.20x slower", "1.05x less", "same", "1.02x, noise", "1.3x, too few"; "-"
 * where there is no ratio.  @buf holds SUMMARY_RATIO_MAX.
 */
const char *summary_ratio(const struct ratio *ratio, enum row row, char *buf);

/* "slower" or "faster", "more" or "less": what a ratio above or below 1 is. */
const char *summary_word(enum row row, bool worse);

/* "12.3", with 3 digits, "12" beyond 10: a factor, always at least 1. */
const char *summary_times(double factor, char *buf);

/* Half the interval in percent of the value; negative: open or of zero. */
double summary_spread(const struct figure *figure);

/* "create to first instruction, p90": a title that stands alone. */
void summary_title(enum row row, char *buf, size_t size);

#endif
