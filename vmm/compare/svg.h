/* SPDX-License-Identifier: Apache-2.0 */
/*
 * svg.h - plots within an HTML page: as wide as their place, so everything is
 * at a percentage of the width, and of a fixed height.  Colours are those of
 * the page's classes (html_style.c).
 */
#ifndef VMM_COMPARE_SVG_H
#define VMM_COMPARE_SVG_H

#include <stdbool.h>
#include <stdio.h>

#include "vmm/compare/summary.h"

struct scale {
	double low;
	double high;
	bool log;
	bool times; /* ticks say "2x", and "1/2" below 1 */
};

/*
 * A scale that shows @low to @high with some room; logarithmic when @times, or
 * when they are far apart and above 0.
 */
struct scale svg_scale(double low, double high, bool times);

/* Percent from the left. */
double svg_at(const struct scale *scale, double v);

/* A strip of the samples with median and interval; @title says it in words. */
void svg_strip(FILE *f, const struct scale *scale, const struct samples *s,
	       const struct figure *fig, const char *title);

/* A mark of the verdict's shape and the interval, upon the line of 1. */
void svg_ratio(FILE *f, const struct scale *scale, const struct ratio *ratio,
	       const char *title);

/* The ticks with their numbers; hidden from screen readers. */
void svg_axis(FILE *f, const struct scale *scale);

/* The mark of a verdict alone, for legends. */
void svg_mark(FILE *f, enum verdict verdict);

#endif
