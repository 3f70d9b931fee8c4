/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init_process_test.c - the end of a container's process that Linux does not
 * report.  A child in its PID namespace whose parent is outside is not reaped
 * from inside: it holds the end up as one does that waits for a file server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "images/init/now.h"
#include "images/init/process.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/procstat.h"

/* The first of a PID namespace: it ends with 3 at a byte of @go. */
static pid_t start_first(int go)
{
	pid_t pid =
		(pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
	char c;

	if (pid != 0)
		return pid;
	(void)!read(go, &c, 1);
	_exit(3);
}

/* One more process in the namespace of @first. */
static pid_t start_other(pid_t first)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)first);
	AUTO_CLOSE int theirs = open(path, O_RDONLY | O_CLOEXEC);
	AUTO_CLOSE int ours = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);

	assert_true(theirs >= 0 && ours >= 0);
	assert_int_equal(setns(theirs, CLONE_NEWPID), 0);
	pid_t pid = fork();
	if (pid == 0) {
		(void)pause();
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(setns(ours, CLONE_NEWPID), 0);
	return pid;
}

static int go[2];
static struct process p;
static pid_t other;

static int start(void **state)
{
	*state = NULL;
	if (geteuid() != 0)
		return 0;
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	p = (struct process){ .pid = start_first(go[0]), .status_fd = -1 };
	assert_true(p.pid > 0);
	other = start_other(p.pid);
	*state = &p;
	return 0;
}

static int stop(void **state)
{
	if (*state) {
		(void)close(go[0]);
		(void)close(go[1]);
	}
	return 0;
}

static void an_end_that_is_held_up_is_seen(void **state)
{
	int status = -1;

	if (!*state)
		skip();
	assert_false(process_ending(&p, &status));
	assert_int_equal(write(go[1], "", 1), 1);
	/* The other's end: the first one has ended and killed it. */
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)other, &info, WEXITED | WNOWAIT),
			 0);
	assert_int_equal(info.si_status, SIGKILL);
	assert_true(process_ending(&p, &status));
	assert_int_equal(WEXITSTATUS(status), 3);
	assert_int_equal(waitpid(p.pid, NULL, WNOHANG), 0);

	assert_int_equal(waitpid(other, NULL, 0), other);
	assert_int_equal(waitpid(p.pid, &status, 0), p.pid);
	assert_int_equal(WEXITSTATUS(status), 3);
	assert_false(process_ending(&p, &status));
}

static void one_that_cannot_be_reaped_is_left(void **state)
{
	if (!*state)
		skip();
	uint64_t begin = now_ns();
	process_kill(&p);
	assert_true(now_ns() - begin >= (PROCESS_PATIENCE_S - 1) * NOW_S);
	assert_int_equal(waitpid(p.pid, NULL, WNOHANG), 0);

	assert_int_equal(waitpid(other, NULL, 0), other);
	process_kill(&p);
	assert_int_equal(waitpid(p.pid, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void fields_have_the_numbers_of_proc(void **state)
{
	struct procstat st;

	(void)state;
	assert_int_equal(procstat_read("", getpid(), &st), 0);
	assert_int_equal(procstat_get(&st, PROCSTAT_PPID), getppid());
	assert_int_equal(procstat_get(&st, PROCSTAT_THREADS), 1);
	assert_true(procstat_get(&st, PROCSTAT_VSIZE) > 0);
	assert_true(st.nr > PROCSTAT_EXIT_CODE);
	assert_int_equal(procstat_read("", INT32_MAX, &st), -ENOENT);
	st.nr = PROCSTAT_FIRST;
	assert_int_equal(procstat_get(&st, PROCSTAT_PPID), 0);
}

static int block_children(void **state)
{
	sigset_t set;

	(void)state;
	process_signals(&set);
	return sigprocmask(SIG_BLOCK, &set, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_end_that_is_held_up_is_seen,
						start, stop),
		cmocka_unit_test_setup_teardown(
			one_that_cannot_be_reaped_is_left, start, stop),
		cmocka_unit_test(fields_have_the_numbers_of_proc),
	};

	return cmocka_run_group_tests(tests, block_children, NULL);
}
