/* SPDX-License-Identifier: Apache-2.0 */
/* Run a packaged program, and tell in a sentence why it failed. */
#ifndef VMM_MANAGER_TOOL_H
#define VMM_MANAGER_TOOL_H

#include <stddef.h>
#include <sys/types.h>

#include "vmm/lib/err.h"

struct tool {
	const char *name; /* argv[0], for messages; the caller's */
	pid_t pid; /* -1: not running */
	int in; /* our end of its standard input, -1: none */
	int errfd; /* what it wrote to stderr, -1: not started */
};

#define TOOL_NONE                                                              \
	{                                                                      \
		.pid = -1, .in = -1, .errfd = -1                               \
	}

/* Its stdin is a pipe from us, for tool_write(); else /dev/null. */
#define TOOL_INPUT 1u
/* What it prints on stdout goes to our stderr, live. */
#define TOOL_SHOW 2u

/*
 * Start @argv[0], found through PATH, it dies with us.
 * @package is what to install when it is missing.
 */
int tool_start(struct tool *tool, const char *const argv[], const char *package,
	       unsigned flags, struct err *err);

/* Feed its standard input.  -EPIPE when it is gone: tool_wait() knows why. */
int tool_write(struct tool *tool, const void *data, size_t len);

/*
 * Close its input and wait.  A status other than 0 is -EIO, or -ENOSPC when
 * it complained about a full disk, with its last words in the sentence.
 * -EINTR when a signal asks us to stop (cancel.h); it still runs then.
 */
int tool_wait(struct tool *tool, struct err *err);

/* Kill and reap what is still running; closes everything. */
void tool_stop(struct tool *tool);

#define AUTO_TOOL __attribute__((cleanup(tool_stop)))

#endif
