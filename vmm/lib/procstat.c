/* SPDX-License-Identifier: Apache-2.0 */
/* procstat.c - /proc/PID/stat. */
#include "vmm/lib/procstat.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/lib/io.h"

/* More than 52 numbers of 64 bits and a name. */
#define LINE_MAX_BYTES 2048

int procstat_read(const char *root, pid_t pid, struct procstat *ret)
{
	char path[PATH_MAX], line[LINE_MAX_BYTES];

	(void)snprintf(path, sizeof(path), "%s/proc/%d/stat", root, (int)pid);
	int r = io_read_line(AT_FDCWD, path, line, sizeof(line));
	if (r < 0)
		return r;

	/* The name, the second field, may have any bytes; the state is next. */
	char *p = strrchr(line, ')');
	if (!p || strlen(p) < strlen(") S 1"))
		return -EPROTO;
	p += strlen(") S");
	for (ret->nr = PROCSTAT_FIRST; ret->nr <= PROCSTAT_MAX; ret->nr++) {
		char *end;

		/* Addresses have 64 bits; nobody asks for them here. */
		ret->field[ret->nr] = strtoll(p, &end, 10);
		if (end == p)
			break;
		p = end;
	}
	return ret->nr > PROCSTAT_FIRST ? 0 : -EPROTO;
}

int64_t procstat_get(const struct procstat *p, enum procstat_field nr)
{
	return nr < p->nr ? p->field[nr] : 0;
}
