/* SPDX-License-Identifier: Apache-2.0 */
/* peer_belljar.c - this very program: `belljar run`, as a person types it. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "vmm/compare/peer.h"
#include "vmm/hostdev/hostdev_bind.h"
#include "vmm/lib/auto.h"
#include "vmm/manager/kernel.h"
#include "vmm/manager/kvm_check.h"
#include "vmm/manager/vmdir.h"

#define MIB ((uint64_t)1 << 20)

static int find(const struct peer_ops *ops, const struct peer_world *w,
		char version[PEER_VERSION_MAX], struct err *err)
{
	AUTO_CLOSE int kvm = kvm_check_open(w->mgr->kvm, err);
	struct kernel kernel;
	int r = kvm < 0 ? kvm : kvm_check_caps(kvm, err);

	(void)ops;
	if (r == 0)
		r = kvm_check_hardware("/proc/cpuinfo", err);
	if (r == 0)
		r = kernel_find(w->mgr->libdir, NULL, &kernel, err);
	if (r == 0)
		(void)snprintf(version, PEER_VERSION_MAX,
			       BELLJAR_VERSION " (kernel %.40s)",
			       kernel.version);
	return r;
}

static int add_options(const struct peer_world *w, const struct peer_job *job,
		       struct strv *argv)
{
	int r = strv_add(argv, "%s", w->self);

	if (r == 0)
		r = strv_add(argv, "--root=%s", w->mgr->data);
	if (r == 0)
		r = strv_add(argv, "--runroot=%s", w->mgr->run);
	if (r == 0)
		r = strv_add(argv, "--kvm=%s", w->mgr->kvm);
	if (r == 0 && w->mgr->sys.root)
		r = strv_add(argv, "--host-root=%s", w->mgr->sys.root);
	if (r == 0)
		r = strv_add(argv, "run");
	if (r == 0)
		r = strv_add(argv, "--rm");
	if (r == 0)
		r = strv_add(argv, "-q");
	if (r == 0)
		r = strv_add(argv, "-m%llum",
			     (unsigned long long)(job->memory / MIB));
	if (r == 0 && job->cpus > 1)
		r = strv_add(argv, "--cpus=%u", job->cpus);
	if (r == 0 && job->input)
		r = strv_add(argv, "-i");
	if (r == 0 && job->gpu)
		r = gpu_vm_options(&w->gpu, argv);
	return r;
}

static int launch(const struct peer_world *w, const struct peer_job *job,
		  struct instance *inst, struct err *err)
{
	bool own = job->gpu && w->gpu.image[0];
	int r = add_options(w, job, &inst->argv);

	if (r == 0 && job->port) {
		r = peer_free_port(&inst->address, err);
		if (r < 0)
			return r;
		r = strv_add(&inst->argv, "-p127.0.0.1:%u:%u",
			     ntohs(inst->address.sin_port), job->port);
	}
	if (r == 0)
		r = strv_add(&inst->argv, "%s",
			     own ? w->gpu.image : w->image->id);
	if (r == 0)
		r = strv_add_all(&inst->argv, job->args);
	if (r == 0)
		r = strv_add_all(&inst->env, environ);
	return r < 0 ? err_set(err, ENOMEM, "start a VM") : 0;
}

/*
 * A VM whose processes were killed leaves its folder, its cgroup, and devices
 * with vfio-pci.
 */
static void clean(void *arg)
{
	const struct instance *inst = arg;

	(void)vmdir_repair(inst->world->mgr, NULL);
	if (inst->gpu)
		(void)hostdev_repair(&inst->world->mgr->sys,
				     inst->world->mgr->data, NULL);
}

const struct peer_ops peer_belljar = {
	.name = "belljar",
	.find = find,
	.launch = launch,
	.clean = clean,
	.no_library = "--gpu-image names an image that has the driver's "
		      "libraries (docs/compare.md)",
};
