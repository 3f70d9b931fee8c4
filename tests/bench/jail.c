/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jail.c [ROUNDS] - what the jail adds to the start of a companion: a process
 * that is forked and ends, beside one that is born into the jail, encloses
 * itself, puts a filter on and ends.  Interleaved; medians and quartiles in
 * microseconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vmm/jail/jail.h"

#define ROUNDS_MAX 10000

static double now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Until the child says that it would now go on. */
static double wait_for(int fd, double begin)
{
	char c;

	if (read(fd, &c, 1) != 1) {
		(void)fprintf(stderr, "the child did not come so far\n");
		exit(1);
	}
	return now_us() - begin;
}

static double plain(void)
{
	int p[2];
	double begin = now_us();

	if (pipe(p) < 0)
		exit(1);
	pid_t pid = fork();
	if (pid == 0) {
		(void)!write(p[1], "", 1);
		_exit(0);
	}
	(void)close(p[1]);
	double us = wait_for(p[0], begin);
	(void)close(p[0]);
	(void)waitpid(pid, NULL, 0);
	return us;
}

static double jailed(void)
{
	struct jail_birth b = { .cgroup = -1 };
	struct jail_ids ids;
	struct err err = { 0 };
	int pidfd;
	int p[2];
	double begin = now_us();

	if (pipe(p) < 0)
		exit(1);
	jail_ids_take(&ids);
	b.uid = ids.first;
	pid_t pid = jail_fork(&b, &pidfd, &err);
	if (pid == 0) {
		struct jail_walls w = { .asked = { JAIL_AUTO, true, b.uid } };

		if (jail_enclose(&w, &err) < 0 ||
		    jail_filter(JAIL_MAIN, &err) < 0)
			_exit(1);
		(void)!write(p[1], "", 1);
		_exit(0);
	}
	if (pid < 0)
		exit(1);
	(void)close(p[1]);
	double us = wait_for(p[0], begin);
	(void)close(p[0]);
	(void)close(pidfd);
	(void)waitpid(pid, NULL, 0);
	jail_ids_done(&ids);
	return us;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print(const char *name, double *us, size_t n)
{
	qsort(us, n, sizeof(*us), compare);
	printf("%-8s %8.0f us (%.0f to %.0f)\n", name, us[n / 2], us[n / 4],
	       us[n * 3 / 4]);
}

int main(int argc, char **argv)
{
	static double fork_us[ROUNDS_MAX];
	static double jail_us[ROUNDS_MAX];
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 200;

	if (n == 0 || n > ROUNDS_MAX)
		n = 200;
	for (size_t i = 0; i < n; i++) {
		fork_us[i] = plain();
		jail_us[i] = jailed();
	}
	print("plain", fork_us, n);
	print("jailed", jail_us, n);
	return 0;
}
