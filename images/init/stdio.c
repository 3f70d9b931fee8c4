/* SPDX-License-Identifier: Apache-2.0 */
/* stdio.c - pipes or a terminal for the container's process. */
#include "images/init/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "images/init/mounts.h"

void stdio_init(struct stdio *io)
{
	*io = (struct stdio){
		.child = { -1, -1, -1 }, .in = -1, .out = -1, .err = -1
	};
}

static void close_slot(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void stdio_close_child(struct stdio *io)
{
	for (int i = 0; i < 3; i++)
		close_slot(&io->child[i]);
}

void stdio_done(struct stdio *io)
{
	stdio_close_child(io);
	close_slot(&io->in);
	close_slot(&io->out);
	close_slot(&io->err);
}

/* The process's end stays blocking: a pipe has a file for each end. */
static int open_pipe(int *ours, int *theirs, bool we_write)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	*ours = fds[we_write];
	*theirs = fds[!we_write];
	return fcntl(*ours, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int open_pipes(struct stdio *io, bool with_stdin, struct err *err)
{
	int r = 0;

	if (with_stdin) {
		r = open_pipe(&io->in, &io->child[0], true);
	} else {
		io->child[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (io->child[0] < 0)
			r = -errno;
	}
	if (r == 0)
		r = open_pipe(&io->out, &io->child[1], false);
	if (r == 0)
		r = open_pipe(&io->err, &io->child[2], false);
	return r < 0 ? err_set(err, -r, "open the standard streams") : 0;
}

/* So that /dev/console is the terminal, as docker has it. */
static int bind_console(int root, const char *terminal, struct err *err)
{
	char source[96];

	/* By way of @root: init's own /dev has no such terminal. */
	(void)snprintf(source, sizeof(source), "/proc/self/fd/%d%s", root,
		       terminal);
	return mounts_file(root, source, "dev/console", err);
}

static int open_terminal(struct stdio *io, int root, const struct settings *s,
			 struct err *err)
{
	int master = openat(root, "dev/pts/ptmx",
			    O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (master < 0)
		return err_set(err, errno, "open a terminal");
	io->out = master;

	if (unlockpt(master) < 0 ||
	    ptsname_r(master, io->terminal, sizeof(io->terminal)) != 0)
		return err_set(err, errno, "unlock the terminal");
	if (s->with_stdin) {
		io->in = fcntl(master, F_DUPFD_CLOEXEC, 0);
		if (io->in < 0)
			return err_set(err, errno, "open the terminal");
	}
	io->tty = true;
	stdio_resize(io, s->size);
	return bind_console(root, io->terminal, err);
}

int stdio_open(struct stdio *io, int root, const struct settings *s,
	       struct err *err)
{
	return s->tty ? open_terminal(io, root, s, err)
		      : open_pipes(io, s->with_stdin, err);
}

static int take_terminal(const struct stdio *io, struct err *err)
{
	int fd = open(io->terminal, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "open '%s'", io->terminal);

	int r = 0;
	if (ioctl(fd, TIOCSCTTY, 0) < 0)
		r = -errno;
	for (int i = 0; r == 0 && i < 3; i++)
		if (dup2(fd, i) < 0)
			r = -errno;
	(void)close(fd);
	return r < 0 ? err_set(err, -r, "take '%s'", io->terminal) : 0;
}

int stdio_take(const struct stdio *io, struct err *err)
{
	if (setsid() < 0)
		return err_set(err, errno, "start a session");
	if (io->tty)
		return take_terminal(io, err);
	for (int i = 0; i < 3; i++)
		if (dup2(io->child[i], i) < 0)
			return err_set(err, errno, "take descriptor %d", i);
	return 0;
}

void stdio_resize(const struct stdio *io, struct agent_size size)
{
	struct winsize ws = { .ws_row = size.rows, .ws_col = size.cols };

	if (io->tty && io->out >= 0)
		(void)ioctl(io->out, TIOCSWINSZ, &ws);
}
