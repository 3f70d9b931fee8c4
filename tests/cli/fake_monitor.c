/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_monitor.c - stands in for belljar-monitor and the guest behind it, so
 * that the manager's processes can be tested without KVM.  It takes the
 * monitor's command line, dials the keeper as a guest would, and then does
 * what the container's command says:
 *
 *   exit N      end with status N        say TEXT    write TEXT to stdout
 *   err TEXT    ... to stderr            cat         stdin to stdout
 *   hang        say "ready", then end by the first signal, with 128+n
 *   stubborn    the same, but signals do not end it
 *   flood N     N bytes of output        missing     "command not found"
 *   die         power off without EXIT
 *   oversize early badexit unknown       break the protocol
 *   devices     print the options about devices, files instead of numbers
 *   argv        print the command line, an argument a line
 *   balloon MIB the same, with a control socket and a balloon that never
 *               leaves less than MIB; "balloon MIB none": no driver for it
 *   eat N       take N bytes of memory, then "hang"
 *   lose        say that the host took back the first device, then "hang"
 *
 * A "kernel" that says refuse or mute makes it end before the guest runs.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cli/fake_control.h"
#include "vmm/abi/dial.h"
#include "vmm/lib/io.h"
#include "vmm/manager/frame.h"
#include "vmm/manager/timing.h"

#define ARGS_MAX    8
#define DEVICES_MAX 16

struct fake {
	int kernel, dial, events, serial, control, disks;
	uint64_t memory, memory_max;
	struct frame_link agent;
	char *args[ARGS_MAX];
	int nr_args;
	const char *devices[DEVICES_MAX]; /* options about them, whole */
	int nr_devices;
	char **argv;
};

static int fd_of(const char *text)
{
	return strncmp(text, "fd:", 3) == 0 ? atoi(text + 3) : -1;
}

/* "--name=value" or "--name" "value". */
static const char *option(char **argv, int *i, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(argv[*i], name, len) != 0)
		return NULL;
	if (argv[*i][len] == '=')
		return argv[*i] + len + 1;
	return argv[*i][len] == '\0' ? argv[++*i] : NULL;
}

static bool is_device(const char *arg)
{
	static const char *const options[] = { "--vfio", "--iommufd", "--numa",
					       "--hugepages" };

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (strncmp(arg, options[i], strlen(options[i])) == 0)
			return true;
	return false;
}

static void parse(struct fake *f, int argc, char **argv)
{
	const char *v;

	f->argv = argv;
	for (int i = 1; i < argc; i++) {
		if (is_device(argv[i]) && f->nr_devices < DEVICES_MAX)
			f->devices[f->nr_devices++] = argv[i];
		if ((v = option(argv, &i, "--kernel")) != NULL)
			f->kernel = fd_of(v);
		else if ((v = option(argv, &i, "--events")) != NULL)
			f->events = fd_of(v);
		else if ((v = option(argv, &i, "--serial")) != NULL)
			f->serial = fd_of(v);
		else if ((v = option(argv, &i, "--control")) != NULL)
			f->control = fd_of(v);
		else if ((v = option(argv, &i, "--memory")) != NULL)
			f->memory = strtoull(v, NULL, 10) << 10;
		else if ((v = option(argv, &i, "--memory-max")) != NULL)
			f->memory_max = strtoull(v, NULL, 10) << 10;
		else if ((v = option(argv, &i, "--disk")) != NULL)
			f->disks++;
		else if ((v = option(argv, &i, "--vsock")) != NULL)
			f->dial = fd_of(strstr(v, "dial=") + 5);
	}
}

static void started(const struct fake *f)
{
	if (f->nr_devices)
		(void)dprintf(f->events,
			      "{\"event\":\"memory\",\"ns\":1,\"bytes\":"
			      "1073741824,\"page\":2097152,\"threads\":2,"
			      "\"populate_ns\":500000000,\"map_ns\":1000000}"
			      "\n");
	(void)dprintf(f->events, "{\"event\":\"started\",\"ns\":%llu}\n",
		      (unsigned long long)timing_now());
}

