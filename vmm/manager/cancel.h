/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ctrl-C without handlers or globals: while one of these exists, SIGINT,
 * SIGTERM and SIGHUP, unless ignored, are blocked, and long work asks now and
 * then whether one of them has come, so that it can clean up behind itself.
 */
#ifndef VMM_MANAGER_CANCEL_H
#define VMM_MANAGER_CANCEL_H

#include <signal.h>
#include <stdbool.h>

#include "vmm/lib/err.h"

struct cancel {
	sigset_t old; /* the mask from before */
	bool active;
};

/* From here on.  Not nested; the calling thread must be the only one. */
void cancel_begin(struct cancel *cancel);

/* Back as it was.  A signal that came meanwhile is dropped. */
void cancel_end(struct cancel *cancel);

/* 0, or -EINTR with a sentence when a signal is waiting. */
int cancel_check(struct err *err);

/*
 * Wait until @fd is readable (-1: nothing to wait for), at most @timeout_ms
 * (-1: for ever).  1: readable; 0: time is up; -EINTR as above.
 */
int cancel_wait(int fd, int timeout_ms, struct err *err);

#define AUTO_CANCEL __attribute__((cleanup(cancel_end)))

#endif
