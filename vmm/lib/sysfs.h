/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysfs.h - the small files by which the host's kernel tells about itself, in
 * /sys and /proc.
 *
 * A format gives the path from the root on ("/sys/bus/pci/devices/%s/class");
 * @root stands in front of it ("" or NULL for this host, a made-up tree in
 * tests).
 */
#ifndef VMM_LIB_SYSFS_H
#define VMM_LIB_SYSFS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/lib/err.h"

#define SYSFS_PCI "/sys/bus/pci/devices/"

/* The path; one that is too long is cut, and will not be found. */
void sysfs_path(const char *root, char ret[PATH_MAX], const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * The first line, without its end and cut at @size.  -errno, @buf is "" then.
 */
int sysfs_text(const char *root, char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* The first line as a number of base 10, or 16 after "0x"; else @dflt. */
int64_t sysfs_number(const char *root, int64_t dflt, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * All of a file of at most 64 KiB, which the caller frees.  -errno with a
 * sentence.
 */
int sysfs_read(const char *root, char **ret, struct err *err, const char *fmt,
	       ...) __attribute__((format(printf, 4, 5)));

/* Last component of what a link points at.  -errno, @buf is "" then. */
int sysfs_link(const char *root, char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Is the file there? */
bool sysfs_there(const char *root, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
