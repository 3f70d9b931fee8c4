/* SPDX-License-Identifier: Apache-2.0 */
/* modules.c - the user's kernel modules, made once and kept in the store. */
#include "vmm/manager/modules.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/manager/cancel.h"
#include "vmm/manager/digest.h"
#include "vmm/manager/module_dir.h"
#include "vmm/manager/module_pack.h"

/* Part of the key: change it with what is written. */
#define FORMAT "1"

#define DISK	"disk.squashfs"
#define EARLY	"early.cpio"
#define VERSION "version"

struct making {
	struct store *store;
	struct module_dir dir;
	struct kernel *kernel;
	bool early; /* the kernel has none of its own */
	bool quiet;
	char key[DIGEST_HEX + 1];
};

static void path_of(const struct making *m, const char *key, const char *file,
		    char ret[STORE_PATH_MAX])
{
	/* store_open() refuses a path without room for this. */
	(void)snprintf(ret, STORE_PATH_MAX, "%.3900s/modules/%.64s%s%s",
		       store_path(m->store), key, file[0] ? "/" : "", file);
}

static int add_to_key(void *arg, const char *path, const char *rel,
		      const struct stat *st, struct err *err)
{
	char text[120];

	(void)path;
	(void)err;
	int n = snprintf(text, sizeof(text), " %llu %lld.%09ld %llu\n",
			 (unsigned long long)st->st_size,
			 (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
			 (unsigned long long)st->st_ino);
	digest_add(arg, rel, strlen(rel));
	digest_add(arg, text, (size_t)n);
	return 0;
}

static int make_key(struct making *m, struct err *err)
{
	AUTO_DIGEST struct digest *sum = digest_new();
	static const char head[] = "belljar modules " FORMAT "\n";

	if (!sum)
		return err_set(err, ENOMEM, "read '%s'", m->dir.tree);
	digest_add(sum, head, sizeof(head));
	digest_add(sum, m->early ? "early" : "disk", 4);
	digest_add(sum, m->dir.tree, strlen(m->dir.tree) + 1);
	int r = module_dir_walk(m->dir.tree, MODULE_KO | MODULE_INDEX,
				add_to_key, sum, err);
	digest_add(sum, "\0firmware", 9);
	if (r == 0 && m->dir.firmware[0])
		r = module_dir_walk(m->dir.firmware, MODULE_ALL, add_to_key,
				    sum, err);
	if (r == 0)
		digest_finish(sum, m->key);
	return r;
}

/* 1: *@arg is the version of the first module that has one. */
static int take_version(void *arg, const char *path, const char *rel,
			const struct stat *st, struct err *err)
{
	AUTO_FREE char *data = NULL;
	char *version = arg;
	size_t len = 0;

	(void)rel;
	(void)st;
	int r = module_pack_read(path, &data, &len, err);
	if (r < 0)
		return r;
	kernel_version_module(data, len, version);
	return version[0] != '\0';
}

static int check_version(const struct making *m, const char *version,
			 struct err *err)
{
	const struct kernel *k = m->kernel;

	if (!k->version[0] || strcmp(k->version, version) == 0)
		return 0;
	return err_say(err, EINVAL,
		       "--kernel-modules: those in '%s' are for the kernel %s, "
		       "but '%s' is %s; give both of one version",
		       m->dir.tree, version, k->image, k->version);
}

static int find_version(const struct making *m, char ret[KERNEL_VERSION_MAX],
			struct err *err)
{
	ret[0] = '\0';
	int r = module_dir_walk(m->dir.tree, MODULE_KO, take_version, ret, err);

	if (r < 0)
		return r;
	if (!ret[0])
		return err_say(err, EINVAL,
			       "--kernel-modules: the files in '%s' are not "
			       "modules of a Linux kernel: none says for which "
			       "(vermagic)",
			       m->dir.tree);
	return check_version(m, ret, err);
}

/* Everything of one key, into the empty directory @to. */
static int make_files(const struct making *m, const char *tmp, const char *to,
		      struct err *err)
{
	char path[PATH_MAX + 32], index[PATH_MAX + 192];
	char version[KERNEL_VERSION_MAX];
	int r = find_version(m, version, err);

	if (r < 0)
		return r;
	if (!m->quiet)
		(void)fprintf(stderr,
			      "belljar: packing the kernel modules in '%s', "
			      "once\n",
			      m->dir.tree);
	(void)snprintf(path, sizeof(path), "%s/index", tmp);
	(void)snprintf(index, sizeof(index), "%s/lib/modules/%s", path,
		       version);
	if (!m->dir.indexed)
		r = module_dir_depmod(&m->dir, version, path, err);
	else
		(void)snprintf(index, sizeof(index), "%s", m->dir.tree);
	(void)snprintf(path, sizeof(path), "%s/" EARLY, to);
	if (r == 0 && m->early)
		r = module_pack_early(index, path, err);
	(void)snprintf(path, sizeof(path), "%s/" DISK, to);
	if (r == 0)
		r = module_pack_disk(m->dir.tree, index, m->dir.firmware,
				     version, path, err);
	(void)snprintf(path, sizeof(path), "%s/" VERSION, to);
	return r < 0 ? r : io_write_file(path, version, strlen(version), err);
}

/* All on the disk before the name appears, as images are. */
static int publish(const struct making *m, const char *from, struct err *err)
{
	char to[STORE_PATH_MAX];

	AUTO_CLOSE int fd = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || syncfs(fd) < 0)
		return err_set(err, errno, "write '%s'", from);
	path_of(m, "", "", to);
	int r = io_mkdirs(to, 0700, err);
	if (r < 0)
		return r;
	path_of(m, m->key, "", to);
	if (rename(from, to) < 0)
		return err_set(err, errno, "rename '%s' to '%s'", from, to);
	return 0;
}

