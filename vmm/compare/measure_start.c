/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measure_start.c - how long until the first instruction of a program, and
 * until all is over again: one at a time, and many at once.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/compare/runner.h"

#define MANY_MAX   8U
#define NS_PER_MS  1e6
#define NS_PER_SEC 1e9

static char word_suite[] = "/suite", word_first[] = "first";
static char *const first_args[] = { word_suite, word_first, NULL };

/* Its line came and it ended well; else why not. */
static int check(struct instance *inst, struct job_line *line, struct err *err)
{
	char how[JOB_WHY_MAX + 64];
	int status = instance_status(inst);

	while (job_line(inst->job, line))
		if (strcmp(line->text, "first") == 0 && status == 0)
			return 0;
	job_say(inst->job, how, sizeof(how));
	return err_say(err, EPIPE, "'/suite first' %s", how);
}

static int one(struct runner *run, size_t peer, const struct peer_job *job,
	       struct err *err)
{
	struct instance *inst = NULL;
	struct job_line line;
	int r = runner_start(run, peer, job, NULL, &inst, err);

	if (r < 0)
		return r;
	r = jobs_finish(&inst->job, 1, run->stop, runner_limit(0), err);
	if (r == 0)
		r = check(inst, &line, err);
	if (r == 0) {
		uint64_t begin = inst->job->begin;

		runner_add(run, ROW_START_FIRST, peer,
			   (double)(line.ns - begin) / NS_PER_MS);
		runner_add(run, ROW_START_EXIT, peer,
			   (double)(inst->job->exit - begin) / NS_PER_MS);
	}
	instance_free(inst);
	return r;
}

static int add_many(struct runner *run, size_t peer, struct instance **inst,
		    unsigned n, struct err *err)
{
	uint64_t begin = 0, last = 0;
	double ms[MANY_MAX];

	for (unsigned i = 0; i < n; i++) {
		struct job_line line;
		int r = check(inst[i], &line, err);

		if (r < 0)
			return r;
		if (i == 0)
			begin = inst[i]->job->begin;
		ms[i] = (double)(line.ns - inst[i]->job->begin) / NS_PER_MS;
		if (inst[i]->job->exit > last)
			last = inst[i]->job->exit;
	}
	for (unsigned i = 0; i < n; i++)
		runner_add(run, ROW_START_MANY, peer, ms[i]);
	runner_add(run, ROW_START_RATE, peer,
		   n * NS_PER_SEC / (double)(last - begin));
	return 0;
}

static int many(struct runner *run, size_t peer, const struct peer_job *job,
		struct err *err)
{
	unsigned want = 2 * run->cpus < MANY_MAX ? 2 * run->cpus : MANY_MAX;
	struct instance *inst[MANY_MAX] = { NULL };
	struct job *jobs[MANY_MAX];
	unsigned n = 0;
	int r = 0;

	while (r == 0 && n < want) {
		r = runner_start(run, peer, job, NULL, &inst[n], err);
		if (r == 0) {
			jobs[n] = inst[n]->job;
			n++;
		}
	}
	if (r == 0)
		r = jobs_finish(jobs, n, run->stop, runner_limit(0), err);
	if (r == 0)
		r = add_many(run, peer, inst, n, err);
	for (unsigned i = 0; i < n; i++)
		instance_free(inst[i]);
	return r;
}

static int measure(struct runner *run, size_t peer, struct err *err)
{
	const struct peer_job job = {
		.args = first_args,
		.memory = run->memory,
		.cpus = 1,
	};
	unsigned n = run->counted ? run->suite->starts : 1;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < n; i++)
		r = one(run, peer, &job, err);
	return r < 0 ? r : many(run, peer, &job, err);
}

const struct measure measure_start = {
	.name = "start",
	.warm = true,
	.run = measure,
	.nr_rows = 4,
	.rows = { ROW_START_FIRST, ROW_START_EXIT, ROW_START_MANY,
		  ROW_START_RATE },
};
