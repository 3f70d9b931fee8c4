/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mix.c - verb calls: what most jobs ask of their kernel, once.  The row
 * isolation.calls counts which calls to the host's kernel that causes.
 */
#include "images/compare/mix.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "images/compare/process.h"
#include "images/compare/suite.h"
#include "vmm/lib/auto.h"

#define PATIENCE_MS 10000

static int pipes(struct err *err)
{
	int ends[2];
	int r = process_make_pipe(ends, err);
	if (r < 0)
		return r;

	AUTO_CLOSE int in = ends[0];
	AUTO_CLOSE int out = ends[1];
	pid_t pid = fork();
	if (pid < 0)
		return err_set(err, errno, "start a process");
	if (pid == 0)
		_exit(process_put(out, 'x') < 0);

	struct pollfd p = { .fd = in, .events = POLLIN };
	char byte = 0;
	int n = poll(&p, 1, PATIENCE_MS);
	if (n <= 0)
		r = err_set(err, n < 0 ? errno : ETIMEDOUT, "poll a pipe");
	else if (process_get(in, &byte) < 0 || byte != 'x')
		r = err_say(err, EIO, "a pipe lost its byte");
	int waited =
		process_wait(pid, "the writer of a pipe", r < 0 ? NULL : err);
	return r < 0 ? r : waited;
}

static volatile sig_atomic_t caught;

static void catch_it(int sig)
{
	caught = sig;
}

/* A handler in this process; one that another process waits for. */
static int signals(struct err *err)
{
	struct sigaction old, act = { .sa_handler = catch_it };

	caught = 0;
	if (sigaction(SIGUSR1, &act, &old) < 0 || kill(getpid(), SIGUSR1) < 0 ||
	    sigaction(SIGUSR1, &old, NULL) < 0)
		return err_set(err, errno, "send a signal");
	if (caught != SIGUSR1)
		return err_say(err, EPROTO, "a signal did not arrive");

	pid_t pid = fork();
	if (pid < 0)
		return err_set(err, errno, "start a process");
	if (pid == 0)
		for (;;)
			(void)pause();

	int status = 0;
	if (kill(pid, SIGTERM) < 0 || waitpid(pid, &status, 0) != pid)
		return err_set(err, errno, "end a process");
	return WIFSIGNALED(status)
		       ? 0
		       : err_say(err, EPROTO, "a signal ended no process");
}

static int clocks(struct err *err)
{
	struct timespec ts, moment = { .tv_nsec = 1000000 };
	char noise[32];

	if (clock_gettime(CLOCK_REALTIME, &ts) < 0 ||
	    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts) < 0 ||
	    clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL) != 0)
		return err_set(err, errno, "use the clocks");
	if (getrandom(noise, sizeof(noise), 0) != sizeof(noise))
		return err_set(err, errno, "get random bytes");
	return 0;
}

static int mix(const char *dir, const char *self, struct err *err)
{
	int r = mix_files(dir, err);

	if (r == 0)
		r = process_spawn(self, err);
	if (r == 0)
		r = pipes(err);
	if (r == 0)
		r = mix_memory(err);
	if (r == 0)
		r = mix_threads(err);
	if (r == 0)
		r = signals(err);
	if (r == 0)
		r = mix_network(err);
	return r < 0 ? r : clocks(err);
}

int mix_run(const char *dir, const char *self)
{
	struct err err = { 0 };
	int r = suite_line("begin");

	if (r == 0) {
		if (mix(dir, self, &err) < 0)
			return suite_fail(&err);
		r = suite_line("end");
	}
	if (r == 0)
		return 0;
	(void)err_set(&err, -r, "write to standard output");
	return suite_fail(&err);
}
