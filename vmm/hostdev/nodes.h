/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nodes.h - what a driver made of a function: disks, network interfaces and
 * other device nodes that lie beneath it in sysfs.
 */
#ifndef VMM_HOSTDEV_NODES_H
#define VMM_HOSTDEV_NODES_H

#include "vmm/hostdev/hostdev.h"

enum node_kind { NODE_CHAR, NODE_BLOCK, NODE_NET };

struct node {
	enum node_kind kind;
	char name[64]; /* below /dev: "nvme0n1", "dri/card0"; or "eth0" */
	char *dir; /* its directory in sysfs; NULL: none is known */
	unsigned major, minor;
};

struct nodes {
	struct node *node;
	size_t nr;
};

/* @ret is overwritten.  -errno: memory has run out, or sysfs can't be read. */
int nodes_read(const struct hostdev_sys *sys, const struct hostdev *dev,
	       struct nodes *ret);
void nodes_done(struct nodes *nodes);

#define AUTO_NODES __attribute__((cleanup(nodes_done)))

#endif
