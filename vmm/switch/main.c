/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - belljar-switch, the wires between the VMs of one network.
 *
 * The keeper of the first VM starts it, behind walls, with a socket that
 * listens; keepers of other VMs find it there.  It outlives who started it and
 * ends with status 0 when the last VM has left, and with 125 when it cannot
 * start.
 */
#include <argp.h>
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "vmm/abi/switch.h"
#include "vmm/jail/jail.h"
#include "vmm/lib/io.h"
#include "vmm/lib/log.h"
#include "vmm/lib/parse.h"
#include "vmm/switch/switch.h"

#define EXIT_BELLJAR 125

struct options {
	int listen;
	struct switch_subnet net;
	const char *id;
	struct jail_asked jail;
	struct err err;
};

enum { OPT_LISTEN = 256, OPT_SUBNET, OPT_INTERNAL, OPT_HOLD, OPT_JAIL, OPT_ID };

static const struct argp_option option_list[] = {
	{ "listen", OPT_LISTEN, "fd:N", 0,
	  "Where keepers connect: a SOCK_SEQPACKET socket that listens", 0 },
	{ "subnet", OPT_SUBNET, "ADDRESS/PREFIX", 0, "The VMs' addresses", 0 },
	{ "internal", OPT_INTERNAL, NULL, 0, "There is no way out", 0 },
	{ "hold", OPT_HOLD, "fd:N", 0, "Keep this open until the end", 0 },
	{ "jail", OPT_JAIL, "auto|required[,born][,uid=N]", 0,
	  "When this host lacks a wall of the jail: warn (default) or refuse; "
	  "uid: to become, by root",
	  0 },
	{ "id", OPT_ID, "NAME", 0, "Begin messages with NAME", 0 },
	{ 0 },
};

static int subnet_option(char *arg, struct switch_subnet *ret, struct err *err)
{
	uint64_t prefix = 0;
	char *slash = strchr(arg, '/');

	if (slash)
		*slash++ = '\0';
	if (!slash || inet_pton(AF_INET, arg, &ret->base) != 1)
		return err_say(err, EINVAL,
			       "--subnet: '%s' is not a subnet such as "
			       "10.89.0.0/24",
			       arg);
	int r = parse_u64(slash, "--subnet", 8, 29, &prefix, err);
	ret->prefix = (unsigned)prefix;
	return r;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;
	int held;

	switch (key) {
	case OPT_LISTEN:
		return -io_inherit(arg, "--listen", &o->listen, &o->err);
	case OPT_SUBNET:
		return -subnet_option(arg, &o->net, &o->err);
	case OPT_INTERNAL:
		o->net.internal = true;
		return 0;
	case OPT_HOLD:
		return -io_inherit(arg, "--hold", &held, &o->err);
	case OPT_JAIL:
		return -jail_parse(arg, &o->jail, &o->err);
	case OPT_ID:
		o->id = arg;
		return 0;
	case ARGP_KEY_END:
		if (o->listen < 0 || o->net.prefix == 0)
			return -err_say(&o->err, EINVAL,
					"--listen or --subnet is missing; "
					"belljar-switch is started by belljar");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* All is open.  Who started us by hand made no namespaces. */
static int enter_jail(const struct options *o, struct err *err)
{
	struct jail_walls walls = {
		.asked = o->jail,
		.files = SWITCH_FILES,
	};

	if (!o->jail.born)
		return 0;
	int r = jail_enclose(&walls, err);
	return r < 0 ? r : jail_filter(JAIL_SWITCH, err);
}

static int serve(struct options *o, struct err *err)
{
	struct sw *sw = NULL;
	int r = switch_new(o->listen, &o->net, &sw, err);

	if (r == 0)
		r = enter_jail(o, err);
	if (r == 0)
		r = switch_run(sw, err);
	switch_free(sw);
	return r;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = option_list,
		.parser = parse_option,
		.doc = "The switch between the VMs of one belljar network.",
	};
	struct options o = { .listen = -1, .jail = JAIL_NOT_ASKED };

	/* Executed through a descriptor, it has none. */
	(void)prctl(PR_SET_NAME, "belljar-switch");
	/* Who started us reads what we say until we serve, and no longer. */
	(void)signal(SIGPIPE, SIG_IGN);

	argp_err_exit_status = EXIT_BELLJAR;
	error_t e = argp_parse(&argp, argc, argv, ARGP_NO_ARGS, NULL, &o);
	log_init(o.id, LOG_WARN);
	if (e == 0 && serve(&o, &o.err) == 0)
		return EXIT_SUCCESS;
	log_error("%s", o.err.msg);
	return EXIT_BELLJAR;
}
