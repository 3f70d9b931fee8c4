/* SPDX-License-Identifier: Apache-2.0 */
/* procuse.c - what processes take. */
#include "vmm/manager/procuse.h"

#include <errno.h>
#include <unistd.h>

#include "vmm/lib/procstat.h"

#define USEC 1000000

int procuse_add(const char *root, pid_t pid, struct procuse *sum)
{
	struct procstat p;
	int r = procstat_read(root, pid, &p);

	if (r < 0)
		return r;
	if (p.nr <= PROCSTAT_RSS)
		return -EPROTO;
	sum->cpu_usec += (procstat_get(&p, PROCSTAT_UTIME) +
			  procstat_get(&p, PROCSTAT_STIME)) *
			 USEC / sysconf(_SC_CLK_TCK);
	sum->memory += procstat_get(&p, PROCSTAT_RSS) * sysconf(_SC_PAGESIZE);
	sum->threads += procstat_get(&p, PROCSTAT_THREADS);
	return 0;
}
