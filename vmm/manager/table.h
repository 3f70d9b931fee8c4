/* SPDX-License-Identifier: Apache-2.0 */
/* table.h - rows of words on stdout, each column as wide as its widest. */
#ifndef VMM_MANAGER_TABLE_H
#define VMM_MANAGER_TABLE_H

#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS 16 /* at most */

/*
 * Print @rows rows of @columns texts, the headings first.  @cells has them row
 * by row, each with its NUL in @size bytes.
 */
void table_print(const char *cells, size_t rows, size_t columns, size_t size);
/* The same to another stream. */
void table_put(const char *cells, size_t rows, size_t columns, size_t size,
	       FILE *to);

#endif
