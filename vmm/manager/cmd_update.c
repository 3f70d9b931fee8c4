/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_update.c - `belljar update`: other limits for VMs that run. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/json.h"
#include "vmm/lib/parse.h"
#include "vmm/manager/cgroup.h"
#include "vmm/manager/cli.h"
#include "vmm/manager/client.h"
#include "vmm/manager/cmd.h"
#include "vmm/manager/cpuset.h"
#include "vmm/manager/gpu.h"
#include "vmm/manager/resize.h"
#include "vmm/manager/vmlimits.h"

#define MIB ((uint64_t)1 << 20)

struct update {
	uint64_t memory; /* bytes, if given */
	bool memory_given;
	const char *cpus; /* or NULL */
	bool quiet;
	char **names;
	int nr_names;
	struct err *err;
};

enum { KEY_CPUSET_CPUS = 0x100 };

static const struct argp_option options[] = {
	{ "memory", 'm', "SIZE", 0,
	  "What the guest may use of its memory: the rest goes back to the "
	  "host",
	  0 },
	{ "cpuset-cpus", KEY_CPUSET_CPUS, "LIST", 0,
	  "Run on these processors of the host only: 0-3,5", 0 },
	{ "quiet", 'q', NULL, 0, "Do not say what was reached", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct update *u = state->input;
	struct host_set cpus;

	switch (key) {
	case 'm':
		u->memory_given = true;
		return -parse_size(arg, "--memory", &u->memory, u->err);
	case KEY_CPUSET_CPUS:
		u->cpus = arg;
		return -cpuset_parse(arg, &cpus, u->err);
	case 'q':
		u->quiet = true;
		return 0;
	case ARGP_KEY_ARG:
		u->names = state->argv + state->next - 1;
		u->nr_names = state->argc - state->next + 1;
		state->next = state->argc;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The VM's group; one that cannot be found is none, version 0. */
static void read_cgroup(const struct vmdir *vm, struct cgroup *ret)
{
	const struct cgroup_sys sys = cgroup_host();
	AUTO_JSON struct json_object *o = NULL;

	if (vmdir_read(vm, VMDIR_CGROUP, &o, NULL) < 0 ||
	    cgroup_from_json(&sys, o, vm->id, ret) < 0)
		cgroup_init(ret);
}

/*
 * The memory limit of the VM's group goes with what is plugged in: for a guest
 * that may use @guest bytes.  Below what it was started with it stays, as the
 * balloon is between friends.
 */
static int set_group(const struct vmdir *vm, struct json_object *spec,
		     uint64_t guest, struct err *err)
{
	struct json_object *limits = NULL;
	int64_t memory = 0, max = 0, group = 0;
	struct cgroup cg;

	if (json_get_i64(spec, "memory_max", &max, NULL) < 0 ||
	    json_get_i64(spec, "memory", &memory, NULL) < 0 ||
	    json_get_obj(spec, "limits", &limits, NULL) < 0 ||
	    json_get_i64(limits, "memory", &group, NULL) < 0)
		return 0;
	if (guest > (uint64_t)max)
		guest = (uint64_t)max;
	if (guest > (uint64_t)memory)
		group += (int64_t)guest - memory;
	read_cgroup(vm, &cg);
	int r = cgroup_set_memory(&cg, (uint64_t)group, err);
	cgroup_done(&cg);
	/* Where it is not possible, the start has said so. */
	return r == -ENOTSUP ? 0 : r;
}

/* More is allowed before it grows, less when it has shrunk. */
static int resize(const struct update *u, const struct vmdir *vm,
		  struct json_object *spec, struct vmlimits *l,
		  struct resized *done, struct err *err)
{
	AUTO_CLIENT struct client c = CLIENT_NONE;
	struct err ignored;
	int r = client_open(vm, &c, err);

	if (r == 0 && u->memory > l->memory)
		r = set_group(vm, spec, u->memory, err);
	if (r == 0)
		r = resize_vm(&c, u->memory, &resize_pace, done, err);
	if (r < 0) {
		(void)set_group(vm, spec, l->memory, &ignored);
		return r;
	}
	l->memory = done->limit;
	return set_group(vm, spec, l->memory, err);
}

static int set_memory(const struct update *u, const struct vmdir *vm,
		      struct json_object *spec, struct vmlimits *l,
		      struct err *err)
{
	struct resized done = { 0 };
	int r = resize(u, vm, spec, l, &done, err);

	if (r < 0)
		return r;
	if (!u->quiet)
		(void)fprintf(stderr,
			      "belljar: the guest of VM '%s' does with %" PRIu64
			      " MiB of its %" PRIu64 " MiB\n",
			      vm->name, done.limit / MIB, done.memory / MIB);
	return 0;
}

static int set_cpus(const struct manager *mgr, const struct update *u,
		    const struct vmdir *vm, struct json_object *spec,
		    struct vmlimits *l, struct err *err)
{
	struct json_object *numa = NULL;
	struct cgroup cg;
	pid_t keeper = 0;

	if (json_get_array(spec, "numa", &numa, NULL) == 0)
		return err_say(err, EBUSY,
			       "the vCPUs of VM '%s' are bound by --numa; run "
			       "it anew with --numa and --cpuset-cpus",
			       vm->name);
	int r = cpuset_check(mgr->sys.root, u->cpus, err);
	AUTO_CLOSE int pidfd = r < 0 ? r : vmdir_keeper(vm, &keeper, err);
	if (pidfd < 0)
		return pidfd;
	read_cgroup(vm, &cg);
	r = cpuset_confine(&cg, keeper, u->cpus, err);
	cgroup_done(&cg);
	if (r == 0)
		(void)snprintf(l->cpus, sizeof(l->cpus), "%s", u->cpus);
	return r;
}

/* What was reached is written after a failure too, which stays what it was. */
static int write_after(const struct vmdir *vm, const struct vmlimits *l, int r,
		       struct err *err)
{
	struct err ignored;

	if (r == 0)
		return vmlimits_write(vm, l, err);
	(void)vmlimits_write(vm, l, &ignored);
	return r;
}

static int update_one(struct manager *mgr, const struct update *u,
		      const char *name, struct err *err)
{
	AUTO_JSON struct json_object *spec = NULL;
	struct vmdir vm = VMDIR_NONE;
	struct vmlimits l;
	int r = vmdir_find(mgr, name, &vm, err);

	if (r < 0)
		return r;
	AUTO_CLOSE int lock = vmlimits_lock(&vm, err);
	if (lock < 0)
		return lock;
	(void)vmdir_read(&vm, "spec.json", &spec, NULL);
	vmlimits_read(&vm, spec, &l);
	if (u->cpus) {
		r = set_cpus(mgr, u, &vm, spec, &l, err);
		if (r == 0)
			r = vmlimits_write(&vm, &l, err);
	}
	if (r == 0 && u->memory_given) {
		uint64_t was = l.memory;

		r = set_memory(u, &vm, spec, &l, err);
		/* The guest may have done it though its group did not. */
		if (r == 0 || l.memory != was)
			r = write_after(&vm, &l, r, err);
	}
	return r;
}

static int check(const struct update *u, struct err *err)
{
	if (u->nr_names == 0)
		return err_say(err, EINVAL,
			       "no VM given; 'belljar ps' lists them");
	if (!u->memory_given && !u->cpus)
		return err_say(err, EINVAL,
			       "nothing to update; give --memory SIZE or "
			       "--cpuset-cpus LIST");
	return 0;
}

int cmd_update(struct manager *mgr, int argc, char **argv)
{
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "VM...",
		.doc = "Change limits of VMs that run, by name or id.",
	};
	struct err err;
	struct update u = { .err = &err };
	int status = 0;

	int r = cli_parse(&argp, "belljar update", argc, argv, &u, &err);
	if (r == CLI_HELPED)
		return 0;
	if (r == 0)
		r = check(&u, &err);
	if (r == 0)
		r = vmdir_repair(mgr, &err);
	if (r == 0)
		gpu_repair(mgr);
	if (r < 0)
		return cmd_fail(&err);

	for (int i = 0; i < u.nr_names; i++) {
		r = update_one(mgr, &u, u.names[i], &err);
		if (r < 0)
			status = cmd_fail(&err);
		else
			(void)printf("%s\n", u.names[i]);
	}
	return status;
}
