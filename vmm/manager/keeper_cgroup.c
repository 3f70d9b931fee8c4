/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_cgroup.c - the VM's control group from the keeper's view: there
 * before its first process, gone after its last.
 *
 * Where it is stands in the VM's folder before it is made, so that the next
 * belljar command can remove it when we are killed.  We are not in it
 * ourselves: what the VM runs out of, its keeper has.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/lib/json.h"
#include "vmm/manager/cpuset.h"
#include "vmm/manager/keeper_priv.h"
#include "vmm/manager/limits.h"
#include "vmm/manager/vmlimits.h"

#define MIB ((uint64_t)1 << 20)

static const struct limit_options *options(const struct keeper *k)
{
	return &k->plan->spec->options->limits;
}

/*
 * What the user asked for is said each time; that a host has no cgroups for us
 * once each boot (RUN is on a tmpfs), `belljar doctor` says it always.
 */
static void note(struct keeper *k, const char *text)
{
	const struct limit_options *o = options(k);

	if (o->cpu || o->cpu_shares || o->blkio_weight || o->cgroup_parent)
		(void)frame_send_str(&k->cli, KEEPER_NOTE, text);
	else
		keeper_note_once(k, "no-cgroup", text);
}

static int record(struct keeper *k, struct err *err)
{
	AUTO_JSON struct json_object *o = cgroup_to_json(&k->cgroup);

	return vmdir_write(k->plan->vm, VMDIR_CGROUP, o, err);
}

/* Where the group cannot do it, we are bound ourselves, and who we start. */
static int confine(const struct keeper *k, struct err *err)
{
	const char *cpus = options(k)->cpuset_cpus;

	return cpus ? cpuset_confine(&k->cgroup, 0, cpus, err) : 0;
}

int keeper_cgroup_make(struct keeper *k, struct err *err)
{
	const struct cgroup_sys sys = cgroup_host();
	struct cgroup_limits limits;
	struct err lack;
	int r = cgroup_place(&sys, options(k)->cgroup_parent, k->plan->vm->id,
			     &k->cgroup);

	if (r < 0)
		return err_set(err, -r, "find a cgroup for the VM");
	if (k->cgroup.dirs.n) {
		r = record(k, err);
		if (r < 0)
			return r;
	}
	limits_of(k->plan->spec, &limits);
	cgroup_make(&k->cgroup, &limits);
	r = confine(k, err);
	if (r < 0)
		return r;
	if (cgroup_check(&k->cgroup, &lack) == 0)
		return 0;
	if (options(k)->required)
		return err_say(err, ENOTSUP, "%s", lack.msg);
	note(k, lack.msg);
	return 0;
}

void keeper_cgroup_add(struct keeper *k, pid_t pid)
{
	struct err err;

	if (cgroup_add(&k->cgroup, pid, &err) < 0)
		note(k, err.msg);
}

/* That the guest may have: with what has been plugged in. */
static uint64_t guest_memory(const struct keeper *k)
{
	struct vmlimits l;

	vmlimits_read(k->plan->vm, NULL, &l);
	return l.memory > k->plan->spec->memory ? l.memory
						: k->plan->spec->memory;
}

bool keeper_cgroup_oom(struct keeper *k)
{
	struct cgroup_limits limits;
	struct cgroup_usage u;

	if (!k->monitor_signalled || k->monitor_status != 128 + SIGKILL)
		return false;
	cgroup_usage(&k->cgroup, &u);
	if (u.oom_kills <= 0)
		return false;
	limits_of(k->plan->spec, &limits);
	uint64_t guest = guest_memory(k);
	limits.memory += guest - k->plan->spec->memory;
	if (u.limit_hits > 0)
		keeper_decide(k, k->monitor_status,
			      "the VM reached its memory limit of %llu MiB "
			      "(%llu MiB for the guest, the rest for its "
			      "monitor) and was killed; give it more with -m",
			      (unsigned long long)(limits.memory / MIB),
			      (unsigned long long)(guest / MIB));
	else
		keeper_decide(k, k->monitor_status,
			      "the VM was killed for want of memory: the host, "
			      "or a cgroup that the VM is in, has not what its "
			      "%llu MiB take; give it less with -m, or end "
			      "other VMs",
			      (unsigned long long)(guest / MIB));
	return true;
}

void keeper_cgroup_end(struct keeper *k)
{
	char path[PATH_MAX];
	struct err err;

	cgroup_usage(&k->cgroup, &k->usage);
	if (k->cgroup.dirs.n == 0)
		return;
	vmdir_file(k->plan->vm->path, VMDIR_CGROUP, path);
	if (cgroup_remove(&k->cgroup, VMDIR_CGROUP_MS, &err) < 0)
		(void)frame_send_str(&k->cli, KEEPER_NOTE, err.msg);
	else
		(void)unlink(path);
}
