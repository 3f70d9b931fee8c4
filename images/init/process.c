/* SPDX-License-Identifier: Apache-2.0 */
/* process.c - start the container's process. */
#include "images/init/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "images/init/child.h"
#include "vmm/lib/auto.h"

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

	*p = (struct process){ .pid = (pid_t)pid, .status_fd = TAKE_FD(ours) };
	return 0;
}

void process_kill(const struct process *p)
{
	(void)kill(p->pid, SIGKILL);
	while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		;
}
