/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measure_programs.c - the rows that the suite program measures itself, with
 * clocks that it has anyway: CPU, memory access, system calls, disk, training.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/compare/proctree.h"
#include "vmm/compare/runner.h"

#define NS_PER_US 1e3
#define FIXED	  4 /* words of the command before the rows */
/* It prepares files and data besides measuring. */
#define SLACK 20U

/* What is being measured now. */
struct progress_of {
	uint64_t cpu; /* of the tree when it began; 0: not known */
	unsigned values;
	bool ended;
};

static void add_cpu(struct runner *run, size_t peer,
		    const struct instance *inst, uint64_t before, double ops)
{
	uint64_t now = 0;

	if (before && ops > 0 && proctree_cpu(inst->job->warden, &now) == 0 &&
	    now >= before)
		runner_add(run, ROW_BLOCK_RANDOM_READ_CPU, peer,
			   (double)(now - before) / NS_PER_US / ops);
}

/* "ready ROW" follows "begin ROW" when there was something to prepare. */
static bool is_start(const char *text)
{
	return strcmp(text, "begin block.random") == 0 ||
	       strcmp(text, "ready block.random") == 0;
}

static void take_line(struct runner *run, size_t peer,
		      const struct instance *inst, struct progress_of *p,
		      char *text)
{
	if (is_start(text)) {
		(void)proctree_cpu(inst->job->warden, &p->cpu);
		return;
	}
	if (strcmp(text, "end") == 0) {
		p->ended = true;
		return;
	}
	struct said said = runner_take(run, peer, text);
	if (said.row != NR_ROWS && !said.failed)
		p->values++;
	if (said.row != ROW_BLOCK_RANDOM_READ)
		return;
	if (said.failed)
		result_fail(run->res, ROW_BLOCK_RANDOM_READ_CPU, peer, "%s",
			    said.why);
	else
		add_cpu(run, peer, inst, p->cpu, said.ops);
}

static int watch(struct runner *run, size_t peer, struct instance *inst,
		 struct err *err)
{
	struct progress_of p = { 0 };
	char how[JOB_WHY_MAX + 64];
	struct job_line line;
	uint64_t limit = runner_limit(ROWS_MAX * SLACK * run->suite->budget_ms);
	int r = 0;

	while (r == 0 && !p.ended) {
		r = job_expect(inst->job, "", run->stop, limit, &line, err);
		if (r == 0)
			take_line(run, peer, inst, &p, line.text);
	}
	if (r == 0)
		r = jobs_finish(&inst->job, 1, run->stop, limit, err);
	if (r == 0 && instance_status(inst) == 0 && p.values)
		return 0;
	if (r < 0 && r != -EPIPE)
		return r;
	job_say(inst->job, how, sizeof(how));
	return err_say(err, EPIPE, "'/suite run' %s", how);
}

static int measure(struct runner *run, size_t peer, struct err *err)
{
	char suite[] = "/suite", verb[] = "run", time[] = "--time", ms[16];
	char *args[FIXED + ROWS_MAX + 1] = { suite, verb, time, ms };
	const struct peer_job job = {
		.args = args,
		.memory = run->memory,
		.cpus = run->cpus,
	};
	struct instance *inst = NULL;

	(void)snprintf(ms, sizeof(ms), "%u", run->suite->budget_ms);
	for (size_t i = 0; i < ROWS_MAX && run->suite->programs[i]; i++)
		args[FIXED + i] = (char *)(uintptr_t)run->suite->programs[i];
	int r = runner_start(run, peer, &job, NULL, &inst, err);
	if (r < 0)
		return r;
	r = watch(run, peer, inst, err);
	instance_free(inst);
	return r;
}

/* Only those of the suite failed; the others were never asked for. */
static void fail(struct runner *run, size_t peer, const char *why)
{
	for (const char *const *name = run->suite->programs; *name; name++) {
		enum row row = row_find(*name);

		if (row != NR_ROWS)
			result_fail(run->res, row, peer, "%s", why);
		if (row == ROW_BLOCK_RANDOM_READ)
			result_fail(run->res, ROW_BLOCK_RANDOM_READ_CPU, peer,
				    "%s", why);
	}
}

const struct measure measure_programs = {
	.name = "programs",
	.warm = true,
	.run = measure,
	.fail = fail,
};
