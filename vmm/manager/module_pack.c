/* SPDX-License-Identifier: Apache-2.0 */
/* module_pack.c - kernel modules on their way into a guest. */
#include "vmm/manager/module_pack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/modtree.h"
#include "vmm/manager/archive.h"
#include "vmm/manager/cancel.h"
#include "vmm/manager/module_dir.h"
#include "vmm/manager/squashfs.h"

#define FILE_MAX  (1u << 30)
#define BLOCK	  65536
#define EARLY_DIR "lib/belljar/modules"

/* What a guest that is to find its disks and its keeper cannot do without. */
static const char *const early[] = {
	"virtio_pci", "virtio_blk", "vmw_vsock_virtio_transport",
	"squashfs",   "overlay",    "ext4",
};

static int grow(char **buf, size_t *room, size_t need)
{
	if (need <= *room)
		return 0;
	if (need > FILE_MAX)
		return -EFBIG;
	size_t want = *room * 2 > need ? *room * 2 : need;
	char *bigger = realloc(*buf, want);
	if (!bigger)
		return -ENOMEM;
	*buf = bigger;
	*room = want;
	return 0;
}

int module_pack_read(const char *path, char **ret, size_t *ret_len,
		     struct err *err)
{
	AUTO_ARCHIVE_READ struct archive *a = archive_read_new();
	AUTO_FREE char *buf = NULL;
	size_t len = 0, room = 0;
	struct archive_entry *e;
	la_ssize_t n;

	if (!a)
		return err_set(err, ENOMEM, "read '%s'", path);
	if (modtree_packed(path)) {
		(void)archive_read_support_filter_xz(a);
		(void)archive_read_support_filter_gzip(a);
		(void)archive_read_support_filter_zstd(a);
	}
	(void)archive_read_support_format_raw(a);
	(void)archive_read_support_format_empty(a);
	int r = archive_read_open_filename(a, path, BLOCK);
	if (r == ARCHIVE_OK)
		r = archive_read_next_header(a, &e);
	if (r != ARCHIVE_OK && r != ARCHIVE_EOF)
		return err_say(err, archive_errno(a) == ENOENT ? ENOENT : EIO,
			       "read '%s': %s", path, archive_error_string(a));
	/* ARCHIVE_EOF: an empty file. */
	do {
		int g = grow(&buf, &room, len + BLOCK);
		if (g < 0)
			return err_set(err, -g, "read '%s'", path);
		n = r == ARCHIVE_EOF ? 0
				     : archive_read_data(a, buf + len, BLOCK);
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	if (n < 0)
		return err_say(err, EBADMSG, "'%s' is damaged: %s", path,
			       archive_error_string(a));
	*ret = TAKE_PTR(buf);
	*ret_len = len;
	return 0;
}

static struct archive_entry *new_entry(const char *path, mode_t type)
{
	struct archive_entry *e = archive_entry_new();

	if (!e)
		return NULL;
	archive_entry_copy_pathname(e, path);
	archive_entry_set_filetype(e, type);
	archive_entry_set_perm(e, type == AE_IFREG ? 0644 : 0755);
	archive_entry_set_size(e, 0);
	archive_entry_set_nlink(e, 1);
	return e;
}

/* A whole file; false when the archive does not take it. */
static bool put_file(struct archive *a, const char *name, const char *data,
		     size_t len)
{
	AUTO_ENTRY struct archive_entry *e = new_entry(name, AE_IFREG);

	if (!e)
		return false;
	archive_entry_set_size(e, (la_int64_t)len);
	return archive_write_header(a, e) == ARCHIVE_OK &&
	       (len == 0 || archive_write_data(a, data, len) >= 0);
}

static int cpio_fail(struct archive *a, const char *cpio, struct err *err)
{
	int errnum = archive_errno(a);

	return err_say(err, errnum > 0 ? errnum : EIO, "write '%s': %s", cpio,
		       archive_error_string(a));
}

static int put_dirs(struct archive *a, const char *cpio, struct err *err)
{
	static const char *const dirs[] = { "lib", "lib/belljar", EARLY_DIR };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		AUTO_ENTRY struct archive_entry *e =
			new_entry(dirs[i], AE_IFDIR);

		if (!e || archive_write_header(a, e) != ARCHIVE_OK)
			return cpio_fail(a, cpio, err);
	}
	return 0;
}

static int put_early(struct archive *a, const char *tree,
		     const struct modlist *list, const char *cpio,
		     struct err *err)
{
	for (size_t i = 0; i < list->n; i++) {
		char path[PATH_MAX], name[MODTREE_NAME_MAX], to[256];
		AUTO_FREE char *data = NULL;
		size_t len = 0;

		if (snprintf(path, sizeof(path), "%s/%s", tree, list->v[i]) >=
		    (int)sizeof(path))
			return err_set(err, ENAMETOOLONG, "read '%s'", tree);
		int r = module_pack_read(path, &data, &len, err);
		if (r < 0)
			return r;
		modtree_name(list->v[i], name);
		(void)snprintf(to, sizeof(to), EARLY_DIR "/%03zu-%s.ko", i,
			       name);
		if (!put_file(a, to, data, len))
			return cpio_fail(a, cpio, err);
	}
	return 0;
}

