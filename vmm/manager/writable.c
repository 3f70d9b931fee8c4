/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writable.c - a new writable layer without running mke2fs each time: the data
 * extents of a template are copied, or shared where the file system can.
 */
#include "vmm/manager/writable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/manager/spawn.h"

#define LAYER_SIZE (10LL << 30)
/* Part of the template's name: change it with the arguments of mke2fs. */
#define LAYER_FORMAT "1"

/* Where mke2fs is for those whose PATH lacks the sbin directories. */
static const char *find_mke2fs(void)
{
	static const char *const places[] = { "/usr/sbin/mke2fs",
					      "/sbin/mke2fs" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return "mke2fs";
}

static int fail(const char *path, int errnum, struct err *err)
{
	return err_set(err, errnum, "write the layer '%s'", path);
}

/*
 * The new file is known to be zero, so inode tables need no zeroing, neither
 * now nor by the guest; a layer whose guest crashed is thrown away, so it
 * needs no journal.
 */
static int run_mke2fs(const char *path, int fd, struct err *err)
{
	static const char *const args[] = {
		"-q", "-F",
		"-t", "ext4",
		"-m", "0",
		"-O", "^has_journal,^resize_inode",
		"-E", "assume_storage_prezeroed=1,nodiscard,root_owner=0:0",
	};
	AUTO_SPAWN struct spawn s;
	char said[256];

	if (ftruncate(fd, LAYER_SIZE) < 0)
		return fail(path, errno, err);
	spawn_init(&s, find_mke2fs(), "mke2fs");
	for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++)
		if (strv_add(&s.args, "%s", args[i]) < 0)
			return err_set(err, ENOMEM, "start mke2fs");
	if (strv_add(&s.args, "%s", path) < 0)
		return err_set(err, ENOMEM, "start mke2fs");

	int status = spawn_run(&s, said, sizeof(said), err);
	if (status < 0)
		return err_wrap(err, "make the writable layer; mke2fs comes "
				     "with the package e2fsprogs");
	if (status > 0 && strstr(said, strerrordesc_np(ENOSPC)))
		return fail(path, ENOSPC, err);
	if (status > 0)
		return err_say(err, EIO,
			       "mke2fs failed on '%s' with status %d: %s", path,
			       status, said);
	return 0;
}

static int make_with_mke2fs(const char *path, struct err *err)
{
	AUTO_CLOSE int fd =
		open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(path, errno, err);

	int r = run_mke2fs(path, fd, err);
	if (r < 0)
		(void)unlink(path);
	return r;
}

/* Open the template, making it first when it is not there. */
static int open_template(const char *data, struct err *err)
{
	char path[PATH_MAX];
	char tmp[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/layers/ext4-" LAYER_FORMAT,
		     data) >= (int)sizeof(path) ||
	    snprintf(tmp, sizeof(tmp), "%s.%d", path, getpid()) >=
		    (int)sizeof(tmp))
		return err_set(err, ENAMETOOLONG, "store '%s'", data);

	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return fd;

	*strrchr(tmp, '/') = '\0';
	int r = io_mkdirs(tmp, 0700, err);
	if (r < 0)
		return r;
	tmp[strlen(tmp)] = '/';
	/* Left by a process of this number that was killed here. */
	(void)unlink(tmp);
	r = make_with_mke2fs(tmp, err);
	if (r < 0)
		return r;
	if (rename(tmp, path) < 0)
		return err_set(err, errno, "rename '%s'", tmp);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_set(err, errno, "open '%s'", path) : fd;
}

/* One data extent.  0 or -errno. */
static int copy_extent(int from, int to, off_t at, off_t end)
{
	off_t out = at;

	while (at < end) {
		ssize_t n = copy_file_range(from, &at, to, &out,
					    (size_t)(end - at), 0);
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
	}
	return 0;
}

/*
 * 0, -errno, or -EOPNOTSUPP when the file system does not know its holes (then
 * all 10 GiB would look like data).
 */
static int copy_sparse(int from, int to)
{
	off_t size = lseek(from, 0, SEEK_END);
	off_t at = 0;

	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	if (size < 0 || ftruncate(to, size) < 0)
		return -errno;
	if (lseek(from, 0, SEEK_HOLE) == size)
		return -EOPNOTSUPP;
	while ((at = lseek(from, at, SEEK_DATA)) >= 0) {
		off_t end = lseek(from, at, SEEK_HOLE);
		int r = end < 0 ? -errno : copy_extent(from, to, at, end);

		if (r < 0)
			return r;
		at = end;
	}
	return errno == ENXIO ? 0 : -errno;
}

int writable_create(const char *data, const char *path, struct err *err)
{
	AUTO_CLOSE int from = open_template(data, err);
	if (from < 0)
		return from;

	AUTO_CLOSE int to =
		open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0)
		return fail(path, errno, err);

	int r = copy_sparse(from, to);
	if (r == 0)
		return 0;
	(void)unlink(path);
	if (r == -EOPNOTSUPP || r == -EXDEV || r == -ENOSYS)
		return make_with_mke2fs(path, err);
	return fail(path, -r, err);
}
