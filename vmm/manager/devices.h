/* SPDX-License-Identifier: Apache-2.0 */
/*
 * devices.h - which functions of the host a VM gets, and where it sees them:
 * --gpus, --device, --numa and --pci-topology against this host.  Nothing is
 * changed here; the keeper takes what was chosen.
 */
#ifndef VMM_MANAGER_DEVICES_H
#define VMM_MANAGER_DEVICES_H

#include <json-c/json.h>

#include "vmm/hostdev/hostdev_use.h"
#include "vmm/manager/cmd.h"
#include "vmm/manager/run_options.h"

/*
 * Functions in set.dev; the companions among them leave the host and wait
 * with vfio-pci, but are not given to the VM.
 */
struct devices {
	struct hostdev_list list; /* what set points into */
	struct hostdev_set set;
	bool rom[HOSTDEV_TAKE_MAX];
	int port[HOSTDEV_TAKE_MAX]; /* which root port; -1: none */
	int node[HOSTDEV_TAKE_MAX]; /* of the guest; -1: not said */
	unsigned numa[DEVICE_NODES_MAX]; /* host nodes behind the guest's */
	unsigned nr_numa;
	struct strv env; /* what CDI files add to the container's */
	const char *cdi_name; /* whose mounts are left out, or NULL; borrowed */
};

/*
 * Choose, and refuse what cannot be had: one sentence.  @ret ends with
 * devices_done() in every case.
 */
int devices_choose(const struct manager *mgr, const struct run_options *o,
		   struct devices *ret, struct err *err);

/*
 * Only what the options stand for, in @ret->list and @ret->set; whether a VM
 * can have that is not asked, but for counts, which mean free ones.
 */
int devices_find(const struct manager *mgr, const struct run_options *o,
		 struct devices *ret, struct err *err);
void devices_done(struct devices *d);

/*
 * N functions of @free (@nr of them) for --gpus N: below one switch if
 * possible, else of one NUMA node, else the first.  @n <= @nr <= 64.  Fills
 * @ret in the order of @free.
 */
#define DEVICES_PICK_MAX 64
void devices_pick(const struct hostdev_sys *sys,
		  const struct hostdev *const *free, size_t nr, size_t n,
		  const struct hostdev **ret);

/* Functions the VM gets: companions do not count. */
size_t devices_given(const struct devices *d);

/*
 * Whether the host can give @memory bytes, which devices or huge pages take
 * at once and for good: the limit of locked memory, what is free now, huge
 * pages.  -errno with a sentence.
 */
int devices_check_memory(const struct manager *mgr, const struct devices *d,
			 uint64_t memory, uint64_t hugepages, struct err *err);

/* For spec.json; the caller owns it. */
struct json_object *devices_to_json(const struct devices *d);

#endif
