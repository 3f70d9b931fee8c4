/* SPDX-License-Identifier: Apache-2.0 */
/* insmod.c - put modules of a tree into the kernel. */
#include "images/init/insmod.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/module.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "images/init/kmsg.h"
#include "vmm/lib/auto.h"

bool insmod_loaded(const char *name)
{
	char path[sizeof("/sys/module/") + MODTREE_NAME_MAX];

	(void)snprintf(path, sizeof(path), "/sys/module/%s", name);
	return access(path, F_OK) == 0;
}

/* The file @path, which the manager has unpacked when its name ends in .xz. */
static int open_module(int tree, const char *path, int *ret_flags)
{
	const char *packed = modtree_packed(path);
	int fd = openat(tree, path, O_RDONLY | O_CLOEXEC);

	*ret_flags = packed ? MODULE_INIT_COMPRESSED_FILE : 0;
	if (fd >= 0 || !packed || errno != ENOENT)
		return fd;

	char plain[512];
	(void)snprintf(plain, sizeof(plain), "%.*s", (int)(packed - path),
		       path);
	*ret_flags = 0;
	return openat(tree, plain, O_RDONLY | O_CLOEXEC);
}

static int refused(const char *name, int errnum, int flags, int mark,
		   struct err *err)
{
	char said[200];

	kmsg_complaint(mark, said, sizeof(said));
	if (flags && errnum == EOPNOTSUPP)
		return err_say(err, errnum,
			       "module '%s' is compressed, and this kernel "
			       "takes none that are; give the directory with "
			       "--kernel-modules DIR, it is unpacked then",
			       name);
	(void)err_set(err, errnum, "load module '%s'", name);
	if (said[0])
		(void)snprintf(err->msg + strlen(err->msg),
			       sizeof(err->msg) - strlen(err->msg),
			       " (the kernel says: %s)", said);
	return -errnum;
}

static int insert(int tree, const char *path, const char *name,
		  const char *params, struct err *err)
{
	int flags;

	if (insmod_loaded(name))
		return 0;
	AUTO_CLOSE int fd = open_module(tree, path, &flags);
	if (fd < 0)
		return err_set(err, errno, "open module '%s'", path);

	AUTO_CLOSE int mark = kmsg_mark();
	if (syscall(SYS_finit_module, fd, params, flags) < 0 && errno != EEXIST)
		return refused(name, errno, flags, mark, err);
	return 0;
}

int insmod_list(int tree, const struct modlist *list, const char *name,
		const char *params, struct err *err)
{
	char wanted[MODTREE_NAME_MAX], one[MODTREE_NAME_MAX];
	struct err first = { 0 }, own = { 0 }, why;
	bool named = false, loaded = list->n == 0;

	modtree_name(name, wanted);
	for (size_t i = 0; i < list->n; i++) {
		modtree_name(list->v[i], one);
		bool is_it = strcmp(one, wanted) == 0;
		int r = insert(tree, list->v[i], one, is_it ? params : "",
			       &why);

		/* A soft dependency may fail; a hard one shows at the end. */
		if (r < 0 && first.code == 0)
			first = why;
		if (r < 0 && is_it)
			own = why;
		if (is_it || !named)
			loaded = r == 0 || (!is_it && loaded);
		named |= is_it;
	}
	if (loaded)
		return 0;
	/* ENOENT: a symbol is missing, which the first failure explains. */
	*err = own.code == 0 || own.code == ENOENT ? first : own;
	return -err->code;
}

int insmod(int tree, const char *name, const char *params, struct err *err)
{
	AUTO_MODLIST struct modlist list = { 0 };
	int r = modtree_resolve(tree, name, &list, err);

	return r < 0 ? r : insmod_list(tree, &list, name, params, err);
}
