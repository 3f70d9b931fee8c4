/* SPDX-License-Identifier: Apache-2.0 */
/* spawn.c - fork, pass descriptors, execute. */
#include "vmm/manager/spawn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

#define FIRST_FD 3

void spawn_init(struct spawn *s, const char *path, const char *name)
{
	*s = (struct spawn){ .path = path, .out = -1, .err = -1 };
	(void)strv_add(&s->args, "%s", name);
}

void spawn_done(struct spawn *s)
{
	strv_done(&s->args);
}

int spawn_fd(struct spawn *s, int fd)
{
	assert(s->nr_fds < SPAWN_FDS_MAX && fd >= 0);
	s->fds[s->nr_fds] = fd;
	return FIRST_FD + s->nr_fds++;
}

/* From here to execve() only what is safe after fork(). */

void spawn_reset_signals(void)
{
	const struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &dfl, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What the child says when it cannot execute. */
struct failure {
	int error; /* -errno */
	bool prepared; /* s->prepare was not what failed */
};

/* What the child needs besides @s. */
struct start {
	int program; /* opened, or -1: search PATH */
	int report; /* says that it could not be executed */
};

/*
 * Lift every descriptor above the numbers it may have to leave free, then put
 * each in its place and close the rest but the last two, those of @at.
 */
static int place_fds(const struct spawn *s, struct start *at)
{
	int top = FIRST_FD + s->nr_fds + 2;
	int high[SPAWN_FDS_MAX];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int std[3] = { null, s->out < 0 ? null : s->out,
		       s->err < 0 ? null : s->err };

	for (int i = 0; i < 3; i++)
		std[i] = fcntl(std[i], F_DUPFD_CLOEXEC, top);
	for (int i = 0; i < s->nr_fds; i++)
		high[i] = fcntl(s->fds[i], F_DUPFD_CLOEXEC, top);
	int report = fcntl(at->report, F_DUPFD_CLOEXEC, top);
	int program = at->program;
	if (program >= 0)
		program = fcntl(program, F_DUPFD_CLOEXEC, top);

	for (int i = 0; i < 3; i++)
		if (dup2(std[i], i) < 0)
			return -errno;
	for (int i = 0; i < s->nr_fds; i++)
		if (dup2(high[i], FIRST_FD + i) < 0)
			return -errno;
	at->report = dup3(report, top - 1, O_CLOEXEC);
	if (at->report < 0)
		return -errno;
	if (program >= 0)
		at->program = dup3(program, top - 2, O_CLOEXEC);
	return close_range((unsigned)top, ~0U, 0) < 0 ? -errno : 0;
}

static int execute(const struct spawn *s, int program)
{
	char *const empty_env[] = { NULL };

	if (program < 0) {
		(void)execvpe(s->path, s->args.v, empty_env);
		return -errno;
	}
	(void)execveat(program, "", s->args.v, empty_env, AT_EMPTY_PATH);
	return -errno;
}

static __attribute__((noreturn)) void child(const struct spawn *s,
					    struct start at)
{
	struct failure f = { .prepared = true };

	spawn_reset_signals();
	int r = place_fds(s, &at);

	if (s->alone)
		(void)setsid();
	else if (r == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		r = -errno;
	/* The parent may have died before prctl() could tell us. */
	if (r == 0 && jail_orphaned(at.report))
		r = -ESRCH;
	if (r == 0 && s->prepare) {
		r = s->prepare(s->arg);
		f.prepared = r == 0;
	}
	if (r == 0)
		r = execute(s, at.program);
	f.error = r;
	(void)!write(at.report, &f, sizeof(f));
	_exit(127);
}

static pid_t make_child(struct spawn *s, int *ret_pidfd, struct err *err)
{
	if (s->birth)
		return jail_fork(s->birth, ret_pidfd, err);

	pid_t pid = fork();
	if (pid < 0)
		return err_set(err, errno, "start '%s'", s->path);
	if (pid == 0)
		return 0;
	*ret_pidfd = pidfd_open(pid, 0);
	if (*ret_pidfd < 0) {
		int r = err_set(err, errno, "start '%s'", s->path);

		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		return r;
	}
	return pid;
}

int spawn_start(struct spawn *s, pid_t *ret_pid, int *ret_pidfd,
		struct err *err)
{
	int report[2];

	if (!s->args.v)
		return err_set(err, ENOMEM, "start '%s'", s->path);
	if (pipe2(report, O_CLOEXEC) < 0)
		return err_set(err, errno, "create a pipe");
	AUTO_CLOSE int rd = report[0];
	AUTO_CLOSE int wr = report[1];
	AUTO_CLOSE int program = -1;
	AUTO_CLOSE int pidfd = -1;

	if (strchr(s->path, '/')) {
		program = open(s->path, O_PATH | O_CLOEXEC);
		if (program < 0)
			return err_set(err, errno, "execute '%s'", s->path);
	}
	pid_t pid = make_child(s, &pidfd, err);
	if (pid < 0)
		return pid;
	if (pid == 0) {
		(void)close(rd);
		child(s, (struct start){ program, wr });
	}
	(void)close(TAKE_FD(wr));

	struct failure failed = { 0 };
	(void)io_read_full(rd, &failed, sizeof(failed));
	if (failed.error) {
		(void)waitpid(pid, NULL, 0);
		return failed.prepared
			       ? err_set(err, -failed.error, "execute '%s'",
					 s->path)
			       : err_set(err, -failed.error, "%s", s->prepares);
	}
	*ret_pid = pid;
	*ret_pidfd = TAKE_FD(pidfd);
	return 0;
}

int spawn_status(int code, int status)
{
	return code == CLD_EXITED ? status : 128 + status;
}

/* Until end of file; what does not fit is read and dropped. */
static void read_said(int fd, char *said, size_t len)
{
	char rest[512];
	ssize_t n = io_read_full(fd, said, len - 1);

	said[n > 0 ? n : 0] = '\0';
	while (io_read_full(fd, rest, sizeof(rest)) == sizeof(rest))
		;
	size_t end = strlen(said);
	while (end && said[end - 1] == '\n')
		said[--end] = '\0';
	for (char *p = said; *p; p++)
		if (*p == '\n')
			*p = ' ';
}

int spawn_run(struct spawn *s, char *said, size_t len, struct err *err)
{
	siginfo_t info = { 0 };
	pid_t pid = -1;
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_set(err, errno, "create a pipe");
	AUTO_CLOSE int rd = p[0];
	AUTO_CLOSE int wr = p[1];
	AUTO_CLOSE int pidfd = -1;

	s->err = wr;
	int r = spawn_start(s, &pid, &pidfd, err);
	if (r < 0)
		return r;
	(void)close(TAKE_FD(wr));
	read_said(rd, said, len);
	while (waitid(P_PID, (id_t)pid, &info, WEXITED) < 0 && errno == EINTR)
		;
	return spawn_status(info.si_code, info.si_status);
}
