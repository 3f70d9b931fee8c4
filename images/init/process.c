/* SPDX-License-Identifier: Apache-2.0 */
/* process.c - start the container's process. */
#include "images/init/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "images/init/child.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/procstat.h"

int process_spawn(struct process *p, const char *root, struct settings *s,
		  const struct stdio *io, struct err *err)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_set(err, errno, "open a status pipe");

	AUTO_CLOSE int ours = fds[0];
	AUTO_CLOSE int theirs = fds[1];

	/* fork() that takes namespaces; init has no threads to mind. */
	long pid = syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | SIGCHLD, 0,
			   0, 0, 0);
	if (pid < 0)
		return err_set(err, errno, "start a process");
	if (pid == 0)
		child_main(root, s, io, theirs);

	*p = (struct process){
		.pid = (pid_t)pid,
		.status_fd = TAKE_FD(ours),
		.has_shares = s->shares.n > 0,
	};
	return 0;
}

void process_signals(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGCHLD);
}

bool process_ending(const struct process *p, int *status)
{
	struct procstat stat;

	/* Not one whose first thread has ended before the others. */
	if (procstat_read("", p->pid, &stat) < 0 ||
	    procstat_get(&stat, PROCSTAT_THREADS) != 1 ||
	    procstat_get(&stat, PROCSTAT_VSIZE) != 0)
		return false;
	*status = (int)procstat_get(&stat, PROCSTAT_EXIT_CODE);
	return true;
}

void process_kill(const struct process *p)
{
	const struct timespec patience = { .tv_sec = PROCESS_PATIENCE_S };
	sigset_t set;

	process_signals(&set);
	(void)kill(p->pid, SIGKILL);
	while (waitpid(p->pid, NULL, WNOHANG) == 0)
		if (sigtimedwait(&set, NULL, &patience) < 0 && errno == EAGAIN)
			return;
}
