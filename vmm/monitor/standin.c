/* SPDX-License-Identifier: Apache-2.0 */
/* standin.c - the parent of a monitor that has no keeper. */
#include "vmm/monitor/standin.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/jail/jail.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/lib/log.h"

void standin_signals(sigset_t *ret)
{
	(void)sigemptyset(ret);
	(void)sigaddset(ret, SIGTERM);
	(void)sigaddset(ret, SIGINT);
}

/* Signals of a terminal reach the child too, by its process group. */
static void pass_on(int signals, int child)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) == sizeof(info))
		(void)pidfd_send_signal(child, (int)info.ssi_signo, NULL, 0);
}

static int wait_for(pid_t pid, int child, int signals)
{
	struct pollfd fds[] = { { child, POLLIN, 0 }, { signals, POLLIN, 0 } };
	int status;

	do {
		if (poll(fds, 2, -1) > 0 && fds[1].revents)
			pass_on(signals, child);
	} while (!(fds[0].revents & POLLIN));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	log_error("the monitor was ended by signal %d (%s)%s", WTERMSIG(status),
		  sigdescr_np(WTERMSIG(status)),
		  WTERMSIG(status) == SIGSYS
			  ? ": a system call that its jail forbids"
			  : "");
	return 128 + WTERMSIG(status);
}

/* The parent's half; the child closes what it holds open. */
static int stand_in(struct config *c, pid_t pid, int child, int *ret_status,
		    struct err *err)
{
	sigset_t set;

	standin_signals(&set);
	AUTO_CLOSE int signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (signals < 0)
		return err_set(err, errno, "watch signals");
	/* Who reads the other end of a pipe is to see the child's end. */
	const char *control = c->made_control;
	const char *vsock = c->made_vsock;
	c->made_control = c->made_vsock = NULL;
	config_done(c);
	c->made_control = control;
	c->made_vsock = vsock;
	*ret_status = wait_for(pid, child, signals);
	return 1;
}

static int be_child(struct config *c, int link, struct err *err)
{
	/* The sockets' names are the parent's to remove. */
	c->made_control = c->made_vsock = NULL;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_set(err, errno, "end with the parent");
	if (io_read_full(link, &c->pid, sizeof(c->pid)) != sizeof(c->pid) ||
	    jail_orphaned(link))
		return err_say(err, ESRCH, "the parent has ended");
	return 0;
}

int standin_fork(struct config *c, int *ret_status, struct err *err)
{
	struct jail_birth birth = { .cgroup = -1, .uid = JAIL_NO_UID };
	struct jail_ids ids;
	sigset_t set;
	int p[2];
	int pidfd = -1;

	if (c->jail.mode == JAIL_OFF || c->jail.born)
		return 0;
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_set(err, errno, "create a pipe");
	AUTO_CLOSE int rd = p[0];
	AUTO_CLOSE int wr = p[1];

	/* From here on they are for the parent's descriptor, or the child's. */
	standin_signals(&set);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);

	jail_ids_take(&ids);
	birth.uid = c->jail.uid = ids.first;
	pid_t pid = jail_fork(&birth, &pidfd, err);
	if (pid == 0) {
		(void)close(TAKE_FD(wr));
		jail_ids_done(&ids);
		return be_child(c, rd, err);
	}
	AUTO_CLOSE int child = pidfd;
	int r = pid;
	if (r > 0)
		r = jail_report(birth.missing, birth.errnum, c->jail.mode, err);
	/* As the world outside of the child's namespace knows it. */
	if (r == 0)
		r = io_write_full(wr, &pid, sizeof(pid));
	if (r < 0) {
		if (pid > 0) {
			(void)pidfd_send_signal(child, SIGKILL, NULL, 0);
			(void)waitpid(pid, NULL, 0);
		}
	} else {
		r = stand_in(c, pid, child, ret_status, err);
	}
	jail_ids_done(&ids);
	return r;
}
