/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gpu.h - the GPU of `belljar compare --gpus`, which the peers have in turn:
 * a VM as a whole, by `belljar run --gpus`; bare and containers by the host's
 * driver, containers with what a CDI file says.
 */
#ifndef VMM_COMPARE_GPU_H
#define VMM_COMPARE_GPU_H

#include <json-c/json.h>

#include "vmm/lib/bdf.h"
#include "vmm/lib/err.h"
#include "vmm/manager/cmd.h"
#include "vmm/manager/device_options.h"
#include "vmm/manager/image.h"
#include "vmm/manager/strv.h"

/* What was asked for; none: the GPU rows stay empty. */
struct gpu_plan {
	struct device_asks asks;
	struct strv cdi_dirs; /* none: the usual ones */
	struct strv vm_options; /* of `belljar run`: its kernel and modules */
	const char *image; /* of VMs, NULL: the built-in one */
};

/* What that is on this host. */
struct gpu {
	char bdf[BDF_MAX]; /* "": none was asked for */
	char name[128];
	char image[IMAGE_ID_LEN + 1]; /* for VMs; "": the one of all */
	const struct gpu_plan *plan;
};

/*
 * Find the one GPU that @plan means; whether anybody can have it shows later.
 * -errno with a sentence; several are one too many.
 */
int gpu_find(const struct manager *mgr, const struct gpu_plan *plan,
	     struct gpu *ret, struct err *err);

/* Does a driver of the host have it?  Else -EBUSY with the sentence why not. */
int gpu_check_driver(const struct manager *mgr, const struct gpu *gpu,
		     struct err *err);

/* What CDI files say of it; the caller owns *@ret.  As cdi_edits(). */
int gpu_edits(const struct manager *mgr, const struct gpu *gpu,
	      struct json_object **ret, struct err *err);

/*
 * Put @edits into @doc, the config.json of a container: by SPEC.md of the
 * Container Device Interface, section "OCI Edits".  -EINVAL with a sentence
 * when they are not what they should be, -ENOENT when a node is not there.
 */
int oci_edits_apply(struct json_object *doc, struct json_object *edits,
		    struct err *err);

/* Options of `belljar run`: the GPU, kernel, modules.  0 or -ENOMEM. */
int gpu_vm_options(const struct gpu *gpu, struct strv *argv);

void gpu_plan_done(struct gpu_plan *plan);

#endif
