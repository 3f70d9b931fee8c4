/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recorder.c - a companion whose filters do not kill but tell: every system
 * call that a thread makes behind its filter goes, once for each kind, as a
 * line "ROLE NUMBER REQUEST" (REQUEST of an ioctl(), or "-") to RECORD_FILE,
 * which must be there.  rows.py compares that with the rows of the filters.
 *
 * The kernel asks a supervisor, a thread of the same process without a filter,
 * about each call (seccomp_unotify(2)), which lets it go on.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/jail/jail.h"
#include "vmm/jail/seccomp_rules.h"

#define RECORD_FILE "/run/belljar-record"
#define THREADS_MAX 128
#define KINDS_MAX   256
#define LOOK_MS	    2

struct kind {
	enum jail_role role;
	int nr;
	uint32_t request;
};

static struct {
	int file;
	unsigned nr; /* atomic: listeners that are ready */
	struct pollfd listener[THREADS_MAX];
	enum jail_role role[THREADS_MAX];
	unsigned kinds;
	struct kind kind[KINDS_MAX];
} record = { .file = -1 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The root is empty later. */
static __attribute__((constructor)) void open_record(void)
{
	record.file = open(RECORD_FILE, O_WRONLY | O_APPEND | O_CLOEXEC);
}

static void note(const struct kind *k)
{
	char line[64];

	for (unsigned i = 0; i < record.kinds; i++)
		if (record.kind[i].role == k->role &&
		    record.kind[i].nr == k->nr &&
		    record.kind[i].request == k->request)
			return;
	if (record.kinds == KINDS_MAX)
		return;
	record.kind[record.kinds++] = *k;
	/* Nothing that allocates: who holds malloc's lock may wait for us. */
	int n = k->nr == SYS_ioctl
			? snprintf(line, sizeof(line), "%s %d %x\n",
				   seccomp_role(k->role), k->nr, k->request)
			: snprintf(line, sizeof(line), "%s %d -\n",
				   seccomp_role(k->role), k->nr);
	(void)!write(record.file, line, (size_t)n);
}

static void answer(unsigned i)
{
	struct seccomp_notif ask = { 0 };
	int fd = record.listener[i].fd;

	if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &ask) < 0)
		return;
	struct kind k = {
		.role = record.role[i],
		.nr = ask.data.nr,
		.request = ask.data.nr == SYS_ioctl ? (uint32_t)ask.data.args[1]
						    : 0,
	};
	struct seccomp_notif_resp go = {
		.id = ask.id,
		.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE,
	};
	note(&k);
	(void)ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &go);
}

static void *supervise(void *arg)
{
	(void)arg;
	for (;;) {
		unsigned nr = __atomic_load_n(&record.nr, __ATOMIC_ACQUIRE);

		if (poll(record.listener, nr, LOOK_MS) <= 0)
			continue;
		for (unsigned i = 0; i < nr; i++) {
			/* A thread that has ended takes its listener along. */
			if (record.listener[i].revents & POLLHUP)
				record.listener[i].fd = -1;
			else if (record.listener[i].revents & POLLIN)
				answer(i);
		}
	}
	return NULL;
}

static void start_supervisor(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, supervise, NULL) != 0)
		abort();
}

int __wrap_jail_filter(enum jail_role role, struct err *err);

int __wrap_jail_filter(enum jail_role role, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct sock_filter tell =
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	const struct sock_fprog prog = { 1, &tell };

	(void)pthread_once(&once, start_supervisor);
	/*
	 * From seccomp() on this thread's calls wait for the supervisor, which
	 * looks for new listeners by itself: so none until it is told.
	 */
	(void)pthread_mutex_lock(&lock);
	unsigned i = record.nr;
	if (i == THREADS_MAX)
		abort();
	long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			  SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
	if (fd < 0) {
		(void)pthread_mutex_unlock(&lock);
		return err_set(err, errno, "record system calls");
	}
	record.role[i] = role;
	record.listener[i] = (struct pollfd){ (int)fd, POLLIN, 0 };
	__atomic_store_n(&record.nr, i + 1, __ATOMIC_RELEASE);
	(void)pthread_mutex_unlock(&lock);
	return 0;
}
