/* SPDX-License-Identifier: Apache-2.0 */
/* job.c - compare's side of a job: pipes, times, lines. */
#include "vmm/compare/job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/compare/warden.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

struct pipes {
	int in[2], out[2], err[2], life[2], report[2], handover[2];
};

static void close_pair(const int pair[2])
{
	for (int i = 0; i < 2; i++)
		if (pair[i] >= 0)
			(void)close(pair[i]);
}

static void pipes_close(const struct pipes *p)
{
	close_pair(p->in);
	close_pair(p->out);
	close_pair(p->err);
	close_pair(p->life);
	close_pair(p->report);
	close_pair(p->handover);
}

static int pipes_open(struct pipes *p, const struct job_spec *spec)
{
	if (pipe2(p->out, O_CLOEXEC) < 0 || pipe2(p->err, O_CLOEXEC) < 0 ||
	    pipe2(p->life, O_CLOEXEC) < 0 || pipe2(p->report, O_CLOEXEC) < 0)
		return -errno;
	if (spec->input && pipe2(p->in, O_CLOEXEC) < 0)
		return -errno;
	if (!spec->input) {
		p->in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (p->in[0] < 0)
			return -errno;
	}
	if (spec->notify &&
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->handover) < 0)
		return -errno;
	return io_set_nonblock(p->out[0], true) < 0 ||
			       io_set_nonblock(p->err[0], true) < 0 ||
			       io_set_nonblock(p->report[0], true) < 0
		       ? -errno
		       : 0;
}

static void fork_warden(struct job *job, const struct job_spec *spec,
			const struct pipes *p)
{
	const struct warden_fds fds = {
		.in = p->in[0],
		.out = p->out[1],
		.err = p->err[1],
		.life = p->life[0],
		.report = p->report[1],
		.handover = p->handover[1],
	};

	/* What stdio holds would be written twice. */
	(void)fflush(NULL);
	job->warden = fork();
	if (job->warden == 0)
		warden_run(spec, &fds);
}

int job_start(const struct job_spec *spec, uint64_t begin, struct job **ret,
	      struct err *err)
{
	struct pipes p = { { -1, -1 }, { -1, -1 }, { -1, -1 },
			   { -1, -1 }, { -1, -1 }, { -1, -1 } };
	struct job *job = calloc(1, sizeof(*job));
	int r = job ? pipes_open(&p, spec) : -ENOMEM;

	if (r == 0) {
		fork_warden(job, spec, &p);
		if (job->warden < 0)
			r = -errno;
	}
	if (r < 0) {
		pipes_close(&p);
		free(job);
		return err_set(err, -r, "start '%s'", spec->argv[0]);
	}
	job->begin = begin;
	job->keep = spec->lines;
	job->notify = spec->notify;
	job->in = p.in[1];
	job->out = p.out[0];
	job->err = p.err[0];
	job->life = p.life[1];
	job->report = p.report[0];
	job->handover = p.handover[0];
	job->listener = -1;
	p.in[1] = p.out[0] = p.err[0] = p.life[1] = -1;
	p.report[0] = p.handover[0] = -1;
	pipes_close(&p);
	*ret = job;
	return 0;
}

void job_drop(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void job_kill(struct job *job)
{
	job_drop(&job->life);
}

void job_free(struct job *job)
{
	if (!job)
		return;
	job_kill(job);
	/* Who waits in a system call for our answer may go. */
	job_drop(&job->listener);
	job_drop(&job->handover);
	job_drop(&job->in);
	job_drop(&job->out);
	job_drop(&job->err);
	while (waitpid(job->warden, NULL, 0) < 0 && errno == EINTR)
		;
	job_drop(&job->report);
	free(job->lines);
	free(job);
}

int job_write(struct job *job, const char *text)
{
	return job->in < 0 ? -EPIPE
			   : io_write_full(job->in, text, strlen(text));
}

void job_close_input(struct job *job)
{
	job_drop(&job->in);
}

bool job_line(struct job *job, struct job_line *ret)
{
	if (job->next == job->nr_lines)
		return false;
	*ret = job->lines[job->next++];
	return true;
}

void job_say(const struct job *job, char *ret, size_t size)
{
	const char *words = job->words;

	if (job->failed[0])
		(void)snprintf(ret, size, "%s", job->failed);
	else if (!job->exit)
		(void)snprintf(ret, size, "did not end%s%s",
			       words[0] ? "; it said: " : "", words);
	else
		(void)snprintf(ret, size, "ended with status %d%s%s",
			       job->status, words[0] ? ": " : "", words);
}

static int fail(const struct job *job, int code, const char *word,
		struct err *err)
{
	char how[JOB_WHY_MAX + 64];

	job_say(job, how, sizeof(how));
	if (code == ETIMEDOUT)
		return err_say(err, code, "no '%s' in time%s%s", word,
			       job->words[0] ? "; it said: " : "", job->words);
	return err_say(err, code, "%s", how);
}

int job_expect(struct job *job, const char *word, int stop, uint64_t until,
	       struct job_line *ret, struct err *err)
{
	for (;;) {
		while (job_line(job, ret))
			if (strncmp(ret->text, word, strlen(word)) == 0)
				return 0;
		if (job->gone)
			return fail(job, EPIPE, word, err);
		int r = jobs_step(&job, 1, stop, until);
		if (r == -EINTR)
			return err_say(err, EINTR, "interrupted");
		if (r == 0)
			return fail(job, ETIMEDOUT, word, err);
	}
}

int jobs_finish(struct job *const *jobs, size_t n, int stop, uint64_t until,
		struct err *err)
{
	for (;;) {
		const struct job *waits = NULL;

		for (size_t i = 0; i < n; i++)
			if (!jobs[i]->gone)
				waits = jobs[i];
		if (!waits)
			return 0;
		int r = jobs_step(jobs, n, stop, until);
		if (r == -EINTR)
			return err_say(err, EINTR, "interrupted");
		if (r == 0)
			return fail(waits, ETIMEDOUT, "end", err);
	}
}
