/* SPDX-License-Identifier: Apache-2.0 */
/* host.c - what this machine has. */
#include "vmm/manager/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/lib/auto.h"

uint64_t host_meminfo(const char *key)
{
	AUTO_FCLOSE FILE *f = fopen("/proc/meminfo", "re");
	char line[128];
	size_t len = strlen(key);

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, key, len) == 0 && line[len] == ':')
			return strtoull(line + len + 1, NULL, 10) << 10;
	return 0;
}
