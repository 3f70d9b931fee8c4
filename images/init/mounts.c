/* SPDX-License-Identifier: Apache-2.0 */
/* mounts.c - init's own file systems, and those of the container. */
#include "images/init/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/lib/auto.h"

/* "/proc/self/fd/" and a number. */
#define FD_PATH_MAX 32

static int mount_one(const struct mount_spec *m, const char *target,
		     struct err *err)
{
	if (mount(m->source, target, m->type, m->flags, m->data) < 0)
		return err_set(err, errno, "mount %s on '/%s'", m->type,
			       m->path);
	return 0;
}

int mounts_early(struct err *err)
{
	static const struct mount_spec early[] = {
		{ "devtmpfs", "devtmpfs", "dev", MS_NOSUID, NULL },
		{ "proc", "proc", "proc", MS_NOSUID | MS_NOEXEC | MS_NODEV,
		  NULL },
		{ "sysfs", "sysfs", "sys", MS_NOSUID | MS_NOEXEC | MS_NODEV,
		  NULL },
	};

	for (size_t i = 0; i < sizeof(early) / sizeof(early[0]); i++) {
		int r = mount_one(&early[i], early[i].path, err);
		if (r < 0)
			return r;
	}

	/* Without a console the kernel starts init with none of the three. */
	int fd;
	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd < 2);
	if (fd < 0)
		return err_set(err, errno, "open '/dev/null'");
	if (fd > 2)
		(void)close(fd);
	return 0;
}

static int open_beneath(int root, const char *path, uint64_t flags,
			uint64_t mode)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.mode = mode,
		.resolve = RESOLVE_IN_ROOT,
	};
	long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* The directory that holds @path, and in @name what is left of @path. */
static int open_parent(int root, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX] = ".";

	*name = slash ? slash + 1 : path;
	if (slash && (size_t)(slash - path) >= sizeof(parent))
		return -ENAMETOOLONG;
	if (slash)
		(void)snprintf(parent, sizeof(parent), "%.*s",
			       (int)(slash - path), path);
	return open_beneath(root, parent, O_PATH | O_DIRECTORY, 0);
}

/*
 * The directory that @path, which leads nowhere, is to be made in, and as
 * what: a dangling symlink of that name is gone.
 */
static int open_cleared(int root, const char *path, const char **ret_name)
{
	AUTO_CLOSE int parent = open_parent(root, path, ret_name);

	if (parent < 0)
		return parent;
	if (unlinkat(parent, *ret_name, 0) < 0 && errno != ENOENT)
		return -errno;
	return TAKE_FD(parent);
}

/* The directory @path below @root, its last part made when absent. */
static int open_dir(int root, const char *path)
{
	int fd = open_beneath(root, path, O_PATH | O_DIRECTORY, 0);
	if (fd != -ENOENT)
		return fd;

	const char *name;
	AUTO_CLOSE int parent = open_cleared(root, path, &name);
	if (parent < 0)
		return parent;
	if (mkdirat(parent, name, 0755) < 0)
		return -errno;
	return open_beneath(root, path, O_PATH | O_DIRECTORY, 0);
}

int mounts_open(int root, const char *path)
{
	return open_beneath(root, path, O_PATH | O_DIRECTORY, 0);
}

int mounts_at(int root, const struct mount_spec *spec, struct err *err)
{
	AUTO_CLOSE int dir = open_dir(root, spec->path);
	if (dir < 0)
		return err_set(err, -dir, "make the directory '/%s'",
			       spec->path);

	char target[FD_PATH_MAX];
	(void)snprintf(target, sizeof(target), "/proc/self/fd/%d", dir);
	return mount_one(spec, target, err);
}

/* The file @path below @root, made when absent. */
static int open_file(int root, const char *path)
{
	const uint64_t flags = O_RDONLY | O_CREAT | O_NOCTTY;

	/*
	 * One that is there is found, not opened: a FIFO would block, and
	 * /dev/console without a console device is refused.
	 */
	int fd = open_beneath(root, path, O_PATH, 0);
	if (fd == -ENOENT)
		fd = open_beneath(root, path, flags, 0644);
	if (fd != -ENOENT)
		return fd;

	/* A symlink into a directory that the image does not have. */
	const char *name;
	AUTO_CLOSE int parent = open_cleared(root, path, &name);
	if (parent < 0)
		return parent;
	return open_beneath(root, path, flags, 0644);
}

int mounts_file(int root, const char *source, const char *path, struct err *err)
{
	AUTO_CLOSE int fd = open_file(root, path);
	if (fd < 0)
		return err_set(err, -fd, "make the file '/%s'", path);

	char target[FD_PATH_MAX];
	(void)snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
	if (mount(source, target, NULL, MS_BIND, NULL) < 0)
		return err_set(err, errno, "mount a file on '/%s'", path);
	return 0;
}

/*
 * The links that programs expect.  The devtmpfs's own ptmx would open a
 * terminal of another devpts than the container's.
 */
static int dev_links(int root, struct err *err)
{
	static const char *const links[][2] = {
		{ "/proc/self/fd", "fd" },
		{ "/proc/self/fd/0", "stdin" },
		{ "/proc/self/fd/1", "stdout" },
		{ "/proc/self/fd/2", "stderr" },
		{ "pts/ptmx", "ptmx" },
	};

	AUTO_CLOSE int dev =
		open_beneath(root, "dev", O_RDONLY | O_DIRECTORY, 0);
	if (dev < 0)
		return err_set(err, -dev, "open '/dev'");

	(void)unlinkat(dev, "ptmx", 0);
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (symlinkat(links[i][0], dev, links[i][1]) < 0 &&
		    errno != EEXIST)
			return err_set(err, errno, "make '/dev/%s'",
				       links[i][1]);
	return 0;
}

int mounts_container(int root, const char *dev_type, uint64_t shm_size,
		     struct err *err)
{
	char shm[64] = "mode=1777";
	if (shm_size > 0)
		(void)snprintf(shm, sizeof(shm), "mode=1777,size=%" PRIu64,
			       shm_size);

	const unsigned long safe = MS_NOSUID | MS_NOEXEC | MS_NODEV;
	const struct mount_spec specs[] = {
		{ dev_type, dev_type, "dev", MS_NOSUID, "mode=755" },
		{ "devpts", "devpts", "dev/pts", MS_NOSUID | MS_NOEXEC,
		  "newinstance,ptmxmode=0666,mode=620,gid=5" },
		{ "shm", "tmpfs", "dev/shm", safe, shm },
		{ "mqueue", "mqueue", "dev/mqueue", safe, NULL },
		{ "sysfs", "sysfs", "sys", safe, NULL },
		{ "cgroup", "cgroup2", "sys/fs/cgroup", safe, NULL },
	};

	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		int r = mounts_at(root, &specs[i], err);
		/* A kernel of the user's may lack what few programs need. */
		if (r < 0 && r != -ENODEV)
			return r;
	}
	return dev_links(root, err);
}

int mounts_dir(int root, const char *path, struct err *err)
{
	AUTO_CLOSE int dir = open_dir(root, path);

	return dir < 0 ? err_set(err, -dir, "make the directory '/%s'", path)
		       : 0;
}

int mounts_proc(int root, struct err *err)
{
	static const struct mount_spec proc = {
		"proc", "proc", "proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL
	};

	return mounts_at(root, &proc, err);
}
