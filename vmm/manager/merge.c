/* SPDX-License-Identifier: Apache-2.0 */
/* merge.c - the layers of an image become one squashfs. */
#include "vmm/manager/merge.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/lib/auto.h"
#include "vmm/manager/archive.h"
#include "vmm/manager/layer.h"
#include "vmm/manager/squashfs.h"
#include "vmm/manager/tree.h"

#define CHUNK (256u << 10)

/* Whiteouts (layer.md); what else begins with ".wh..wh." was aufs's own. */
#define HIDE	    ".wh."
#define AUFS	    ".wh..wh."
#define HIDE_OTHERS ".wh..wh..opq"

struct merge {
	struct bundle *bundle;
	const struct oci_image *image;
	struct progress *progress;
	struct tree *tree;
	struct squashfs *out;
	void *chunk;
	struct err *err;
};

static int refuse(const char *path, const char *why, struct err *err)
{
	char shown[160];

	return err_say(err, EINVAL, "the entry '%s' %s",
		       archive_printable(path, shown, sizeof(shown)), why);
}

static bool starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Whether @path, or a directory on its way, is a file of aufs. */
static bool is_aufs(const char *path)
{
	for (const char *p = path; p; p = strchr(p, '/')) {
		p += *p == '/';
		if (starts(p, AUFS) && strcmp(p, HIDE_OTHERS) != 0)
			return true;
	}
	return false;
}

static int plan_whiteout(struct merge *m, char *path, char *base)
{
	if (strcmp(base, HIDE_OTHERS) == 0)
		return tree_hide_siblings(m->tree, path, m->err);
	if (!base[strlen(HIDE)])
		return refuse(path, "is a whiteout of nothing", m->err);
	memmove(base, base + strlen(HIDE), strlen(base + strlen(HIDE)) + 1);
	return tree_hide(m->tree, path, m->err);
}

static int plan_link(struct merge *m, const char *path, const char *target)
{
	char clean[ARCHIVE_PATH_MAX];

	/* Some builders write targets from the root, the image's root. */
	target += strspn(target, "/");
	int r = archive_clean_path(target, clean, NULL);
	return r < 0 ? refuse(path, "is a hard link to outside of the image",
			      m->err)
		     : tree_link(m->tree, path, clean, m->err);
}

static bool valid_owner(int64_t id)
{
	return id >= 0 && id < UINT32_MAX;
}

static int plan_entry(struct merge *m, struct archive_entry *e, uint32_t number)
{
	char path[ARCHIVE_PATH_MAX];
	const char *name = archive_entry_pathname(e);
	const char *hard = archive_entry_hardlink(e);
	const char *target = NULL;
	enum tree_kind kind = TREE_OTHER;
	int r = archive_clean_path(name ? name : "", path, m->err);

	if (r < 0 || is_aufs(path))
		return r;
	char *slash = strrchr(path, '/');
	char *base = slash ? slash + 1 : path;
	if (starts(base, HIDE))
		return plan_whiteout(m, path, base);
	if (hard)
		return plan_link(m, path, hard);
	if (!valid_owner(archive_entry_uid(e)) ||
	    !valid_owner(archive_entry_gid(e)))
		return refuse(path, "has an owner that Linux does not know",
			      m->err);

	switch (archive_entry_filetype(e)) {
	case AE_IFDIR:
		kind = TREE_DIR;
		break;
	case AE_IFLNK:
		kind = TREE_SYMLINK;
		target = archive_entry_symlink(e);
		if (!target || !*target || strlen(target) >= ARCHIVE_PATH_MAX)
			return refuse(path, "is a link without a valid target",
				      m->err);
		break;
	case AE_IFREG:
	case AE_IFCHR:
	case AE_IFBLK:
	case AE_IFIFO:
		break;
	default:
		return refuse(path, "is of a kind that no image has", m->err);
	}
	return tree_add(m->tree, path, number, kind, target, m->err);
}