/* Is that of @key in use, or younger than what *@oldest has? */
static bool older(const struct making *m, const char *key,
		  struct timespec *than)
{
	char path[STORE_PATH_MAX];
	struct stat st;

	path_of(m, key, DISK, path);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		return false;
	/* One without a disk, which a person took away, goes first. */
	if (fd < 0 || fstat(fd, &st) < 0)
		st.st_mtim = (struct timespec){ 0 };
	if (than->tv_sec < st.st_mtim.tv_sec ||
	    (than->tv_sec == st.st_mtim.tv_sec &&
	     than->tv_nsec <= st.st_mtim.tv_nsec))
		return false;
	*than = st.st_mtim;
	return true;
}

/* How many there are, and in @ret the one that goes first; "" when none may. */
static unsigned find_oldest(const struct making *m, char ret[DIGEST_HEX + 1])
{
	struct timespec oldest = { .tv_sec = INT64_MAX };
	char path[STORE_PATH_MAX];
	const struct dirent *e;
	unsigned nr = 0;

	ret[0] = '\0';
	path_of(m, "", "", path);
	AUTO_DIR DIR *dir = opendir(path);
	while (dir && (e = readdir(dir))) { /* NOLINT(concurrency-mt-unsafe) */
		if (!digest_is_hex(e->d_name, DIGEST_HEX))
			continue;
		nr++;
		if (older(m, e->d_name, &oldest))
			(void)snprintf(ret, DIGEST_HEX + 1, "%.*s", DIGEST_HEX,
				       e->d_name);
	}
	return nr;
}

/* Best effort; the caller holds the store's write lock. */
static void prune(const struct making *m, unsigned keep)
{
	char key[DIGEST_HEX + 1], path[STORE_PATH_MAX];

	while (find_oldest(m, key) > keep && key[0]) {
		path_of(m, key, "", path);
		if (io_remove_tree(path, NULL) < 0)
			return;
	}
}

/* The disk of the key, locked and marked as used; -ENOENT: not made yet. */
static int take(struct making *m, struct err *err)
{
	char path[STORE_PATH_MAX];
	AUTO_FREE char *version = NULL;
	AUTO_CLOSE int lock = -1;
	int r = store_lock(m->store, STORE_READ, true, &lock, err);

	if (r < 0)
		return r;
	path_of(m, m->key, DISK, path);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) < 0)
		return err_set(err, errno, "open '%s'", path);
	(void)futimens(fd, NULL);
	path_of(m, m->key, VERSION, path);
	r = io_read_file(path, KERNEL_VERSION_MAX, &version, err);
	if (r == 0)
		r = check_version(m, version, err);
	if (r < 0)
		return r;
	(void)snprintf(m->kernel->version, sizeof(m->kernel->version), "%.63s",
		       version);
	if (m->early)
		path_of(m, m->key, EARLY, m->kernel->modules);
	return TAKE_FD(fd);
}

static int make(struct making *m, struct err *err)
{
	AUTO_STORE_TMP struct store_tmp tmp = STORE_TMP_NONE;
	__attribute__((cleanup(cancel_end))) struct cancel cancel = { 0 };
	char to[STORE_PATH_MAX + 8];
	AUTO_CLOSE int convert = -1;
	int r = store_lock(m->store, STORE_CONVERT, true, &convert, err);

	if (r < 0)
		return r;
	/* Another one may have made it while we waited. */
	int disk = take(m, err);
	if (disk != -ENOENT)
		return disk;
	cancel_begin(&cancel);
	r = store_tmp_new(m->store, &tmp, err);
	(void)snprintf(to, sizeof(to), "%s/new", tmp.path);
	if (r == 0 && mkdir(to, 0700) < 0)
		r = err_set(err, errno, "make '%s'", to);
	if (r == 0)
		r = make_files(m, tmp.path, to, err);
	AUTO_CLOSE int lock = -1;
	if (r == 0)
		r = store_lock(m->store, STORE_WRITE, true, &lock, err);
	if (r < 0)
		return r;
	prune(m, MODULES_KEPT - 1);
	r = publish(m, to, err);
	(void)close(TAKE_FD(lock));
	return r < 0 ? r : take(m, err);
}

static int find(struct making *m, const char *dir, const char *firmware,
		struct err *err)
{
	struct kernel *k = m->kernel;

	if (!k->version[0]) {
		char version[KERNEL_VERSION_MAX];

		kernel_version_file(k->image, version);
		(void)snprintf(k->version, sizeof(k->version), "%.63s",
			       version);
	}
	return module_dir_find(dir, firmware, k->version, &m->dir, err);
}

int modules_check(const char *dir, const char *firmware, struct kernel *kernel,
		  struct err *err)
{
	struct making m = { .kernel = kernel };
	char version[KERNEL_VERSION_MAX];
	int r = find(&m, dir, firmware, err);

	return r == 0 ? find_version(&m, version, err) : r;
}

int modules_prepare(struct store *store, const char *dir, const char *firmware,
		    bool quiet, struct kernel *kernel, struct err *err)
{
	struct making m = {
		.store = store,
		.kernel = kernel,
		.early = strcmp(kernel->flavour, "file") == 0,
		.quiet = quiet,
	};
	int r = find(&m, dir, firmware, err);

	if (r == 0)
		r = make_key(&m, err);
	if (r < 0)
		return r;
	int disk = take(&m, err);
	if (disk == -ENOENT)
		disk = make(&m, err);
	return disk == -ENOSPC || disk == -EDQUOT
		       ? store_explain(store, disk, err)
		       : disk;
}
