/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.h - which system calls does a tree of processes make?  A seccomp
 * filter that its first process puts on before execve() tells a listener of
 * each call and waits for the answer, which is always "go on".  Filters are
 * inherited and stack, so descendants that jail themselves are counted too.
 */
#ifndef VMM_COMPARE_NOTIFY_H
#define VMM_COMPARE_NOTIFY_H

#include <stdbool.h>

#include "vmm/lib/err.h"

/* Numbers above this are not told apart; Linux 6.18 has 470 on x86-64. */
#define NOTIFY_CALLS_MAX 1024

/* Which calls were seen while @recording. */
struct notify {
	bool recording;
	bool seen[NOTIFY_CALLS_MAX];
};

/*
 * In the process that is to be watched: put the filter on and send its
 * listener over the Unix socket @sock.  From here on the process waits in
 * each system call until notify_answer() has been called for it.
 */
int notify_enter(int sock, struct err *err);

/* Answer one call that waits on @listener.  0, or -ENOENT: nobody waits. */
int notify_answer(int listener, struct notify *notify);

unsigned notify_count(const struct notify *notify);

#endif
