/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - `belljar`: the table of verbs, and the options before the verb. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "vmm/manager/cli.h"
#include "vmm/manager/cmd.h"
#include "vmm/manager/dirs.h"

static const struct {
	const char *name;
	cmd_fn *run;
	const char *doc;
} commands[] = {
	{ "run", cmd_run, "Run a command in a microVM of its own" },
	{ "ps", cmd_ps, "List VMs" },
	{ "inspect", cmd_inspect, "Print what VMs are made of, as JSON" },
	{ "stats", cmd_stats, "Print what VMs take and do" },
	{ "update", cmd_update, "Change limits of VMs that run" },
	{ "logs", cmd_logs, "Print what a VM wrote" },
	{ "rm", cmd_rm, "Remove VMs that have ended" },
	{ "load", cmd_load, "Load images from an archive" },
	{ "images", cmd_images, "List images" },
	{ "pull", cmd_pull, "Fetch an image with skopeo" },
	{ "rmi", cmd_rmi, "Remove images" },
	{ "network", cmd_network, "Make networks that several VMs share" },
	{ "compare", cmd_compare, "Measure what VMs and containers cost here" },
	{ "gpu", cmd_gpu, "List GPUs, and prepare them for VMs" },
	{ "doctor", cmd_doctor, "Check whether this machine can run VMs" },
	{ "version", cmd_version, "Print versions" },
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

struct global {
	const char *root, *runroot;
	const char *kvm, *host;
	int version;
	int verb; /* index in argv, 0: none */
};

enum { KEY_ROOT = 0x100, KEY_RUNROOT, KEY_KVM, KEY_HOST, KEY_VERSION };

static const struct argp_option options[] = {
	{ "root", KEY_ROOT, "DIR", 0,
	  "Keep images and VMs under DIR (default: $BELLJAR_ROOT)", 0 },
	{ "runroot", KEY_RUNROOT, "DIR", 0,
	  "Keep sockets and locks under DIR (default: $BELLJAR_RUNROOT)", 0 },
	{ "kvm", KEY_KVM, "PATH", OPTION_HIDDEN, "Use PATH as /dev/kvm", 0 },
	{ "host-root", KEY_HOST, "DIR", OPTION_HIDDEN,
	  "Look for /sys, /dev and /proc of devices in DIR", 0 },
	{ "version", KEY_VERSION, NULL, 0, "Print the version", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct global *g = state->input;

	switch (key) {
	case KEY_ROOT:
		g->root = arg;
		return 0;
	case KEY_RUNROOT:
		g->runroot = arg;
		return 0;
	case KEY_KVM:
		g->kvm = arg;
		return 0;
	case KEY_HOST:
		g->host = arg;
		return 0;
	case KEY_VERSION:
		g->version = 1;
		return 0;
	case ARGP_KEY_ARG:
		/* The verb: what follows is its own. */
		g->verb = state->next - 1;
		state->next = state->argc;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int unknown(const char *verb)
{
	const char *names[NR_COMMANDS + 1] = { NULL };
	struct err err;

	for (size_t i = 0; i < NR_COMMANDS; i++)
		names[i] = commands[i].name;
	const char *near = cli_closest(verb, names);
	(void)err_say(&err, 1,
		      "unknown command '%s'%s%s%s; see 'belljar --help'", verb,
		      near ? " (did you mean '" : "", near ? near : "",
		      near ? "'?)" : "");
	return cmd_fail(&err);
}

static int dispatch(struct manager *mgr, int argc, char **argv)
{
	for (size_t i = 0; i < NR_COMMANDS; i++)
		if (strcmp(commands[i].name, argv[0]) == 0)
			return commands[i].run(mgr, argc, argv);
	return unknown(argv[0]);
}

/* The verbs, for --help; argp owns what is returned. */
static char *list_commands(int key, const char *text, void *input)
{
	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)(uintptr_t)text;

	char *list = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&list, &len);

	if (!f)
		return NULL;
	(void)fputs("Commands (belljar COMMAND --help says more):", f);
	for (size_t i = 0; i < NR_COMMANDS; i++)
		(void)fprintf(f, "\n  %-10s %s", commands[i].name,
			      commands[i].doc);
	(void)fclose(f);
	return list;
}

int main(int argc, char **argv)
{
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "COMMAND [ARG...]",
		.doc = "Run each container in a microVM of its own.\v",
		.help_filter = list_commands,
	};
	struct global g = { 0 };
	struct manager mgr = { .kvm = "/dev/kvm", .sys = { .root = "" } };
	struct err err;

	int r = cli_parse_before(&argp, "belljar", argc, argv, &g, &err);
	if (r == CLI_HELPED)
		return 0;
	if (r < 0)
		return cmd_fail(&err);
	if (g.kvm)
		mgr.kvm = g.kvm;
	if (g.host)
		mgr.sys.root = g.host;

	if (g.version) {
		(void)printf("belljar %s\n", BELLJAR_VERSION);
		return 0;
	}
	if (g.verb == 0) {
		(void)err_say(&err, 1,
			      "no command given; see 'belljar --help'");
		return cmd_fail(&err);
	}
	r = dirs_init(&mgr, g.root, g.runroot, &err);
	int status = r < 0 ? cmd_fail(&err)
			   : dispatch(&mgr, argc - g.verb, argv + g.verb);
	dirs_done(&mgr);
	return status;
}
