/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper.c - the keeper's life: start, serve until nothing is left to serve,
 * clean up, report.
 *
 * One thread, one poll().  It ends when the monitor is reaped and all that it
 * and the guest have said is read; a monitor that does not end is killed when
 * k->kill_at has come.
 */
#include "vmm/manager/keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/lib/json.h"
#include "vmm/manager/keeper_priv.h"

#define NET_NOTE_NS  500000000ULL
#define NS_MS	     1000000ULL
#define CLI_BACKLOG  (256U << 10) /* unread output that stops the guest */
#define SERIAL_CHUNK 4096
#define POLL_FOREVER (-1)
#define POLL_MAX_MS  3600000

enum source {
	SRC_CLI,
	SRC_AGENT,
	SRC_DIAL,
	SRC_EVENTS,
	SRC_SERIAL,
	SRC_SIGNALS,
	SRC_MONITOR_ERR,
	SRC_NET_ERR,
	SRC_MONITOR, /* after what it said */
	SRC_NET,
	SRC_SHARES, /* several */
	NR_SOURCES = SRC_SHARES + KEEPER_SHARES_FDS,
};

static void on_cli(struct keeper *k)
{
	struct frame f;
	int n = frame_fill(&k->cli);

	while (n > 0 && frame_next(&k->cli, &f) > 0)
		keeper_cli_record(k, &f);
	if (n > 0 || n == -EAGAIN)
		return;

	/* The terminal is gone: as when it closes under a shell. */
	frame_close(&k->cli);
	keeper_signal(k, SIGHUP);
	if (k->kill_at == 0)
		k->kill_at = timing_now() + KEEPER_GRACE_NS;
}

static void on_agent(struct keeper *k)
{
	if (keeper_agent_read(k) < 0)
		k->kill_at = timing_now();
}

static int write_state(struct keeper *k, struct err *err)
{
	AUTO_JSON struct json_object *o = json_object_new_object();

	if (!o)
		return err_set(err, ENOMEM, "write state.json");
	(void)json_object_object_add(o, "keeper",
				     json_object_new_int(getpid()));
	(void)json_object_object_add(o, "monitor",
				     json_object_new_int(k->monitor.pid));
	if (k->net.pid > 0)
		(void)json_object_object_add(o, "net",
					     json_object_new_int(k->net.pid));
	if (k->plan->spec->options->shares.n)
		(void)json_object_object_add(o, "virtiofsd",
					     keeper_shares_json(k));
	if (k->tap[0])
		json_put_str(o, "tap", k->tap);
	keeper_switch_state(k, o);
	(void)json_object_object_add(o, "ports", json_object_get(k->ports));
	(void)json_object_object_add(o, "devices", keeper_devices_json(k));
	return vmdir_write(k->plan->vm, "state.json", o, err);
}

static void event_line(struct keeper *k, const char *line)
{
	AUTO_JSON struct json_object *o = NULL;
	int64_t ns = 0;

	if (json_parse(line, strlen(line), "an event", &o, NULL) < 0 ||
	    json_get_i64(o, "ns", &ns, NULL) < 0)
		return;
	const char *event = json_str_or(o, "event", "");
	if (strcmp(event, "started") == 0) {
		k->timing.started = (uint64_t)ns;
		keeper_jail_note(k);
	} else if (strcmp(event, "memory") == 0)
		timing_memory(&k->timing, o);
	else if (strcmp(event, "jail") == 0)
		keeper_jail_event(k, o);
	else if (strcmp(event, "device-lost") == 0 && keeper_devices_lost(k, o))
		(void)write_state(k, NULL);
}

static void on_events(struct keeper *k)
{
	size_t room = sizeof(k->events_buf) - 1 - k->events_len;
	ssize_t n = read(k->events, k->events_buf + k->events_len, room);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || room == 0) {
		(void)close(k->events);
		k->events = -1;
		return;
	}
	k->events_len += (size_t)n;
	k->events_buf[k->events_len] = '\0';

	char *line = k->events_buf;
	for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		event_line(k, line);
	}
	k->events_len = strlen(line);
	memmove(k->events_buf, line, k->events_len + 1);
}

