/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn.h - start a companion: the descriptors named here go in, nothing else
 * does, and, unless it is to stand alone, it dies with us.
 */
#ifndef VMM_MANAGER_SPAWN_H
#define VMM_MANAGER_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "vmm/jail/jail.h"
#include "vmm/lib/err.h"
#include "vmm/manager/strv.h"

#define SPAWN_FDS_MAX 64

/*
 * A command line in the making.  Descriptors are borrowed until spawn_start()
 * returns; in the child the first is number 3, the next 4 and so on, so
 * spawn_fd() returns what to write in "fd:N".
 */
struct spawn {
	const char *path; /* searched in PATH when it has no '/' */
	struct strv args; /* args.v[0] is the program's name */
	int fds[SPAWN_FDS_MAX];
	int nr_fds;
	int out; /* the child's stdout, or -1: /dev/null */
	int err; /* the child's stderr, or -1: /dev/null */
	bool alone; /* it outlives us, in a session of its own */
	/* Born behind walls; borrowed, results in it.  NULL: a plain child. */
	struct jail_birth *birth;
	/*
	 * Called in the child when its descriptors are in place, before it
	 * executes: 0, or -errno, which spawn_start() then returns, with a
	 * sentence that names @prepares.  NULL: nothing.
	 */
	int (*prepare)(void *arg);
	void *arg;
	const char *prepares;
};

void spawn_init(struct spawn *s, const char *path, const char *name);
void spawn_done(struct spawn *s);

#define AUTO_SPAWN __attribute__((cleanup(spawn_done)))

/* The number that @fd, which stays the caller's, will have in the child. */
int spawn_fd(struct spawn *s, int fd);

/*
 * Start it: stdin is /dev/null, the environment is empty, signals are at their
 * defaults, SIGKILL comes when the calling thread ends (unless @s->alone).  A
 * program that is a path is opened by us, so that the user whom it will run as
 * need not reach it.
 * *@ret_pidfd is the caller's; it must reap the child.  A program that cannot
 * be executed is an error here, not a status.
 */
int spawn_start(struct spawn *s, pid_t *ret_pid, int *ret_pidfd,
		struct err *err);

/*
 * Start it and wait for its end.  @said gets the beginning of its stderr, line
 * breaks as blanks.  Returns its exit status (128+n for signal n) or -errno.
 */
int spawn_run(struct spawn *s, char *said, size_t len, struct err *err);

/*
 * In a child, after fork(): every signal at its default, none blocked.
 */
void spawn_reset_signals(void);

/* The si_code and si_status of waitid() as one number: 128+n for signal n. */
int spawn_status(int code, int status);

#endif
