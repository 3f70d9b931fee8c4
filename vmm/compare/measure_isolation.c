/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measure_isolation.c - how much of the host's kernel does a job reach?  The
 * distinct system calls that all its processes make, its VM's monitor among
 * them, while it does a mix of what jobs do.
 */
#include <errno.h>
#include <stdlib.h>

#include "vmm/compare/runner.h"
#include "vmm/lib/auto.h"

static char word_suite[] = "/suite", word_calls[] = "calls";
static char *const calls_args[] = { word_suite, word_calls, NULL };

static int watch(struct runner *run, struct instance *inst,
		 struct notify *notify, struct err *err)
{
	char how[JOB_WHY_MAX + 64];
	struct job_line line;
	int r = job_expect(inst->job, "begin", run->stop, runner_limit(0),
			   &line, err);

	if (r < 0)
		return r;
	notify->recording = true;
	r = job_expect(inst->job, "end", run->stop, runner_limit(0), &line,
		       err);
	notify->recording = false;
	if (r == 0)
		r = jobs_finish(&inst->job, 1, run->stop, runner_limit(0), err);
	if (r < 0)
		return r;
	if (instance_status(inst) == 0)
		return 0;
	job_say(inst->job, how, sizeof(how));
	return err_say(err, EPIPE, "'/suite calls' %s", how);
}

static int measure(struct runner *run, size_t peer, struct err *err)
{
	AUTO_FREE struct notify *notify = calloc(1, sizeof(*notify));
	const struct peer_job job = {
		.args = calls_args,
		.memory = run->memory,
		.cpus = 1,
	};
	struct instance *inst = NULL;

	if (!notify)
		return err_set(err, ENOMEM, "watch system calls");
	int r = runner_start(run, peer, &job, notify, &inst, err);
	if (r < 0)
		return r;
	r = watch(run, inst, notify, err);
	if (r == 0)
		runner_add(run, ROW_ISOLATION_CALLS, peer,
			   notify_count(notify));
	instance_free(inst);
	if (r < 0 && r != -EINTR)
		return err_wrap(err, "with its system calls watched");
	return r;
}

const struct measure measure_isolation = {
	.name = "isolation",
	.run = measure,
	.nr_rows = 1,
	.rows = { ROW_ISOLATION_CALLS },
};
