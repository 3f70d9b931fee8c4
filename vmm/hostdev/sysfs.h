/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysfs.h - small files below the roots of struct hostdev_sys.  Formats give
 * the path from the root on ("/sys/bus/pci/devices/%s/class").
 */
#ifndef VMM_HOSTDEV_SYSFS_H
#define VMM_HOSTDEV_SYSFS_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/hostdev/hostdev.h"

#define SYSFS_PCI "/sys/bus/pci/devices/"

/* The path; one that is too long is cut, and will not be found. */
void sysfs_path(const struct hostdev_sys *sys, char ret[PATH_MAX],
		const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * The first line, without its end and cut at @size.  -errno, @buf is "" then.
 */
int sysfs_text(const struct hostdev_sys *sys, char *buf, size_t size,
	       const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The first line as a number of base 10, or 16 after "0x"; else @dflt. */
int64_t sysfs_number(const struct hostdev_sys *sys, int64_t dflt,
		     const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Last component of what a link points at.  -errno, @buf is "" then. */
int sysfs_link(const struct hostdev_sys *sys, char *buf, size_t size,
	       const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Is the file there? */
bool sysfs_there(const struct hostdev_sys *sys, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Write @text in one write(2), as attributes want it.  0 or -errno. */
int sysfs_write(const struct hostdev_sys *sys, const char *text,
		const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