static void on_serial(struct keeper *k)
{
	char buf[SERIAL_CHUNK];
	ssize_t n = read(k->serial, buf, sizeof(buf));

	if (n > 0) {
		capped_write(&k->console, buf, (size_t)n);
		return;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	(void)close(k->serial);
	k->serial = -1;
}

/* Somebody ends the keeper: 'belljar rm -f', or the machine going down. */
static void on_signals(struct keeper *k)
{
	struct signalfd_siginfo info;

	if (read(k->signals, &info, sizeof(info)) != sizeof(info))
		return;
	keeper_decide(k, 137, "the VM was ended from outside");
	k->kill_at = timing_now();
}

void keeper_note_once(struct keeper *k, const char *file, const char *text)
{
	char path[PATH_MAX];
	AUTO_FREE char *said = NULL;

	vmdir_file(k->plan->mgr->run, file, path);
	if (io_read_file(path, 1024, &said, NULL) == 0 &&
	    strcmp(said, text) == 0)
		return;
	(void)frame_send_str(&k->cli, KEEPER_NOTE, text);
	(void)io_write_file(path, text, strlen(text), NULL);
}

bool keeper_interrupted(struct keeper *k)
{
	struct pollfd fds[] = { { k->cli.fd, POLLIN, 0 },
				{ k->signals, POLLIN, 0 } };

	(void)poll(fds, 2, 0);
	if (fds[0].revents)
		on_cli(k);
	if (fds[1].revents)
		on_signals(k);
	return k->status >= 0;
}

static void on_monitor(struct keeper *k)
{
	while (k->monitor.err >= 0)
		keeper_child_read(&k->monitor);
	k->monitor_status =
		keeper_child_reap(&k->monitor, &k->monitor_signalled);
	k->timing.ended = timing_now();

	/* Killed by us: the reason is known, or the guest would not stop. */
	if (k->monitor_signalled && k->kill_at && k->timing.ended >= k->kill_at)
		keeper_decide(k, 137, NULL);
}

static void on_monitor_err(struct keeper *k)
{
	keeper_child_read(&k->monitor);
}

static void on_net_err(struct keeper *k)
{
	keeper_child_read(&k->net);
	keeper_child_note(k, &k->net);
}

/* It ends with the monitor too: only one that ends alone is worth a word. */
static void on_net(struct keeper *k)
{
	k->net_status = keeper_child_reap(&k->net, &k->net_signalled);
	k->net_note_at = timing_now() + NET_NOTE_NS;
}

static short link_events(const struct frame_link *l, bool wants_input)
{
	short events = 0;

	if (wants_input)
		events |= POLLIN;
	if (frame_waiting(l) > 0)
		events |= POLLOUT;
	return events;
}

static void set_sources(const struct keeper *k, struct pollfd fds[NR_SOURCES])
{
	/* A reader that is behind holds the guest back, not our memory. */
	bool drain = frame_waiting(&k->cli) < CLI_BACKLOG;

	fds[SRC_CLI] =
		(struct pollfd){ k->cli.fd, link_events(&k->cli, true), 0 };
	fds[SRC_AGENT] = (struct pollfd){ k->agent.fd,
					  link_events(&k->agent, drain), 0 };
	fds[SRC_DIAL] = (struct pollfd){ k->dial, POLLIN, 0 };
	fds[SRC_EVENTS] = (struct pollfd){ k->events, POLLIN, 0 };
	fds[SRC_SERIAL] = (struct pollfd){ k->serial, POLLIN, 0 };
	fds[SRC_SIGNALS] = (struct pollfd){ k->signals, POLLIN, 0 };
	fds[SRC_MONITOR_ERR] = (struct pollfd){ k->monitor.err, POLLIN, 0 };
	fds[SRC_NET_ERR] = (struct pollfd){ k->net.err, POLLIN, 0 };
	fds[SRC_MONITOR] = (struct pollfd){ k->monitor.pidfd, POLLIN, 0 };
	fds[SRC_NET] = (struct pollfd){ k->net.pidfd, POLLIN, 0 };
	keeper_shares_sources(k, fds + SRC_SHARES);
	/* An agent link that hung up polls as ready even with no events. */
	if (fds[SRC_AGENT].events == 0)
		fds[SRC_AGENT].fd = -1;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	if (a == 0 || b == 0)
		return a ? a : b;
	return a < b ? a : b;
}

static int poll_timeout(const struct keeper *k)
{
	uint64_t at =
		k->timed_out ? k->kill_at : sooner(k->kill_at, k->timeout_at);
	uint64_t now = timing_now();

	at = sooner(at, k->net_note_at);
	at = sooner(at, keeper_shares_due(k));
	/* Once killed there is nothing to wait for but the end. */
	if (at == 0 || k->monitor.pid == 0 || (k->kill_at && k->kill_at < now))
		return POLL_FOREVER;
	uint64_t ms = at > now ? (at - now) / NS_MS + 1 : 0;
	return ms > POLL_MAX_MS ? POLL_MAX_MS : (int)ms;
}

static void note_net(struct keeper *k)
{
	int signal = k->net_status - 128;
	char note[160], how[64];

	if (k->monitor.pid <= 0 || k->status >= 0)
		return;
	if (k->net_signalled)
		(void)snprintf(how, sizeof(how), "was ended by signal %d (%s)",
			       signal, sigdescr_np(signal));
	else
		(void)snprintf(how, sizeof(how), "ended with status %d",
			       k->net_status);
	(void)snprintf(note, sizeof(note),
		       "belljar-net %s; the VM goes on without a network", how);
	(void)frame_send_str(&k->cli, KEEPER_NOTE, note);
}

static void check_time(struct keeper *k)
{
	uint64_t now = timing_now();

	if (k->timeout_at && now >= k->timeout_at && !k->timed_out &&
	    k->status < 0) {
		k->timed_out = true;
		(void)frame_send_str(&k->cli, KEEPER_NOTE,
				     "the time of --timeout is over");
		keeper_signal(k, SIGTERM);
		if (k->kill_at == 0)
			k->kill_at = now + KEEPER_GRACE_NS;
	}
	if (k->kill_at && now >= k->kill_at)
		keeper_child_kill(&k->monitor);
	if (k->net_note_at && now >= k->net_note_at) {
		k->net_note_at = 0;
		note_net(k);
	}
	keeper_shares_check(k, now);
}

static bool over(const struct keeper *k)
{
	return k->monitor.pid == 0 && k->agent.fd < 0 && k->events < 0 &&
	       k->serial < 0;
}

static void serve(struct keeper *k)
{
	static void (*const handlers[SRC_SHARES])(struct keeper * k) = {
		[SRC_CLI] = on_cli,
		[SRC_AGENT] = on_agent,
		[SRC_DIAL] = keeper_dial,
		[SRC_EVENTS] = on_events,
		[SRC_SERIAL] = on_serial,
		[SRC_SIGNALS] = on_signals,
		[SRC_MONITOR_ERR] = on_monitor_err,
		[SRC_NET_ERR] = on_net_err,
		[SRC_MONITOR] = on_monitor,
		[SRC_NET] = on_net,
	};
	struct pollfd fds[NR_SOURCES];

	while (!over(k)) {
		(void)frame_flush(&k->agent);
		(void)frame_flush(&k->cli);
		set_sources(k, fds);
		int n = poll(fds, NR_SOURCES, poll_timeout(k));
		for (int i = 0; n > 0 && i < SRC_SHARES; i++)
			if (fds[i].revents & (POLLIN | POLLHUP | POLLERR))
				handlers[i](k);
		if (n > 0)
			keeper_shares_ready(k, fds + SRC_SHARES);
		check_time(k);
	}
}

/* The CLI reads at its own pace; what it does not want any more is dropped. */
static void drain_cli(struct keeper *k)
{
	while (k->cli.fd >= 0 && frame_flush(&k->cli) == 0 &&
	       frame_waiting(&k->cli) > 0) {
		struct pollfd p = { k->cli.fd, POLLOUT, 0 };

		(void)poll(&p, 1, -1);
	}
	frame_close(&k->cli);
}

static void end_children(struct keeper *k)
{
	struct keeper_child *all[] = { &k->monitor, &k->net };
	bool signalled;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i]->pid > 0) {
			keeper_child_kill(all[i]);
			(void)keeper_child_reap(all[i], &signalled);
		}
		if (all[i]->err >= 0)
			(void)close(all[i]->err);
	}
	keeper_shares_end(k);
}

