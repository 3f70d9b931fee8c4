/* SPDX-License-Identifier: Apache-2.0 */
/* checks_cgroup.c - `belljar doctor` about control groups: by trying. */
#include "vmm/manager/checks_cgroup.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/manager/cgroup.h"

#define REMOVE_MS 100 /* nothing is in it */

static void say(const struct cgroup *cg, struct check *c)
{
	struct err err;

	if (cgroup_check(cg, &err) == 0)
		check_fact(c, CHECK_OK,
			   "version %d; memory, processor time and process "
			   "numbers of VMs are limited",
			   cg->version);
	else
		check_fact(c, CHECK_WARN, "%s", err.msg);
}

void ask_cgroup(const struct manager *mgr, struct check *c)
{
	const struct cgroup_limits limits = {
		.memory = 64ULL << 20,
		.cpu = 1000,
		.pids = 64,
	};
	const struct cgroup_sys sys = cgroup_host();
	struct cgroup cg;
	char id[32];

	(void)mgr;
	(void)snprintf(id, sizeof(id), "doctor-%d", (int)getpid());
	int r = cgroup_place(&sys, NULL, id, &cg);
	if (r < 0) {
		check_fact(c, CHECK_WARN, "not known: %s", strerror(-r));
		return;
	}
	cgroup_make(&cg, &limits);
	say(&cg, c);
	(void)cgroup_remove(&cg, REMOVE_MS, NULL);
	cgroup_done(&cg);
}
