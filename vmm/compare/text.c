/* SPDX-License-Identifier: Apache-2.0 */
/* text.c - characters, columns and escapes; see text.h. */
#include "vmm/compare/text.h"

#include <math.h>
#include <string.h>

struct range {
	uint32_t first;
	uint32_t last;
};

/* Wide in every terminal: CJK, Hangul, full width forms, emoji. */
static const struct range wide[] = {
	{ 0x1100, 0x115f },   { 0x231a, 0x231b },   { 0x2e80, 0x303e },
	{ 0x3041, 0x33ff },   { 0x3400, 0x4dbf },   { 0x4e00, 0x9fff },
	{ 0xa000, 0xa4cf },   { 0xa960, 0xa97f },   { 0xac00, 0xd7a3 },
	{ 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },   { 0xff00, 0xff60 },
	{ 0xffe0, 0xffe6 },   { 0x16fe0, 0x18cff }, { 0x1b000, 0x1b2ff },
	{ 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff }, { 0x1f900, 0x1faff },
	{ 0x20000, 0x3fffd },
};

/* Drawn upon the character before them, or not at all. */
static const struct range narrow[] = {
	{ 0x300, 0x36f },   { 0x483, 0x489 },	{ 0x591, 0x5bd },
	{ 0x610, 0x61a },   { 0x64b, 0x65f },	{ 0x1ab0, 0x1aff },
	{ 0x1dc0, 0x1dff }, { 0x200b, 0x200d }, { 0x20d0, 0x20ff },
	{ 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f }, { 0xe0100, 0xe01ef },
};

/* Controls, surrogates, and marks that turn the direction of what follows. */
static const struct range forbidden[] = {
	{ 0x01, 0x1f },	    { 0x7f, 0x9f },	  { 0x61c, 0x61c },
	{ 0x200e, 0x200f }, { 0x2028, 0x202e },	  { 0x2066, 0x2069 },
	{ 0xd800, 0xdfff }, { 0xfeff, 0xfeff },	  { 0xfff0, 0xfffb },
	{ 0xfffe, 0xffff }, { 0xe0000, 0xe007f },
};

#define IN(table, c) in_ranges(table, sizeof(table) / sizeof((table)[0]), c)

static bool in_ranges(const struct range *r, size_t n, uint32_t c)
{
	for (size_t i = 0; i < n; i++) {
		if (c >= r[i].first && c <= r[i].last)
			return true;
	}
	return false;
}

/* RFC 3629: the shortest form only; a bad byte is taken alone. */
static uint32_t decode(const char **s)
{
	const unsigned char *p = (const unsigned char *)*s;
	uint32_t c = p[0];
	unsigned more = c < 0x80   ? 0
			: c < 0xc2 ? 4
			: c < 0xe0 ? 1
			: c < 0xf0 ? 2
			: c < 0xf5 ? 3
				   : 4;
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };

	(*s)++;
	if (more == 0 || more == 4)
		return more ? TEXT_BAD : c;

	c &= 0x3fU >> more;
	for (unsigned i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80) /* the NUL ends here too */
			return TEXT_BAD;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[more] || c > 0x10ffff)
		return TEXT_BAD;
	*s += more;
	return c;
}

uint32_t text_next(const char **s)
{
	if (!**s)
		return 0;

	uint32_t c = decode(s);

	if (c == '\t' || c == '\n' || c == '\r')
		return ' ';
	return IN(forbidden, c) ? TEXT_BAD : c;
}

size_t text_put(uint32_t c, char *buf)
{
	if (c < 0x80) {
		buf[0] = (char)c;
		return 1;
	}

	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = n - 1; i > 0; i--) {
		buf[i] = (char)(0x80 | (c & 0x3f));
		c >>= 6;
	}
	buf[0] = (char)(lead[n] | c);
	return n;
}

void text_clean(const char *s, char *buf, size_t size)
{
	size_t len = 0;
	uint32_t c;

	while ((c = text_next(&s))) {
		char bytes[4];
		size_t n = text_put(c, bytes);

		if (len + n >= size)
			break;
		memcpy(buf + len, bytes, n);
		len += n;
	}
	buf[len] = '\0';
}

static unsigned columns_of(uint32_t c)
{
	return IN(narrow, c) ? 0 : IN(wide, c) ? 2 : 1;
}

unsigned text_columns(const char *s)
{
	unsigned n = 0;
	uint32_t c;

	while ((c = text_next(&s)))
		n += columns_of(c);
	return n;
}

