/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_net.c - linked into belljar-net: says more lines of log than a guest can
 * cause, with the VM's name and without, before anything else happens.
 */
#include <stdio.h>
#include <string.h>

#define LINES 40

static __attribute__((constructor)) void talk(int argc, char **argv)
{
	const char *id = "";

	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], "--id=", 5) == 0)
			id = argv[i] + 5;
	(void)fprintf(stderr, "%s: warn: one \33[31m\n", id);
	(void)fprintf(stderr, "warn: of somebody else\n");
	for (int i = 1; i <= LINES; i++)
		(void)fprintf(stderr, "%s: warn: line %d\n", id, i);
}
