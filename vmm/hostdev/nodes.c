/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nodes.c - walk the directory of a function.  Whatever has a device node or
 * is a network interface says so in its file uevent (DEVNAME=, INTERFACE=).
 */
#include "vmm/hostdev/nodes.h"

#include <dirent.h>
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/hostdev/nvidia.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/lib/sysfs.h"

#define DEPTH_MAX  20 /* a disk behind USB hubs is that deep */
#define NODES_MAX  4096
#define UEVENT_MAX 4096

void nodes_done(struct nodes *nodes)
{
	for (size_t i = 0; i < nodes->nr; i++)
		free(nodes->node[i].dir);
	free(nodes->node);
	*nodes = (struct nodes){ 0 };
}

/* Takes n->dir over, also on failure. */
static int add(struct nodes *nodes, struct node *n)
{
	struct node *more = nodes->nr == NODES_MAX
				    ? NULL
				    : reallocarray(nodes->node, nodes->nr + 1,
						   sizeof(*more));
	if (!more) {
		free(n->dir);
		return -ENOMEM;
	}
	nodes->node = more;
	more[nodes->nr++] = *n;
	return 0;
}

/* The value of the line "KEY=value" of @text, copied; false: no such line. */
static bool field(const char *text, const char *key, char *ret, size_t size)
{
	size_t len = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) != 0 || line[len] != '=')
			continue;
		line += len + 1;
		(void)snprintf(ret, size, "%.*s", (int)strcspn(line, "\n"),
			       line);
		return true;
	}
	return false;
}

static int add_uevent(struct nodes *nodes, const char *path)
{
	AUTO_FREE char *text = NULL;
	struct node n = { .kind = NODE_CHAR };
	char number[16], link[PATH_MAX], target[PATH_MAX];

	if (io_read_file(path, UEVENT_MAX, &text, NULL) < 0)
		return 0;
	if (field(text, "INTERFACE", n.name, sizeof(n.name)))
		n.kind = NODE_NET;
	else if (!field(text, "DEVNAME", n.name, sizeof(n.name)))
		return 0;
	if (field(text, "MAJOR", number, sizeof(number)))
		n.major = (unsigned)strtoul(number, NULL, 10);
	if (field(text, "MINOR", number, sizeof(number)))
		n.minor = (unsigned)strtoul(number, NULL, 10);

	size_t len = strlen(path) - strlen("/uevent");
	(void)snprintf(link, sizeof(link), "%.*s/subsystem", (int)len, path);
	ssize_t got = readlink(link, target, sizeof(target) - 1);
	target[got < 0 ? 0 : got] = '\0';
	const char *slash = strrchr(target, '/');
	if (slash && strcmp(slash, "/block") == 0)
		n.kind = NODE_BLOCK;
	n.dir = strndup(path, len);
	return n.dir ? add(nodes, &n) : -ENOMEM;
}

static int walk(struct nodes *nodes, char *path)
{
	char *const roots[] = { path, NULL };
	FTS *fts =
		fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL);
	int r = fts ? 0 : -errno;

	for (FTSENT *e; r == 0 && (e = fts_read(fts)) != NULL;) {
		if (e->fts_info == FTS_D && e->fts_level > DEPTH_MAX)
			(void)fts_set(fts, e, FTS_SKIP);
		if (e->fts_info != FTS_D && e->fts_info != FTS_DP &&
		    strcmp(e->fts_name, "uevent") == 0)
			r = add_uevent(nodes, e->fts_path);
	}
	if (fts)
		(void)fts_close(fts);
	return r;
}

/*
 * With NVMe multipath the disk is not beneath the controller but beneath a
 * subsystem, which has links to its controllers.
 */
static int add_multipath(const struct hostdev_sys *sys, const char *bdf,
			 struct nodes *nodes)
{
	char all[PATH_MAX], part[64];
	struct dirent **subs = NULL;
	int r = 0;

	sysfs_path(sys->root, all, "/sys/class/nvme-subsystem");
	(void)snprintf(part, sizeof(part), "/%s/", bdf);
	int n = scandir(all, &subs, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char dir[PATH_MAX], whole[PATH_MAX];
		struct dirent **links = NULL;
		bool ours = false;

		sysfs_path(sys->root, dir, "/sys/class/nvme-subsystem/%s",
			   subs[i]->d_name);
		int m = subs[i]->d_name[0] == '.'
				? -1
				: scandir(dir, &links, NULL, alphasort);
		for (int k = 0; k < m; k++) {
			char link[PATH_MAX];

			sysfs_path(sys->root, link,
				   "/sys/class/nvme-subsystem/%s/%s",
				   subs[i]->d_name, links[k]->d_name);
			if (strncmp(links[k]->d_name, "nvme", 4) == 0 &&
			    realpath(link, whole) && strstr(whole, part))
				ours = true;
			free(links[k]);
		}
		free(links);
		if (ours && r == 0 && realpath(dir, whole))
			r = walk(nodes, whole);
	}
	for (int i = 0; i < n; i++)
		free(subs[i]);
	free(subs);
	return r;
}

int nodes_read(const struct hostdev_sys *sys, const struct hostdev *dev,
	       struct nodes *ret)
{
	AUTO_NODES struct nodes nodes = { 0 };
	char path[PATH_MAX], whole[PATH_MAX], minor[16];

	sysfs_path(sys->root, path, SYSFS_PCI "%s", dev->bdf);
	if (!realpath(path, whole))
		return -errno;
	int r = walk(&nodes, whole);
	if (r == 0)
		r = add_multipath(sys, dev->bdf, &nodes);
	if (r == 0 && nvidia_field(sys, dev->bdf, "Device Minor", minor,
				   sizeof(minor)) == 0) {
		struct node n = { .kind = NODE_CHAR };

		(void)snprintf(n.name, sizeof(n.name), "nvidia%s", minor);
		r = add(&nodes, &n);
	}
	if (r < 0)
		return r;
	*ret = nodes;
	nodes = (struct nodes){ 0 };
	return 0;
}
