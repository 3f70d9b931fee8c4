/* SPDX-License-Identifier: Apache-2.0 */
/* thread.c - threads behind their filters. */
#include "vmm/core/thread.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "vmm/lib/log.h"

/* Without its filter no thread may meet a guest. */
static void *begin(void *arg)
{
	struct thread *t = arg;
	struct err err = { 0 };

	__atomic_store_n(&t->tid, gettid(), __ATOMIC_RELEASE);
	(void)prctl(PR_SET_NAME, t->name);
	if (jail_filter(t->role, &err) < 0) {
		log_error("%s", err.msg);
		_Exit(125);
	}
	return t->run(t->arg);
}

int thread_start(struct thread *t, const char *name, size_t stack,
		 enum jail_role role, void *(*run)(void *arg), void *arg,
		 struct err *err)
{
	pthread_attr_t attr;

	*t = (struct thread){
		.pid = getpid(),
		.name = name,
		.role = role,
		.run = run,
		.arg = arg,
	};
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, stack);
	int r = pthread_create(&t->id, &attr, begin, t);
	(void)pthread_attr_destroy(&attr);
	if (r != 0)
		return err_set(err, r, "start thread '%s'", name);
	t->runs = true;
	return 0;
}

void thread_signal(struct thread *t, int sig)
{
	pid_t tid = __atomic_load_n(&t->tid, __ATOMIC_ACQUIRE);

	if (t->runs && tid)
		(void)tgkill(t->pid, tid, sig);
}

void thread_join(struct thread *t)
{
	if (t->runs)
		(void)pthread_join(t->id, NULL);
	t->runs = false;
}
