/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - strangers' text (image names, commands, reasons) and numbers, made
 * fit for a terminal, a CSV file, markdown or HTML.
 */
#ifndef VMM_COMPARE_TEXT_H
#define VMM_COMPARE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TEXT_NUMBER_MAX 16
#define TEXT_BAD	0xfffd /* stands for what is no character */

/*
 * The character at *@s, which moves behind it; TEXT_BAD for bytes that are no
 * UTF-8, control characters and those that turn the direction of writing (a
 * terminal would obey them).  0 at the end, where *@s stays.
 */
uint32_t text_next(const char **s);

/* Append @c as UTF-8.  Bytes written to @buf (of 4), no NUL. */
size_t text_put(uint32_t c, char *buf);

/* Copy with text_next(), cutting whole characters at @size. */
void text_clean(const char *s, char *buf, size_t size);

/* Columns of a terminal: 2 for East Asian wide characters, 0 for accents. */
unsigned text_columns(const char *s);

/*
 * Print @s in exactly @columns: cut with "~" (or an ellipsis when @utf8) or
 * filled with blanks, at the left when @right.  Without @utf8, characters
 * beyond ASCII become "?".
 */
void text_fit(FILE *f, const char *s, unsigned columns, bool right, bool utf8);

/*
 * Print @s with line breaks at blanks, so that no line is longer than @width.
 * The first line goes on at column @at, the others begin at @indent.  Ends
 * with a line feed.
 */
void text_wrap(FILE *f, const char *s, unsigned at, unsigned indent,
	       unsigned width, bool utf8);

/* As text within an HTML or SVG element, or an attribute in quotes. */
void text_html(FILE *f, const char *s);

/* As text in a cell of a markdown table. */
void text_markdown(FILE *f, const char *s);

/* As a field of CSV (RFC 4180), quoted when it has to be. */
void text_csv(FILE *f, const char *s);

/*
 * Three digits that count, at most 6 columns for what is measured here: 0.123,
 * 1.23, 12.3, 123, 1234, 123k, 1.23M.  @buf holds TEXT_NUMBER_MAX.
 */
const char *text_number(double v, char *buf);

#endif
