/* SPDX-License-Identifier: Apache-2.0 */
/* drivers.c - the user's kernel modules. */
#include "images/init/drivers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "images/init/coldplug.h"
#include "images/init/disks.h"
#include "images/init/insmod.h"
#include "images/init/mounts.h"
#include "images/init/nodes.h"
#include "images/init/rootfs.h"
#include "images/init/sysctl.h"
#include "images/init/warn.h"
#include "vmm/lib/auto.h"

#define DISK_TIMEOUT_MS 10000
#define DISK_DIR	ROOTFS_BASE "/modules"
#define TREES		"/lib/modules" /* in the initramfs */
#define FIRMWARE	"/lib/firmware"
#define PATH_ROOM	(sizeof(TREES) + sizeof(((struct utsname *)0)->release))

/*
 * Modules that no device asks for, and what needs them: CUDA does not start
 * without nvidia-uvm.  Debian's file is nvidia-current-uvm.ko, the module in
 * it nvidia_uvm.
 */
static const struct {
	const char *loaded, *also, *begin, *end;
} companions[] = {
	{ "nvidia", "nvidia_uvm", "nvidia", "_uvm" },
	{ "nvidia", "nvidia_modeset", "nvidia", "_modeset" },
};

static int fail(const char *what, struct err *err)
{
	return err_set(err, errno, "%s", what);
}

static void tree_path(char ret[PATH_ROOM])
{
	struct utsname u;

	(void)uname(&u);
	(void)snprintf(ret, PATH_ROOM, TREES "/%s", u.release);
}

static int mount_disk(struct err *err)
{
	char disk[256], dev[300];
	int r = disks_wait("/sys/block", "modules", DISK_TIMEOUT_MS, disk,
			   sizeof(disk), err);

	if (r < 0)
		return r;
	(void)snprintf(dev, sizeof(dev), "/dev/%s", disk);
	if (mkdir(DISK_DIR, 0755) < 0 && errno != EEXIST)
		return fail("make '" DISK_DIR "'", err);
	if (mount(dev, DISK_DIR, "squashfs",
		  MS_RDONLY | MS_NODEV | MS_NOSUID | MS_NOEXEC, NULL) < 0)
		return fail("mount the kernel modules", err);
	return 0;
}

/* Where @path of the directory @root really is: links of an image are its own.
 */
static int real_path(int root, const char *path, char *ret, size_t size)
{
	AUTO_CLOSE int dir = mounts_open(root, path);
	char fd[32];

	if (dir < 0)
		return dir;
	(void)snprintf(fd, sizeof(fd), "/proc/self/fd/%d", dir);
	ssize_t n = readlink(fd, ret, size - 1);
	if (n < 0)
		return -errno;
	ret[n] = '\0';
	return 0;
}

/* Make @path a link to the directory of that name below @root. */
static int link_to(int root, const char *path)
{
	char real[512];
	int r = real_path(root, path + 1, real, sizeof(real));

	if (r == 0 && symlink(real, path) < 0 && errno != EEXIST)
		r = -errno;
	return r;
}

static int link_tree(int root, int image, const char *place, struct err *err)
{
	char path[PATH_ROOM];

	tree_path(path);
	(void)mkdir("/lib", 0755);
	(void)mkdir(TREES, 0755);
	if (link_to(root, FIRMWARE) < 0)
		(void)link_to(image, FIRMWARE);
	int r = link_to(root, path);
	if (r == -ENOENT)
		return err_say(err, ENOENT,
			       "--kernel-modules: %s no '%s', and %s is the "
			       "kernel that runs; give the modules of that one",
			       place, path, path + sizeof(TREES));
	return r < 0 ? err_set(err, -r, "open '%s'", path) : 0;
}

/* For programs in the container that look there; it may also lack /lib. */
static void bind_tree(int image)
{
	char path[PATH_ROOM];
	struct err err;

	tree_path(path);
	const struct mount_spec bind = { path, "modules", path + 1, MS_BIND,
					 NULL };
	if (mounts_dir(image, "lib", &err) == 0 &&
	    mounts_dir(image, TREES + 1, &err) == 0)
		(void)mounts_at(image, &bind, &err);
}

/* The tree of the running kernel's modules, opened. */
static int open_place(const struct settings *s, struct err *err)
{
	bool disk = strcmp(s->module_place, "disk") == 0;
	char path[PATH_ROOM];

	AUTO_CLOSE int image =
		open(ROOTFS_ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (image < 0)
		return fail("open '" ROOTFS_ROOT "'", err);
	int r = disk ? mount_disk(err) : 0;
	if (r < 0)
		return r;
	AUTO_CLOSE int root = open(disk ? DISK_DIR : ROOTFS_ROOT,
				   O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return fail("open '" DISK_DIR "'", err);
	r = link_tree(root, image, disk ? "the directory has" : "the image has",
		      err);
	if (r < 0)
		return r;
	if (disk)
		bind_tree(image);
	tree_path(path);
	int tree = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return tree < 0 ? err_set(err, errno, "open '%s'", path) : tree;
}

/* "NAME PARAMETER=VALUE ..": they come before the devices ask. */
static int load_named(int tree, const struct strv *named, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < named->n; i++) {
		char name[MODTREE_NAME_MAX];
		const char *text = named->v[i];
		size_t len = strcspn(text, " ");

		(void)snprintf(name, sizeof(name), "%.*s", (int)len, text);
		r = insmod(tree, name, text + len + strspn(text + len, " "),
			   err);
	}
	return r < 0 ? err_wrap(err, "--kernel-module") : 0;
}

static void load_companions(int tree, struct warn *warn)
{
	char name[MODTREE_NAME_MAX];
	struct err err;

	for (size_t i = 0; i < sizeof(companions) / sizeof(companions[0]); i++)
		if (insmod_loaded(companions[i].loaded) &&
		    !insmod_loaded(companions[i].also) &&
		    modtree_find(tree, companions[i].begin, companions[i].end,
				 name) == 0 &&
		    insmod(tree, name, "", &err) < 0)
			warn_user(warn, "%s", err.msg);
}

int drivers_load(struct session *s, struct err *err)
{
	struct warn warn = { .wire = &s->wire };

	if (!s->settings.module_place)
		return 0;
	AUTO_CLOSE int tree = open_place(&s->settings, err);
	if (tree < 0)
		return tree;
	/* From now on the kernel may ask for file systems, ciphers and such. */
	sysctl_set("/proc/sys/kernel/modprobe", "/init");
	int r = load_named(tree, &s->settings.modules, err);
	if (r == 0)
		r = coldplug(tree, &warn, err);
	if (r < 0)
		return r;
	load_companions(tree, &warn);
	return nodes_make("/proc", "/dev", err);
}

int drivers_modprobe(int argc, char **argv)
{
	char path[PATH_ROOM];
	struct err err;

	tree_path(path);
	AUTO_CLOSE int tree = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return tree < 0 || argc < 2 ||
	       insmod(tree, argv[argc - 1], "", &err) < 0;
}
