/* SPDX-License-Identifier: Apache-2.0 */
/* store.c - the directory where images live, its locks, and its sweeping. */
#include "vmm/manager/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/manager/digest.h"

/* Longest name below a store: images/<id>/rootfs.squashfs and the like. */
#define STORE_NAME_ROOM 160

struct store {
	char path[STORE_PATH_MAX - STORE_NAME_ROOM];
};

static void path_of(const struct store *store, const char *name,
		    char path[STORE_PATH_MAX])
{
	(void)snprintf(path, STORE_PATH_MAX, "%s/%.*s", store->path,
		       STORE_NAME_ROOM - 2, name);
}

const char *store_path(const struct store *store)
{
	return store->path;
}

void store_close(struct store *store)
{
	free(store);
}

void store_image_path(const struct store *store, const char *id,
		      const char *file, char path[STORE_PATH_MAX])
{
	char name[STORE_NAME_ROOM];

	(void)snprintf(name, sizeof(name), "images/%s%s%s", id,
		       file[0] ? "/" : "", file);
	path_of(store, name, path);
}

static int lock_file(const char *path, int how, int *ret)
{
	AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	while (flock(fd, how) < 0)
		if (errno != EINTR)
			return -errno;
	*ret = TAKE_FD(fd);
	return 0;
}

int store_lock(struct store *store, enum store_lock lock, bool wait, int *ret,
	       struct err *err)
{
	char path[STORE_PATH_MAX];
	int how =
		(lock == STORE_READ ? LOCK_SH : LOCK_EX) | (wait ? 0 : LOCK_NB);

	path_of(store, lock == STORE_CONVERT ? "convert.lock" : "lock", path);
	int r = lock_file(path, how, ret);
	return r < 0 ? err_set(err, -r, "lock '%s'", path) : 0;
}

/* Call @fn with each name in directory @name of the store. */
static int each_name(struct store *store, const char *name,
		     int (*fn)(void *arg, const char *name), void *arg,
		     struct err *err)
{
	char path[STORE_PATH_MAX];
	struct dirent *d;

	path_of(store, name, path);
	AUTO_DIR DIR *dir = opendir(path);
	if (!dir)
		return err_set(err, errno, "open '%s'", path);
	while ((d = readdir(dir))) { /* NOLINT(concurrency-mt-unsafe) */
		int r = d->d_name[0] == '.' ? 0 : fn(arg, d->d_name);

		if (r != 0)
			return r;
	}
	return 0;
}

/*
 * Remove @name of tmp/ unless its owner lives.  The caller has the store's
 * write lock, under which owners make and lock theirs: a directory without a
 * lock file has no owner.
 */
static int sweep_one(void *arg, const char *name)
{
	struct store *store = arg;
	char path[STORE_PATH_MAX];
	char file[STORE_NAME_ROOM];

	(void)snprintf(file, sizeof(file), "tmp/%.80s/lock", name);
	path_of(store, file, path);
	AUTO_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		return 0;
	*strrchr(path, '/') = '\0';
	(void)io_remove_tree(path, NULL);
	return 0;
}

static int is_there(void *arg, const char *name)
{
	(void)arg;
	(void)name;
	return 1;
}

/* Best effort: what can't be swept now stays for the next who opens. */
static void sweep(struct store *store)
{
	AUTO_CLOSE int lock = -1;

	if (each_name(store, "tmp", is_there, NULL, NULL) == 1 &&
	    store_lock(store, STORE_WRITE, false, &lock, NULL) == 0)
		(void)each_name(store, "tmp", sweep_one, store, NULL);
}

int store_open(const char *path, struct store **ret, struct err *err)
{
	char sub[STORE_PATH_MAX];
	AUTO_FREE struct store *store = calloc(1, sizeof(*store));

	if (!store)
		return err_set(err, ENOMEM, "open the store '%s'", path);
	if (snprintf(store->path, sizeof(store->path), "%s", path) >=
	    (int)sizeof(store->path))
		return err_set(err, ENAMETOOLONG, "open the store '%s'", path);

	path_of(store, "images", sub);
	int r = io_mkdirs(sub, 0700, err);
	if (r == 0) {
		path_of(store, "tmp", sub);
		r = io_mkdirs(sub, 0700, err);
	}
	if (r == -ENOSPC || r == -EDQUOT)
		return store_explain(store, r, err);
	if (r < 0)
		return err_say(err, -r,
			       "no store can be in '%.180s' (%s); choose a "
			       "directory of yours with 'belljar --root DIR'",
			       path, strerrordesc_np(-r));
	sweep(store);
	*ret = TAKE_PTR(store);
	return 0;
}

