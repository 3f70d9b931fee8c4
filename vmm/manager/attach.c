/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attach.c - what the user's terminal and the container say to each other.
 *
 * stdin, stdout and stderr may be shared with other programs, so they stay
 * blocking: a read follows a poll(), and a write is at most PIPE_BUF bytes
 * after a poll() said there is room.
 */
#include "vmm/manager/attach.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/json.h"
#include "vmm/manager/frame.h"
#include "vmm/manager/keeper.h"

#define FORCE_AFTER 3 /* SIGINTs and SIGTERMs, as docker counts them */
#define CREDIT_MAX  (1U << 20)

enum { SRC_KEEPER, SRC_STDIN, SRC_SIGNALS, SRC_OUTPUT, NR_SOURCES };

struct session {
	const struct attach *a;
	struct frame_link keeper;
	struct frame now; /* the output being written; len 0: none */
	uint64_t credit; /* stdin bytes that the guest can take */
	bool stdin_open;
	bool started;
	bool ended;
	int signals;
	unsigned insistence;
	int status;
	bool raw; /* the terminal needs a carriage return */
	char failure[600]; /* said when the terminal is itself again */
	char tail[1100];
	struct json_object *times;
};

static const int forwarded[] = { SIGHUP,  SIGINT,  SIGQUIT,
				 SIGTERM, SIGUSR1, SIGUSR2 };

static void make_set(sigset_t *set)
{
	(void)sigemptyset(set);
	for (size_t i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++)
		(void)sigaddset(set, forwarded[i]);
	(void)sigaddset(set, SIGWINCH);
}

void attach_block_signals(void)
{
	sigset_t set;

	make_set(&set);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

struct agent_size attach_size(void)
{
	struct winsize ws = { 0 };

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) < 0)
		(void)ioctl(STDIN_FILENO, TIOCGWINSZ, &ws);
	return (struct agent_size){ ws.ws_row, ws.ws_col };
}

static void send_size(struct session *s)
{
	struct agent_size size = attach_size();

	size.rows = htole16(size.rows);
	size.cols = htole16(size.cols);
	if (s->a->tty)
		(void)frame_send(&s->keeper, AGENT_RESIZE, &size, sizeof(size));
}

