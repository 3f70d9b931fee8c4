/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qemu_init.c - PID 1 of the peer QEMU: the least that runs an image's command
 * there as belljar's own guest does.  qemu_job.h says what it expects.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "images/compare/qemu_job.h"
#include "images/compare/qemu_root.h"
#include "images/init/mounts.h"
#include "images/init/rootfs.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

#define CONSOLE "/dev/ttyS0"

/* Standard input, output and error become the serial port, byte by byte. */
static int open_console(struct err *err)
{
	AUTO_CLOSE int fd = open(CONSOLE, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios t;

	if (fd < 0)
		return err_set(err, errno, "open '%s'", CONSOLE);
	if (tcgetattr(fd, &t) < 0)
		return err_set(err, errno, "look at '%s'", CONSOLE);
	cfmakeraw(&t);
	t.c_cflag |= CLOCAL | CREAD;
	(void)cfsetspeed(&t, B115200);
	if (tcsetattr(fd, TCSANOW, &t) < 0)
		return err_set(err, errno, "set up '%s'", CONSOLE);
	for (int i = 0; i <= STDERR_FILENO; i++)
		if (dup2(fd, i) < 0)
			return err_set(err, errno, "use '%s'", CONSOLE);
	return 0;
}

static int read_job(char **ret_data, struct qemu_job *job, struct err *err)
{
	AUTO_CLOSE int fd = open("/" QEMU_JOB_FILE, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "open the job");

	/* One byte more, to see that there is none. */
	*ret_data = malloc(QEMU_JOB_SIZE_MAX + 1);
	if (!*ret_data)
		return err_set(err, ENOMEM, "read the job");
	ssize_t n = io_read_full(fd, *ret_data, QEMU_JOB_SIZE_MAX + 1);
	if (n < 0)
		return err_set(err, (int)-n, "read the job");
	if ((size_t)n > QEMU_JOB_SIZE_MAX)
		return err_set(err, EFBIG, "read the job");
	return qemu_job_parse(*ret_data, (size_t)n, job, err);
}

/* NULL, or what could not be done, and errno. */
static const char *become(const struct qemu_job *job)
{
	if (chroot(ROOTFS_ROOT) < 0)
		return "enter the image";
	if (chdir(job->cwd) < 0)
		return job->cwd;
	if (setgroups(0, NULL) < 0 || setgid(job->gid) < 0 ||
	    setuid(job->uid) < 0)
		return "become the user";
	return NULL;
}

/* In the command's process: 126 and 127 as shells have them. */
static _Noreturn void run(const struct qemu_job *job)
{
	assert(job->cwd && job->words && job->env); /* as they were parsed */
	(void)setsid();
	const char *what = become(job);
	int status = QEMU_JOB_FAILED;

	if (!what) {
		what = job->words[0];
		environ = job->env;
		(void)execvp(job->words[0], job->words);
		status = errno == ENOENT ? 127 : 126;
	}
	(void)fprintf(stderr, "qemu init: %s: %s\n", what, strerror(errno));
	_exit(status);
}

/* Reap everybody until @pid has ended: its status as a shell has it. */
static int wait_for(pid_t pid)
{
	for (;;) {
		int status = 0;
		pid_t got = wait(&status);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return QEMU_JOB_FAILED; /* no child: impossible */
		if (got != pid)
			continue;
		if (!WIFSIGNALED(status))
			return WEXITSTATUS(status);
		(void)fprintf(stderr,
			      "qemu init: the command was killed by signal %d "
			      "(%s)\n",
			      WTERMSIG(status), strsignal(WTERMSIG(status)));
		return 128 + WTERMSIG(status);
	}
}

static int serve(struct err *err)
{
	AUTO_FREE char *data = NULL;
	struct qemu_job job = { 0 };
	int r = mounts_early(err);

	if (r == 0)
		r = open_console(err);
	if (r == 0)
		r = read_job(&data, &job, err);
	if (r == 0)
		r = qemu_root_make(err);
	if (r == 0) {
		pid_t pid = fork();

		if (pid == 0)
			run(&job);
		r = pid < 0 ? err_set(err, errno, "start the command")
			    : wait_for(pid);
	}
	qemu_job_done(&job);
	return r;
}

static _Noreturn void power_off(int status)
{
	(void)tcdrain(STDOUT_FILENO);
	if (ioperm(QEMU_JOB_PORT, 4, 1) == 0)
		outl(qemu_job_value(status), QEMU_JOB_PORT);
	/* No such device: the host sees a status that is none. */
	(void)reboot(RB_AUTOBOOT);
	for (;;)
		(void)pause();
}

int main(void)
{
	struct err err = { 0 };
	int status = serve(&err);

	if (status < 0) {
		(void)fprintf(stderr, "qemu init: %s\n", err.msg);
		status = QEMU_JOB_FAILED;
	}
	(void)kill(-1, SIGKILL);
	rootfs_unmount();
	power_off(status);
}
