/* SPDX-License-Identifier: Apache-2.0 */
/* hostdev.c - reading the host's PCI functions. */
#include "vmm/hostdev/hostdev.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/hostdev/pciids.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/bdf.h"
#include "vmm/lib/sysfs.h"

#define FUNCTIONS_MAX 65536 /* of one host: more than any has */
#define NEAR_MAX      3 /* functions named beside an unknown one */

/* Flags of the file "resource", linux/ioport.h. */
#define RESOURCE_IO	  0x100
#define RESOURCE_MEM	  0x200
#define RESOURCE_PREFETCH 0x2000
#define RESOURCE_MEM_64	  0x100000

/* "0x00000000fd000000 0x00000000fdffffff 0x0000000000040200" */
static bool parse_bar(const char *line, struct hostdev_bar *ret)
{
	char *p = NULL;
	uint64_t start = strtoull(line, &p, 16);
	uint64_t end = strtoull(p, &p, 16);
	uint64_t flags = strtoull(p, &p, 16);

	if (!(flags & (RESOURCE_IO | RESOURCE_MEM)) || end < start || end == 0)
		return false;
	*ret = (struct hostdev_bar){
		.start = start,
		.size = end - start + 1,
		.io = flags & RESOURCE_IO,
		.wide = flags & RESOURCE_MEM_64,
		.prefetch = flags & RESOURCE_PREFETCH,
	};
	return true;
}

static void read_bars(const struct hostdev_sys *sys, struct hostdev *d)
{
	char path[PATH_MAX], line[128];

	sysfs_path(sys->root, path, SYSFS_PCI "%s/resource", d->bdf);
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	for (int i = 0; f && i < HOSTDEV_BARS; i++) {
		if (!fgets(line, sizeof(line), f))
			return;
		(void)parse_bar(line, &d->bar[i]);
	}
}

static int read_group(const struct hostdev_sys *sys, const char *bdf)
{
	char text[32], *end = NULL;

	if (sysfs_link(sys->root, text, sizeof(text),
		       SYSFS_PCI "%s/iommu_group", bdf) < 0)
		return -1;
	long v = strtol(text, &end, 10);
	if (end == text || *end || v < 0 || v > INT_MAX)
		return -1;
	/* A group that only pretends: no IOMMU stands behind it. */
	char name[32];
	(void)sysfs_text(sys->root, name, sizeof(name),
			 "/sys/kernel/iommu_groups/%ld/name", v);
	return strcmp(name, "vfio-noiommu") == 0 ? -1 : (int)v;
}

static void read_reset(const struct hostdev_sys *sys, struct hostdev *d)
{
	int r = sysfs_text(sys->root, d->reset, sizeof(d->reset),
			   SYSFS_PCI "%s/reset_method", d->bdf);

	/* Before Linux 5.15 there is only the fact that it can be done. */
	if (r < 0 && sysfs_there(sys->root, SYSFS_PCI "%s/reset", d->bdf))
		(void)snprintf(d->reset, sizeof(d->reset), "yes");
}

/* The attribute @name of @d as an unsigned number; 0 when it has none. */
static uint64_t attr(const struct hostdev_sys *sys, const struct hostdev *d,
		     const char *name)
{
	int64_t v = sysfs_number(sys->root, 0, SYSFS_PCI "%s/%s", d->bdf, name);

	return v < 0 ? 0 : (uint64_t)v;
}

/* All but the name. */
static int read_one(const struct hostdev_sys *sys, const char *bdf,
		    struct hostdev *ret)
{
	struct hostdev d = { .group = -1, .node = -1 };

	if (!sysfs_there(sys->root, SYSFS_PCI "%s/vendor", bdf))
		return -ENODEV;
	(void)snprintf(d.bdf, sizeof(d.bdf), "%s", bdf);
	d.vendor = (uint16_t)attr(sys, &d, "vendor");
	d.device = (uint16_t)attr(sys, &d, "device");
	d.class = (uint32_t)attr(sys, &d, "class") & 0xffffff;
	d.boot_vga = attr(sys, &d, "boot_vga") == 1;
	d.vfs = (unsigned)attr(sys, &d, "sriov_numvfs");
	d.total_vfs = (unsigned)attr(sys, &d, "sriov_totalvfs");
	d.node =
		(int)sysfs_number(sys->root, -1, SYSFS_PCI "%s/numa_node", bdf);
	d.group = read_group(sys, bdf);

	/* 06 04, 06 07, 06 09: the bridges with a bus behind them. */
	unsigned kind = d.class >> 8;
	d.bridge = kind == 0x0604 || kind == 0x0607 || kind == 0x0609;