int store_tmp_new(struct store *store, struct store_tmp *tmp, struct err *err)
{
	char path[STORE_PATH_MAX];
	AUTO_CLOSE int lock = -1;

	int r = store_lock(store, STORE_WRITE, true, &lock, err);
	if (r < 0)
		return r;
	path_of(store, "tmp/XXXXXX", path);
	if (!mkdtemp(path))
		return err_set(err, errno, "make a directory in '%s/tmp'",
			       store->path);
	memcpy(tmp->path, path, sizeof(path));
	(void)strncat(path, "/lock", sizeof(path) - strlen(path) - 1);
	r = lock_file(path, LOCK_EX | LOCK_NB, &tmp->lock);
	if (r < 0)
		return err_set(err, -r, "lock '%s'", path);
	return 0;
}

void store_tmp_free(struct store_tmp *tmp)
{
	if (tmp->path[0])
		(void)io_remove_tree(tmp->path, NULL);
	if (tmp->lock >= 0)
		(void)close(tmp->lock);
	*tmp = (struct store_tmp)STORE_TMP_NONE;
}

static int sync_path(const char *path, struct err *err)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return err_set(err, errno, "write '%s'", path);
	return 0;
}

/* An image that is there but not whole goes: its name is needed. */
static int make_room(struct store *store, const char *id, struct err *err)
{
	AUTO_CLOSE int lock = -1;
	int r = store_lock(store, STORE_WRITE, true, &lock, err);

	return r < 0 || store_has(store, id) ? r : store_remove(store, id, err);
}

int store_add(struct store *store, const char *dir, const char *id,
	      struct err *err)
{
	static const char *const files[] = { "/rootfs.squashfs", "/config.json",
					     "" };
	char path[STORE_PATH_MAX];
	char from[STORE_PATH_MAX + 32];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		(void)snprintf(from, sizeof(from), "%s%s", dir, files[i]);
		int r = sync_path(from, err);
		if (r < 0)
			return r;
	}
	int r = make_room(store, id, err);
	if (r < 0)
		return r;
	store_image_path(store, id, "", path);
	if (rename(dir, path) < 0 && errno != EEXIST && errno != ENOTEMPTY)
		return err_set(err, errno, "rename '%s' to '%s'", dir, path);
	path_of(store, "images", path);
	return sync_path(path, err);
}

bool store_in_use(struct store *store, const char *id)
{
	char path[STORE_PATH_MAX];

	store_image_path(store, id, "rootfs.squashfs", path);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;
}

int store_remove(struct store *store, const char *id, struct err *err)
{
	char path[STORE_PATH_MAX];
	char away[STORE_PATH_MAX];
	char name[STORE_NAME_ROOM];

	/* Gone in one step; a crash after it leaves work for the sweeper. */
	store_image_path(store, id, "", path);
	(void)snprintf(name, sizeof(name), "tmp/removed-%s", id);
	path_of(store, name, away);
	int r = io_remove_tree(away, err);
	if (r < 0)
		return r;
	if (rename(path, away) < 0 && errno != ENOENT)
		return err_set(err, errno, "remove '%s'", path);
	return io_remove_tree(away, err);
}

int store_explain(struct store *store, int r, struct err *err)
{
	struct statvfs fs;

	if ((r != -ENOSPC && r != -EDQUOT) || !err)
		return r;
	if (r == -EDQUOT || statvfs(store->path, &fs) < 0)
		return err_say(err, -r,
			       "the store '%.180s' is over your disk quota; "
			       "remove images with 'belljar rmi'",
			       store->path);
	return err_say(
		err, -r,
		"the store '%.180s' is full (%.1f of %.1f MiB left): remove "
		"images with 'belljar rmi', or choose another disk with "
		"'belljar --root DIR'",
		store->path,
		(double)fs.f_bavail * (double)fs.f_frsize / (1 << 20),
		(double)fs.f_blocks * (double)fs.f_frsize / (1 << 20));
}

struct each {
	int (*fn)(void *arg, const char *id);
	void *arg;
};

static int each_image(void *arg, const char *name)
{
	const struct each *each = arg;

	return digest_is_hex(name, DIGEST_HEX) ? each->fn(each->arg, name) : 0;
}

int store_each(struct store *store, int (*fn)(void *arg, const char *id),
	       void *arg, struct err *err)
{
	struct each each = { fn, arg };

	return each_name(store, "images", each_image, &each, err);
}
