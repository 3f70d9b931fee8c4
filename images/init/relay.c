/* SPDX-License-Identifier: Apache-2.0 */
/* relay.c - the loop while the container's process lives. */
#include "images/init/relay.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "images/init/now.h"
#include "images/init/say.h"
#include "images/init/stdin_queue.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

#define SIGNAL_MAX 64 /* Linux's SIGRTMAX on all our architectures */

struct relay {
	struct wire *wire;
	struct stdio *io;
	struct process *process;
	int signals; /* signalfd of SIGCHLD */
	bool with_stdin; /* else IN is a breach */
	bool failed; /* FAILED was put: nothing more to say */
	bool exited;
	bool ending; /* by process_ending(), when it was looked at last */
	uint64_t look; /* when to look again, now_ns() */
	uint32_t status; /* for EXIT, once exited */
	struct stdin_queue queue;
};

static void close_slot(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/*
 * Has the command been executed?  Asked before anything else of a round, so
 * that STARTED precedes the first output even when both came meanwhile.
 */
static int read_status(struct relay *r)
{
	struct process_failure f;
	ssize_t n;

	if (r->process->status_fd < 0)
		return 0;
	n = read(r->process->status_fd, &f, sizeof(f));
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	close_slot(&r->process->status_fd);
	if (n == 0)
		return wire_put_u32(r->wire, AGENT_STARTED,
				    (uint32_t)r->process->pid);

	r->failed = true;
	f.status = htole32(f.status);
	return wire_put(r->wire, AGENT_FAILED, &f, (size_t)n);
}

/* Move output once.  After the exit, "nothing there" means the end. */
static void move_output(struct relay *r, int *fd, uint32_t type)
{
	size_t space = wire_space(r->wire);
	if (*fd < 0 || space == 0)
		return;

	ssize_t n = read(*fd, wire_reserve(r->wire), space);
	if (n > 0) {
		wire_commit(r->wire, type, (size_t)n);
		return;
	}
	if (n < 0 && (errno == EINTR || (errno == EAGAIN && !r->exited)))
		return;
	/* A terminal says EIO when its last user has closed it. */
	close_slot(fd);
}

static void move_input(struct relay *r)
{
	struct stdio *io = r->io;
	struct stdin_queue *q = &r->queue;

	/* Not before STARTED: a terminal would echo it. */
	if (r->process->status_fd >= 0)
		return;
	if (!stdin_queue_empty(q) && io->in >= 0) {
		int e = stdin_queue_drain(q, io->in);
		if (e < 0 && e != -EAGAIN && e != -EINTR)
			close_slot(&io->in); /* the process closed its end */
	}
	if (io->in < 0)
		(void)stdin_queue_drain(q, -1);
	if (q->ended && stdin_queue_empty(q) && !io->tty)
		close_slot(&io->in);
}

static int give_credit(struct relay *r)
{
	/* Half a window each: far fewer than would fill the output. */
	if (wire_space(r->wire) == 0)
		return 0;

	uint32_t credit = stdin_queue_credit(&r->queue);
	return credit ? wire_put_u32(r->wire, AGENT_CREDIT, credit) : 0;
}

static void end(struct relay *r, int status)
{
	r->exited = true;
	r->status = WIFSIGNALED(status) ? 128U + (uint32_t)WTERMSIG(status)
					: (uint32_t)WEXITSTATUS(status);
	close_slot(&r->io->in);
}

/* An end that was there at the last look too is not waited for any longer. */
static void look_for_end(struct relay *r)
{
	int status;

	if (r->exited || !r->process->has_shares)
		return;
	uint64_t now = now_ns();
	if (now < r->look)
		return;
	bool ending = process_ending(r->process, &status);
	if (ending && r->ending) {
		say("a process waits for a share that does not answer; it is left behind");
		end(r, status);
	}
	r->ending = ending;
	r->look = now + PROCESS_PATIENCE_S * NOW_S;
}

static void reap(struct relay *r)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	(void)!read(r->signals, &info, sizeof(info));
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != r->process->pid)
			continue;
		end(r, status);
	}
}

static int handle_signal(struct relay *r, const struct record *rec)
{
	uint32_t number;

	if (rec->len != sizeof(number))
		return -EPROTO;
	memcpy(&number, rec->data, sizeof(number));
	number = le32toh(number);
	if (number < 1 || number > SIGNAL_MAX)
		return -EPROTO;
	if (!r->exited)
		(void)kill(r->process->pid, (int)number);
	return 0;
}

static int handle_resize(struct relay *r, const struct record *rec)
{
	struct agent_size size;

	if (rec->len != sizeof(size))
		return -EPROTO;
	memcpy(&size, rec->data, sizeof(size));
	size.rows = le16toh(size.rows);
	size.cols = le16toh(size.cols);
	stdio_resize(r->io, size);
	return 0;
}

