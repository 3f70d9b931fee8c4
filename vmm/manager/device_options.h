/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device_options.h - --gpus, --device, --numa and --hugepages as a person
 * writes them.  What they stand for on this host is devices.h.
 */
#ifndef VMM_MANAGER_DEVICE_OPTIONS_H
#define VMM_MANAGER_DEVICE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/lib/err.h"

#define DEVICE_ASKS_MAX	 32
#define DEVICE_NODES_MAX 8 /* NUMA nodes of one VM */
#define DEVICE_ALL	 0 /* count of --gpus all */

enum device_ask_kind {
	ASK_GPUS, /* as many as count says */
	ASK_GPU_INDEX, /* the GPU of that number in `belljar gpu ls` */
	ASK_GPU_UUID,
	ASK_GPU_BDF,
	ASK_BDF, /* any function */
	ASK_CDI, /* vendor.com/class=name */
};

struct device_ask {
	enum device_ask_kind kind;
	bool rom, no_reset;
	unsigned count; /* or the index */
	char name[128]; /* as written, a BDF as sysfs writes it */
};

struct device_asks {
	struct device_ask v[DEVICE_ASKS_MAX];
	size_t n;
};

struct device_numa {
	bool given;
	unsigned nr; /* 0: the nodes of the devices */
	unsigned node[DEVICE_NODES_MAX];
};

/*
 * docker's --gpus: `all`, a number, or a CSV record of count=, device=,
 * capabilities=, driver= and options=, where `"device=0,2"` has its quotes.
 * All functions: 0, or -errno with a sentence.
 */
int device_parse_gpus(const char *text, struct device_asks *ret,
		      struct err *err);

/* vfio=BDF[,rom=on|off][,reset=on|off], or a CDI name. */
int device_parse_device(const char *text, struct device_asks *ret,
			struct err *err);

/* auto, or NODE[,NODE...]. */
int device_parse_numa(const char *text, struct device_numa *ret,
		      struct err *err);

/* 2M or 1G, in bytes. */
int device_parse_hugepages(const char *text, uint64_t *ret, struct err *err);

#endif
