/* SPDX-License-Identifier: Apache-2.0 */
/* hosttree.h - a made-up /sys and /proc, for what reads the host's memory. */
#ifndef TESTS_HARNESS_HOSTTREE_H
#define TESTS_HARNESS_HOSTTREE_H

struct hosttree {
	char root[32]; /* a directory of its own */
};

void hosttree_init(struct hosttree *t);
void hosttree_done(struct hosttree *t);

/* The file @path (beginning with a slash) below the root says @text. */
void hosttree_put(struct hosttree *t, const char *path, const char *text);

/*
 * Nodes 0 and 2, two processors each (0-1, 4-5), 1 GiB and 64 MiB available,
 * 512 huge pages of 2 MiB on node 0, 16 of 20 free on node 2; none of 1 GiB.
 */
void hosttree_two_nodes(struct hosttree *t);

#endif
