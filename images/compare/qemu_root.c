/* SPDX-License-Identifier: Apache-2.0 */
/* qemu_root.c - disks, mounts and network of the peer QEMU. */
#include "images/compare/qemu_root.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/init/mounts.h"
#include "images/init/netlink.h"
#include "images/init/rootfs.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

#define LOOPBACK    1 /* a new machine's first interface */
#define RESOLV	    "/etc/resolv.conf"
#define PREFIX_BITS 24

/* In the order in which the kernel finds them, which QEMU chooses. */
static const char *const disks[] = { "/dev/vda", "/dev/vdb" };

#define NR_DISKS (sizeof(disks) / sizeof(disks[0]))

/* The index of the disk that has the image, or -errno. */
static int mount_image(struct err *err)
{
	int code = ENOENT;

	for (size_t i = 0; i < NR_DISKS; i++) {
		if (mount(disks[i], ROOTFS_BASE "/image", "squashfs",
			  MS_RDONLY | MS_NODEV, NULL) == 0)
			return (int)i;
		if (errno != ENOENT)
			code = errno;
	}
	return err_set(err, code, "find a squashfs to mount on the disks");
}

static int mount_layer(const char *disk, struct err *err)
{
	if (access(disk, F_OK) == 0) {
		if (mount(disk, ROOTFS_BASE "/layer", "ext4", 0, "discard") < 0)
			return err_set(err, errno, "mount the layer '%s'",
				       disk);
		return 0;
	}
	if (mount("layer", ROOTFS_BASE "/layer", "tmpfs", 0,
		  "mode=755,size=50%") < 0)
		return err_set(err, errno, "mount a layer in memory");
	return 0;
}

static int mount_root(struct err *err)
{
	int r = io_mkdirs(ROOTFS_BASE "/image", 0755, err);
	if (r == 0)
		r = io_mkdirs(ROOTFS_BASE "/layer", 0755, err);
	if (r < 0)
		return r;

	int image = mount_image(err);
	if (image < 0)
		return image;
	r = mount_layer(disks[image == 0], err);
	return r < 0 ? r : rootfs_overlay(ROOTFS_BASE, err);
}

/* eth0 as QEMU's user network wants it.  A machine without one is fine. */
static int network_up(struct err *err)
{
	AUTO_CLOSE int nl = netlink_open();
	if (nl < 0)
		return err_set(err, -nl, "open a netlink socket");

	int r = netlink_link_up(nl, LOOPBACK);
	if (r < 0)
		return err_set(err, -r, "start the loopback");
	int eth = (int)if_nametoindex("eth0");
	if (eth == 0)
		return 0;

	struct in_addr addr = { htonl(0x0a00020f) }; /* 10.0.2.15 */
	struct in_addr gateway = { htonl(0x0a000202) }; /* 10.0.2.2 */
	r = netlink_link_up(nl, eth);
	if (r == 0)
		r = netlink_addr_add(nl, eth, AF_INET, &addr, PREFIX_BITS);
	if (r == 0)
		r = netlink_route_add(nl, eth, AF_INET, &gateway);
	return r < 0 ? err_set(err, -r, "start the network") : 0;
}

static int name_server(int root, struct err *err)
{
	static const char text[] = "nameserver 10.0.2.3\n";
	int r = io_write_file(RESOLV, text, sizeof(text) - 1, err);

	if (r == 0)
		r = mounts_dir(root, "etc", err);
	return r < 0 ? r : mounts_file(root, RESOLV, "etc/resolv.conf", err);
}

int qemu_root_make(struct err *err)
{
	static const char host[] = "belljar";
	int r = mount_root(err);
	if (r < 0)
		return r;

	AUTO_CLOSE int root =
		open(ROOTFS_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_set(err, errno, "open '%s'", ROOTFS_ROOT);
	r = mounts_container(root, "devtmpfs", 0, err);
	if (r == 0)
		r = mounts_proc(root, err);
	if (r == 0)
		r = name_server(root, err);
	if (r == 0 && sethostname(host, sizeof(host) - 1) < 0)
		r = err_set(err, errno, "set the host's name");
	return r < 0 ? r : network_up(err);
}
