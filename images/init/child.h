/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child.h - from fork to exec: what the container's process does to itself
 * before it is the user's program.
 */
#ifndef IMAGES_INIT_CHILD_H
#define IMAGES_INIT_CHILD_H

#include <stdnoreturn.h>

#include "images/init/settings.h"
#include "images/init/stdio.h"

/* Writes a struct process_failure to @status_fd when it cannot. */
noreturn void child_main(const char *root, struct settings *s,
			 const struct stdio *io, int status_fd);

#endif
