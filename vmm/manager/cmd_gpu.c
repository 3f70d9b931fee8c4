/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_gpu.c - `belljar gpu bind` and `unbind`, and the choice among the three;
 * `ls` is in cmd_gpu_ls.c.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "vmm/manager/cli.h"
#include "vmm/manager/cmd.h"
#include "vmm/manager/gpu.h"

struct gpu {
	char **names;
	int nr_names;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct gpu *g = state->input;

	(void)arg;
	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	g->names = state->argv + state->next - 1;
	g->nr_names = state->argc - state->next + 1;
	state->next = state->argc;
	return 0;
}

/* An address, or the UUID of an NVIDIA GPU. */
static const struct hostdev *find(struct manager *mgr,
				  const struct hostdev_list *all,
				  const char *name, struct err *err)
{
	char bdf[BDF_MAX];

	if (strncmp(name, "GPU-", 4) == 0)
		return hostdev_by_uuid(&mgr->sys, all, name, err);
	if (bdf_parse(name, bdf, err) < 0)
		return NULL;
	return hostdev_find(all, bdf, err);
}

/*
 * All together: functions of one group that are both asked for are not in each
 * other's way.  When that fails one by one, so that each gets its sentence.
 */
static int bind_all(struct manager *mgr, const struct hostdev_list *all,
		    const struct gpu *g, struct err *err)
{
	struct hostdev_set set = { .nr = 0 };

	for (int i = 0; i < g->nr_names; i++) {
		const struct hostdev *d = find(mgr, all, g->names[i], err);

		if (!d)
			return -ENODEV;
		int r = hostdev_set_add(&set, all, d, true, err);
		if (r < 0)
			return r;
	}
	return hostdev_bind(&mgr->sys, mgr->data, &set, err);
}

static int bind_one(struct manager *mgr, const struct hostdev_list *all,
		    const char *name, struct err *err)
{
	char *names[] = { (char *)(uintptr_t)name };
	const struct gpu one = { names, 1 };

	return bind_all(mgr, all, &one, err);
}

static int unbind_one(struct manager *mgr, const struct hostdev_list *all,
		      const char *name, struct err *err)
{
	const struct hostdev *d = find(mgr, all, name, err);

	return d ? hostdev_unbind(&mgr->sys, mgr->data, d, err) : -ENODEV;
}

static int each(struct manager *mgr, const struct hostdev_list *all,
		const struct gpu *g,
		int (*one)(struct manager *mgr, const struct hostdev_list *all,
			   const char *name, struct err *err))
{
	int status = 0;

	for (int i = 0; i < g->nr_names; i++) {
		struct err err;

		if (one(mgr, all, g->names[i], &err) < 0)
			status = cmd_fail(&err);
		else
			(void)printf("%s\n", g->names[i]);
	}
	return status;
}

static int gpu_bind(struct manager *mgr, const struct hostdev_list *all,
		    const struct gpu *g)
{
	struct err err;

	if (g->nr_names > 1 && bind_all(mgr, all, g, &err) < 0)
		return each(mgr, all, g, bind_one);
	if (g->nr_names == 1)
		return each(mgr, all, g, bind_one);
	for (int i = 0; i < g->nr_names; i++)
		(void)printf("%s\n", g->names[i]);
	return 0;
}

static int move(struct manager *mgr, int argc, char **argv, bool back)
{
	const struct argp argp = {
		.parser = parse,
		.args_doc = "DEVICE...",
		.doc = back ? "Give devices back to the drivers that had them "
			      "before 'gpu bind'."
			    : "Give devices to the driver vfio-pci, until 'gpu "
			      "unbind' or a reboot: then VMs find them ready, "
			      "and need no root.",
	};
	AUTO_HOSTDEV_LIST struct hostdev_list all = { 0 };
	struct gpu g = { 0 };
	struct err err;

	int r = cli_parse(&argp,
			  back ? "belljar gpu unbind" : "belljar gpu bind",
			  argc, argv, &g, &err);
	if (r == CLI_HELPED)
		return 0;
	if (r == 0 && g.nr_names == 0)
		r = err_say(&err, EINVAL,
			    "no device given; 'belljar gpu ls' lists them");
	if (r == 0) {
		gpu_repair(mgr);
		r = hostdev_list(&mgr->sys, &all, &err);
	}
	if (r < 0)
		return cmd_fail(&err);
	return back ? each(mgr, &all, &g, unbind_one) : gpu_bind(mgr, &all, &g);
}

static const char help[] =
	"Usage: belljar gpu COMMAND\n"
	"GPUs of the host and other devices that VMs can have.\n"
	"\n"
	"Commands (belljar gpu COMMAND --help says more):\n"
	"  ls         List GPUs, and whether they are free\n"
	"  bind       Give devices to vfio-pci, for VMs\n"
	"  unbind     Give them back to the host's drivers\n";

int cmd_gpu(struct manager *mgr, int argc, char **argv)
{
	static const char *const verbs[] = { "ls", "bind", "unbind", NULL };
	const char *verb = argc > 1 ? argv[1] : "";
	struct err err;

	if (strcmp(verb, "ls") == 0 || strcmp(verb, "list") == 0)
		return cmd_gpu_ls(mgr, argc - 1, argv + 1);
	if (strcmp(verb, "bind") == 0 || strcmp(verb, "unbind") == 0)
		return move(mgr, argc - 1, argv + 1, verb[0] == 'u');
	if (strcmp(verb, "--help") == 0) {
		(void)fputs(help, stdout);
		return 0;
	}
	const char *near = verb[0] ? cli_closest(verb, verbs) : NULL;
	(void)err_say(&err, EINVAL,
		      verb[0] ? "unknown command 'gpu %s'%s%s%s; see 'belljar "
				"gpu --help'"
			      : "no command given after 'gpu'%s%s%s%s; see "
				"'belljar gpu --help'",
		      verb, near ? " (did you mean '" : "", near ? near : "",
		      near ? "'?)" : "");
	return cmd_fail(&err);
}
