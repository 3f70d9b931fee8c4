/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measure_net.c - TCP between this host and a server in the job, over the way
 * that the peer publishes ports by.  The client is a job of its own, so that
 * it can be told to stop.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "vmm/compare/netclient.h"
#include "vmm/compare/runner.h"
#include "vmm/manager/timing.h"

#define NS_PER_MS 1000000ULL

static int watch_client(struct runner *run, size_t peer,
			const struct instance *inst, struct err *err)
{
	struct netclient client = {
		.address = inst->address,
		.budget_ns = run->suite->budget_ms * NS_PER_MS,
	};
	char name[] = "client";
	char *argv[] = { name, NULL };
	const struct job_spec spec = {
		.argv = argv,
		.run = netclient_run,
		.arg = &client,
		.lines = true,
	};
	AUTO_JOB struct job *job = NULL;
	struct job_line line;

	int r = job_start(&spec, timing_now(), &job, err);
	if (r == 0)
		r = jobs_finish(&job, 1, run->stop, runner_limit(0), err);
	while (r == 0 && job_line(job, &line))
		(void)runner_take(run, peer, line.text);
	return r;
}

static int measure(struct runner *run, size_t peer, struct err *err)
{
	char suite[] = "/suite", verb[] = "serve", port[8];
	char *args[] = { suite, verb, port, NULL };
	struct peer_job job = {
		.args = args,
		.memory = run->memory,
		.cpus = run->cpus,
	};
	struct instance *inst = NULL;
	struct sockaddr_in own;
	struct job_line line;

	/* The same number for all; for bare it is the host's own. */
	int r = peer_free_port(&own, err);
	if (r < 0)
		return r;
	job.port = ntohs(own.sin_port);
	(void)snprintf(port, sizeof(port), "%u", job.port);
	r = runner_start(run, peer, &job, NULL, &inst, err);
	if (r < 0)
		return r;
	r = job_expect(inst->job, "ready", run->stop, runner_limit(0), &line,
		       err);
	if (r == 0)
		r = watch_client(run, peer, inst, err);
	if (r == 0)
		r = jobs_finish(&inst->job, 1, run->stop, runner_limit(0), err);
	instance_free(inst);
	return r;
}

const struct measure measure_net = {
	.name = "network",
	.warm = true,
	.run = measure,
	.nr_rows = 3,
	.rows = { ROW_NET_IN, ROW_NET_OUT, ROW_NET_ROUND_TRIP },
};