/* Read layer @i and hand each entry, with its number, to @fn. */
static int read_layer(struct merge *m, size_t i, uint32_t *number,
		      int (*fn)(struct merge *m, struct layer *layer,
				struct archive_entry *e, uint32_t number))
{
	AUTO_LAYER struct layer *layer = NULL;
	struct archive_entry *e;
	int r = layer_open(m->bundle, &m->image->layers[i], m->progress, &layer,
			   m->err);

	while (r >= 0) {
		r = layer_next(layer, &e, m->err);
		if (r <= 0)
			break;
		r = fn(m, layer, e, (*number)++);
	}
	return r;
}

static uint64_t layer_size(struct merge *m, size_t i)
{
	AUTO_CLOSE int fd = -1;
	uint64_t size = 0;

	(void)bundle_open(m->bundle, m->image->layers[i].file, &fd, &size,
			  NULL);
	return size;
}

static int read_layers(struct merge *m, const char *doing,
		       int (*fn)(struct merge *m, struct layer *layer,
				 struct archive_entry *e, uint32_t number))
{
	const struct oci_layer *layers = m->image->layers;
	size_t nr = m->image->nr_layers;
	uint32_t number = 0;
	char label[48];

	for (size_t i = 0; i < nr; i++) {
		(void)snprintf(label, sizeof(label), "%s layer %zu/%zu %.12s",
			       doing, i + 1, nr, layers[i].diff_id);
		progress_begin(m->progress, label, layer_size(m, i));
		tree_next_layer(m->tree);
		int r = read_layer(m, i, &number, fn);
		if (r < 0 && r != -EPIPE && r != -EINTR)
			return err_wrap(m->err, "layer %zu of %zu", i + 1, nr);
		if (r < 0)
			return r;
	}
	return 0;
}

static int plan_one(struct merge *m, struct layer *layer,
		    struct archive_entry *e, uint32_t number)
{
	(void)layer;
	return plan_entry(m, e, number);
}

static bool keeps_xattr(const char *name)
{
	/* squashfs has room for these; an overlay's marks mean nothing here. */
	return (starts(name, "user.") || starts(name, "security.") ||
		starts(name, "trusted.")) &&
	       !starts(name, "trusted.overlay.") &&
	       !starts(name, "user.overlay.");
}

/*
 * What is written of an entry: exactly what a squashfs holds.  Names of users,
 * ACLs, flags and times of access are not.
 */
static struct archive_entry *new_header(struct archive_entry *e)
{
	struct archive_entry *to = archive_entry_new();
	const char *name, *target = archive_entry_symlink(e);
	const void *value;
	size_t size;

	if (!to)
		return NULL;
	archive_entry_set_filetype(to, archive_entry_filetype(e));
	archive_entry_set_perm(to, archive_entry_perm(e) & 07777);
	archive_entry_set_uid(to, archive_entry_uid(e));
	archive_entry_set_gid(to, archive_entry_gid(e));
	archive_entry_set_mtime(to, archive_entry_mtime(e), 0);
	archive_entry_set_size(to, 0);
	if (target)
		archive_entry_copy_symlink(to, target);
	if (archive_entry_filetype(e) == AE_IFREG)
		archive_entry_set_size(to, archive_entry_size(e));
	if (archive_entry_filetype(e) == AE_IFCHR ||
	    archive_entry_filetype(e) == AE_IFBLK) {
		archive_entry_set_rdevmajor(to, archive_entry_rdevmajor(e));
		archive_entry_set_rdevminor(to, archive_entry_rdevminor(e));
	}
	(void)archive_entry_xattr_reset(e);
	while (archive_entry_xattr_next(e, &name, &value, &size) == ARCHIVE_OK)
		if (name && keeps_xattr(name))
			archive_entry_xattr_add_entry(to, name, value, size);
	return to;
}

/* tar2sqfs takes "./" for the root, and then wants all names to begin so. */
static void root_path(char to[ARCHIVE_PATH_MAX + 2], const char *path)
{
	(void)snprintf(to, ARCHIVE_PATH_MAX + 2, "./%s", path);
}

