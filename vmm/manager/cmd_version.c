/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_version.c - `belljar version`: what is running here. */
#include <stdio.h>

#include "vmm/manager/cli.h"
#include "vmm/manager/cmd.h"

int cmd_version(struct manager *mgr, int argc, char **argv)
{
	const struct argp argp = { .options = (struct argp_option[]){ { 0 } },
				   .doc = "Print versions." };
	struct err err;

	(void)mgr;
	int r = cli_parse(&argp, "belljar version", argc, argv, NULL, &err);
	if (r != 0)
		return r < 0 ? cmd_fail(&err) : 0;
	(void)printf("belljar %s\n", BELLJAR_VERSION);
	return 0;
}
