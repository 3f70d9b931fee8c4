/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child.c - from fork to exec.  The order matters: mounts and limits need
 * root, the command is looked up with the user's rights.
 */
#include "images/init/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/init/lookup.h"
#include "images/init/mounts.h"
#include "images/init/process.h"
#include "images/init/rootfs.h"
#include "images/init/user.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

#define STATUS_SETUP 125

/* What docker gives an image that sets none. */
#define DEFAULT_PATH                                                           \
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* fs.nr_open, the kernel's ceiling and docker's usual value. */
#define MAX_FILES 1048576

static void reset_signals(void)
{
	sigset_t none;

	(void)signal(SIGPIPE, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * Make @path the root.  pivot_root refuses to leave the initramfs; a root
 * that is moved on top of it counts as a real one for everything else
 * (unshare, pivot_root), unlike a plain chroot.
 */
static int enter_root(const char *path, struct err *err)
{
	AUTO_CLOSE int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_set(err, errno, "open the root '%s'", path);

	int r = mounts_proc(root, err);
	if (r < 0)
		return r;
	if (fchdir(root) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 ||
	    chroot(".") < 0 || chdir("/") < 0)
		return err_set(err, errno, "enter the root");
	return 0;
}

/* More than the kernel allows is cut by it; less would break servers. */
static void set_limits(void)
{
	struct rlimit files = { MAX_FILES, MAX_FILES };
	struct rlimit procs = { RLIM_INFINITY, RLIM_INFINITY };

	(void)setrlimit(RLIMIT_NOFILE, &files);
	(void)setrlimit(RLIMIT_NPROC, &procs);
	(void)umask(022);
}

static int enter_cwd(const char *cwd, struct err *err)
{
	if (!cwd)
		return 0;

	int r = io_mkdirs(cwd, 0755, err);
	if (r < 0)
		return err_wrap(err, "working directory");
	if (chdir(cwd) < 0)
		return err_set(err, errno, "working directory '%s'", cwd);
	return 0;
}

static int default_env(struct settings *s, const struct user *u,
		       struct err *err)
{
	int r = settings_default_env(s, "PATH", DEFAULT_PATH);
	if (r == 0)
		r = settings_default_env(s, "HOSTNAME", s->hostname);
	if (r == 0 && s->tty)
		r = settings_default_env(s, "TERM", "xterm");
	if (r == 0)
		r = settings_default_env(s, "HOME", u->home);
	return r < 0 ? err_set(err, -r, "make the environment") : 0;
}

/* The user owns its pipes or terminal, so that /dev/stdout can be opened. */
static void own_stdio(const struct stdio *io, uid_t uid)
{
	for (int i = io->in >= 0 || io->tty ? 0 : 1; i < 3; i++)
		(void)!fchown(i, uid, (gid_t)-1);
}

static int prepare(const char *root, struct settings *s, const struct stdio *io,
		   struct err *err)
{
	reset_signals();
	int r = enter_root(root, err);
	if (r == 0)
		r = stdio_take(io, err);
	if (r < 0)
		return r;

	set_limits();
	r = enter_cwd(s->cwd, err);
	if (r == 0 && s->readonly)
		r = rootfs_seal("/", err);
	if (r < 0)
		return r;

	struct user user;
	r = user_lookup("/etc", s->user, &user, err);
	if (r == 0)
		r = default_env(s, &user, err);
	if (r < 0)
		return r;
	own_stdio(io, user.uid);
	return user_become(&user, err);
}

/* Returns only on failure: the status to report. */
static int execute(struct settings *s, struct err *err)
{
	char file[4096];
	int status = lookup_command(s->args.v[0], settings_getenv(s, "PATH"),
				    file, sizeof(file), err);
	if (status != 0)
		return status;

	(void)execve(file, s->args.v, s->env.v);
	return lookup_exec_failed(file, errno, err);
}

noreturn void child_main(const char *root, struct settings *s,
			 const struct stdio *io, int status_fd)
{
	struct err err = { 0 };
	struct process_failure failure = { .status = STATUS_SETUP };

	if (prepare(root, s, io, &err) == 0)
		failure.status = (uint32_t)execute(s, &err);
	(void)snprintf(failure.text, sizeof(failure.text), "%s", err.msg);

	/* Below PIPE_BUF: all or nothing, and the pipe is empty. */
	(void)!write(status_fd, &failure,
		     offsetof(struct process_failure, text) +
			     strlen(failure.text));
	_exit((int)failure.status);
}