static int set_path(void *arg, const char *first, const char *path)
{
	char full[ARCHIVE_PATH_MAX + 2];

	(void)path;
	root_path(full, first);
	archive_entry_copy_pathname(arg, full);
	return 1;
}

static int write_one(struct merge *m, struct layer *layer,
		     struct archive_entry *e, uint32_t number)
{
	struct tree_inode *inode = tree_inode(m->tree, number);

	if (!inode)
		return 0;
	AUTO_ENTRY struct archive_entry *to = new_header(e);
	if (!to)
		return err_set(m->err, ENOMEM, "write the image");
	if (tree_names(inode, set_path, to) < 0)
		return refuse(archive_entry_pathname(e),
			      "has a path of over 4095 bytes", m->err);
	if (archive_write_header(m->out->out, to) < ARCHIVE_WARN)
		return squashfs_broken(m->out, m->err);
	if (archive_entry_filetype(to) != AE_IFREG)
		return 0;
	for (;;) {
		ssize_t n = layer_read(layer, m->chunk, CHUNK, m->err);

		if (n <= 0)
			return (int)n;
		if (archive_write_data(m->out->out, m->chunk, (size_t)n) < 0)
			return squashfs_broken(m->out, m->err);
	}
}

static int write_link(void *arg, const char *first, const char *path)
{
	struct merge *m = arg;
	char from[ARCHIVE_PATH_MAX + 2], to[ARCHIVE_PATH_MAX + 2];

	if (strcmp(first, path) == 0)
		return 0;
	AUTO_ENTRY struct archive_entry *e = archive_entry_new();
	if (!e)
		return err_set(m->err, ENOMEM, "write the image");
	root_path(from, path);
	root_path(to, first);
	archive_entry_copy_pathname(e, from);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0644);
	archive_entry_set_size(e, 0);
	archive_entry_copy_hardlink(e, to);
	return archive_write_header(m->out->out, e) < ARCHIVE_WARN
		       ? squashfs_broken(m->out, m->err)
		       : 0;
}

static int write_links(struct merge *m)
{
	for (uint32_t i = 0; i < tree_nr_entries(m->tree); i++) {
		struct tree_inode *inode = tree_inode(m->tree, i);
		int r = inode ? tree_names(inode, write_link, m) : 0;

		if (r == -ENAMETOOLONG)
			return err_say(m->err, EINVAL,
				       "a hard link has a path of over 4095 "
				       "bytes");
		if (r < 0)
			return r;
	}
	return 0;
}

static int write_squashfs(struct merge *m, const char *squashfs)
{
	AUTO_SQUASHFS struct squashfs out = SQUASHFS_NONE;
	int r = squashfs_begin(&out, squashfs, m->err);

	if (r < 0)
		return r;
	m->out = &out;
	r = read_layers(m, "Converting", write_one);
	if (r == 0)
		r = write_links(m);
	m->out = NULL;
	return squashfs_end(&out, r, m->err);
}

int merge_layers(struct bundle *bundle, const struct oci_image *image,
		 const char *squashfs, struct progress *progress,
		 struct err *err)
{
	AUTO_ARCHIVE_BYTES struct archive_bytes bytes = { 0 };
	AUTO_TREE struct tree *tree = NULL;
	AUTO_FREE void *chunk = malloc(CHUNK);
	struct merge m = { .bundle = bundle,
			   .image = image,
			   .progress = progress,
			   .chunk = chunk,
			   .err = err };

	if (!chunk)
		return err_set(err, ENOMEM, "merge the layers");
	int r = archive_bytes_begin(&bytes, err);
	if (r == 0)
		r = tree_new(&tree, err);
	m.tree = tree;
	if (r == 0)
		r = read_layers(&m, "Checking", plan_one);
	if (r == 0)
		r = write_squashfs(&m, squashfs);
	return r;
}
