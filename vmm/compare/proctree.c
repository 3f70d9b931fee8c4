/* SPDX-License-Identifier: Apache-2.0 */
/* proctree.c - a tree of processes, by /proc. */
#include "vmm/compare/proctree.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/procstat.h"

#define NS_PER_S 1000000000ULL

struct entry {
	pid_t pid, parent;
	bool inside;
};

struct table {
	struct entry *v;
	size_t n, room;
};

static int add(struct table *t, pid_t pid, pid_t parent)
{
	if (t->n == t->room) {
		size_t room = t->room ? 2 * t->room : 256;
		struct entry *v = realloc(t->v, room * sizeof(*v));

		if (!v)
			return -ENOMEM;
		t->v = v;
		t->room = room;
	}
	t->v[t->n++] = (struct entry){ pid, parent, false };
	return 0;
}

static int read_all(struct table *t)
{
	AUTO_DIR DIR *dir = opendir("/proc");
	const struct dirent *d;
	struct procstat p;

	if (!dir)
		return -errno;
	while ((d = readdir(dir)) != NULL) { // NOLINT(concurrency-mt-unsafe)
		pid_t pid = (pid_t)strtol(d->d_name, NULL, 10);

		if (pid > 0 && procstat_read("", pid, &p) == 0 &&
		    add(t, pid, (pid_t)procstat_get(&p, PROCSTAT_PPID)) < 0)
			return -ENOMEM;
	}
	return 0;
}

static bool has_inside(const struct table *t, pid_t pid)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].pid == pid)
			return t->v[i].inside;
	return false;
}

/* Numbers wrap around, so parents need not come before their children. */
static size_t mark(struct table *t, pid_t root)
{
	size_t before, n = 0;

	do {
		before = n;
		for (size_t i = 0; i < t->n; i++) {
			struct entry *e = &t->v[i];

			if (e->inside ||
			    (e->parent != root && !has_inside(t, e->parent)))
				continue;
			e->inside = true;
			n++;
		}
	} while (n != before);
	return n;
}

ssize_t proctree_list(pid_t root, pid_t **ret)
{
	struct table t = { 0 };
	int r = read_all(&t);
	size_t n = r == 0 ? mark(&t, root) : 0;
	pid_t *pids = r == 0 ? calloc(n + 1, sizeof(*pids)) : NULL;

	if (r == 0 && !pids)
		r = -ENOMEM;
	n = 0;
	for (size_t i = 0; r == 0 && i < t.n; i++)
		if (t.v[i].inside)
			pids[n++] = t.v[i].pid;
	free(t.v);
	if (r < 0)
		return r;
	*ret = pids;
	return (ssize_t)n;
}

/*
 * What the process took itself by its CPU clock, which counts nanoseconds and
 * threads that have ended; /proc/PID/stat has hundredths of a second, which is
 * all there is for children that were waited for.
 */
static uint64_t own_cpu(pid_t pid)
{
	struct timespec ts;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 ||
	    clock_gettime(clock, &ts) < 0)
		return 0;
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static uint64_t reaped_cpu(pid_t pid)
{
	struct procstat p;
	uint64_t tick = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);

	if (procstat_read("", pid, &p) < 0)
		return 0;
	return (uint64_t)(procstat_get(&p, PROCSTAT_CUTIME) +
			  procstat_get(&p, PROCSTAT_CSTIME)) *
	       tick;
}

int proctree_cpu(pid_t root, uint64_t *ret)
{
	AUTO_FREE pid_t *pids = NULL;
	ssize_t n = proctree_list(root, &pids);
	uint64_t sum = reaped_cpu(root);

	if (n < 0)
		return (int)n;
	for (ssize_t i = 0; i < n; i++)
		sum += own_cpu(pids[i]) + reaped_cpu(pids[i]);
	*ret = sum;
	return 0;
}

/* One that has ended meanwhile holds nothing. */
static int own_pss(pid_t pid, uint64_t *sum)
{
	char line[128];

	(void)snprintf(line, sizeof(line), "/proc/%d/smaps_rollup", (int)pid);
	AUTO_FCLOSE FILE *f = fopen(line, "re");
	if (!f)
		return errno == EACCES || errno == EPERM ? -EACCES : 0;
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, "Pss:", 4) == 0) {
			*sum += strtoull(line + 4, NULL, 10) << 10;
			return 0;
		}
	return 0;
}

int proctree_pss(pid_t root, uint64_t *ret)
{
	AUTO_FREE pid_t *pids = NULL;
	ssize_t n = proctree_list(root, &pids);
	uint64_t sum = 0;
	int r = n < 0 ? (int)n : 0;

	for (ssize_t i = 0; r == 0 && i < n; i++)
		r = own_pss(pids[i], &sum);
	if (r == 0)
		*ret = sum;
	return r;
}
