/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - belljar-net, the user-mode network of one guest.
 *
 * It gets frames from the monitor, never guest memory, and turns them into
 * this machine's own sockets.  Order of start: read the options, set limits,
 * take the frames socket, bind every published port, enter the jail, report,
 * serve.  It ends with status 0 when the monitor does, and with 125 when it
 * cannot start.
 */
#include <argp.h>
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "vmm/abi/net.h"
#include "vmm/abi/switch.h"
#include "vmm/jail/jail.h"
#include "vmm/lib/allow.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/lib/log.h"
#include "vmm/lib/parse.h"
#include "vmm/lib/publish.h"
#include "vmm/net/slirp.h"

#define EXIT_BELLJAR 125

/*
 * What a guest can make libslirp keep (256 KiB for each connection, and
 * fragments) has no bound of its own.  The address sanitizer's shadow would
 * count, so a build with it goes without.
 */
#ifdef __SANITIZE_ADDRESS__
#define MEMORY_MAX RLIM_INFINITY
#else
#define MEMORY_MAX ((rlim_t)2 << 30)
#endif

struct options {
	int frames;
	int ready;
	struct net_place place;
	const char *id;
	struct jail_asked jail;
	size_t nr_publish;
	struct publish publish[PUBLISH_MAX];
	struct allow_list allow;
	struct err err;
};

enum {
	OPT_FRAMES = 256,
	OPT_PUBLISH,
	OPT_ALLOW,
	OPT_READY,
	OPT_MTU,
	OPT_GUEST,
	OPT_JAIL,
	OPT_ID,
};

static const struct argp_option option_list[] = {
	{ "frames", OPT_FRAMES, "fd:N", 0,
	  "Ethernet frames of the guest: a SOCK_SEQPACKET socket", 0 },
	{ "publish", OPT_PUBLISH, "[IP:]HOST:GUEST[/PROTO]", 0,
	  "Forward a port of this machine to the guest (repeatable)", 0 },
	{ "allow", OPT_ALLOW, "PROTO:PORT:[NAME]=ADDRESS[,ADDRESS...]", 0,
	  "Let the guest reach these only (repeatable)", 0 },
	{ "ready", OPT_READY, "fd:N", 0,
	  "Write a line for each published port, then \"ready\"", 0 },
	{ "mtu", OPT_MTU, "N", 0,
	  "Of the guest's interface, and so the length of frames", 0 },
	{ "guest", OPT_GUEST, "ADDRESS/PREFIX", 0,
	  "In a network by name, where the first two addresses are the "
	  "gateway's and the name server's, and there is no IPv6",
	  0 },
	{ "jail", OPT_JAIL, "auto|required[,born][,uid=N]", 0,
	  "When this host lacks a wall of the jail: warn (default) or refuse; "
	  "uid: to become, by root",
	  0 },
	{ "id", OPT_ID, "NAME", 0, "Begin messages with NAME", 0 },
	{ 0 },
};

static int publish_option(struct options *o, const char *arg)
{
	if (o->nr_publish == PUBLISH_MAX)
		return err_say(&o->err, E2BIG,
			       "more than %d published ports; publish fewer",
			       PUBLISH_MAX);

	int r = publish_parse(arg, &o->publish[o->nr_publish], &o->err);
	if (r == 0)
		o->nr_publish++;
	return r;
}

static int mtu_option(struct options *o, const char *arg)
{
	uint64_t mtu = 0;
	int r = parse_u64(arg, "--mtu", NET_MTU_MIN, NET_MTU, &mtu, &o->err);

	if (r == 0)
		o->place.mtu = (unsigned)mtu;
	return r;
}

static int guest_option(struct options *o, char *arg)
{
	struct net_place *p = &o->place;
	uint64_t prefix = 0;
	char *slash = strchr(arg, '/');

	if (slash)
		*slash++ = '\0';
	if (!slash || inet_pton(AF_INET, arg, &p->guest) != 1)
		return err_say(&o->err, EINVAL,
			       "--guest: '%s' is not an address with the "
			       "length of its prefix",
			       arg);
	int r = parse_u64(slash, "--guest: the prefix", 8, 29, &prefix,
			  &o->err);
	if (r < 0)
		return r;
	uint32_t base = ntohl(p->guest.s_addr) & UINT32_MAX << (32 - prefix);
	p->prefix = (unsigned)prefix;
	p->gateway.s_addr = htonl(base + SWITCH_GATEWAY);
	p->dns.s_addr = htonl(base + SWITCH_DNS);
	p->only4 = true;
	return 0;
}

