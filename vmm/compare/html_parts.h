/* SPDX-License-Identifier: Apache-2.0 */
/*
 * html_parts.h - the parts of the page that html.c puts together.  Each writes
 * whole elements; text of the result goes through text_html().
 */
#ifndef VMM_COMPARE_HTML_PARTS_H
#define VMM_COMPARE_HTML_PARTS_H

#include <stdio.h>

#include "vmm/compare/summary.h"

/* The style sheet, between <style> and its end. */
extern const char html_style[];

/* What textbooks say, and what was measured of it. */
void html_claims(const struct summary *sum, FILE *f);

/* Each group with its rows: samples, figures, ratios. */
void html_rows(const struct summary *sum, FILE *f);

/* "90.1 ms", with "<span>" around the unit. */
void html_figure(const struct figure *fig, enum row row, FILE *f);

/* "[87.8, 92.9]" */
void html_interval(const struct figure *fig, FILE *f);

/* "getpid: 1.22x faster, 95% interval of times worse 0.81 to 0.83". */
void html_ratio_words(const struct ratio *ratio, enum row row, char *buf,
		      size_t size);

/* For the words of a ratio: a real difference within 5% does not shout. */
const char *html_ratio_class(const struct ratio *ratio);

#endif
