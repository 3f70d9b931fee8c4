/* SPDX-License-Identifier: Apache-2.0 */
/* module_dir.c - the directory of --kernel-modules. */
#include "vmm/manager/module_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/lib/modtree.h"
#include "vmm/manager/spawn.h"

static bool is_dir(const char *dir, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	return snprintf(path, sizeof(path), "%s/%s", dir, name) <
		       (int)sizeof(path) &&
	       stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool has(const char *dir, const char *name)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/%s", dir, name) <
		       (int)sizeof(path) &&
	       access(path, R_OK) == 0;
}

/* kernel/x.ko, x.ko.xz: yes; x.ko.cmd: no. */
static bool is_module(const char *name)
{
	const char *end = modtree_packed(name);
	size_t len = end ? (size_t)(end - name) : strlen(name);

	return len > 3 && memcmp(name + len - 3, ".ko", 3) == 0;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool is_wanted(const FTSENT *e, unsigned what)
{
	if (what & MODULE_ALL)
		return true;
	if ((what & MODULE_KO) && is_module(e->fts_name))
		return true;
	return (what & MODULE_INDEX) && e->fts_level == 1 &&
	       strncmp(e->fts_name, "modules.", 8) == 0;
}

/* One entry of a walk; 0: not for us. */
static int visit(FTSENT *e, size_t dir_len, unsigned what, module_file_fn *fn,
		 void *arg, struct err *err)
{
	struct stat st;
	bool link = e->fts_info == FTS_SL || e->fts_info == FTS_SLNONE;

	if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR ||
	    e->fts_info == FTS_NS)
		return err_set(err, e->fts_errno, "read '%s'", e->fts_path);
	if ((e->fts_info != FTS_F && !link) || !is_wanted(e, what))
		return 0;
	st = *e->fts_statp;
	if (link && !(what & MODULE_ALL) &&
	    (stat(e->fts_path, &st) < 0 || !S_ISREG(st.st_mode)))
		return 0;
	return fn(arg, e->fts_path, e->fts_path + dir_len + 1, &st, err);
}

int module_dir_walk(const char *dir, unsigned what, module_file_fn *fn,
		    void *arg, struct err *err)
{
	AUTO_FREE char *root = strdup(dir);
	char *roots[] = { root, NULL };
	FTSENT *e;
	int r = 0;

	if (!root)
		return err_set(err, ENOMEM, "read '%s'", dir);
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR,
			    by_name);
	if (!fts)
		return err_set(err, errno, "read '%s'", dir);
	while (r == 0 && (errno = 0, e = fts_read(fts)))
		r = visit(e, strlen(root), what, fn, arg, err);
	if (r == 0 && errno)
		r = err_set(err, errno, "read '%s'", dir);
	(void)fts_close(fts);
	return r;
}

static int found_one(void *arg, const char *path, const char *rel,
		     const struct stat *st, struct err *err)
{
	(void)arg;
	(void)path;
	(void)rel;
	(void)st;
	(void)err;
	return 1;
}

/* Does @dir look like /lib/modules/VERSION? */
static bool is_tree(const char *dir)
{
	return has(dir, "modules.dep") || has(dir, "modules.order") ||
	       is_dir(dir, "kernel");
}

/* "DIR/lib/modules/VERSION" and shorter; "" for @below is DIR itself. */
static bool take_below(const char *dir, const char *below, const char *version,
		       struct module_dir *ret)
{
	return version[0] &&
	       snprintf(ret->tree, sizeof(ret->tree), "%s%s/%s", dir, below,
			version) < (int)sizeof(ret->tree) &&
	       is_tree(ret->tree);
}

static int find_tree(const char *dir, const char *version,
		     struct module_dir *ret, struct err *err)
{
	static const char *const below[] = { "", "/lib/modules",
					     "/usr/lib/modules" };

	for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++)
		if (take_below(dir, below[i], version, ret))
			return 0;
	if (is_dir(dir, "lib/modules") || is_dir(dir, "usr/lib/modules"))
		return err_say(err, ENOENT,
			       "--kernel-modules: '%s' holds no modules of the "
			       "kernel %s; give the kernel that they are for "
			       "with --kernel",
			       dir, version[0] ? version : "in use");
	(void)snprintf(ret->tree, sizeof(ret->tree), "%s", dir);
	int r = module_dir_walk(dir, MODULE_KO, found_one, NULL, err);
	if (r == 0)
		return err_say(err, ENOENT,
			       "--kernel-modules: there is no kernel module "
			       "(*.ko) in '%s'; give a directory such as "
			       "/lib/modules/VERSION",
			       dir);
	return r < 0 ? r : 0;
}