static void on_signal(struct session *s)
{
	struct signalfd_siginfo info;

	if (read(s->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH) {
		send_size(s);
		return;
	}
	uint32_t sig = info.ssi_signo;
	if (sig == SIGINT || sig == SIGTERM)
		s->insistence++;
	if (s->insistence >= FORCE_AFTER && sig != SIGKILL) {
		(void)fprintf(stderr,
			      "\nbelljar: got %d SIGTERM/SIGINTs, forcefully "
			      "exiting\n",
			      FORCE_AFTER);
		sig = SIGKILL;
	}
	(void)frame_send_u32(&s->keeper, AGENT_SIGNAL, sig);
}

static void on_stdin(struct session *s)
{
	char buf[16384];
	size_t len = s->credit < sizeof(buf) ? (size_t)s->credit : sizeof(buf);
	ssize_t n = read(STDIN_FILENO, buf, len);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	/* An error ends stdin as its end does: EIO is a terminal hung up. */
	if (n <= 0) {
		s->stdin_open = false;
		n = 0;
	}
	s->credit -= (size_t)n;
	(void)frame_send(&s->keeper, AGENT_IN, buf, (size_t)n);
}

static int output_fd(const struct session *s)
{
	return s->now.type == AGENT_ERR ? STDERR_FILENO : STDOUT_FILENO;
}

static void on_output(struct session *s)
{
	size_t len = s->now.len < PIPE_BUF ? s->now.len : PIPE_BUF;
	ssize_t n = write(output_fd(s), s->now.data, len);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	/* Nobody reads: docker's client goes on too, and drops it. */
	if (n < 0)
		n = s->now.len;
	s->now.data += n;
	s->now.len -= (uint32_t)n;
}

static void note(const struct session *s, const struct frame *f)
{
	if (!s->a->quiet)
		(void)fprintf(stderr, "belljar: %.*s%s\n", (int)f->len,
			      (const char *)f->data, s->raw ? "\r" : "");
}

static void keep_text(char *ret, size_t len, const struct frame *f)
{
	(void)snprintf(ret, len, "%.*s", (int)f->len, (const char *)f->data);
}

static void on_record(struct session *s, const struct frame *f)
{
	switch (f->type) {
	case AGENT_OUT:
	case AGENT_ERR:
		s->now = *f;
		break;
	case AGENT_CREDIT:
		s->credit += frame_u32(f, 0);
		if (s->credit > CREDIT_MAX)
			s->credit = CREDIT_MAX;
		break;
	case AGENT_STARTED:
		s->started = true;
		send_size(s);
		break;
	case KEEPER_NOTE:
		note(s, f);
		break;
	case KEEPER_TAIL:
		keep_text(s->tail, sizeof(s->tail), f);
		break;
	case KEEPER_FAILURE:
		keep_text(s->failure, sizeof(s->failure), f);
		break;
	case KEEPER_TIMES:
		(void)json_parse((const char *)f->data, f->len, "times",
				 &s->times, NULL);
		break;
	case KEEPER_END:
		s->status = (int)frame_u32(f, EXIT_BELLJAR);
		s->ended = true;
		break;
	default:
		break;
	}
}

/* Records up to the next output: that one must be written first. */
static void take_records(struct session *s)
{
	struct frame f;

	while (s->now.len == 0 && frame_next(&s->keeper, &f) > 0)
		on_record(s, &f);
}

static void serve(struct session *s)
{
	while (!s->ended) {
		take_records(s);
		if (s->ended)
			return;
		/* A keeper that has gone may have left its last words. */
		(void)frame_flush(&s->keeper);

		bool writing = s->now.len > 0;
		bool reading = s->stdin_open && s->credit > 0;
		short events = writing ? 0 : POLLIN;
		if (frame_waiting(&s->keeper) > 0)
			events |= POLLOUT;
		struct pollfd fds[NR_SOURCES] = {
			[SRC_KEEPER] = { events ? s->keeper.fd : -1, events,
					 0 },
			[SRC_STDIN] = { reading ? STDIN_FILENO : -1, POLLIN,
					0 },
			[SRC_SIGNALS] = { s->signals, POLLIN, 0 },
			[SRC_OUTPUT] = { writing ? output_fd(s) : -1, POLLOUT,
					 0 },
		};
		if (poll(fds, NR_SOURCES, -1) < 0)
			continue;
		if (fds[SRC_SIGNALS].revents)
			on_signal(s);
		if (fds[SRC_STDIN].revents)
			on_stdin(s);
		if (fds[SRC_OUTPUT].revents)
			on_output(s);
		if (!writing && (fds[SRC_KEEPER].revents & ~POLLOUT)) {
			int n = frame_fill(&s->keeper);
			if (n == 0 || (n < 0 && n != -EAGAIN))
				return;
		}
	}
}

/* 0 when @old holds what restores the terminal. */
static int make_raw(struct termios *old)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, old) < 0)
		return -errno;
	raw = *old;
	cfmakeraw(&raw);
	return tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0 ? -errno : 0;
}

int attach_run(const struct attach *a, int keeper,
	       struct json_object **ret_times)
{
	struct session *s = calloc(1, sizeof(*s));
	struct termios old;
	sigset_t set;

	if (!s) {
		(void)close(keeper);
		return EXIT_BELLJAR;
	}
	make_set(&set);
	s->a = a;
	s->stdin_open = a->interactive;
	s->status = EXIT_BELLJAR;
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	frame_open(&s->keeper, keeper);

	s->raw = a->tty && a->interactive && make_raw(&old) == 0;
	serve(s);
	if (s->raw)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &old);

	if (s->failure[0])
		(void)fprintf(stderr, "belljar: %s\n", s->failure);
	if (s->tail[0])
		(void)fprintf(stderr, "%s\n", s->tail);
	if (!s->ended)
		(void)fprintf(stderr,
			      "belljar: the keeper of VM %s was killed, and "
			      "the VM with it\n",
			      a->id);
	int status = s->status;
	*ret_times = s->times;
	frame_close(&s->keeper);
	if (s->signals >= 0)
		(void)close(s->signals);
	free(s);
	return status;
}
