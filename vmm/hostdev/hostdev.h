/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostdev.h - the PCI functions of the host as sysfs shows them: what they
 * are, which IOMMU group they are in, and where they hang.  Nothing here
 * changes anything; hostdev_use.h says whether a function may be taken,
 * hostdev_bind.h takes it and gives it back.
 *
 * What is read can change at any time: a function may be unplugged, a driver
 * may go.  So every read copes with files that are missing.
 */
#ifndef VMM_HOSTDEV_HOSTDEV_H
#define VMM_HOSTDEV_HOSTDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/lib/bdf.h"
#include "vmm/lib/err.h"

#define HOSTDEV_BARS	  7 /* six BARs and the ROM */
#define HOSTDEV_ROM	  6
#define HOSTDEV_TAKE_MAX  16 /* functions that one VM can have */
#define HOSTDEV_DEPTH_MAX 16 /* bridges above a function */

/*
 * Changes of the host, made by a test's pretend kernel instead of the real
 * one.  @path is below sys->root.  Both return 0 or -errno.
 */
struct hostdev_ops {
	int (*write)(void *arg, const char *path, const char *text);
	int (*load)(void *arg, const char *module); /* modprobe */
	void *arg;
};

/* The host: "" and NULL mean this one, a test has its own. */
struct hostdev_sys {
	const char *root; /* before /sys, /dev, /proc, /usr/share/misc */
	const struct hostdev_ops *ops;
};

struct hostdev_bar {
	uint64_t start, size; /* size 0: not there */
	bool io, wide, prefetch;
};

struct hostdev {
	char bdf[BDF_MAX];
	char name[128]; /* by pci.ids; "10de:2330" when it is not known */
	uint16_t vendor, device;
	uint32_t class; /* class, subclass and interface: 0x030200 */
	bool bridge; /* header type 1: no endpoint */
	bool boot_vga; /* the firmware's display */
	char driver[32]; /* "": none is bound */
	char override[32]; /* driver_override; "": not set */
	int group; /* IOMMU group; -1: none, there is no IOMMU */
	int node; /* NUMA node; -1: not known */
	char reset[64]; /* the kernel's methods, "flr bus"; "": none */
	char physfn[BDF_MAX]; /* of an SR-IOV function; "": is none */
	unsigned vfs, total_vfs; /* SR-IOV functions: enabled, possible */
	struct hostdev_bar bar[HOSTDEV_BARS];
};

/* All functions of the host, bridges included, by BDF. */
struct hostdev_list {
	struct hostdev *dev;
	size_t nr;
};

/*
 * One function, @bdf as sysfs writes it.  -ENODEV with a sentence that names
 * functions near it.
 */
int hostdev_read(const struct hostdev_sys *sys, const char *bdf,
		 struct hostdev *ret, struct err *err);

/* A host without PCI gives an empty list.  @ret is overwritten. */
int hostdev_list(const struct hostdev_sys *sys, struct hostdev_list *ret,
		 struct err *err);
void hostdev_list_done(struct hostdev_list *list);

#define AUTO_HOSTDEV_LIST __attribute__((cleanup(hostdev_list_done)))

/*
 * The function @bdf of @list, or NULL with the sentence of hostdev_read();
 * @err may be NULL.  Valid as long as the list.
 */
const struct hostdev *hostdev_find(const struct hostdev_list *list,
				   const char *bdf, struct err *err);

/*
 * The function whose NVIDIA driver says it has this UUID ("GPU-...", or only
 * its beginning).  NULL with a sentence: only functions that are bound to that
 * driver have one that can be read.
 */
const struct hostdev *hostdev_by_uuid(const struct hostdev_sys *sys,
				      const struct hostdev_list *list,
				      const char *uuid, struct err *err);

/* What it says; -ENOENT when there is none.  No sentence. */
int hostdev_uuid(const struct hostdev_sys *sys, const struct hostdev *dev,
		 char ret[64]);

/* Display controllers and processing accelerators: what --gpus is about. */
bool hostdev_is_gpu(const struct hostdev *dev);

/* Both are functions of one slot: a GPU and its audio function. */
bool hostdev_same_slot(const struct hostdev *a, const struct hostdev *b);

/* Where a function hangs: the bridges from the root port (0) down to it. */
struct hostdev_path {
	char root[BDF_MAX]; /* the root bus, "0000:00" */
	char bridge[HOSTDEV_DEPTH_MAX][BDF_MAX];
	unsigned nr; /* 0: on the root bus itself */
};

int hostdev_path(const struct hostdev_sys *sys, const struct hostdev *dev,
		 struct hostdev_path *ret, struct err *err);

/*
 * The host's topology in numbers, for --pci-topology host: functions below
 * one root port get the same number, counted from 0; those on a root bus
 * itself get -1.
 */
int hostdev_ports(const struct hostdev_sys *sys,
		  const struct hostdev *const *dev, size_t nr, int *ret_port,
		  struct err *err);

#endif
