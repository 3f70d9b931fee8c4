/* SPDX-License-Identifier: Apache-2.0 */
/*
 * module_dir.h - the directory of --kernel-modules: which of the layouts that
 * people have it is, and the files in it.
 *
 *   DIR = /lib/modules/VERSION     kernel/.. updates/.. modules.*; firmware/
 *   DIR = /lib/modules             the kernel's version below it
 *   DIR = unpacked package         lib/modules/VERSION, lib/firmware below it
 *   DIR = build directory          *.ko somewhere below it
 *
 * Where modules.dep is missing, depmod makes the indexes, elsewhere: DIR is
 * never written to.
 */
#ifndef VMM_MANAGER_MODULE_DIR_H
#define VMM_MANAGER_MODULE_DIR_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "vmm/lib/err.h"
#include "vmm/manager/kernel_version.h"

struct module_dir {
	char tree[PATH_MAX]; /* where kernel/.. or the *.ko are */
	char firmware[PATH_MAX]; /* a directory, or "" */
	bool indexed; /* there is a modules.dep */
};

/*
 * Find out what @dir is.  @version is that of the kernel, "" when unknown;
 * @firmware is --kernel-firmware or NULL.  -errno with a sentence.
 */
int module_dir_find(const char *dir, const char *firmware, const char *version,
		    struct module_dir *ret, struct err *err);

/* What of a directory goes to the guest. */
enum module_files {
	MODULE_KO = 1, /* *.ko, *.ko.xz and the like */
	MODULE_INDEX = 2, /* modules.* of the directory itself */
	MODULE_ALL = 4, /* every file and link: firmware */
};

/*
 * Call @fn for those files below @dir, by name, until it returns other than
 * 0, which is returned.  @rel is @path without @dir.  A link to a file counts
 * as that file, but for MODULE_ALL, which gets links as such.
 */
typedef int module_file_fn(void *arg, const char *path, const char *rel,
			   const struct stat *st, struct err *err);
int module_dir_walk(const char *dir, unsigned what, module_file_fn *fn,
		    void *arg, struct err *err);

/*
 * Make the directory @index, which must not exist, hold what @dir has and all
 * indexes of it: links to the one, depmod's work for the other.
 */
int module_dir_depmod(const struct module_dir *dir, const char *version,
		      const char *index, struct err *err);

#endif
