/* SPDX-License-Identifier: Apache-2.0 */
/* rootfs.c - image and layer joined into the container's root. */
#include "images/init/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/init/disks.h"
#include "images/init/say.h"
#include "vmm/lib/auto.h"

#define SYS_BLOCK	"/sys/block"
#define DISK_TIMEOUT_MS 10000

static int make_dir(const char *path, mode_t mode, struct err *err)
{
	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return err_set(err, errno, "make directory '%s'", path);
	return 0;
}

static int mount_image(const char *disk, struct err *err)
{
	static const char *const types[] = { "squashfs", "erofs", "ext4" };
	char dev[300];

	(void)snprintf(dev, sizeof(dev), "/dev/%s", disk);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (mount(dev, ROOTFS_BASE "/image", types[i],
			  MS_RDONLY | MS_NODEV, NULL) == 0)
			return 0;
	return err_say(err, EINVAL,
		       "the disk 'image' is no squashfs, erofs or ext4 that "
		       "this kernel can mount");
}

/* The writable side: the disk "layer" when there is one, else memory. */
static int mount_layer(bool readonly, struct err *err)
{
	const char *target = ROOTFS_BASE "/layer";
	char disk[256], dev[300];

	if (!readonly &&
	    disks_find(SYS_BLOCK, "layer", disk, sizeof(disk)) == 0) {
		(void)snprintf(dev, sizeof(dev), "/dev/%s", disk);
		/* discard: the host's sparse file shrinks with the layer. */
		if (mount(dev, target, "ext4", 0, "discard") < 0)
			return err_set(err, errno,
				       "mount the writable layer '%s'", dev);
		return 0;
	}
	if (mount("layer", target, "tmpfs", 0, "mode=755,size=50%") < 0)
		return err_set(err, errno, "mount a layer in memory");
	return 0;
}

int rootfs_overlay(const char *base, struct err *err)
{
	char upper[128], work[128], root[128], options[512];

	(void)snprintf(upper, sizeof(upper), "%s/layer/upper", base);
	(void)snprintf(work, sizeof(work), "%s/layer/work", base);
	(void)snprintf(root, sizeof(root), "%s/root", base);
	(void)snprintf(options, sizeof(options),
		       "lowerdir=%s/image,upperdir=%s,workdir=%s", base, upper,
		       work);

	int r = make_dir(upper, 0755, err);
	if (r == 0)
		r = make_dir(work, 0700, err);
	if (r == 0)
		r = make_dir(root, 0755, err);
	if (r < 0)
		return r;
	if (mount("overlay", root, "overlay", 0, options) < 0)
		return err_set(err, errno, "mount the overlay");
	return 0;
}

int rootfs_mount(bool readonly, struct err *err)
{
	char image[256];
	int r = disks_wait(SYS_BLOCK, "image", DISK_TIMEOUT_MS, image,
			   sizeof(image), err);
	if (r == 0)
		r = make_dir(ROOTFS_BASE, 0755, err);
	if (r == 0)
		r = make_dir(ROOTFS_BASE "/image", 0755, err);
	if (r == 0)
		r = make_dir(ROOTFS_BASE "/layer", 0755, err);
	if (r == 0)
		r = mount_image(image, err);
	if (r == 0)
		r = mount_layer(readonly, err);
	return r < 0 ? r : rootfs_overlay(ROOTFS_BASE, err);
}

int rootfs_seal(const char *root, struct err *err)
{
	if (mount(NULL, root, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
		return err_set(err, errno, "make the root read-only");
	return 0;
}

/* The layer alone: the server of a share may never answer a sync(). */
static void write_layer(void)
{
	AUTO_CLOSE int layer =
		open(ROOTFS_BASE "/layer", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (layer >= 0 && syncfs(layer) < 0)
		say("write the layer: %s", strerror(errno));
}

void rootfs_unmount(void)
{
	/* First, so that a failure below costs a journal replay, no data. */
	write_layer();

	/* The container is gone: detaching has nothing left to wait for. */
	(void)umount2(ROOTFS_ROOT, MNT_DETACH);
	if (umount2(ROOTFS_BASE "/layer", 0) < 0 && errno != EINVAL &&
	    errno != ENOENT)
		say("unmount the layer: %s", strerror(errno));
}