static void dial(struct fake *f)
{
	struct dial_request req = { .cookie = 7, .port = AGENT_PORT };
	struct dial_answer ans;
	int fd = -1;

	if (io_send_fd(f->dial, &req, sizeof(req), -1) < 0 ||
	    io_recv_fd(f->dial, &ans, sizeof(ans), &fd) != sizeof(ans) ||
	    ans.error || ans.cookie != 7 || fd < 0)
		_exit(3);
	frame_open(&f->agent, fd);
}

/* Wait for the next record; false when the keeper is gone. */
static bool next(struct fake *f, struct frame *ret)
{
	while (frame_flush(&f->agent) == 0) {
		struct pollfd p = { f->agent.fd, POLLIN, 0 };

		if (frame_next(&f->agent, ret) > 0)
			return true;
		if (frame_waiting(&f->agent))
			p.events |= POLLOUT;
		(void)poll(&p, 1, -1);
		if (!(p.revents & ~POLLOUT))
			continue;
		if (frame_fill(&f->agent) == 0)
			return false;
	}
	return false;
}

static void settle(struct fake *f)
{
	while (frame_flush(&f->agent) == 0 && frame_waiting(&f->agent) > 0) {
		struct pollfd p = { f->agent.fd, POLLOUT, 0 };

		(void)poll(&p, 1, -1);
	}
}

static void settings(struct fake *f)
{
	struct frame r;

	(void)frame_send_u32(&f->agent, AGENT_HELLO, AGENT_VERSION);
	while (next(f, &r) && r.type != AGENT_START)
		if (r.type == AGENT_ARG && f->nr_args < ARGS_MAX - 1)
			f->args[f->nr_args++] =
				strndup((const char *)r.data, r.len);
}

static void cat(struct fake *f)
{
	struct frame r;

	while (next(f, &r)) {
		if (r.type != AGENT_IN)
			continue;
		if (r.len == 0)
			return;
		(void)frame_send(&f->agent, AGENT_OUT, r.data, r.len);
		(void)frame_send_u32(&f->agent, AGENT_CREDIT, r.len);
		settle(f);
	}
}

/* Until a signal, which is returned; with @stubborn until the end. */
static int wait_signal(struct fake *f, bool stubborn)
{
	struct frame r;

	(void)frame_send_str(&f->agent, AGENT_OUT, "ready\n");
	while (next(f, &r))
		if (r.type == AGENT_SIGNAL && !stubborn)
			return (int)frame_u32(&r, 0);
	for (;;)
		(void)pause();
}

static void flood(struct fake *f, long left)
{
	static const char block[4096];

	for (; left > 0; left -= (long)sizeof(block)) {
		(void)frame_send(&f->agent, AGENT_OUT, block,
				 left < 4096 ? (size_t)left : sizeof(block));
		settle(f);
	}
}

static void break_protocol(struct fake *f, const char *how)
{
	struct agent_head head = { AGENT_OUT, AGENT_MAX + 1 };
	struct frame r;

	if (strcmp(how, "oversize") == 0)
		(void)io_write_full(f->agent.fd, &head, sizeof(head));
	else if (strcmp(how, "badexit") == 0)
		(void)frame_send_u32(&f->agent, AGENT_EXIT, 256);
	else
		(void)frame_send(&f->agent, 4711, NULL, 0);
	/* The keeper must end us: this does not return by itself. */
	while (next(f, &r))
		;
	for (;;)
		(void)pause();
}

/* Each option on a line, "fd:N" as the file behind it. */
static void say_devices(struct fake *f)
{
	for (int i = 0; i < f->nr_devices; i++) {
		const char *p = strstr(f->devices[i], "fd:");
		char link[64], target[256] = "", line[512];
		size_t len = p ? (size_t)(p - f->devices[i]) : 0;

		if (p) {
			(void)snprintf(link, sizeof(link), "/proc/self/fd/%d",
				       fd_of(p));
			ssize_t n = readlink(link, target, sizeof(target) - 1);
			target[n < 0 ? 0 : n] = '\0';
			p += strspn(p, "fd:0123456789");
		}
		(void)snprintf(line, sizeof(line), "%.*s%s%s\n", (int)len,
			       f->devices[i], target, p ? p : f->devices[i]);
		(void)frame_send_str(&f->agent, AGENT_OUT, line);
	}
}

