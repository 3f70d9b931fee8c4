/* SPDX-License-Identifier: Apache-2.0 */
/* svg.c - strips, ratios and axes; see svg.h. */
#include "vmm/compare/svg.h"

#include <math.h>
#include <stdint.h>

#include "vmm/compare/text.h"

#define STRIP_HEIGHT 30
#define RATIO_HEIGHT 24
#define DOTS_MAX     200 /* more are a grey bar, and megabytes */
#define TICKS_MAX    6
#define FAR	     8 /* times apart: a logarithmic scale */
#define TINY	     1e-100 /* logarithmic scales end here, far from */
#define VAST	     1e100 /* where doubles lose themselves */
#define MARGIN	     3 /* percent at each side */

struct scale svg_scale(double low, double high, bool times)
{
	struct scale s = { low, high, times, times };

	if (times) { /* what is beyond stays at the edge */
		low = fmax(low, TINY);
		high = fmin(high, VAST);
	}
	s.log = times || (low > TINY && high < VAST && high / low > FAR);
	if (s.log) {
		double room = fmax(pow(high / low, 0.04), 1.02);

		s.low = low / room;
		s.high = high * room;
	} else {
		double room = fmax((high - low) * 0.04,
				   fmax(fabs(high) * 0.01, 1e-300));

		s.low = low - room;
		s.high = high + room;
	}
	return s;
}

double svg_at(const struct scale *s, double v)
{
	double part = s->log ? log(v / s->low) / log(s->high / s->low)
			     : (v - s->low) / (s->high - s->low);

	return MARGIN + fmin(fmax(part, 0), 1) * (100 - 2 * MARGIN);
}

/* 1, 2, 5, 10, 20...: the @i-th from 1. */
static double round_number(int i)
{
	static const double digits[] = { 1, 2, 5 };
	int decade = (int)floor(i / 3.0);

	return digits[i - 3 * decade] * pow(10, decade);
}

/* At most TICKS_MAX round numbers of the scale. */
static size_t log_ticks(const struct scale *s, double *ticks)
{
	int first = (int)floor(log10(s->low)) * 3;

	for (int step = 1;; step = step == 1 ? 3 : step + 3) {
		size_t n = 0;
		bool fits = true;
		/* Whatever the step, 1 and the powers of ten are among them. */
		int i = (int)floor((double)first / step) * step;

		for (double v; fits && (v = round_number(i)) < s->high;
		     i += step) {
			if (v <= s->low)
				continue;
			fits = n < TICKS_MAX;
			if (fits)
				ticks[n++] = v;
		}
		if (fits)
			return n;
	}
}

static size_t linear_ticks(const struct scale *s, double *ticks)
{
	int i = (int)floor(log10(s->high - s->low)) * 3 - 6;
	size_t n = 0;

	while ((s->high - s->low) / round_number(i) >= TICKS_MAX - 1)
		i++;

	double step = round_number(i), v = ceil(s->low / step) * step;
	/* Where the step is lost in the number, v would not grow. */
	while (v < s->high && n < TICKS_MAX && v + step > v) {
		ticks[n++] = v;
		v += step;
	}
	return n;
}

static size_t ticks_of(const struct scale *s, double *ticks)
{
	if (!isfinite(s->high - s->low) || !(s->high > s->low))
		return 0;

	size_t n = s->log ? log_ticks(s, ticks) : 0;

	if (n >= 2)
		return n;
	if (s->log && s->high / s->low > 4)
		return n;
	return linear_ticks(s, ticks);
}

static void grid(FILE *f, const struct scale *s, int height)
{
	double ticks[TICKS_MAX];
	size_t n = ticks_of(s, ticks);

	for (size_t i = 0; i < n; i++) {
		double x = svg_at(s, ticks[i]);

		(void)fprintf(f,
			      "<line class=\"grid\" x1=\"%.2f%%\" x2=\"%.2f%%\""
			      " y1=\"0\" y2=\"%d\"/>",
			      x, x, height);
	}
}

static void begin(FILE *f, int height, const char *kind, const char *title)
{
	(void)fprintf(f,
		      "<svg class=\"%s\" width=\"100%%\" height=\"%d\" "
		      "role=\"img\" aria-label=\"",
		      kind, height);
	text_html(f, title);
	(void)fputs("\"><title>", f);
	text_html(f, title);
	(void)fputs("</title>", f);
}

/* Dots of equal samples would hide each other: a height that looks random. */
static double jitter(size_t i)
{
	uint32_t h = (uint32_t)i * 2654435761U;

	return 7 + (h >> 16) % 1000 * (STRIP_HEIGHT - 14) / 1000.0;
}

