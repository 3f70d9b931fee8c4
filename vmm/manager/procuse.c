/* SPDX-License-Identifier: Apache-2.0 */
/* procuse.c - /proc/PID/stat. */
#include "vmm/manager/procuse.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/lib/io.h"

#define USEC 1000000

int procuse_add(const char *root, pid_t pid, struct procuse *sum)
{
	char path[PATH_MAX], line[1024];
	uint64_t user, system, resident;
	int64_t threads;

	(void)snprintf(path, sizeof(path), "%s/proc/%d/stat", root, (int)pid);
	int r = io_read_line(AT_FDCWD, path, line, sizeof(line));
	if (r < 0)
		return r;
	/* The name, the second field, may hold blanks and brackets. */
	const char *p = strrchr(line, ')');
	/* NOLINTNEXTLINE(cert-err34-c): the kernel's numbers, and counted */
	if (!p || sscanf(p + 1,
			 " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64
			 " %" SCNu64 " %*d %*d %*d %*d %" SCNd64
			 " %*d %*u %*u %" SCNu64,
			 &user, &system, &threads, &resident) != 4)
		return -EPROTO;
	sum->cpu_usec += (int64_t)((user + system) * USEC /
				   (uint64_t)sysconf(_SC_CLK_TCK));
	sum->memory += (int64_t)(resident * (uint64_t)sysconf(_SC_PAGESIZE));
	sum->threads += threads;
	return 0;
}
