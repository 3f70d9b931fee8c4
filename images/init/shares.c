/* SPDX-License-Identifier: Apache-2.0 */
/* shares.c - mount what the host shares. */
#include "images/init/shares.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/init/disks.h"
#include "images/init/mounts.h"
#include "images/init/uevents.h"
#include "vmm/lib/auto.h"

#define FILE_NAME	"file" /* vmm/manager/share_server.h */
#define TEXT_MAX	2048
#define DISK_TIMEOUT_MS 10000
#define DIGITS		"0123456789"

static int broken(const char *text, struct err *err)
{
	return err_say(err, EPROTO, "'%.64s' is no share", text);
}

/* A kind that is the file system of a disk. */
static bool is_disk(const char *kind)
{
	return strcmp(kind, "squashfs") == 0 || strcmp(kind, "erofs") == 0 ||
	       strcmp(kind, "ext4") == 0;
}

int shares_parse(char *text, struct share *ret, struct err *err)
{
	char *rest = text;
	const char *tag = strsep(&rest, " ");
	const char *mode = strsep(&rest, " ");
	char *kind = strsep(&rest, " ");
	char *dax = kind ? strchr(kind, '+') : NULL;

	if (!tag[0] || strchr(tag, '/') || tag[0] == '.' || !kind || !rest ||
	    rest[0] != '/' || !rest[1])
		return broken(tag, err);
	if (strcmp(mode, "ro") != 0 && strcmp(mode, "rw") != 0)
		return broken(tag, err);
	if (dax) {
		if (strcmp(dax, "+dax") != 0 || tag[strspn(tag, DIGITS)])
			return broken(tag, err);
		*dax = '\0';
		if (strcmp(kind, "erofs") != 0 && strcmp(kind, "ext4") != 0)
			return broken(tag, err);
	}
	if (strcmp(kind, "dir") != 0 && strcmp(kind, "file") != 0 &&
	    !is_disk(kind))
		return broken(tag, err);
	*ret = (struct share){ .tag = tag,
			       .path = rest,
			       .readonly = mode[1] == 'o',
			       .file = strcmp(kind, "file") == 0,
			       .fs = is_disk(kind) ? kind : NULL,
			       .dax = dax };
	return 0;
}

/* The directories that lead to @path, which is relative to @root. */
static int make_parents(int root, const char *path, struct err *err)
{
	char part[TEXT_MAX];
	int r = 0;

	for (const char *p = strchr(path, '/'); r == 0 && p;
	     p = strchr(p + 1, '/')) {
		(void)snprintf(part, sizeof(part), "%.*s", (int)(p - path),
			       path);
		r = mounts_dir(root, part, err);
	}
	return r;
}

/* What the kernel says of a missing virtio-fs is not what a person looks for.
 */
static int say_why(const struct share *s, int r, struct err *err)
{
	if (r == -ENODEV && s->fs)
		return err_say(err, ENODEV,
			       "this guest kernel has no %s for '%s'; give it "
			       "one that has, or an image with another file "
			       "system",
			       s->fs, s->path);
	if (r == -ENODEV)
		return err_say(err, ENODEV,
			       "this guest kernel has no virtiofs for '%s'; "
			       "give it CONFIG_VIRTIO_FS, or the module by "
			       "--kernel-modules",
			       s->path);
	return err_wrap(err, "the share '%s'", s->path);
}

static int mount_dir(int root, const struct share *s, struct err *err)
{
	const struct mount_spec spec = {
		.source = s->tag,
		.type = "virtiofs",
		.path = s->path + 1,
		.flags = MS_NODEV | (s->readonly ? MS_RDONLY : 0),
	};

	return mounts_at(root, &spec, err);
}

/* The directory around it stays init's; the container gets the file alone. */
static int mount_file(int root, const char *dir, const struct share *s,
		      struct err *err)
{
	char place[128], file[160];
	const unsigned long flags = MS_NODEV | (s->readonly ? MS_RDONLY : 0);

	(void)snprintf(place, sizeof(place), "%s/%s", dir, s->tag);
	(void)snprintf(file, sizeof(file), "%s/" FILE_NAME, place);
	if (mkdir(place, 0700) < 0 && errno != EEXIST)
		return err_set(err, errno, "make '%s'", place);
	if (mount(s->tag, place, "virtiofs", flags, NULL) < 0)
		return err_set(err, errno, "mount virtiofs");
	return mounts_file(root, file, s->path + 1, err);
}

static bool is_there(void *arg)
{
	return access(arg, F_OK) == 0;
}

/*
 * Linux numbers them in the order of the PCI bus, which is the keeper's.  A
 * write to one would be lost without a word, so let the kernel refuse it.
 */
static int find_pmem(const struct share *s, char *device, size_t size,
		     struct err *err)
{
	int on = 1;

	(void)snprintf(device, size, "/dev/pmem%.8s", s->tag);
	int r = uevents_wait(is_there, device, DISK_TIMEOUT_MS);
	if (r == -ETIMEDOUT)
		return err_say(err, ENOENT,
			       "this guest kernel has no virtio_pmem (or "
			       "nd_pmem); give it one that has, or leave dax "
			       "out");
	if (r < 0)
		return err_set(err, -r, "listen for devices");
	AUTO_CLOSE int fd = open(device, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, BLKROSET, &on) < 0)
		return err_set(err, errno, "make '%s' read-only", device);
	return 0;
}

static int find_disk(const struct share *s, char *device, size_t size,
		     struct err *err)
{
	char disk[256];
	int r = disks_wait("/sys/block", s->tag, DISK_TIMEOUT_MS, disk,
			   sizeof(disk), err);

	if (r == 0)
		(void)snprintf(device, size, "/dev/%s", disk);
	return r;
}

static int mount_disk(int root, const struct share *s, struct err *err)
{
	char device[300];
	const struct mount_spec spec = {
		.source = device,
		.type = s->fs,
		.path = s->path + 1,
		.flags = MS_NODEV | MS_RDONLY,
		.data = s->dax ? "dax" : NULL,
	};
	int r = s->dax ? find_pmem(s, device, sizeof(device), err)
		       : find_disk(s, device, sizeof(device), err);

	return r < 0 ? r : mounts_at(root, &spec, err);
}

static int mount_one(int root, const char *dir, const char *said,
		     struct err *err)
{
	struct share share = { .tag = NULL };
	char text[TEXT_MAX];

	if (snprintf(text, sizeof(text), "%s", said) >= (int)sizeof(text))
		return broken(said, err);
	int r = shares_parse(text, &share, err);
	if (r < 0 || !share.path)
		return r;
	r = make_parents(root, share.path + 1, err);
	if (r == 0 && share.fs)
		r = mount_disk(root, &share, err);
	else if (r == 0)
		r = share.file ? mount_file(root, dir, &share, err)
			       : mount_dir(root, &share, err);
	return r < 0 ? say_why(&share, r, err) : 0;
}

int shares_mount(int root, const char *dir, const struct settings *s,
		 struct err *err)
{
	int r = 0;

	if (s->shares.n && mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_set(err, errno, "make '%s'", dir);
	for (size_t i = 0; r == 0 && i < s->shares.n; i++)
		r = mount_one(root, dir, s->shares.v[i], err);
	return r;
}
