/* SPDX-License-Identifier: Apache-2.0 */
/*
 * render FILE FORMAT [WIDTH ascii|utf8|colour] - a result's JSON in, a format
 * out; with a width, the table as a terminal of that kind would show it.
 * `render A agree B` says whether two results agree.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/compare/writers.h"
#include "vmm/lib/auto.h"

static int agree(const struct result *a, const char *path, struct err *err)
{
	AUTO_RESULT struct result *b = result_new();
	struct agreement *sum = calloc(1, sizeof(*sum));
	int r = b && sum ? result_read(path, b, err) : -1;

	if (r == 0 && (r = stats_agree(a, b, sum)) == 0) {
		for (size_t p = 0; p < a->nr_peers; p++) {
			for (enum row row = 0; row < NR_ROWS; row++)
				if (sum->overlap[row][p])
					printf("agree %s %s\n",
					       row_info(row)->name,
					       a->peers[p].name);
		}
		printf("agree: %u of %u, %u open\n", sum->agree, sum->rows,
		       sum->open);
	}
	free(sum);
	return r;
}

static int render(const struct result *res, int argc, char **argv,
		  struct err *err)
{
	if (argc == 5) {
		struct table_style style = {
			.width = (unsigned)strtoul(argv[3], NULL, 10),
			.utf8 = strcmp(argv[4], "ascii") != 0,
			.colour = strcmp(argv[4], "colour") == 0,
		};

		return table_write(res, &style, stdout, err);
	}
	if (argc == 4 && strcmp(argv[2], "agree") == 0)
		return agree(res, argv[3], err);
	return writers_render(res, writers_format(argv[2]), stdout, err);
}

int main(int argc, char **argv)
{
	struct err err = { 0 };

	if (argc < 3) {
		fprintf(stderr,
			"usage: render FILE FORMAT [WIDTH ascii|utf8|colour]\n"
			"       render FILE agree FILE\n");
		return 2;
	}

	AUTO_RESULT struct result *res = result_new();
	int r = res ? result_read(argv[1], res, &err) : -1;

	if (r == 0)
		r = render(res, argc, argv, &err);
	if (r)
		fprintf(stderr, "render: %s\n", err.msg);
	return r ? 1 : 0;
}
