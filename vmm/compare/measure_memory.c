/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measure_memory.c - what idle instances hold of the host's memory, and how
 * much of a peak comes back.
 */
#include <errno.h>
#include <stdio.h>

#include "vmm/compare/proctree.h"
#include "vmm/compare/runner.h"
#include "vmm/manager/timing.h"

#define IDLE_MAX  16U
#define MIB	  1048576.0
#define NS_PER_MS 1000000ULL
#define POLL_NS	  (50 * NS_PER_MS)
#define SETTLE_NS (2000 * NS_PER_MS)
#define SAME	  0.01 /* of the sum: no longer changing */
#define BACK_NS	  (2000 * NS_PER_MS)
#define BACK_ALL  0.95

static char word_suite[] = "/suite", word_idle[] = "idle", word_peak[] = "peak";
static char *const idle_args[] = { word_suite, word_idle, NULL };

static int say_unreadable(int r, struct err *err)
{
	if (r == -EACCES)
		return err_say(err, EACCES,
			       "memory of its processes is not ours to read; "
			       "run it as root");
	return err_set(err, -r, "read the memory of its processes");
}

static int sum_pss(struct instance *const *inst, unsigned n, uint64_t *ret,
		   struct err *err)
{
	*ret = 0;
	for (unsigned i = 0; i < n; i++) {
		uint64_t pss = 0;
		int r = proctree_pss(inst[i]->job->warden, &pss);

		if (r < 0)
			return say_unreadable(r, err);
		*ret += pss;
	}
	return 0;
}

/* Let all jobs' output in for a while. */
static int pause_ns(struct runner *run, struct instance *const *inst,
		    unsigned n, uint64_t ns, struct err *err)
{
	uint64_t until = timing_now() + ns;
	struct job *jobs[IDLE_MAX];
	int r;

	for (unsigned i = 0; i < n; i++)
		jobs[i] = inst[i]->job;
	do {
		r = jobs_step(jobs, n, run->stop, until);
	} while (r > 0);
	return r < 0 ? err_say(err, EINTR, "interrupted") : 0;
}

/* Until it stays the same: a guest gives memory back after its start. */
static int settled_pss(struct runner *run, struct instance *const *inst,
		       unsigned n, uint64_t *ret, struct err *err)
{
	uint64_t end = timing_now() + SETTLE_NS, before = 0;
	int r = sum_pss(inst, n, ret, err);

	while (r == 0 && timing_now() < end) {
		before = *ret;
		r = pause_ns(run, inst, n, 2 * POLL_NS, err);
		if (r == 0)
			r = sum_pss(inst, n, ret, err);
		double change = (double)*ret - (double)before;
		if (change < 0)
			change = -change;
		if (r == 0 && change <= SAME * (double)before)
			break;
	}
	return r;
}

/* Tell it that it may end; a serial port has no end of file. */
static void dismiss(struct runner *run, struct instance *inst)
{
	(void)job_write(inst->job, "\n");
	job_close_input(inst->job);
	(void)jobs_finish(&inst->job, 1, run->stop, runner_limit(0), NULL);
}

static int idle(struct runner *run, size_t peer, struct err *err)
{
	const struct peer_job job = {
		.args = idle_args,
		.input = true,
		.memory = run->memory,
		.cpus = 1,
	};
	struct instance *inst[IDLE_MAX] = { NULL };
	uint64_t first = 0, all = 0;
	struct job_line line;
	unsigned n = 0;
	int r = 0;

	while (r == 0 && n < run->suite->idle && n < IDLE_MAX) {
		r = runner_start(run, peer, &job, NULL, &inst[n], err);
		if (r < 0)
			break;
		n++;
		r = job_expect(inst[n - 1]->job, "ready", run->stop,
			       runner_limit(0), &line, err);
		if (r == 0 && n == 1)
			r = settled_pss(run, inst, n, &first, err);
	}
	if (r == 0)
		r = settled_pss(run, inst, n, &all, err);
	if (r == 0) {
		runner_add(run, ROW_MEMORY_FIRST, peer, (double)first / MIB);
		if (n > 1)
			runner_add(run, ROW_MEMORY_MORE, peer,
				   ((double)all - (double)first) / MIB /
					   (n - 1));
	}
	for (unsigned i = 0; r == 0 && i < n; i++)
		dismiss(run, inst[i]);
	for (unsigned i = 0; i < n; i++)
		instance_free(inst[i]);
	return r;
}