static int handle_record(struct relay *r, const struct record *rec)
{
	switch (rec->type) {
	case AGENT_IN:
		if (!r->with_stdin)
			return -EPROTO;
		if (rec->len == 0)
			return stdin_queue_end(&r->queue, r->io->tty);
		return stdin_queue_add(&r->queue, rec->data, rec->len);
	case AGENT_SIGNAL:
		return handle_signal(r, rec);
	case AGENT_RESIZE:
		return handle_resize(r, rec);
	default:
		return -EPROTO;
	}
}

static int handle_records(struct relay *r)
{
	struct record rec;
	int n;

	while ((n = wire_next(r->wire, &rec)) > 0) {
		n = handle_record(r, &rec);
		if (n < 0)
			break;
	}
	return n;
}

static bool finished(const struct relay *r)
{
	return r->failed || (r->exited && r->io->out < 0 && r->io->err < 0);
}

enum { ON_WIRE, ON_SIGNAL, ON_STATUS, ON_STDIN, ON_STDOUT, ON_STDERR, ON_MAX };

static void wait_for_work(struct relay *r, struct pollfd p[ON_MAX])
{
	const struct stdio *io = r->io;
	bool started = r->process->status_fd < 0;
	bool room = started && wire_space(r->wire) > 0;
	bool input = started && !stdin_queue_empty(&r->queue);
	short sending = wire_pending(r->wire) ? POLLOUT : 0;

	p[ON_WIRE] = (struct pollfd){ r->wire->fd, POLLIN | sending, 0 };
	p[ON_SIGNAL] = (struct pollfd){ r->signals, POLLIN, 0 };
	p[ON_STATUS] = (struct pollfd){ r->process->status_fd, POLLIN, 0 };
	p[ON_STDIN] = (struct pollfd){ input ? io->in : -1, POLLOUT, 0 };
	p[ON_STDOUT] = (struct pollfd){ room ? io->out : -1, POLLIN, 0 };
	p[ON_STDERR] = (struct pollfd){ room ? io->err : -1, POLLIN, 0 };

	int patience = r->process->has_shares ? PROCESS_PATIENCE_S * 1000 : -1;
	/* After the exit nothing new comes: take what is there. */
	(void)poll(p, ON_MAX, r->exited && room ? 0 : patience);
}

/* One round: wait, then do what can be done.  0 or the wire's -errno. */
static int relay_round(struct relay *r)
{
	struct pollfd p[ON_MAX] = { 0 };

	wait_for_work(r, p);
	int e = read_status(r);
	if (e == 0 && p[ON_WIRE].revents & (POLLIN | POLLHUP | POLLERR)) {
		e = wire_fill(r->wire);
		if (e == -EAGAIN)
			e = 0;
	}
	if (e == 0)
		e = handle_records(r);
	if (e < 0)
		return e;

	if (p[ON_SIGNAL].revents)
		reap(r);
	look_for_end(r);
	if (p[ON_STDOUT].revents || r->exited)
		move_output(r, &r->io->out, AGENT_OUT);
	if (p[ON_STDERR].revents || r->exited)
		move_output(r, &r->io->err, AGENT_ERR);
	move_input(r);
	e = give_credit(r);
	if (e == 0)
		e = wire_flush(r->wire);
	return e == -EAGAIN ? 0 : e;
}

static int relay_loop(struct relay *r)
{
	/* What came in one piece with the settings. */
	int e = handle_records(r);

	while (e == 0 && !finished(r))
		e = relay_round(r);
	if (e == 0 && !r->failed)
		e = wire_put_u32(r->wire, AGENT_EXIT, r->status);
	return e < 0 ? e : wire_flush_all(r->wire);
}

/* With SIGCHLD blocked since before the process was started. */
static int open_signals(void)
{
	sigset_t set;

	process_signals(&set);
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int relay_run(struct wire *w, struct stdio *io, struct process *p,
	      struct err *err)
{
	AUTO_CLOSE int signals = open_signals();
	AUTO_FREE struct relay *r = calloc(1, sizeof(*r));
	int e = signals < 0 ? signals
		: r	    ? io_set_nonblock(w->fd, true)
			    : -ENOMEM;

	if (e == 0) {
		r->wire = w;
		r->io = io;
		r->process = p;
		r->signals = signals;
		r->with_stdin = io->in >= 0;
		stdin_queue_init(&r->queue);
		e = relay_loop(r);
	}
	if (!r || !r->exited)
		process_kill(p);
	close_slot(&p->status_fd);
	return e < 0 ? err_set(err, -e, "talk to the keeper") : 0;
}
