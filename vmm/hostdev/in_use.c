/* SPDX-License-Identifier: Apache-2.0 */
/* in_use.c - does the host need this function itself? */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/hostdev/hostdev_use.h"
#include "vmm/hostdev/nodes.h"
#include "vmm/hostdev/users.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/sysfs.h"

#define LINE_MAX_PROC 4096
#define INTERFACE_UP  1 /* IFF_UP */

__attribute__((format(printf, 3, 4))) static bool
because(struct hostdev_why *why, const char *remedy, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why->fact, sizeof(why->fact), fmt, ap);
	va_end(ap);
	(void)snprintf(why->remedy, sizeof(why->remedy), "%s", remedy);
	return true;
}

/*
 * By number, or by name: some file systems (btrfs) have numbers of their own.
 *
 *   36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw
 */
static bool is_mounted(const struct hostdev_sys *sys, const struct node *n,
		       struct hostdev_why *why)
{
	char path[PATH_MAX], line[LINE_MAX_PROC], number[32];

	(void)snprintf(number, sizeof(number), "%u:%u", n->major, n->minor);
	sysfs_path(sys->root, path, "/proc/self/mountinfo");
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		char id[32], where[160], source[80] = "";

		if (sscanf(line, "%*s %*s %31s %*s %159s", id, where) != 2)
			continue;
		const char *tail = strstr(line, " - ");
		if (tail)
			(void)sscanf(tail, " - %*s /dev/%79s", source);
		if (strcmp(id, number) == 0 || strcmp(source, n->name) == 0)
			return because(why, "unmount it",
				       "disk %s is mounted on '%s'", n->name,
				       where);
	}
	return false;
}

static bool is_swap(const struct hostdev_sys *sys, const struct node *n,
		    struct hostdev_why *why)
{
	char path[PATH_MAX], line[LINE_MAX_PROC], name[80];

	sysfs_path(sys->root, path, "/proc/swaps");
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "/dev/%79s", name) == 1 &&
		    strcmp(name, n->name) == 0)
			return because(why, "'swapoff' it",
				       "disk %s is swap space", n->name);
	return false;
}

/* LVM, RAID, crypt: they show what they hold. */
static bool is_held(const struct node *n, struct hostdev_why *why)
{
	char path[PATH_MAX];
	bool found = false;

	(void)snprintf(path, sizeof(path), "%s/holders", n->dir);
	AUTO_DIR DIR *dir = opendir(path);
	for (struct dirent *e; dir && !found && (e = readdir(dir)) != NULL;)
		found = e->d_name[0] != '.' &&
			because(why, "stop what holds it",
				"disk %s is part of %.64s", n->name, e->d_name);
	return found;
}

/* Whoever mounts or holds a disk does so exclusively, in any namespace. */
static bool is_claimed(const struct hostdev_sys *sys, const struct node *n,
		       struct hostdev_why *why)
{
	char path[PATH_MAX];

	sysfs_path(sys->root, path, "/dev/%s", n->name);
	AUTO_CLOSE int fd =
		open(path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 && errno == EBUSY &&
	       because(why, "release it", "the kernel has disk %s in use",
		       n->name);
}

static bool is_up(const struct hostdev_sys *sys, const struct node *n,
		  struct hostdev_why *why)
{
	int64_t flags =
		sysfs_number(sys->root, 0, "/sys/class/net/%s/flags", n->name);

	return (flags & INTERFACE_UP) &&
	       because(why, "take it down with 'ip link set'",
		       "network interface %s is up", n->name);
}

static bool node_busy(const struct hostdev_sys *sys, const struct node *n,
		      struct hostdev_why *why)
{
	if (n->kind == NODE_NET)
		return is_up(sys, n, why);
	return n->kind == NODE_BLOCK &&
	       (is_mounted(sys, n, why) || is_swap(sys, n, why) ||
		is_held(n, why) || is_claimed(sys, n, why));
}

/*
 * A text console is drawn by this function: it is the firmware's display, or
 * has the first frame buffer, and a console driver is bound.
 */
static bool is_console(const struct hostdev_sys *sys, const struct hostdev *dev,
		       const struct nodes *nodes, struct hostdev_why *why)
{
	bool shows = dev->boot_vga;

	for (size_t i = 0; i < nodes->nr; i++)
		shows = shows || strcmp(nodes->node[i].name, "fb0") == 0;
	for (int i = 0; shows && i < 4; i++) {
		char name[64];

		if (sysfs_text(sys->root, name, sizeof(name),
			       "/sys/class/vtconsole/vtcon%d/name", i) < 0 ||
		    strstr(name, "dummy") ||
		    sysfs_number(sys->root, 0,
				 "/sys/class/vtconsole/vtcon%d/bind", i) != 1)
			continue;
		(void)because(why, "", "it shows the host's console");
		(void)snprintf(why->remedy, sizeof(why->remedy),
			       "detach it with 'echo 0 > /sys/class/vtconsole/"
			       "vtcon%d/bind'",
			       i);
		return true;
	}
	return false;
}

static bool node_open(const struct hostdev_sys *sys, const struct nodes *nodes,
		      struct hostdev_why *why)
{
	AUTO_FREE const char **names = calloc(nodes->nr + 1, sizeof(*names));
	struct user u;
	size_t n = 0;

	if (!names)
		return false;
	for (size_t i = 0; i < nodes->nr; i++)
		if (nodes->node[i].kind != NODE_NET)
			names[n++] = nodes->node[i].name;
	return users_find(sys, names, n, &u) &&
	       because(why, "end that process first",
		       "process %d (%s) has '/dev/%s' open", (int)u.pid, u.name,
		       names[u.node]);
}

/* The group, and what iommufd opens. */
static bool vfio_open(const struct hostdev_sys *sys, const struct hostdev *dev,
		      struct hostdev_why *why)
{
	char group[32], cdev[300], path[PATH_MAX];
	const char *const names[] = { group, cdev };
	struct user u;

	(void)snprintf(group, sizeof(group), "vfio/%d", dev->group);
	(void)snprintf(cdev, sizeof(cdev), "vfio/devices/");
	sysfs_path(sys->root, path, SYSFS_PCI "%s/vfio-dev", dev->bdf);
	AUTO_DIR DIR *dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir)) != NULL;)
		if (strncmp(e->d_name, "vfio", 4) == 0)
			(void)snprintf(cdev, sizeof(cdev), "vfio/devices/%s",
				       e->d_name);
	return users_find(sys, names, 2, &u) &&
	       because(why, "end that process first",
		       "process %d (%s) has '/dev/%s' open", (int)u.pid, u.name,
		       names[u.node]);
}

bool hostdev_in_use(const struct hostdev_sys *sys, const struct hostdev *dev,
		    struct hostdev_why *ret)
{
	AUTO_NODES struct nodes nodes = { 0 };

	if (hostdev_with_vfio(dev))
		return vfio_open(sys, dev, ret);
	if (nodes_read(sys, dev, &nodes) < 0)
		return false;
	for (size_t i = 0; i < nodes.nr; i++)
		if (node_busy(sys, &nodes.node[i], ret))
			return true;
	return is_console(sys, dev, &nodes, ret) || node_open(sys, &nodes, ret);
}