/*
 * Where the tree does not tell what is built in (a vendor's does not), what it
 * has no module for counts as that.
 */
static int find_early(const char *tree, struct modlist *list, struct err *err)
{
	AUTO_CLOSE int fd = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "open '%s'", tree);

	bool strict = faccessat(fd, "modules.builtin", F_OK, 0) == 0;
	for (size_t i = 0; i < sizeof(early) / sizeof(early[0]); i++) {
		int r = modtree_resolve(fd, early[i], list, err);

		if (r == -ENOENT && strict)
			return err_say(err, ENOENT,
				       "this kernel cannot be a guest: it has "
				       "no '%s', neither built in nor among "
				       "the modules in '%s'",
				       early[i], tree);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

int module_pack_early(const char *tree, const char *cpio, struct err *err)
{
	AUTO_MODLIST struct modlist list = { 0 };
	AUTO_ARCHIVE_WRITE struct archive *a = archive_write_new();
	int r = find_early(tree, &list, err);

	if (r < 0)
		return r;
	if (!a)
		return err_set(err, ENOMEM, "write '%s'", cpio);
	if (archive_write_set_format_cpio_newc(a) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(a, 1) != ARCHIVE_OK ||
	    archive_write_open_filename(a, cpio) != ARCHIVE_OK)
		return cpio_fail(a, cpio, err);
	r = put_dirs(a, cpio, err);
	if (r == 0)
		r = put_early(a, tree, &list, cpio, err);
	if (r == 0 && archive_write_close(a) != ARCHIVE_OK)
		r = cpio_fail(a, cpio, err);
	return r;
}

struct disk {
	struct squashfs out;
	const char *below; /* "./lib/modules/VERSION" */
};

/* The entry's name: without the end that tells of compression. */
static int disk_name(const struct disk *d, const char *rel,
		     char ret[ARCHIVE_PATH_MAX], struct err *err)
{
	const char *end = modtree_packed(rel);
	int len = end ? (int)(end - rel) : (int)strlen(rel);

	if (snprintf(ret, ARCHIVE_PATH_MAX, "%s/%.*s", d->below, len, rel) >=
	    ARCHIVE_PATH_MAX)
		return err_set(err, ENAMETOOLONG, "pack '%s'", rel);
	return 0;
}

/* A link between firmware files: its target loses the same end. */
static int put_link(struct disk *d, const char *path, const char *name,
		    struct err *err)
{
	AUTO_ENTRY struct archive_entry *e = new_entry(name, AE_IFLNK);
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n < 0 || !e)
		return err_set(err, e ? errno : ENOMEM, "read '%s'", path);
	target[n] = '\0';
	const char *end = modtree_packed(target);
	if (end)
		target[end - target] = '\0';
	archive_entry_copy_symlink(e, target);
	return archive_write_header(d->out.out, e) < ARCHIVE_WARN
		       ? squashfs_broken(&d->out, err)
		       : 0;
}

static int put_one(void *arg, const char *path, const char *rel,
		   const struct stat *st, struct err *err)
{
	struct disk *d = arg;
	char name[ARCHIVE_PATH_MAX];
	AUTO_FREE char *data = NULL;
	size_t len = 0;
	int r = cancel_check(err);

	if (r == 0)
		r = disk_name(d, rel, name, err);
	if (r < 0)
		return r;
	if (S_ISLNK(st->st_mode))
		return put_link(d, path, name, err);
	r = module_pack_read(path, &data, &len, err);
	if (r < 0)
		return r;
	return put_file(d->out.out, name, data, len)
		       ? 0
		       : squashfs_broken(&d->out, err);
}

int module_pack_disk(const char *files, const char *indexes,
		     const char *firmware, const char *version,
		     const char *path, struct err *err)
{
	AUTO_ARCHIVE_BYTES struct archive_bytes bytes = { 0 };
	struct disk d = { .out = SQUASHFS_NONE };
	char below[128];

	(void)snprintf(below, sizeof(below), "./lib/modules/%s", version);
	d.below = below;
	int r = archive_bytes_begin(&bytes, err);
	if (r == 0)
		r = squashfs_begin(&d.out, path, err);
	if (r == 0) {
		r = module_dir_walk(files, MODULE_KO, put_one, &d, err);
		if (r == 0)
			r = module_dir_walk(indexes, MODULE_INDEX, put_one, &d,
					    err);
		d.below = "./lib/firmware";
		if (r == 0 && firmware[0])
			r = module_dir_walk(firmware, MODULE_ALL, put_one, &d,
					    err);
		r = squashfs_end(&d.out, r, err);
	}
	squashfs_stop(&d.out);
	return r;
}