	(void)sysfs_link(sys->root, d.driver, sizeof(d.driver),
			 SYSFS_PCI "%s/driver", bdf);
	(void)sysfs_link(sys->root, d.physfn, sizeof(d.physfn),
			 SYSFS_PCI "%s/physfn", bdf);
	(void)sysfs_text(sys->root, d.override, sizeof(d.override),
			 SYSFS_PCI "%s/driver_override", bdf);
	if (strcmp(d.override, "(null)") == 0)
		d.override[0] = '\0';
	read_reset(sys, &d);
	read_bars(sys, &d);
	*ret = d;
	return 0;
}

int hostdev_read(const struct hostdev_sys *sys, const char *bdf,
		 struct hostdev *ret, struct err *err)
{
	struct hostdev d;

	if (read_one(sys, bdf, &d) == 0) {
		pciids_names(sys, &d, 1);
		*ret = d;
		return 0;
	}
	AUTO_HOSTDEV_LIST struct hostdev_list all = { 0 };
	int r = hostdev_list(sys, &all, err);
	if (r < 0)
		return r;
	/* It came meanwhile, or the sentence says what there is. */
	const struct hostdev *found = hostdev_find(&all, bdf, err);
	if (found)
		*ret = *found;
	return found ? 0 : -ENODEV;
}

static int by_bdf(const void *a, const void *b)
{
	int64_t x = bdf_key(((const struct hostdev *)a)->bdf);
	int64_t y = bdf_key(((const struct hostdev *)b)->bdf);

	return x < y ? -1 : x > y;
}

int hostdev_list(const struct hostdev_sys *sys, struct hostdev_list *ret,
		 struct err *err)
{
	AUTO_HOSTDEV_LIST struct hostdev_list list = { 0 };
	char path[PATH_MAX];
	size_t room = 0;

	sysfs_path(sys->root, path, "/sys/bus/pci/devices");
	AUTO_DIR DIR *dir = opendir(path);
	if (!dir && errno != ENOENT)
		return err_set(err, errno, "read '%s'", path);

	for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
		if (bdf_key(e->d_name) < 0 || list.nr == FUNCTIONS_MAX)
			continue;
		if (list.nr == room) {
			room = room ? 2 * room : 32;
			struct hostdev *more =
				reallocarray(list.dev, room, sizeof(*more));
			if (!more)
				return err_set(err, ENOMEM, "list devices");
			list.dev = more;
		}
		/* One that went meanwhile is not there. */
		if (read_one(sys, e->d_name, &list.dev[list.nr]) == 0)
			list.nr++;
	}
	if (list.nr)
		qsort(list.dev, list.nr, sizeof(*list.dev), by_bdf);
	pciids_names(sys, list.dev, list.nr);
	ret->nr = list.nr;
	ret->dev = TAKE_PTR(list.dev);
	return 0;
}

void hostdev_list_done(struct hostdev_list *list)
{
	free(list->dev);
	*list = (struct hostdev_list){ 0 };
}

/* The sentence for a function that isn't there. */
static void say_near(const struct hostdev_list *list, const char *bdf,
		     struct err *err)
{
	const struct hostdev *near[NEAR_MAX] = { NULL };
	int64_t key = bdf_key(bdf);
	char text[320] = "";
	size_t len = 0;

	for (size_t i = 0; i < list->nr; i++) {
		const struct hostdev *d = &list->dev[i];

		if (d->bridge)
			continue;
		for (int k = 0; k < NEAR_MAX; k++) {
			const struct hostdev *old = near[k];

			if (old && llabs(bdf_key(old->bdf) - key) <=
					   llabs(bdf_key(d->bdf) - key))
				continue;
			near[k] = d;
			d = old;
			if (!d)
				break;
		}
	}
	for (int k = 0; k < NEAR_MAX && near[k]; k++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"%s%s (%.60s)", k ? ", " : "",
					near[k]->bdf, near[k]->name);
	(void)err_say(err, ENODEV,
		      "there is no PCI function %s on this host%s%s; 'belljar "
		      "gpu ls --all' lists them",
		      bdf, text[0] ? ", near it are " : "", text);
}

const struct hostdev *hostdev_find(const struct hostdev_list *list,
				   const char *bdf, struct err *err)
{
	for (size_t i = 0; i < list->nr; i++)
		if (strcmp(list->dev[i].bdf, bdf) == 0)
			return &list->dev[i];
	say_near(list, bdf, err);
	return NULL;
}

bool hostdev_is_gpu(const struct hostdev *dev)
{
	return dev->class >> 16 == 0x03 || dev->class >> 16 == 0x12;
}

bool hostdev_same_slot(const struct hostdev *a, const struct hostdev *b)
{
	return bdf_key(a->bdf) >> 3 == bdf_key(b->bdf) >> 3;
}
