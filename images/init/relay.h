/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay.h - the loop while the container's process lives: its output to the
 * keeper, the keeper's input, signals and window sizes to it, until it ends.
 *
 * One thread, no blocking call but poll.  A keeper that does not read stops
 * the process's output and nothing else; a process that does not read its
 * stdin stops the keeper's input by withheld credit.
 */
#ifndef IMAGES_INIT_RELAY_H
#define IMAGES_INIT_RELAY_H

#include "images/init/process.h"
#include "images/init/stdio.h"
#include "images/init/wire.h"

/*
 * Run until EXIT or FAILED has been sent: 0.  Or until the connection broke
 * or the keeper broke the protocol: -errno with a sentence.  In each case
 * nothing of the container is left running, but what process_ending() is about.
 */
int relay_run(struct wire *w, struct stdio *io, struct process *p,
	      struct err *err);

#endif
