/* SPDX-License-Identifier: Apache-2.0 */
/* kernel.c - which guest kernels are here. */
#include "vmm/manager/kernel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

static const struct flavour {
	const char *name;
	const char *image;
	const char *modules; /* NULL: all built in */
	const char *make; /* the target that brings it */
	uint64_t min_memory;
} flavours[] = {
	{ "minimal", "vmlinux", NULL, "make kernel", 64ULL << 20 },
	{ "stock", "vmlinuz", "modules.cpio", "make stock-kernel",
	  128ULL << 20 },
};

#define NR_FLAVOURS (sizeof(flavours) / sizeof(flavours[0]))

static const struct flavour *find_flavour(const char *name)
{
	for (size_t i = 0; i < NR_FLAVOURS; i++)
		if (strcmp(flavours[i].name, name) == 0)
			return &flavours[i];
	return NULL;
}

/* False when the path is too long or the file is not there. */
static bool file_at(char ret[PATH_MAX], const char *libdir, const char *flavour,
		    const char *name)
{
	int n = snprintf(ret, PATH_MAX, "%s/kernels/%s/%s", libdir, flavour,
			 name);

	return n < PATH_MAX && access(ret, R_OK) == 0;
}

bool kernel_installed(const char *libdir, const char *flavour,
		      struct kernel *ret)
{
	const struct flavour *f = find_flavour(flavour);
	struct kernel k = { 0 };
	char path[PATH_MAX];

	if (!f || !file_at(k.image, libdir, f->name, f->image))
		return false;
	if (f->modules && !file_at(k.modules, libdir, f->name, f->modules))
		return false;
	k.flavour = f->name;
	k.min_memory = f->min_memory;

	AUTO_FREE char *version = NULL;
	if (file_at(path, libdir, f->name, "version") &&
	    io_read_file(path, 4096, &version, NULL) == 0)
		(void)snprintf(k.version, sizeof(k.version), "%.*s",
			       (int)strcspn(version, "\n"), version);
	*ret = k;
	return true;
}

static int by_path(const char *path, struct kernel *ret, struct err *err)
{
	struct kernel k = { .flavour = "file", .min_memory = 64ULL << 20 };

	if (snprintf(k.image, sizeof(k.image), "%s", path) >=
	    (int)sizeof(k.image))
		return err_set(err, ENAMETOOLONG, "kernel '%s'", path);
	*ret = k;
	return 0;
}

int kernel_find(const char *libdir, const char *choice, struct kernel *ret,
		struct err *err)
{
	const struct flavour *f = choice ? find_flavour(choice) : NULL;

	if (choice && !f && strchr(choice, '/') == NULL &&
	    access(choice, F_OK) < 0)
		return err_say(err, ENOENT,
			       "--kernel: '%s' is neither 'minimal' nor "
			       "'stock', nor a file",
			       choice);
	if (choice && !f)
		return by_path(choice, ret, err);
	if (f && !kernel_installed(libdir, f->name, ret))
		return err_say(err, ENOENT,
			       "the %s kernel is not in '%s/kernels'; '%s' "
			       "brings it",
			       f->name, libdir, f->make);
	if (f)
		return 0;
	for (size_t i = 0; i < NR_FLAVOURS; i++)
		if (kernel_installed(libdir, flavours[i].name, ret))
			return 0;
	return err_say(err, ENOENT,
		       "no guest kernel is in '%s/kernels'; 'make "
		       "stock-kernel' brings one in a minute, 'make kernel' "
		       "builds the faster one",
		       libdir);
}
