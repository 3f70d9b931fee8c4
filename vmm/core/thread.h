/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread.h - a thread of the monitor: small stack, name, and the system calls
 * of its role from its first step on.
 */
#ifndef VMM_CORE_THREAD_H
#define VMM_CORE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "vmm/jail/jail.h"
#include "vmm/lib/err.h"

struct thread {
	pthread_t id;
	bool runs; /* between thread_start() and thread_join() */
	pid_t pid, tid; /* tid: atomic, 0 until the thread has begun */
	const char *name;
	enum jail_role role;
	void *(*run)(void *arg);
	void *arg;
};

/*
 * Run @run(@arg) on a stack of @stack bytes, as @name (15 characters at most),
 * behind the filter of @role when the jail is on.  @t and @name stay put until
 * thread_join().  -errno with a sentence.
 */
int thread_start(struct thread *t, const char *name, size_t stack,
		 enum jail_role role, void *(*run)(void *arg), void *arg,
		 struct err *err);

/*
 * Send it @sig; nothing for one that has not begun.  pthread_kill() would make
 * three more system calls, which the jail would have to allow.
 */
void thread_signal(struct thread *t, int sig);

/* Wait for its end; nothing for one that never started. */
void thread_join(struct thread *t);

#endif
