/* SPDX-License-Identifier: Apache-2.0 */
/*
 * procstat.h - the numbers of /proc/PID/stat, by the numbers that proc(5) gives
 * its fields.
 */
#ifndef VMM_LIB_PROCSTAT_H
#define VMM_LIB_PROCSTAT_H

#include <stdint.h>
#include <sys/types.h>

enum procstat_field {
	PROCSTAT_PPID = 4,
	PROCSTAT_UTIME = 14, /* clock ticks, as the next three */
	PROCSTAT_STIME = 15,
	PROCSTAT_CUTIME = 16, /* of children that were waited for */
	PROCSTAT_CSTIME = 17,
	PROCSTAT_THREADS = 20,
	PROCSTAT_VSIZE = 23, /* bytes; 0 once it has no memory any more */
	PROCSTAT_RSS = 24, /* pages */
	PROCSTAT_EXIT_CODE = 52, /* as waitpid(2) has it */
};

#define PROCSTAT_FIRST 4
#define PROCSTAT_MAX   52

struct procstat {
	unsigned nr; /* fields are known below this one */
	int64_t field[PROCSTAT_MAX + 1];
};

/*
 * Read those of process @pid, of the host below @root ("": this one).  0, or
 * -errno: it is gone, or the file is none that proc(5) describes (-EPROTO).
 */
int procstat_read(const char *root, pid_t pid, struct procstat *ret);

/* Field @nr; 0 when the kernel did not tell it. */
int64_t procstat_get(const struct procstat *p, enum procstat_field nr);

#endif
