/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measure_command.c - IMAGE COMMAND, as it is: its time, its first output,
 * what its processes take of the host.  Peers are judged together after each
 * round: a command that ends otherwise in one of them was not the same command.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/compare/command.h"
#include "vmm/compare/proctree.h"
#include "vmm/compare/runner.h"
#include "vmm/manager/timing.h"

#define MIB		 1048576.0
#define NS_PER_MS	 1000000ULL
#define STATUS_NOT_FOUND 127 /* as a shell has it */
/* Memory is looked at often in the beginning, later five times a second. */
#define LOOK_FIRST (2 * NS_PER_MS)
#define LOOK_LAST  (200 * NS_PER_MS)

static int look(const struct job *job, uint64_t *peak, struct err *err)
{
	uint64_t pss = 0;
	int r = proctree_pss(job->warden, &pss);

	if (r == -EACCES)
		return err_say(err, EACCES,
			       "memory of its processes is not ours to read; "
			       "run it as root");
	if (r == 0 && pss > *peak)
		*peak = pss;
	return 0;
}

static int watch(struct runner *run, struct job *job, struct turn *turn,
		 struct err *err)
{
	uint64_t wait = LOOK_FIRST;

	while (!job->gone) {
		uint64_t until = timing_now() + wait;
		int r;

		do {
			r = jobs_step(&job, 1, run->stop, until);
		} while (r > 0 && !job->gone);
		if (r < 0)
			return err_say(err, EINTR, "interrupted");
		if (!job->exit && !turn->no_memory[0] &&
		    look(job, &turn->memory, err) < 0)
			(void)snprintf(turn->no_memory, sizeof(turn->no_memory),
				       "%.200s", err->msg);
		wait += wait / 2;
		if (wait > LOOK_LAST)
			wait = LOOK_LAST;
	}
	return 0;
}

static int measure(struct runner *run, size_t peer, struct err *err)
{
	const struct peer_job what = {
		.args = run->command,
		.memory = run->memory,
		.cpus = run->cpus,
	};
	struct turn *turn = &run->turns[peer];
	struct instance *inst = NULL;

	*turn = (struct turn){ 0 };
	int r = runner_start(run, peer, &what, NULL, &inst, err);
	if (r < 0)
		return r;
	r = watch(run, inst->job, turn, err);
	if (r == 0) {
		const struct job *job = inst->job;

		turn->made = true;
		turn->status = job->failed[0] ? STATUS_NOT_FOUND
					      : instance_status(inst);
		turn->time = job->exit - job->begin;
		turn->first = job->first ? job->first - job->begin : 0;
		turn->cpu = job->cpu_ns;
		job_say(job, turn->how, sizeof(turn->how));
	}
	instance_free(inst);
	return r;
}

static void fail_all(struct runner *run, size_t peer, const char *why)
{
	for (size_t i = 0; i < measure_command.nr_rows; i++)
		result_fail(run->res, measure_command.rows[i], peer, "%s", why);
	run->dead[0][peer] = true;
}

static void add(struct runner *run, size_t peer)
{
	const struct turn *t = &run->turns[peer];

	runner_add(run, ROW_JOB_TIME, peer, (double)t->time / NS_PER_MS);
	runner_add(run, ROW_JOB_CPU, peer, (double)t->cpu / NS_PER_MS);
	if (t->first)
		runner_add(run, ROW_JOB_FIRST, peer,
			   (double)t->first / NS_PER_MS);
	else
		result_fail(run->res, ROW_JOB_FIRST, peer,
			    "it printed nothing");
	if (t->memory)
		runner_add(run, ROW_JOB_MEMORY, peer, (double)t->memory / MIB);
	else
		result_fail(run->res, ROW_JOB_MEMORY, peer, "%s",
			    t->no_memory[0] ? t->no_memory
					    : "it ended too soon to look");
}

int command_status(const struct turn *turns, size_t n)
{
	bool differ = false;
	int first = -1;

	for (size_t i = 0; i < n; i++) {
		if (!turns[i].made)
			continue;
		if (turns[i].status == 0)
			return 0;
		if (first >= 0 && turns[i].status != first)
			differ = true;
		first = turns[i].status;
	}
	return differ ? -1 : first;
}

static void judge(struct runner *run)
{
	size_t n = run->res->nr_peers;
	int want = command_status(run->turns, n);

	for (size_t i = 0; i < n; i++) {
		const struct turn *t = &run->turns[i];

		if (!t->made)
			continue;
		if (t->status == want && want >= 0)
			add(run, i);
		else
			fail_all(run, i, t->how);
		run->turns[i].made = false;
	}
	/* Equal in all, so comparable; but hardly what was wanted. */
	if (want > 0 && !run->counted && !run->quiet) {
		runner_say_end(run);
		(void)fprintf(stderr,
			      "belljar: the command ends with status %d in all "
			      "that can run it\n",
			      want);
	}
}

const struct measure measure_command = {
	.name = "command",
	.warm = true,
	.run = measure,
	.judge = judge,
	.nr_rows = 4,
	.rows = { ROW_JOB_TIME, ROW_JOB_FIRST, ROW_JOB_CPU, ROW_JOB_MEMORY },
};
