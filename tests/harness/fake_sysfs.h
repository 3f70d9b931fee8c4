/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_sysfs.h - a host made of files: PCI functions, IOMMU groups, drivers,
 * processes.  A small kernel stands behind it, which binds and unbinds as the
 * real one does when the right files are written; it can die in between.
 */
#ifndef TESTS_HARNESS_FAKE_SYSFS_H
#define TESTS_HARNESS_FAKE_SYSFS_H

#include "vmm/hostdev/hostdev.h"

struct fake_host {
	char root[48];
	struct hostdev_sys sys;
	struct hostdev_ops ops;
	int writes; /* that were made */
	int die_at; /* _exit(9) instead of this write; -1: never */
	const char *refuses; /* this driver takes nothing */
	const char *loadable; /* modprobe knows this one */
};

struct fake_function {
	const char *bdf;
	const char *above; /* "pci0000:00/0000:00:01.0"; NULL: pci0000:00 */
	unsigned vendor, device, class;
	const char *driver; /* that its ids match; NULL: none */
	int group; /* 0: none */
	const char *reset; /* "flr bus"; NULL: none */
};

void fake_host_init(struct fake_host *h);
void fake_host_done(struct fake_host *h);

/* The function, bound to its driver, which is made too. */
void fake_host_add(struct fake_host *h, const struct fake_function *f);
void fake_host_driver(struct fake_host *h, const char *driver);
void fake_host_drop_driver(struct fake_host *h, const char *driver);

/* A file with @text, or a link, at the path of the format; made as needed. */
void fake_host_file(struct fake_host *h, const char *text, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void fake_host_link(struct fake_host *h, const char *target, const char *fmt,
		    ...) __attribute__((format(printf, 3, 4)));
void fake_host_remove(struct fake_host *h, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
bool fake_host_there(struct fake_host *h, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Who has it, and its driver_override; "" for none.  Until the next call. */
const char *fake_host_bound(struct fake_host *h, const char *bdf);
const char *fake_host_override(struct fake_host *h, const char *bdf);

#endif
