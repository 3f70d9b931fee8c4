/* SPDX-License-Identifier: Apache-2.0 */
/* cancel.c - Ctrl-C without handlers or globals. */
#include "vmm/manager/cancel.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <time.h>

#include "vmm/lib/auto.h"

/* Those that would end us: what nohup ignores is not among them. */
static void stop_signals(sigset_t *set)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

	(void)sigemptyset(set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct sigaction old;

		if (sigaction(signals[i], NULL, &old) == 0 &&
		    old.sa_handler != SIG_IGN)
			(void)sigaddset(set, signals[i]);
	}
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
	sigset_t pending, stop, both;

	stop_signals(&stop);
	(void)sigpending(&pending);
	(void)sigandset(&both, &pending, &stop);
	if (!sigisemptyset(&both))
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
