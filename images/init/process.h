/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.h - start the container's process: PID 1 of a PID namespace of its
 * own, so that it sees and can signal what is the container's and nothing of
 * init, and so that all its children die with it.  Its mount namespace is its
 * own as well: init stays in the initramfs and can unmount the layer at the
 * end.
 */
#ifndef IMAGES_INIT_PROCESS_H
#define IMAGES_INIT_PROCESS_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "images/init/settings.h"
#include "images/init/stdio.h"

/*
 * What the process says on its status pipe when it could not execute the
 * command; end of file instead means that it did.
 */
struct process_failure {
	uint32_t status; /* 125, 126, 127 */
	char text[512];
};

struct process {
	pid_t pid;
	int status_fd; /* non-blocking; -1 when closed */
	bool has_shares; /* of the host: process_ending() is worth a look */
};

/*
 * Fork; @root is the path of the container's root, a mount point.  Returns 0
 * when there is a child; how it fared comes through status_fd.
 */
int process_spawn(struct process *p, const char *root, struct settings *s,
		  const struct stdio *io, struct err *err);

/* What tells of its end: SIGCHLD, to be blocked before it is started. */
void process_signals(sigset_t *set);

/*
 * Has the process come to its end, though waitpid(2) does not say so yet, with
 * what @status?  Linux reports the end of a PID namespace's first process after
 * that of all the others in it, and one that waits for a file server (FUSE, its
 * request once sent) is ended by no signal.
 */
bool process_ending(const struct process *p, int *status);

/* How long an end that process_ending() tells is waited for. */
#define PROCESS_PATIENCE_S 5

/*
 * SIGKILL to it and hence to everything in the container; reaps it, unless that
 * takes longer than that.  With SIGCHLD blocked.
 */
void process_kill(const struct process *p);

#endif