static void say_argv(struct fake *f)
{
	char line[512];

	for (char **p = f->argv; *p; p++) {
		(void)snprintf(line, sizeof(line), "%s\n", *p);
		(void)frame_send_str(&f->agent, AGENT_OUT, line);
	}
}

/* As a guest that touches its memory: every page is written. */
static void eat(size_t len)
{
	char *p = malloc(len);

	for (size_t i = 0; p && i < len; i += 4096)
		((volatile char *)p)[i] = 1;
}

static void balloon(const struct fake *f, const char *mib)
{
	static struct fake_control c;

	c.listener = f->control;
	c.memory = f->memory;
	c.most = f->memory_max ? f->memory_max - f->memory : 0;
	c.used = strtoull(mib, NULL, 10) << 20;
	c.driver = !f->args[2];
	fake_control_start(&c);
}

static void lose(struct fake *f)
{
	const char *v = f->nr_devices ? strchr(f->devices[0], '=') : NULL;

	(void)dprintf(f->events,
		      "{\"event\":\"device-lost\",\"ns\":1,\"device\":"
		      "\"%.12s\",\"why\":\"unplug\"}\n",
		      v ? v + 1 : "");
}

/* The container's exit status. */
static int perform(struct fake *f)
{
	const char *verb = f->args[0] ? f->args[0] : "";
	const char *arg = f->args[1] ? f->args[1] : "";

	if (strcmp(verb, "exit") == 0)
		return atoi(arg);
	if (strcmp(verb, "say") == 0)
		(void)frame_send_str(&f->agent, AGENT_OUT, arg);
	else if (strcmp(verb, "err") == 0)
		(void)frame_send_str(&f->agent, AGENT_ERR, arg);
	else if (strcmp(verb, "cat") == 0)
		cat(f);
	else if (strcmp(verb, "devices") == 0)
		say_devices(f);
	else if (strcmp(verb, "argv") == 0)
		say_argv(f);
	else if (strcmp(verb, "lose") == 0 || strcmp(verb, "hang") == 0 ||
		 strcmp(verb, "eat") == 0 || strcmp(verb, "balloon") == 0) {
		if (verb[0] == 'l')
			lose(f);
		if (verb[0] == 'b')
			balloon(f, arg);
		if (verb[0] == 'e')
			eat((size_t)atoll(arg));
		return 128 + wait_signal(f, false);
	} else if (strcmp(verb, "stubborn") == 0)
		return wait_signal(f, true);
	else if (strcmp(verb, "flood") == 0)
		flood(f, atol(arg));
	else if (strcmp(verb, "disks") == 0)
		return f->disks;
	else if (strcmp(verb, "die") == 0)
		_exit(0);
	else
		break_protocol(f, verb);
	return 0;
}

static void refuse(const struct fake *f)
{
	char mode[16] = "";

	(void)io_pread_full(f->kernel, mode, sizeof(mode) - 1, 0);
	if (strncmp(mode, "refuse", 6) == 0) {
		(void)fprintf(stderr,
			      "error: 'fd:%d' is not a kernel: give another\n",
			      f->kernel);
		_exit(125);
	}
	if (strncmp(mode, "mute", 4) == 0)
		_exit(125);
}

int main(int argc, char **argv)
{
	struct fake *f = calloc(1, sizeof(*f));

	if (!f)
		return 3;
	f->events = f->serial = f->kernel = f->dial = f->control = -1;
	parse(f, argc, argv);
	refuse(f);
	started(f);
	if (f->serial >= 0)
		(void)dprintf(f->serial, "Kernel panic - not syncing\n");
	dial(f);
	settings(f);
	if (f->args[0] && strcmp(f->args[0], "early") == 0) {
		(void)frame_send_str(&f->agent, AGENT_OUT, "early");
		break_protocol(f, "early");
	}
	if (f->args[0] && strcmp(f->args[0], "missing") == 0) {
		static const char text[] = "\x7f\0\0\0'missing': command not "
					   "found in the image";

		(void)frame_send(&f->agent, AGENT_FAILED, text,
				 sizeof(text) - 1);
	} else {
		(void)frame_send_u32(&f->agent, AGENT_STARTED, 2);
		int status = perform(f);

		(void)frame_send_u32(&f->agent, AGENT_EXIT, (uint32_t)status);
	}
	settle(f);
	_exit(0);
}
