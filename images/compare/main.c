/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the table of measurements, and the verbs. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/compare/process.h"
#include "images/compare/suite.h"
#include "vmm/lib/io.h"

#define TIME_MAX_MS  3600000UL
#define PEAK_MAX     (1024UL * 1024) /* MiB */
#define STATUS_USAGE 2

/* In the order of vmm/compare/rows.h, and by its names and units. */
static const struct measure {
	const char *name;
	measure_fn *fn;
} measures[] = {
	{ "cpu.integer", cpu_integer },
	{ "cpu.float", cpu_float },
	{ "cpu.matrix", cpu_matrix },
	{ "ram.copy", ram_copy },
	{ "ram.random", ram_random },
	{ "sys.getpid", calls_getpid },
	{ "sys.pipe", process_pipe },
	{ "sys.forkexec", process_fork_exec },
	{ "sys.fault", calls_fault },
	{ "sys.mmap", calls_mmap },
	{ "block.random", block_random },
	{ "block.read", block_read },
	{ "block.write", block_write },
	{ "block.fsync", block_fsync },
	{ "train.step", train_step },
	{ "train.loader", loader_run },
	{ "train.checkpoint", checkpoint_run },
};

#define NR_MEASURES (sizeof(measures) / sizeof(measures[0]))

int suite_line(const char *fmt, ...)
{
	char line[KIB];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -EINVAL;

	size_t len = strlen(line);
	/* A line stays one, whatever names are in it. */
	for (char *p = line; *p; p++)
		if (*p == '\n' || *p == '\r')
			*p = '?';
	line[len++] = '\n';
	return io_write_full(STDOUT_FILENO, line, len);
}

int suite_fail(const struct err *err)
{
	(void)fprintf(stderr, "suite: %s\n", err->msg);
	return EXIT_FAILURE;
}

static int usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static int usage(const char *fmt, ...)
{
	va_list ap;

	(void)fputs("suite: ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputs("; usage: suite first | idle | peak MIB | run [--time MS] "
		    "[--dir DIR] ROW...|all | serve PORT | calls\n",
		    stderr);
	return STATUS_USAGE;
}

/* A whole number from 1 to @max, else 0. */
static unsigned long number(const char *text, unsigned long max)
{
	char *end;

	if (!text || text[0] < '0' || text[0] > '9')
		return 0;
	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	return errno || *end || value > max ? 0 : value;
}

static const struct measure *measure_find(const char *name)
{
	for (size_t i = 0; i < NR_MEASURES; i++)
		if (strcmp(measures[i].name, name) == 0)
			return &measures[i];
	return NULL;
}

int suite_ready(const struct plan *plan, struct err *err)
{
	int r = suite_line("ready %s", plan->row);

	return r < 0 ? err_set(err, -r, "write to standard output") : 0;
}

/* Measure, and print what came out.  0 or -errno of the printing. */
static int measure_say(const struct measure *m, const struct plan *how)
{
	struct plan plan = *how;
	struct figure f = { 0 };
	struct err err = { 0 };

	plan.row = m->name;
	if (m->fn(&plan, &f, &err) < 0)
		return suite_line("failed %s %s", m->name, err.msg);
	if (!isfinite(f.number) || f.number <= 0)
		return suite_line("failed %s measured %g, which is no figure",
				  m->name, f.number);
	return suite_line("value %s %.9g %llu", m->name, f.number,
			  (unsigned long long)f.ops);
}

/*
 * Each in a process of its own: one that is killed, for its memory say, fails
 * alone, and none finds what another left behind.
 */
static int measure_run(const struct measure *m, const struct plan *plan)
{
	struct err err = { 0 };
	int r = suite_line("begin %s", m->name);
	if (r < 0)
		return r;

	pid_t pid = fork();
	if (pid == 0)
		_exit(measure_say(m, plan) < 0 ? EXIT_FAILURE : 0);
	if (pid < 0)
		(void)err_set(&err, errno, "start a process");
	else if (process_wait(pid, "the measurement", &err) == 0)
		return 0;
	return suite_line("failed %s %s", m->name, err.msg);
}

/* @names is NULL-terminated and checked; none for all. */
static int run_rows(const struct plan *plan, char **names)
{
	int r = 0;

	for (size_t i = 0; r == 0 && !names && i < NR_MEASURES; i++)
		r = measure_run(&measures[i], plan);
	for (; r == 0 && names && *names; names++)
		r = measure_run(measure_find(*names), plan);
	if (r == 0)
		r = suite_line("end");
	if (r == 0)
		return 0;

	struct err err = { 0 };
	(void)err_set(&err, -r, "write to standard output");
	return suite_fail(&err);
}

static int run(const char *self, char **args)
{
	struct plan plan = { .budget = 1000000000,
			     .dir = "/tmp",
			     .self = self };

	for (; args[0] && strncmp(args[0], "--", 2) == 0; args += 2) {
		unsigned long ms = number(args[1], TIME_MAX_MS);

		if (strcmp(args[0], "--time") == 0 && ms)
			plan.budget = (int64_t)ms * 1000000;
		else if (strcmp(args[0], "--time") == 0)
			return usage("--time wants milliseconds from 1 to %lu",
				     TIME_MAX_MS);
		else if (strcmp(args[0], "--dir") != 0)
			return usage("unknown option '%s'", args[0]);
		else if (!args[1] || !args[1][0])
			return usage("--dir wants a directory");
		else
			plan.dir = args[1];
	}
	if (!args[0])
		return usage("run wants the names of rows, or all");

	bool all = strcmp(args[0], "all") == 0;
	if (all && args[1])
		return usage("'all' stands alone");
	for (char **name = args; !all && *name; name++)
		if (!measure_find(*name))
			return usage("there is no row '%s' to measure here",
				     *name);

	/* The rows that need it will say so when it can't be made. */
	bool made = access(plan.dir, F_OK) < 0 &&
		    io_mkdirs(plan.dir, 0700, NULL) == 0;
	int status = run_rows(&plan, all ? NULL : args);
	if (made)
		(void)rmdir(plan.dir);
	return status;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	/* Before all else: this one is timed. */
	if (strcmp(verb, "first") == 0 && argc == 2)
		return io_write_full(STDOUT_FILENO, "first\n", 6) < 0;
	if (strcmp(verb, SUITE_NOTHING) == 0)
		return 0;

	/* A closed pipe and a limit of size are errors of a call. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	const char *self =
		argc > 0 && strchr(argv[0], '/') ? argv[0] : "/proc/self/exe";

	if (strcmp(verb, "run") == 0)
		return run(self, argv + 2);
	if (strcmp(verb, "idle") == 0 && argc == 2)
		return peak_idle();
	if (strcmp(verb, "calls") == 0 && argc == 2)
		return mix_run("/tmp", self);
	if (strcmp(verb, "peak") == 0) {
		unsigned long mib = argc == 3 ? number(argv[2], PEAK_MAX) : 0;

		return mib ? peak_run(mib * MIB)
			   : usage("peak wants MiB from 1 to %lu", PEAK_MAX);
	}
	if (strcmp(verb, "serve") == 0) {
		unsigned long port = argc == 3 ? number(argv[2], 65535) : 0;

		return port ? net_serve((uint16_t)port)
			    : usage("serve wants a port from 1 to 65535");
	}
	return usage(argc > 1 ? "unknown verb, or too many words: '%s'"
			      : "a verb is missing%s",
		     verb);
}
