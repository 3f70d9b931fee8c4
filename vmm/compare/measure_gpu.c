/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measure_gpu.c - what a GPU does in each peer: the program /gpu of the image,
 * which has it for the time that it runs.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "images/compare/gpu/gpu.h"
#include "vmm/compare/runner.h"
#include "vmm/lib/bdf.h"

#define WORDS	    6
#define NR_GPU_ROWS 3
/* A row prepares memory and a kernel besides. */
#define SLACK 20U

static int watch(struct runner *run, size_t peer, struct instance *inst,
		 struct err *err)
{
	uint64_t limit =
		runner_limit(NR_GPU_ROWS * SLACK * run->suite->budget_ms);
	char how[JOB_WHY_MAX + 64];
	struct job_line line;
	bool ended = false;

	int r = jobs_finish(&inst->job, 1, run->stop, limit, err);
	while (r == 0 && job_line(inst->job, &line)) {
		(void)runner_take(run, peer, line.text);
		ended |= strcmp(line.text, "end") == 0;
	}
	if (r < 0)
		return r;
	int status = instance_status(inst);
	if (status == 0 && ended)
		return 0;
	job_say(inst->job, how, sizeof(how));
	if (status == GPU_NO_LIBRARY && inst->ops->no_library)
		return err_say(err, ENOENT, "'/gpu' %s; %s", how,
			       inst->ops->no_library);
	return err_say(err, EPIPE, "'/gpu' %s", how);
}

static int measure(struct runner *run, size_t peer, struct err *err)
{
	const struct peer_ops *ops = run->peers[peer];
	const struct gpu *gpu = &run->world.gpu;
	char program[] = "/gpu", time[] = "--time", device[] = "--device";
	char ms[16], bdf[BDF_MAX];
	char *args[WORDS] = { program, time, ms };
	const struct peer_job job = {
		.args = args,
		.memory = run->memory,
		.cpus = 1,
		.gpu = true,
	};
	struct instance *inst = NULL;
	int r;

	if (ops->no_gpu)
		return err_say(err, ENOTSUP, "%s", ops->no_gpu);
	(void)snprintf(ms, sizeof(ms), "%u", run->suite->budget_ms);
	if (ops->host_gpu) {
		/* There may be others; in a VM it has another address. */
		(void)snprintf(bdf, sizeof(bdf), "%s", gpu->bdf);
		args[3] = device;
		args[4] = bdf;
		r = gpu_check_driver(run->world.mgr, gpu, err);
		if (r < 0)
			return r;
	}
	r = runner_start(run, peer, &job, NULL, &inst, err);
	if (r < 0)
		return r;
	r = watch(run, peer, inst, err);
	instance_free(inst);
	return r;
}

static bool wanted(const struct runner *run)
{
	return run->world.gpu.bdf[0];
}

const struct measure measure_gpu = {
	.name = "GPU",
	.run = measure,
	.wanted = wanted,
	.nr_rows = NR_GPU_ROWS,
	.rows = { ROW_GPU_COPY_IN, ROW_GPU_COPY_OUT, ROW_GPU_STEP },
};
