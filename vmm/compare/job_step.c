/* SPDX-License-Identifier: Apache-2.0 */
/* job_step.c - wait for what happens to jobs, and take note of it. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/compare/job.h"
#include "vmm/compare/warden.h"
#include "vmm/lib/io.h"
#include "vmm/manager/timing.h"

#define NS_PER_MS 1000000ULL

/* Its descriptors, in the order in which they are looked at. */
enum { OUT, ERR, REPORT, HANDOVER, LISTENER, NR_FDS };

static void keep_line(struct job *job, const char *text, uint64_t now)
{
	if (job->nr_lines == job->room) {
		size_t room = job->room ? 2 * job->room : 16;
		struct job_line *v = realloc(job->lines, room * sizeof(*v));

		/* A line less shows as one that never came. */
		if (!v)
			return;
		job->lines = v;
		job->room = room;
	}
	struct job_line *line = &job->lines[job->nr_lines++];
	line->ns = now;
	(void)snprintf(line->text, sizeof(line->text), "%s", text);
}

/* Bytes from somewhere: nothing in a sentence but what prints. */
static void keep_words(struct job *job, const char *text)
{
	size_t n = 0;

	for (; n < sizeof(job->words) - 1 && text[n]; n++) {
		bool prints = text[n] >= ' ' && text[n] != 0x7f;

		job->words[n] = '?';
		if (prints || text[n] & 0x80)
			job->words[n] = text[n];
	}
	job->words[n] = '\0';
}

static void end_line(struct job *job, int which, uint64_t now)
{
	char *text = job->part[which].text;
	size_t len = job->part[which].len;

	if (len && text[len - 1] == '\r')
		len--;
	text[len] = '\0';
	job->part[which].len = 0;
	job->part[which].cut = false;
	if (which == OUT && job->keep)
		keep_line(job, text, now);
	/* What stderr says explains more than what stdout says. */
	if (text[0] && (which == ERR || !job->said)) {
		keep_words(job, text);
		job->said = which == ERR;
	}
}

static void take(struct job *job, int which, const char *text, size_t n,
		 uint64_t now)
{
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\n')
			end_line(job, which, now);
		else if (job->part[which].len < JOB_LINE_MAX - 1)
			job->part[which].text[job->part[which].len++] = text[i];
	}
}

/* Whether the pipe has more to say. */
static bool read_output(struct job *job, int which, int fd)
{
	char buf[16384];

	for (;;) {
		ssize_t n = read(fd, buf, sizeof(buf));
		uint64_t now = timing_now();

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n <= 0) {
			if (job->part[which].len)
				end_line(job, which, now);
			return false;
		}
		if (!job->first)
			job->first = now;
		take(job, which, buf, (size_t)n, now);
		if ((size_t)n < sizeof(buf))
			return true;
	}
}

static void note(struct job *job, const struct warden_report *r)
{
	switch (r->kind) {
	case WARDEN_FAILED:
		(void)snprintf(job->failed, sizeof(job->failed), "%s", r->text);
		break;
	case WARDEN_EXIT:
		job->exit = r->ns;
		job->status = r->status;
		break;
	case WARDEN_GONE:
		job->cpu_ns = r->cpu_ns;
		break;
	}
}

/*
 * The job is gone when its warden says so and both pipes are at their ends:
 * nobody is left who could write to them.
 */
static void read_report(struct job *job)
{
	struct warden_report r;
	ssize_t n;

	while ((n = read(job->report, &r, sizeof(r))) == sizeof(r))
		note(job, &r);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* End of file: also that of a warden that somebody killed. */
	job_drop(&job->report);
	if (!job->exit && !job->failed[0])
		(void)snprintf(job->failed, sizeof(job->failed),
			       "the process above it was killed");
	if (job->out >= 0)
		(void)read_output(job, OUT, job->out);
	if (job->err >= 0)
		(void)read_output(job, ERR, job->err);
	job->gone = true;
}

static void take_listener(struct job *job)
{
	char byte;
	int fd = -1;

	(void)io_recv_fd(job->handover, &byte, 1, &fd);
	job_drop(&job->handover);
	job->listener = fd;
}

static void fill(struct pollfd *fds, const struct job *job)
{
	const int all[NR_FDS] = { job->out, job->err, job->report,
				  job->handover, job->listener };

	for (int i = 0; i < NR_FDS; i++)
		fds[i] = (struct pollfd){ .fd = all[i], .events = POLLIN };
}

/*
 * Lines before calls: whoever acts on the line "begin" does so before the
 * next call is answered, which makes the count exact.
 */
static void handle(const struct pollfd *fds, struct job *job)
{
	size_t before = job->nr_lines;

	if (fds[OUT].revents && !read_output(job, OUT, job->out))
		job_drop(&job->out);
	if (fds[ERR].revents && !read_output(job, ERR, job->err))
		job_drop(&job->err);
	if (fds[REPORT].revents)
		read_report(job);
	if (fds[HANDOVER].revents)
		take_listener(job);
	if (job->nr_lines != before)
		return;
	if (fds[LISTENER].revents & POLLIN) {
		if (job->notify)
			(void)notify_answer(job->listener, job->notify);
	} else if (fds[LISTENER].revents) {
		job_drop(&job->listener);
	}
}

static int remaining(uint64_t until)
{
	uint64_t now = timing_now();

	if (!until)
		return -1;
	if (now >= until)
		return 0;
	uint64_t ms = (until - now + NS_PER_MS - 1) / NS_PER_MS;
	return ms > 3600000 ? 3600000 : (int)ms;
}

int jobs_step(struct job *const *jobs, size_t n, int stop, uint64_t until)
{
	struct pollfd fds[JOBS_MAX * NR_FDS + 1];
	bool alive = false;

	if (n > JOBS_MAX)
		n = JOBS_MAX;
	for (size_t i = 0; i < n; i++) {
		fill(fds + i * NR_FDS, jobs[i]);
		alive = alive || !jobs[i]->gone;
	}
	fds[n * NR_FDS] = (struct pollfd){ .fd = stop, .events = POLLIN };
	if (!alive)
		return 0;
	int r = poll(fds, n * NR_FDS + 1, remaining(until));
	if (r < 0)
		return errno == EINTR ? 1 : 0;
	for (size_t i = 0; i < n; i++)
		handle(fds + i * NR_FDS, jobs[i]);
	if (fds[n * NR_FDS].revents)
		return -EINTR;
	return r > 0 || timing_now() < until;
}
