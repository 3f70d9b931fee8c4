/* SPDX-License-Identifier: Apache-2.0 */
/* table.c - what `images` and `gpu ls` print. */
#include "vmm/manager/table.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void table_put(const char *cells, size_t rows, size_t columns, size_t size,
	       FILE *to)
{
	int width[TABLE_COLUMNS] = { 0 };

	assert(columns <= TABLE_COLUMNS);
	for (size_t i = 0; i < rows * columns; i++) {
		int len = (int)strlen(cells + i * size);

		if (len > width[i % columns])
			width[i % columns] = len;
	}
	for (size_t i = 0; i < rows * columns; i++) {
		bool last = i % columns == columns - 1;

		(void)fprintf(to, "%-*s%s", last ? 0 : width[i % columns],
			      cells + i * size, last ? "\n" : "   ");
	}
}

void table_print(const char *cells, size_t rows, size_t columns, size_t size)
{
	table_put(cells, rows, columns, size, stdout);
}