static void put_char(FILE *f, uint32_t c, bool utf8)
{
	char buf[4] = { 0 };

	if (!utf8 && c >= 0x80) {
		(void)fputs(columns_of(c) == 2	 ? "??"
			    : columns_of(c) == 1 ? "?"
						 : "",
			    f);
		return;
	}

	size_t n = text_put(c, buf);
	(void)fwrite(buf, 1, n, f);
}

void text_fit(FILE *f, const char *s, unsigned columns, bool right, bool utf8)
{
	unsigned need = text_columns(s), at = 0;
	bool cut = need > columns;

	if (right && !cut)
		(void)fprintf(f, "%*s", (int)(columns - need), "");
	for (uint32_t c; (c = text_next(&s));) {
		if (cut && at + columns_of(c) + 1 > columns)
			break;
		put_char(f, c, utf8);
		at += columns_of(c);
	}
	if (cut && at < columns) {
		put_char(f, utf8 ? 0x2026 : '~', utf8);
		at++;
	}
	if (!right || cut)
		(void)fprintf(f, "%*s", (int)(columns - at), "");
}

void text_wrap(FILE *f, const char *s, unsigned at, unsigned indent,
	       unsigned width, bool utf8)
{
	bool first = true; /* word of its line */

	while (*s) {
		const char *end = s;
		unsigned word = 0;

		while (*end && *end != ' ')
			word += columns_of(text_next(&end));
		if (!first && at + 1 + word > width) {
			(void)fprintf(f, "\n%*s", (int)indent, "");
			at = indent;
			first = true;
		}
		if (!first) {
			(void)fputc(' ', f);
			at++;
		}
		while (s < end) { /* a word longer than a line is broken */
			uint32_t c = text_next(&s);

			if (at + columns_of(c) > width && at > indent) {
				(void)fprintf(f, "\n%*s", (int)indent, "");
				at = indent;
			}
			put_char(f, c, utf8);
			at += columns_of(c);
		}
		first = false;
		while (*s == ' ')
			s++;
	}
	(void)fputc('\n', f);
}

void text_html(FILE *f, const char *s)
{
	uint32_t c;

	while ((c = text_next(&s))) {
		if (c == '<')
			(void)fputs("&lt;", f);
		else if (c == '>')
			(void)fputs("&gt;", f);
		else if (c == '&')
			(void)fputs("&amp;", f);
		else if (c == '"')
			(void)fputs("&quot;", f);
		else if (c == '\'')
			(void)fputs("&#39;", f);
		else
			put_char(f, c, true);
	}
}

void text_markdown(FILE *f, const char *s)
{
	uint32_t c;

	while ((c = text_next(&s))) {
		/* An entity: a backslash would not save "<" everywhere. */
		if (c == '<')
			(void)fputs("&lt;", f);
		else if (c == '&')
			(void)fputs("&amp;", f);
		else if (c == '@') /* calls nobody */
			(void)fputs("&#64;", f);
		else {
			if (c < 0x80 && strchr("\\`*_{}[]()#+!|~>$", (int)c))
				(void)fputc('\\', f);
			put_char(f, c, true);
		}
	}
}

void text_csv(FILE *f, const char *s)
{
	bool quote = strpbrk(s, "\",\r\n\t;") != NULL;
	uint32_t c;

	if (quote)
		(void)fputc('"', f);
	/* A spreadsheet would take it for a formula. */
	if (*s && strchr("=+-@", *s))
		(void)fputc('\'', f);
	while ((c = text_next(&s))) {
		if (c == '"')
			(void)fputc('"', f);
		put_char(f, c, true);
	}
	if (quote)
		(void)fputc('"', f);
}

const char *text_number(double v, char *buf)
{
	static const struct {
		double least;
		double unit;
		const char *suffix;
	} units[] = {
		{ 999.5e9, 1e12, "T" },
		{ 999.5e6, 1e9, "G" },
		{ 999.5e3, 1e6, "M" },
		{ 99995, 1e3, "k" },
	};
	const char *suffix = "";
	double a = fabs(v);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (a >= units[i].least) {
			v /= units[i].unit;
			a /= units[i].unit;
			suffix = units[i].suffix;
			break;
		}
	}

	int digits = a < 1e-9	   ? 0
		     : a < 0.09995 ? 4
		     : a < 0.9995  ? 3
		     : a < 9.995   ? 2
		     : a < 99.95   ? 1
				   : 0;

	if (a >= 999.5e3 || (a > 0 && a < 0.00095))
		(void)snprintf(buf, TEXT_NUMBER_MAX, "%.1e", v);
	else
		(void)snprintf(buf, TEXT_NUMBER_MAX, "%.*f%s", digits, v,
			       suffix);
	return buf;
}
