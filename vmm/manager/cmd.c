/* SPDX-License-Identifier: Apache-2.0 */
/* cmd.c - how a verb says that it failed. */
#include "vmm/manager/cmd.h"

#include <stdio.h>

int cmd_fail(const struct err *err)
{
	(void)fprintf(stderr, "belljar: %s\n", err->msg);
	return EXIT_BELLJAR;
}
