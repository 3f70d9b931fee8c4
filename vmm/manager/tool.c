/* SPDX-License-Identifier: Apache-2.0 */
/* tool.c - run a packaged program, and tell in a sentence why it failed. */
#include "vmm/manager/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/manager/cancel.h"

#define EXEC_MISSING 127
#define EXEC_FAILED  126

/*
 * The child, between fork and exec: only async-signal-safe calls.  Signals
 * that our caller blocks are not its business.
 */
static _Noreturn void child_exec(const char *const argv[], int in, int out,
				 int errfd, pid_t parent)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || dup2(in, 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(errfd, 2) < 0)
		_exit(EXEC_FAILED);
	/* execvp() changes nothing, and is declared as if it did. */
	(void)execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(errno == ENOENT ? EXEC_MISSING : EXEC_FAILED);
}

/* Whether execvp() will find @name: a sentence before anything is set up. */
static bool on_path(const char *name)
{
	const char *path = getenv("PATH");
	char file[4096];

	for (const char *p = path ? path : "/usr/bin:/bin"; *p;) {
		int len = (int)strcspn(p, ":");

		if (snprintf(file, sizeof(file), "%.*s/%s", len, p, name) <
			    (int)sizeof(file) &&
		    access(file, X_OK) == 0)
			return true;
		p += len;
		p += *p == ':';
	}
	return false;
}

int tool_start(struct tool *tool, const char *const argv[], const char *package,
	       unsigned flags, struct err *err)
{
	int pair[2] = { -1, -1 };

	tool->name = argv[0];
	if (!on_path(argv[0]))
		return err_say(err, ENOENT,
			       "the program '%s' is not installed; install "
			       "the Debian package '%s'",
			       argv[0], package);

	/*
	 * A socket rather than a pipe: writing to one whose reader died can
	 * be told not to raise SIGPIPE, without touching signal handlers.
	 */
	if ((flags & TOOL_INPUT) &&
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(err, errno, "start '%s'", argv[0]);
	tool->in = pair[0];
	AUTO_CLOSE int in = pair[1];

	if (in < 0)
		in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	tool->errfd = memfd_create("stderr", MFD_CLOEXEC);
	if (in < 0 || tool->errfd < 0)
		return err_set(err, errno, "start '%s'", argv[0]);

	pid_t parent = getpid();
	tool->pid = fork();
	if (tool->pid < 0)
		return err_set(err, errno, "start '%s'", argv[0]);
	if (tool->pid == 0)
		child_exec(argv, in,
			   flags & TOOL_SHOW ? STDERR_FILENO : tool->errfd,
			   tool->errfd, parent);
	return 0;
}

int tool_write(struct tool *tool, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = send(tool->in, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Programs in Go write `time="..." level=fatal msg="why"`: keep the why. */
static void unquote(char *line)
{
	char *from = strstr(line, " msg=\"");
	char *to = line;

	if (!from)
		return;
	for (from += strlen(" msg=\""); *from && *from != '"'; from++) {
		if (*from == '\\' && from[1])
			from++;
		*to++ = *from;
	}
	*to = '\0';
}

/* The last line that the tool wrote, without the newline. */
static void last_words(struct tool *tool, char *text, size_t size)
{
	off_t end = tool->errfd < 0 ? 0 : lseek(tool->errfd, 0, SEEK_END);
	off_t from = end < (off_t)size ? 0 : end - (off_t)size + 1;
	ssize_t n =
		end <= 0 ? 0 : io_pread_full(tool->errfd, text, size - 1, from);

	text[n < 0 ? 0 : n] = '\0';
	size_t len = strlen(text);
	while (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	char *line = strrchr(text, '\n');
	if (line)
		memmove(text, line + 1, strlen(line));
	unquote(text);
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
			*p = '?';
}

int tool_wait(struct tool *tool, struct err *err)
{
	char words[384];
	int status;

	if (tool->in >= 0)
		(void)close(tool->in);
	tool->in = -1;
	AUTO_CLOSE int pidfd = (int)syscall(SYS_pidfd_open, tool->pid, 0);
	int r = pidfd < 0 ? 0 : cancel_wait(pidfd, -1, err);
	if (r < 0)
		return r;
	while (waitpid(tool->pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_set(err, errno, "wait for '%s'", tool->name);
	tool->pid = -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;

	last_words(tool, words, sizeof(words));
	if (strstr(words, "No space left on device"))
		return err_set(err, ENOSPC, "'%s'", tool->name);
	/* Ctrl-C reaches it, too. */
	r = cancel_check(err);
	if (r < 0)
		return r;
	if (WIFSIGNALED(status))
		return err_say(err, EIO, "'%s' was killed by signal %d (%s)",
			       tool->name, WTERMSIG(status),
			       strsignal(WTERMSIG(status)));
	return err_say(err, EIO, "'%s' failed with status %d%s%s", tool->name,
		       WEXITSTATUS(status), words[0] ? ": " : "", words);
}

void tool_stop(struct tool *tool)
{
	if (tool->in >= 0)
		(void)close(tool->in);
	if (tool->pid > 0) {
		(void)kill(tool->pid, SIGKILL);
		(void)waitpid(tool->pid, NULL, 0);
	}
	if (tool->errfd >= 0)
		(void)close(tool->errfd);
	*tool = (struct tool)TOOL_NONE;
}