static void close_all(struct keeper *k)
{
	const int fds[] = { k->dial, k->events, k->serial, k->signals };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	jail_ids_done(&k->ids);
	frame_close(&k->agent);
	capped_close(&k->log);
	capped_close(&k->console);
	for (size_t i = 0; i < SPAWN_FDS_MAX; i++)
		free(k->fd_names[i]);
	json_object_put(k->ports);
	cgroup_done(&k->cgroup);
}

static void watch_signals(struct keeper *k)
{
	sigset_t set;

	(void)sigfillset(&set);
	(void)sigprocmask(SIG_SETMASK, &set, NULL);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	k->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static struct keeper *new_keeper(const struct keeper_plan *plan, int cli)
{
	struct keeper *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->plan = plan;
	k->timing = plan->timing;
	k->status = -1;
	k->monitor.pidfd = k->monitor.err = -1;
	k->net.pidfd = k->net.err = -1;
	for (unsigned i = 0; i < SHARES_MAX; i++) {
		struct keeper_share *s = &k->share[i];

		s->sock = s->child.pidfd = s->child.err = -1;
	}
	k->log.fd = k->console.fd = -1;
	k->dial = k->events = k->serial = k->signals = -1;
	k->agent.fd = -1;
	k->ids = (struct jail_ids){ .first = JAIL_NO_UID, .lock = -1 };
	cgroup_init(&k->cgroup);
	frame_open(&k->cli, cli);
	k->ports = json_object_new_array();
	if (plan->spec->options->timeout)
		k->timeout_at = timing_now() +
				plan->spec->options->timeout * 1000 * NS_MS;
	return k;
}

int keeper_run(const struct keeper_plan *plan, int cli)
{
	struct keeper *k = new_keeper(plan, cli);
	struct err err = { 0 };

	if (!k)
		return EXIT_BELLJAR;
	(void)prctl(PR_SET_NAME, "belljar-keeper");
	watch_signals(k);
	int r = keeper_start(k, &err);
	if (r == 0)
		r = write_state(k, &err);
	if (r == 0) {
		serve(k);
		keeper_judge(k);
	} else {
		keeper_decide(k, EXIT_BELLJAR, "%s", err.msg);
	}
	end_children(k);
	keeper_devices_give_back(k);
	keeper_cgroup_end(k);
	keeper_finish(k);
	vmdir_close(plan->vm);
	drain_cli(k);
	close_all(k);
	free(k);
	return 0;
}
