/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job.h - one command line, run and watched: when it was started, when each of
 * its lines arrived, when and how it ended, and what its processes took.
 *
 *   compare ---- warden (its own session, subreaper)
 *                   \---- the command
 *                            \---- keepers, monitors, shims, containers ...
 *
 * A process of its own, the warden, stands above each job: every descendant
 * stays below it, however often it forks and whatever sessions it makes.  When
 * the command has ended, or compare wants it to end, or compare is gone, the
 * warden kills and reaps all that is left and then ends itself.
 */
#ifndef VMM_COMPARE_JOB_H
#define VMM_COMPARE_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "vmm/compare/notify.h"
#include "vmm/lib/err.h"

#define JOB_LINE_MAX 200 /* longer ones are cut */
#define JOB_WHY_MAX  240
#define JOBS_MAX     64 /* at a time */

struct job_spec {
	char *const *argv; /* found through the PATH of @env */
	char *const *env; /* NULL: ours */
	/* In the child before execve(): walls and directories.  May be NULL. */
	int (*enter)(void *arg, struct err *err);
	/* Instead of execve(), when not NULL: returns the exit status. */
	int (*run)(void *arg);
	/*
	 * In the warden, when nothing of the job runs any more; also when
	 * compare is no longer there to do it.  May be NULL.
	 */
	void (*clean)(void *arg);
	void *arg; /* of all three */
	bool input; /* a pipe for job_write(); else /dev/null */
	bool lines; /* keep them for job_line(); else only the last words */
	struct notify *notify; /* record system calls there; NULL: do not */
};

struct job_line {
	uint64_t ns; /* when it arrived */
	char text[JOB_LINE_MAX];
};

/* Times are ns of CLOCK_MONOTONIC, 0: not yet. */
struct job {
	pid_t warden;
	uint64_t begin; /* as the caller says */
	uint64_t first; /* first byte of output, of either kind */
	uint64_t exit; /* the command ended */
	bool gone; /* nothing of it is left, and cpu_ns is known */
	int status; /* of the command; 128+n for signal n; valid after exit */
	uint64_t cpu_ns; /* of all its processes, from their beginning on */
	char failed[JOB_WHY_MAX]; /* it could not be executed: why; or "" */
	char words[JOB_WHY_MAX]; /* its last line on stderr, or on stdout */
	/* The rest is job.c's. */
	int in, out, err, life, report, handover, listener;
	bool keep; /* lines */
	bool said; /* words are of stderr */
	struct notify *notify;
	struct {
		char text[JOB_LINE_MAX];
		size_t len;
		bool cut;
	} part[2]; /* lines in the making, of stdout and stderr */
	struct job_line *lines;
	size_t nr_lines, room, next;
};

/*
 * Start it.  @begin is when the work for it began, which the caller knows
 * best; @spec and what it points to must stay until the call returns.  That it
 * can't be executed shows later, as its end.  The caller frees *@ret.
 */
int job_start(const struct job_spec *spec, uint64_t begin, struct job **ret,
	      struct err *err);

/* End it if need be, wait until nothing of it is left.  Accepts NULL. */
void job_free(struct job *job);

static inline void job_auto_free(struct job **job)
{
	job_free(*job);
}

#define AUTO_JOB __attribute__((cleanup(job_auto_free)))

/*
 * Wait until something happens to one of @jobs, at most until @until (ns; 0:
 * for ever), and take note of it.  1: it did; 0: the time is over, or nothing
 * can happen any more; -EINTR: @stop, a signalfd or -1, is readable.
 */
int jobs_step(struct job *const *jobs, size_t n, int stop, uint64_t until);

/* The next line of stdout that was not asked for yet. */
bool job_line(struct job *job, struct job_line *ret);

/*
 * Step until a line that begins with @word arrives.  -EINTR as above;
 * -ETIMEDOUT at @until and -EPIPE when it ended before, with a sentence.
 */
int job_expect(struct job *job, const char *word, int stop, uint64_t until,
	       struct job_line *ret, struct err *err);

/* Step until nothing is left of all.  The same failures, not -EPIPE. */
int jobs_finish(struct job *const *jobs, size_t n, int stop, uint64_t until,
		struct err *err);

/* To its standard input; 0 or -errno, -EPIPE when nobody reads. */
int job_write(struct job *job, const char *text);
void job_close_input(struct job *job);

/* Tell the warden to end all of it.  Returns at once. */
void job_kill(struct job *job);

/* Close a descriptor of a job unless it is -1, which it is then. */
void job_drop(int *fd);

/* How it ended, as a clause: "ended with status 3: last words". */
void job_say(const struct job *job, char *ret, size_t size);

#endif
