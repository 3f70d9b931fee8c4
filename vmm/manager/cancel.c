/* SPDX-License-Identifier: Apache-2.0 */
/* cancel.c - Ctrl-C without handlers or globals. */
#include "vmm/manager/cancel.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <time.h>

#include "vmm/lib/auto.h"

static void stop_signals(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGINT);
	(void)sigaddset(set, SIGTERM);
	(void)sigaddset(set, SIGHUP);
}

void cancel_begin(struct cancel *cancel)
{
	sigset_t stop;

	stop_signals(&stop);
	(void)sigprocmask(SIG_BLOCK, &stop, &cancel->old);
	cancel->active = true;
}

void cancel_end(struct cancel *cancel)
{
	const struct timespec now = { 0 };
	sigset_t stop;

	if (!cancel->active)
		return;
	stop_signals(&stop);
	while (sigtimedwait(&stop, NULL, &now) > 0)
		;
	(void)sigprocmask(SIG_SETMASK, &cancel->old, NULL);
	cancel->active = false;
}

int cancel_check(struct err *err)
{
	sigset_t pending;

	(void)sigpending(&pending);
	if (sigismember(&pending, SIGINT) > 0 ||
	    sigismember(&pending, SIGTERM) > 0 ||
	    sigismember(&pending, SIGHUP) > 0)
		return err_say(err, EINTR,
			       "interrupted; nothing was left in the store");
	return 0;
}

int cancel_wait(int fd, int timeout_ms, struct err *err)
{
	sigset_t stop;

	stop_signals(&stop);
	AUTO_CLOSE int sig = signalfd(-1, &stop, SFD_CLOEXEC);
	if (sig < 0)
		return err_set(err, errno, "watch for signals");

	struct pollfd fds[2] = { { .fd = fd, .events = POLLIN },
				 { .fd = sig, .events = POLLIN } };
	for (;;) {
		int r = cancel_check(err);

		if (r < 0)
			return r;
		int n = poll(fds, 2, timeout_ms);
		if (n < 0 && errno != EINTR)
			return err_set(err, errno, "wait");
		if (n == 0 || fds[0].revents)
			return n > 0;
	}
}
