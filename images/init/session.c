/* SPDX-License-Identifier: Apache-2.0 */
/* session.c - one conversation with the keeper. */
#include "images/init/session.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "images/init/etc.h"
#include "images/init/mounts.h"
#include "images/init/net.h"
#include "images/init/now.h"
#include "images/init/process.h"
#include "images/init/relay.h"
#include "images/init/shares.h"
#include "images/init/stdio.h"
#include "vmm/lib/auto.h"

int session_open(struct session *s, int fd, struct err *err)
{
	memset(s, 0, sizeof(*s));
	int r = wire_init(&s->wire, fd);
	if (r == 0)
		r = wire_put_u32(&s->wire, AGENT_HELLO, AGENT_VERSION);
	if (r == 0)
		r = wire_flush_all(&s->wire);
	if (r < 0)
		return err_set(err, -r, "greet the keeper");
	return settings_read(&s->settings, &s->wire, err);
}

void session_done(struct session *s)
{
	settings_done(&s->settings);
	wire_done(&s->wire);
}

/* The machine may have been made without a clock that runs on. */
static void set_clock(uint64_t host)
{
	struct timespec now, want = {
		.tv_sec = (time_t)(host / NOW_S),
		.tv_nsec = (long)(host % NOW_S),
	};

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec < want.tv_sec ||
	    (now.tv_sec == want.tv_sec && now.tv_nsec < want.tv_nsec))
		(void)clock_settime(CLOCK_REALTIME, &want);
}

/* SIGCHLD for the relay's signalfd; a closed stdin is an EPIPE, no signal. */
static void set_signals(void)
{
	sigset_t set;

	(void)signal(SIGPIPE, SIG_IGN);
	process_signals(&set);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
}

static int furnish(struct session *s, const struct session_place *place,
		   struct stdio *io, struct err *err)
{
	AUTO_CLOSE int root =
		open(place->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_set(err, errno, "open the root '%s'", place->root);

	int r = mounts_container(root, place->dev_type, s->settings.shm_size,
				 err);
	if (r == 0)
		r = etc_mount(root, place->etc, &s->settings, err);
	if (r == 0)
		r = shares_mount(root, place->shares, &s->settings, err);
	return r < 0 ? r : stdio_open(io, root, &s->settings, err);
}

static int put_times(struct session *s)
{
	struct agent_times t = {
		.init = htole64(s->times.init),
		.mounted = htole64(s->times.mounted),
		.network = htole64(s->times.network),
		.exec = htole64(s->times.exec),
	};

	return wire_put(&s->wire, AGENT_TIMES, &t, sizeof(t));
}

static int start(struct session *s, const struct session_place *place,
		 struct stdio *io, struct err *err)
{
	s->times.exec = now_ns();
	int r = put_times(s);
	if (r < 0)
		return err_set(err, -r, "tell the times");

	set_signals();
	struct process process;
	r = process_spawn(&process, place->root, &s->settings, io, err);
	if (r < 0)
		return r;
	stdio_close_child(io);
	return relay_run(&s->wire, io, &process, err);
}

int session_run(struct session *s, const struct session_place *place,
		struct err *err)
{
	set_clock(s->settings.time);

	struct stdio io;
	stdio_init(&io);
	int r = furnish(s, place, &io, err);
	s->times.mounted = now_ns();
	if (r == 0)
		r = net_up(&s->settings, err);
	s->times.network = now_ns();
	if (r == 0)
		r = start(s, place, &io, err);
	stdio_done(&io);
	return r;
}

void session_fail(struct session *s, const struct err *err)
{
	struct {
		uint32_t status;
		char text[sizeof(err->msg)];
	} failure = { .status = htole32(125) };
	size_t len = strlen(err->msg);

	memcpy(failure.text, err->msg, len);
	if (wire_put(&s->wire, AGENT_FAILED, &failure,
		     sizeof(failure.status) + len) == 0)
		(void)wire_flush_all(&s->wire);
}

void session_linger(struct session *s)
{
	uint64_t end = now_ns() + AGENT_LINGER_MS * NOW_MS;
	char sink[4096];

	(void)shutdown(s->wire.fd, SHUT_WR);
	for (;;) {
		uint64_t now = now_ns();
		struct pollfd p = { .fd = s->wire.fd, .events = POLLIN };

		if (now >= end ||
		    poll(&p, 1, (int)((end - now) / NOW_MS) + 1) <= 0)
			return;
		ssize_t n = recv(s->wire.fd, sink, sizeof(sink), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return;
	}
}