static int find_firmware(const char *dir, const char *firmware,
			 struct module_dir *ret, struct err *err)
{
	static const char *const below[] = { "firmware", "lib/firmware",
					     "usr/lib/firmware" };

	if (firmware && !is_dir(firmware, "."))
		return err_say(err, ENOENT,
			       "--kernel-firmware: '%s' is not a directory",
			       firmware);
	if (firmware && !realpath(firmware, ret->firmware))
		return err_say(err, errno,
			       "--kernel-firmware: cannot read '%s' (%s); give "
			       "a directory such as /lib/firmware",
			       firmware, strerrordesc_np(errno));
	for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++)
		if (!ret->firmware[0] && is_dir(dir, below[i]) &&
		    snprintf(ret->firmware, sizeof(ret->firmware), "%s/%s", dir,
			     below[i]) >= (int)sizeof(ret->firmware))
			return err_set(err, ENAMETOOLONG, "read '%s'", dir);
	return 0;
}

int module_dir_find(const char *dir, const char *firmware, const char *version,
		    struct module_dir *ret, struct err *err)
{
	struct module_dir d = { 0 };
	char real[PATH_MAX];

	if (!realpath(dir, real))
		return err_say(err, errno,
			       "--kernel-modules: cannot read '%s' (%s); give "
			       "a directory such as /lib/modules/VERSION",
			       dir, strerrordesc_np(errno));
	if (!is_dir(real, "."))
		return err_say(err, ENOTDIR,
			       "--kernel-modules: '%s' is not a directory; "
			       "give one such as /lib/modules/VERSION, or "
			       "'image'",
			       dir);
	(void)snprintf(d.tree, sizeof(d.tree), "%s", real);
	int r = is_tree(real) ? 0 : find_tree(real, version, &d, err);
	if (r == 0)
		r = find_firmware(real, firmware, &d, err);
	if (r < 0)
		return r;
	d.indexed = has(d.tree, "modules.dep");
	*ret = d;
	return 0;
}

/* depmod follows links to files and directories, so that nothing is copied. */
static int link_all(const char *tree, const char *to, struct err *err)
{
	char from[PATH_MAX], name[PATH_MAX];
	AUTO_DIR DIR *dir = opendir(tree);
	const struct dirent *e;
	int r = 0;

	if (!dir)
		return err_set(err, errno, "open '%s'", tree);
	while (r == 0 &&
	       (e = readdir(dir))) { /* NOLINT(concurrency-mt-unsafe) */
		/* build and source lead to the kernel's own source tree. */
		if (e->d_name[0] == '.' || strcmp(e->d_name, "build") == 0 ||
		    strcmp(e->d_name, "source") == 0)
			continue;
		if (snprintf(from, sizeof(from), "%s/%s", tree, e->d_name) >=
			    (int)sizeof(from) ||
		    snprintf(name, sizeof(name), "%s/%s", to, e->d_name) >=
			    (int)sizeof(name))
			r = err_set(err, ENAMETOOLONG, "read '%s'", tree);
		else if (symlink(from, name) < 0)
			r = err_set(err, errno, "link '%s'", name);
	}
	return r;
}

static const char *find_depmod(void)
{
	static const char *const places[] = { "/usr/sbin/depmod",
					      "/sbin/depmod" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return "depmod";
}

static int run_depmod(const char *base, const char *version, struct err *err)
{
	AUTO_SPAWN struct spawn s;
	char said[256];

	spawn_init(&s, find_depmod(), "depmod");
	if (strv_add(&s.args, "-b") < 0 || strv_add(&s.args, "%s", base) < 0 ||
	    strv_add(&s.args, "%s", version) < 0)
		return err_set(err, ENOMEM, "start depmod");
	int status = spawn_run(&s, said, sizeof(said), err);
	if (status < 0)
		return err_wrap(err, "index the kernel modules; depmod comes "
				     "with the package kmod");
	return status > 0
		       ? err_say(err, EIO, "depmod failed with status %d: %s",
				 status, said)
		       : 0;
}

int module_dir_depmod(const struct module_dir *dir, const char *version,
		      const char *index, struct err *err)
{
	char to[PATH_MAX];

	if (snprintf(to, sizeof(to), "%s/lib/modules/%s", index, version) >=
	    (int)sizeof(to))
		return err_set(err, ENAMETOOLONG, "index '%s'", dir->tree);
	int r = io_mkdirs(to, 0700, err);
	if (r == 0)
		r = link_all(dir->tree, to, err);
	return r < 0 ? r : run_depmod(index, version, err);
}
