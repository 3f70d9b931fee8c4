/* SPDX-License-Identifier: Apache-2.0 */
/*
 * populate MIB PAGE_KIB THREADS - make that RAM, populate it, and print the
 * nanoseconds that took and the threads there were; see populate.py.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "vmm/core/gmem.h"

int main(int argc, char **argv)
{
	struct gmem gm;
	struct gmem_report report;
	struct err err = { 0 };

	if (argc != 4)
		return 2;
	const struct gmem_config cfg = {
		.size = strtoull(argv[1], NULL, 10) << 20,
		.page = strtoull(argv[2], NULL, 10) << 10,
		.threads = (unsigned)strtoul(argv[3], NULL, 10),
	};
	int r = gmem_init(&gm, &cfg, &err);
	if (r == 0)
		r = gmem_populate(&gm, &report, &err);
	if (r < 0) {
		(void)fprintf(stderr, "populate: %s\n", err.msg);
		return 1;
	}
	(void)printf("%" PRIu64 " %u\n", report.ns, report.threads);
	gmem_done(&gm);
	return 0;
}