static double part_back(uint64_t before, uint64_t peak, uint64_t now)
{
	double back =
		((double)peak - (double)now) / ((double)peak - (double)before);

	return back < 0 ? 0 : back > 1 ? 1 : back;
}

/* From "freed" on, until all is back or the time is over. */
static int watch_back(struct runner *run, struct instance *inst,
		      uint64_t before, uint64_t peak, double *ret,
		      struct err *err)
{
	uint64_t end = timing_now() + BACK_NS, now = peak;
	int r = 0;

	*ret = 0;
	while (r == 0 && *ret < BACK_ALL && timing_now() < end) {
		r = sum_pss(&inst, 1, &now, err);
		if (r == 0)
			*ret = part_back(before, peak, now);
		if (r == 0 && *ret < BACK_ALL)
			r = pause_ns(run, &inst, 1, POLL_NS, err);
	}
	return r;
}

static int step(struct runner *run, struct instance *inst, const char *word,
		uint64_t *pss, struct err *err)
{
	struct job_line line;
	int r = job_expect(inst->job, word, run->stop, runner_limit(0), &line,
			   err);

	if (r == 0 && pss)
		r = sum_pss(&inst, 1, pss, err);
	if (r < 0)
		return r;
	r = job_write(inst->job, "\n");
	return r < 0 ? err_set(err, -r, "talk to '/suite peak'") : 0;
}

static int watch_peak(struct runner *run, size_t peer, struct instance *inst,
		      struct err *err)
{
	uint64_t before = 0, peak = 0;
	struct job_line line;
	double back = 0;
	int r = step(run, inst, "ready", &before, err);

	if (r == 0)
		r = step(run, inst, "peak", &peak, err);
	if (r == 0 &&
	    (double)peak - (double)before < run->suite->peak_mib * MIB / 2)
		return err_say(
			err, EIO,
			"a peak of %u MiB showed as %.0f MiB on the host",
			run->suite->peak_mib,
			((double)peak - (double)before) / MIB);
	if (r == 0)
		r = job_expect(inst->job, "freed", run->stop, runner_limit(0),
			       &line, err);
	if (r == 0)
		r = watch_back(run, inst, before, peak, &back, err);
	if (r == 0)
		runner_add(run, ROW_MEMORY_BACK, peer, back * 100);
	return r;
}

static int peak(struct runner *run, size_t peer, struct err *err)
{
	struct instance *inst = NULL;
	char mib[16];
	char *args[] = { word_suite, word_peak, mib, NULL };
	const struct peer_job job = {
		.args = args,
		.input = true,
		.memory = run->memory,
		.cpus = 1,
	};

	(void)snprintf(mib, sizeof(mib), "%u", run->suite->peak_mib);
	int r = runner_start(run, peer, &job, NULL, &inst, err);
	if (r < 0)
		return r;
	r = watch_peak(run, peer, inst, err);
	if (r == 0)
		dismiss(run, inst);
	instance_free(inst);
	return r;
}

static int measure(struct runner *run, size_t peer, struct err *err)
{
	int r = idle(run, peer, err);

	return r < 0 ? r : peak(run, peer, err);
}

const struct measure measure_memory = {
	.name = "memory",
	.run = measure,
	.nr_rows = 3,
	.rows = { ROW_MEMORY_FIRST, ROW_MEMORY_MORE, ROW_MEMORY_BACK },
};