static int allow_option(struct options *o, const char *arg)
{
	struct allow_list *list = &o->allow;

	if (list->n == ALLOW_MAX)
		return err_say(&o->err, E2BIG,
			       "--allow: more than %d entries; allow fewer",
			       ALLOW_MAX);

	int r = allow_parse_pinned(arg, &list->v[list->n], &o->err);
	if (r == 0)
		list->n++;
	return r;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case OPT_FRAMES:
		return -io_inherit(arg, "--frames", &o->frames, &o->err);
	case OPT_READY:
		return -io_inherit(arg, "--ready", &o->ready, &o->err);
	case OPT_MTU:
		return -mtu_option(o, arg);
	case OPT_GUEST:
		return -guest_option(o, arg);
	case OPT_PUBLISH:
		return -publish_option(o, arg);
	case OPT_JAIL:
		return -jail_parse(arg, &o->jail, &o->err);
	case OPT_ALLOW:
		return -allow_option(o, arg);
	case OPT_ID:
		o->id = arg;
		return 0;
	case ARGP_KEY_END:
		if (o->frames < 0)
			return -err_say(&o->err, EINVAL,
					"--frames is missing; belljar-net is "
					"started by belljar");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int limit(int what, rlim_t max, const char *name, struct err *err)
{
	struct rlimit lim;

	if (getrlimit(what, &lim) < 0)
		return err_set(err, errno, "read the limit of %s", name);
	if (lim.rlim_max > max)
		lim.rlim_max = max;
	lim.rlim_cur = lim.rlim_max;
	if (setrlimit(what, &lim) < 0)
		return err_set(err, errno, "limit %s", name);
	return 0;
}

static int set_limits(struct err *err)
{
	int r = limit(RLIMIT_NOFILE, NET_POLL_MAX, "descriptors", err);

	if (r == 0)
		r = limit(RLIMIT_DATA, MEMORY_MAX, "memory", err);
	if (r == 0)
		r = limit(RLIMIT_CORE, 0, "core files", err);
	return r;
}

/* A line for each port, then "ready"; after it nothing new is opened. */
static int report(const struct options *o, struct err *err)
{
	char line[PUBLISH_TEXT_MAX + 1];

	if (o->ready < 0)
		return 0;

	int r = 0;
	for (size_t i = 0; i < o->nr_publish && r == 0; i++) {
		publish_format(&o->publish[i], line, sizeof(line) - 1);
		size_t len = strlen(line);

		line[len] = '\n';
		r = io_write_full(o->ready, line, len + 1);
	}
	if (r == 0)
		r = io_write_full(o->ready, "ready\n", 6);
	(void)close(o->ready);
	if (r < 0)
		return err_set(err, -r, "report to --ready");
	return 0;
}

/*
 * All ports are bound.  The one file that stays is libslirp's: it reads there
 * whom to ask for names.  Who started us by hand made no namespaces: then
 * there is no mount namespace to change.
 */
static int enter_jail(const struct options *o, struct err *err)
{
	struct jail_walls walls = {
		.asked = o->jail,
		.file = "/etc/resolv.conf",
		.files = NET_POLL_MAX,
	};

	if (!o->jail.born)
		return 0;
	int r = jail_enclose(&walls, err);
	return r < 0 ? r : jail_filter(JAIL_NET, err);
}

static int serve(struct options *o, struct err *err)
{
	struct net *net = NULL;
	int r = set_limits(err);

	if (r == 0)
		r = net_new(o->frames, &o->place, &net, err);
	if (r == 0)
		r = net_allow(net, &o->allow, err);
	for (size_t i = 0; i < o->nr_publish && r == 0; i++)
		r = net_publish(net, &o->publish[i], err);
	if (r == 0)
		r = enter_jail(o, err);
	if (r == 0)
		r = report(o, err);
	if (r == 0)
		r = net_run(net, err);
	net_free(net);
	return r;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = option_list,
		.parser = parse_option,
		.doc = "The user-mode network of one belljar guest.",
	};
	struct options o = {
		.frames = -1,
		.ready = -1,
		.place = net_place_user(NET_MTU),
		.jail = JAIL_NOT_ASKED,
	};

	/*
	 * Should the keeper die before this line, the monitor dies with it
	 * and the frames socket ends.
	 */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Executed through a descriptor, it has none. */
	(void)prctl(PR_SET_NAME, "belljar-net");
	/* libslirp writes to connections that the other side has closed. */
	(void)signal(SIGPIPE, SIG_IGN);

	argp_err_exit_status = EXIT_BELLJAR;
	error_t e = argp_parse(&argp, argc, argv, ARGP_NO_ARGS, NULL, &o);
	log_init(o.id, LOG_WARN);
	if (e == 0 && serve(&o, &o.err) == 0)
		return EXIT_SUCCESS;
	log_error("%s", o.err.msg);
	return EXIT_BELLJAR;
}
