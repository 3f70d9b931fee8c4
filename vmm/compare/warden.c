/* SPDX-License-Identifier: Apache-2.0 */
/*
 * warden.c - the process above a job: starts the command, reaps whatever its
 * descendants leave, and sees to it that none of them survives.
 */
#include "vmm/compare/warden.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/compare/proctree.h"
#include "vmm/manager/spawn.h"
#include "vmm/manager/timing.h"

#define NS_PER_S  1000000000ULL
#define NS_PER_US 1000ULL

/* Where its descriptors are; the command gets the first three. */
enum { FD_IN, FD_OUT, FD_ERR, FD_LIFE, FD_REPORT, FD_HANDOVER, NR_FDS };

#define HIGH 64

static int place(const struct warden_fds *fds)
{
	const int from[NR_FDS] = { fds->in,   fds->out,	   fds->err,
				   fds->life, fds->report, fds->handover };
	int high[NR_FDS];

	for (int i = 0; i < NR_FDS; i++)
		high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, HIGH);
	for (int i = 0; i < NR_FDS; i++) {
		(void)close(i);
		if (high[i] < 0)
			continue;
		if (i <= FD_ERR ? dup2(high[i], i) < 0
				: dup3(high[i], i, O_CLOEXEC) < 0)
			return -errno;
	}
	return close_range(NR_FDS, ~0U, 0) < 0 ? -errno : 0;
}

static void report(struct warden_report *r)
{
	(void)!write(FD_REPORT, r, sizeof(*r));
}

static int execute(const struct job_spec *spec, struct err *err)
{
	int r = 0;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_set(err, errno, "start '%s'", spec->argv[0]);
	if (spec->enter)
		r = spec->enter(spec->arg, err);
	if (r == 0 && spec->run)
		_exit(spec->run(spec->arg));
	/* execvp() looks at the PATH of environ, so that is set first. */
	if (spec->env)
		environ = (char **)(uintptr_t)spec->env;
	if (r == 0 && spec->notify)
		r = notify_enter(FD_HANDOVER, err);
	if (r < 0)
		return r;
	(void)execvp(spec->argv[0], spec->argv);
	return err_set(err, errno, "execute '%s'", spec->argv[0]);
}

static __attribute__((noreturn)) void child(const struct job_spec *spec)
{
	struct warden_report r = { .kind = WARDEN_FAILED };
	struct err err = { 0 };

	spawn_reset_signals();
	(void)execute(spec, &err);
	(void)snprintf(r.text, sizeof(r.text), "%.*s", JOB_WHY_MAX - 1,
		       err.msg);
	report(&r);
	_exit(127);
}

/* Reap all that has ended.  Whether there are any children left. */
static bool reap(pid_t main, int options)
{
	for (;;) {
		int status = 0;
		pid_t pid = waitpid(-1, &status, options);

		if (pid < 0 && errno == EINTR)
			continue;
		if (pid <= 0)
			return pid == 0;
		if (pid == main) {
			struct warden_report r = {
				.kind = WARDEN_EXIT,
				.ns = timing_now(),
				.status = WIFSIGNALED(status)
						  ? 128 + WTERMSIG(status)
						  : WEXITSTATUS(status),
			};
			report(&r);
			return true;
		}
		if (!(options & WNOHANG))
			return true;
	}
}

/*
 * What is born while we look is found the next time: its parent was killed, so
 * it becomes our child, and we go round until there is none.
 */
static void kill_all(pid_t main)
{
	do {
		pid_t *pids = NULL;
		ssize_t n = proctree_list(getpid(), &pids);

		for (ssize_t i = 0; i < n; i++)
			(void)kill(pids[i], SIGKILL);
		free(pids);
	} while (reap(main, 0));
}

static bool main_ended(pid_t main)
{
	return kill(main, 0) < 0 && errno == ESRCH;
}

/* Until the command has ended or compare closes its end of @FD_LIFE. */
static void watch(pid_t main, int sig)
{
	struct pollfd fds[2] = { { .fd = sig, .events = POLLIN },
				 { .fd = FD_LIFE, .events = POLLIN } };

	while (!main_ended(main) && fds[1].revents == 0) {
		struct signalfd_siginfo info;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		if (fds[0].revents)
			(void)!read(sig, &info, sizeof(info));
		(void)reap(main, WNOHANG);
	}
}

static uint64_t ns_of(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * NS_PER_S +
	       (uint64_t)tv->tv_usec * NS_PER_US;
}

void warden_run(const struct job_spec *spec, const struct warden_fds *fds)
{
	struct warden_report r = { .kind = WARDEN_GONE };
	struct rusage use;
	sigset_t all;

	/* Only compare's end of file ends us: nothing a terminal sends may. */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	(void)setsid();
	if (place(fds) < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		_exit(127);
	int sig = signalfd(-1, &all, SFD_CLOEXEC);
	pid_t main = sig < 0 ? -1 : fork();
	if (main == 0)
		child(spec);
	for (int i = FD_IN; i <= FD_ERR; i++)
		(void)close(i);
	if (main > 0) {
		watch(main, sig);
		kill_all(main);
	}
	if (spec->clean)
		spec->clean(spec->arg);
	if (getrusage(RUSAGE_CHILDREN, &use) == 0)
		r.cpu_ns = ns_of(&use.ru_utime) + ns_of(&use.ru_stime);
	report(&r);
	_exit(0);
}
