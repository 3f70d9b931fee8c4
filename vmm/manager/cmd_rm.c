/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_rm.c - `belljar rm`: remove VMs that have ended, with -f others too. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/pidfd.h>

#include "vmm/lib/auto.h"
#include "vmm/manager/cli.h"
#include "vmm/manager/cmd.h"
#include "vmm/manager/gpu.h"
#include "vmm/manager/vmdir.h"

#define END_MS 15000 /* a keeper told to end ends long before */

struct rm {
	bool force;
	char **names;
	int nr_names;
};

static const struct argp_option options[] = {
	{ "force", 'f', NULL, 0, "End VMs that run", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct rm *rm = state->input;

	(void)arg;
	switch (key) {
	case 'f':
		rm->force = true;
		return 0;
	case ARGP_KEY_ARG:
		rm->names = state->argv + state->next - 1;
		rm->nr_names = state->argc - state->next + 1;
		state->next = state->argc;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int end_vm(const struct vmdir *vm, struct err *err)
{
	pid_t pid = 0;
	AUTO_CLOSE int pidfd = vmdir_keeper(vm, &pid, err);

	if (pidfd < 0)
		return vmdir_running(vm) ? pidfd : 0;
	if (pidfd_send_signal(pidfd, SIGTERM, NULL, 0) < 0)
		return err_set(err, errno, "end VM '%s'", vm->name);

	struct pollfd p = { pidfd, POLLIN, 0 };
	if (poll(&p, 1, END_MS) != 1)
		return err_say(err, ETIMEDOUT,
			       "the keeper of VM '%s' (process %d) does not "
			       "end; kill it with signal 9",
			       vm->name, (int)pid);
	return 0;
}

static int remove_one(struct manager *mgr, const struct rm *rm,
		      const char *name, struct err *err)
{
	struct vmdir vm = VMDIR_NONE;
	int r = vmdir_find(mgr, name, &vm, err);

	if (r < 0)
		return r;
	if (vmdir_running(&vm)) {
		if (!rm->force)
			return err_say(err, EBUSY,
				       "VM '%s' is running; stop it first, or "
				       "remove it with 'belljar rm -f %s'",
				       name, name);
		r = end_vm(&vm, err);
		if (r < 0)
			return r;
	}
	r = vmdir_drop_cgroup(&vm, VMDIR_CGROUP_MS, err);
	return r < 0 ? r : vmdir_remove(&vm, err);
}

int cmd_rm(struct manager *mgr, int argc, char **argv)
{
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "VM...",
		.doc = "Remove VMs, by name or id.",
	};
	struct rm rm = { 0 };
	struct err err;
	int status = 0;

	int r = cli_parse(&argp, "belljar rm", argc, argv, &rm, &err);
	if (r == CLI_HELPED)
		return 0;
	if (r == 0 && rm.nr_names == 0)
		r = err_say(&err, EINVAL,
			    "no VM given; 'belljar ps -a' lists them");
	if (r == 0)
		r = vmdir_repair(mgr, &err);
	if (r == 0)
		gpu_repair(mgr);
	if (r < 0)
		return cmd_fail(&err);

	for (int i = 0; i < rm.nr_names; i++) {
		r = remove_one(mgr, &rm, rm.names[i], &err);
		if (r < 0)
			status = cmd_fail(&err);
		else
			(void)printf("%s\n", rm.names[i]);
	}
	return status;
}