void svg_strip(FILE *f, const struct scale *scale, const struct samples *s,
	       const struct figure *fig, const char *title)
{
	size_t step = s->n / DOTS_MAX + 1;
	double low = svg_at(scale, fig->low), high = svg_at(scale, fig->high);
	double at = svg_at(scale, fig->value);

	begin(f, STRIP_HEIGHT, "strip", title);
	grid(f, scale, STRIP_HEIGHT);
	for (size_t i = 0; i < s->n; i += step)
		(void)fprintf(f,
			      "<circle cx=\"%.2f%%\" cy=\"%.1f\" r=\"2.6\"/>",
			      svg_at(scale, s->v[i]), jitter(i));
	(void)fprintf(f,
		      "<rect class=\"range\" x=\"%.2f%%\" width=\"%.2f%%\" "
		      "y=\"%d\" height=\"6\" rx=\"3\"/>"
		      "<line class=\"median\" x1=\"%.2f%%\" x2=\"%.2f%%\" "
		      "y1=\"4\" y2=\"%d\"/></svg>",
		      low, high - low, STRIP_HEIGHT / 2 - 3, at, at,
		      STRIP_HEIGHT - 4);
}

static const char *class_of(enum verdict v)
{
	static const char *const classes[] = {
		[VERDICT_NONE] = "none",   [VERDICT_FEW] = "few",
		[VERDICT_SAME] = "same",   [VERDICT_NOISE] = "noise",
		[VERDICT_BETTER] = "good", [VERDICT_WORSE] = "bad",
	};

	return classes[v];
}

/* Around 0,0.  A shape for each verdict: colours are not for everybody. */
static void shape(FILE *f, enum verdict v)
{
	static const char *const paths[] = {
		[VERDICT_NONE] = "",
		[VERDICT_FEW] = "M-4.5 -4.5 4.5 4.5M-4.5 4.5 4.5 -4.5",
		[VERDICT_SAME] = "M-5 -2.5H5M-5 2.5H5",
		[VERDICT_NOISE] = "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0Z",
		[VERDICT_BETTER] = "M-6.5 0 4 -6V6Z",
		[VERDICT_WORSE] = "M6.5 0 -4 -6V6Z",
	};

	(void)fprintf(f, "<path class=\"mark %s\" d=\"%s\"/>", class_of(v),
		      paths[v]);
}

void svg_mark(FILE *f, enum verdict verdict)
{
	(void)fputs("<svg class=\"key\" width=\"18\" height=\"16\" "
		    "viewBox=\"-9 -8 18 16\" aria-hidden=\"true\">",
		    f);
	shape(f, verdict);
	(void)fputs("</svg>", f);
}

void svg_ratio(FILE *f, const struct scale *scale, const struct ratio *ratio,
	       const char *title)
{
	const int middle = RATIO_HEIGHT / 2;
	double one = svg_at(scale, 1);

	begin(f, RATIO_HEIGHT, "ratio", title);
	grid(f, scale, RATIO_HEIGHT);
	(void)fprintf(
		f,
		"<line class=\"one\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"0\" "
		"y2=\"%d\"/>",
		one, one, RATIO_HEIGHT);
	if (ratio->verdict != VERDICT_NONE) {
		double at = svg_at(scale, ratio->value);

		(void)fprintf(
			f,
			"<line class=\"stem %s\" x1=\"%.2f%%\" "
			"x2=\"%.2f%%\" y1=\"%d\" y2=\"%d\"/>"
			"<line class=\"whisker %s\" x1=\"%.2f%%\" "
			"x2=\"%.2f%%\" y1=\"%d\" y2=\"%d\"/>"
			"<svg x=\"%.2f%%\" y=\"%d\" overflow=\"visible\">",
			class_of(ratio->verdict), one, at, middle, middle,
			class_of(ratio->verdict), svg_at(scale, ratio->low),
			svg_at(scale, ratio->high), middle, middle, at, middle);
		shape(f, ratio->verdict);
		(void)fputs("</svg>", f);
	}
	(void)fputs("</svg>", f);
}

void svg_axis(FILE *f, const struct scale *s)
{
	double ticks[TICKS_MAX];
	size_t n = ticks_of(s, ticks);

	(void)fputs("<svg class=\"axis\" width=\"100%\" height=\"18\" "
		    "aria-hidden=\"true\">",
		    f);
	for (size_t i = 0; i < n; i++) {
		double v = ticks[i], x = svg_at(s, v);
		/* Numbers at an end must not leave the picture. */
		const char *anchor = x < 8    ? "start"
				     : x > 92 ? "end"
					      : "middle";

		(void)fprintf(f,
			      "<text x=\"%.2f%%\" y=\"13\" "
			      "text-anchor=\"%s\">",
			      x, anchor);
		if (s->times && s->log && v < 0.999)
			(void)fprintf(f, "1/%.4g", 1 / v);
		else
			(void)fprintf(f, "%.4g%s", v,
				      s->times && fabs(v - 1) > 1e-6 ? "\u00d7"
								     : "");
		(void)fputs("</text>", f);
	}
	(void)fputs("</svg>", f);
}
