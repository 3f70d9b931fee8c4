/* SPDX-License-Identifier: Apache-2.0 */
/* process.c - rows sys.* that take two processes. */
#include "images/compare/process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "images/compare/pace.h"
#include "images/compare/suite.h"
#include "vmm/lib/auto.h"

int process_make_pipe(int ret[2], struct err *err)
{
	if (pipe2(ret, O_CLOEXEC) < 0)
		return err_set(err, errno, "make a pipe");
	return 0;
}

int process_get(int fd, char *ret)
{
	ssize_t n;

	do {
		n = read(fd, ret, 1);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == 1 ? 0 : -EPIPE;
}

int process_put(int fd, char byte)
{
	ssize_t n;

	do {
		n = write(fd, &byte, 1);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int process_wait(pid_t pid, const char *what, struct err *err)
{
	int status = 0;
	pid_t got;

	do {
		got = waitpid(pid, &status, 0);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_set(err, errno, "wait for %s", what);
	if (WIFSIGNALED(status))
		return err_say(err, ECHILD, "%s was killed by signal %d (%s)",
			       what, WTERMSIG(status),
			       strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status) != 0)
		return err_say(err, ECHILD, "%s ended with status %d", what,
			       WEXITSTATUS(status));
	return 0;
}

struct pong {
	int out, in;
};

static int pings(void *state, uint64_t n, struct err *err)
{
	const struct pong *p = state;
	char byte = 0;

	while (n-- > 0) {
		int r = process_put(p->out, 'x');

		if (r == 0)
			r = process_get(p->in, &byte);
		if (r < 0)
			return err_set(err, -r, "exchange a byte by pipe");
	}
	return 0;
}

/* The other process: sends back what comes until nothing does. */
static _Noreturn void answer(int in, int out)
{
	char byte;

	while (process_get(in, &byte) == 0)
		if (process_put(out, byte) < 0)
			_exit(1);
	_exit(0);
}

int process_pipe(const struct plan *plan, struct figure *ret, struct err *err)
{
	int there[2], back[2];
	int r = process_make_pipe(there, err);
	if (r < 0)
		return r;
	AUTO_CLOSE int there_in = there[0];
	AUTO_CLOSE int there_out = there[1];

	r = process_make_pipe(back, err);
	if (r < 0)
		return r;
	AUTO_CLOSE int back_in = back[0];
	AUTO_CLOSE int back_out = back[1];

	pid_t pid = fork();
	if (pid < 0)
		return err_set(err, errno, "start a second process");
	if (pid == 0) {
		(void)close(TAKE_FD(there_out));
		(void)close(TAKE_FD(back_in));
		answer(there_in, back_out);
	}
	/* Its death has to be an end of file here. */
	(void)close(TAKE_FD(there_in));
	(void)close(TAKE_FD(back_out));

	struct pong state = { .out = there_out, .in = back_in };
	struct pace p;
	r = pace_run(plan->budget, pings, &state, &p, err);

	(void)close(TAKE_FD(there_out));
	int waited =
		process_wait(pid, "the second process", r < 0 ? NULL : err);
	if (r < 0 || waited < 0)
		return r < 0 ? r : waited;
	ret->ops = p.ops;
	ret->number = p.ns / 1e3 / (double)p.ops;
	return 0;
}

int process_spawn(const char *self, struct err *err)
{
	pid_t pid = fork();

	if (pid < 0)
		return err_set(err, errno, "start a process");
	if (pid == 0) {
		(void)execl(self, self, SUITE_NOTHING, (char *)NULL);
		_exit(127);
	}
	return process_wait(pid, "the process that was started", err);
}

static int spawns(void *state, uint64_t n, struct err *err)
{
	const struct plan *plan = state;
	int r = 0;

	while (r == 0 && n-- > 0)
		r = process_spawn(plan->self, err);
	return r;
}

int process_fork_exec(const struct plan *plan, struct figure *ret,
		      struct err *err)
{
	struct plan state = *plan;
	struct pace p;
	int r = pace_run(plan->budget, spawns, &state, &p, err);
	if (r < 0)
		return r;

	ret->ops = p.ops;
	ret->number = p.ns / 1e3 / (double)p.ops;
	return 0;
}
