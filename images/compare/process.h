/* SPDX-License-Identifier: Apache-2.0 */
/* process.h - children, and pipes to them. */
#ifndef IMAGES_COMPARE_PROCESS_H
#define IMAGES_COMPARE_PROCESS_H

#include <sys/types.h>

#include "vmm/lib/err.h"

/* A pipe, both ends O_CLOEXEC: ret[0] reads.  0 or -errno. */
int process_make_pipe(int ret[2], struct err *err);

/* One byte.  0; -EPIPE at the end of the file; -errno. */
int process_get(int fd, char *ret);
int process_put(int fd, char byte);

/* Wait for @pid.  0, or -ECHILD with a sentence unless it exited with 0. */
int process_wait(pid_t pid, const char *what, struct err *err);

/* fork(), execve(@self, "nothing") and wait for it. */
int process_spawn(const char *self, struct err *err);

#endif
