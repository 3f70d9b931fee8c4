/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostmem.h - what the host says of its memory: NUMA nodes, their processors
 * and distances, huge pages, and how much is free.
 *
 * Facts of a moment, out of /sys and /proc.  @root stands in front of those
 * two ("" or NULL for the host, a made-up tree in tests).
 */
#ifndef VMM_LIB_HOSTMEM_H
#define VMM_LIB_HOSTMEM_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/lib/err.h"

#define HOST_MAX_NODES 1024 /* node numbers are below */
#define HOST_MAX_CPUS  8192 /* what Linux can be built for */

/* Processors, or nodes, by number; .set goes to sched_setaffinity(). */
struct host_set {
	unsigned nr;
	cpu_set_t set[HOST_MAX_CPUS / CPU_SETSIZE];
};

/*
 * Read "0-3,8" (as in cpulist; a line end may follow).  -EINVAL on anything
 * else, numbers above HOST_MAX_CPUS included.
 */
int host_set_parse(const char *text, struct host_set *ret);
bool host_set_has(const struct host_set *s, unsigned n);
/* Is one of them in both? */
bool host_set_meet(const struct host_set *a, const struct host_set *b);
/* @a without what is not in @b. */
void host_set_cut(struct host_set *a, const struct host_set *b);
/* The list again, "0-3,8"; cut when it does not fit. */
void host_set_format(const struct host_set *s, char *ret, size_t size);

/* The nodes that have memory.  -ENOTSUP with a sentence: no NUMA here. */
int host_nodes(const char *root, struct host_set *ret, struct err *err);
/*
 * -EINVAL with a sentence when one of the @nr nodes @node is none of those,
 * -ENOTSUP as above.
 */
int host_check_nodes(const char *root, const unsigned *node, unsigned nr,
		     struct err *err);
/* The processors of @node; may be none. */
int host_node_cpus(const char *root, unsigned node, struct host_set *ret,
		   struct err *err);
/* ACPI distances (10: itself) from @from to each of the @nr nodes @to. */
int host_distances(const char *root, unsigned from, const unsigned *to,
		   unsigned nr, uint8_t *ret, struct err *err);

/*
 * @ret becomes how many huge pages of @page bytes can still be had: free ones
 * that nobody reserved, and those the host would make on demand.  @node -1:
 * of all nodes.  -ENOTSUP with a sentence when the host has none of that size.
 */
int host_huge_pages(const char *root, int node, uint64_t page, uint64_t *ret,
		    struct err *err);
/*
 * -ENOMEM with a sentence when fewer than @need can be had, as the guest's
 * RAM; -ENOTSUP as above.
 */
int host_check_huge_pages(const char *root, int node, uint64_t page,
			  uint64_t need, struct err *err);
/*
 * Only the sentence, for somebody who could not get them: how many there are,
 * and how to make more.
 */
int host_say_huge_pages(const char *root, int node, uint64_t page,
			uint64_t need, struct err *err);

/*
 * Bytes that can be allocated without swapping, as the kernel estimates it;
 * @node -1: on all nodes, within the memory limit of our control group too.
 */
int host_available(const char *root, int node, uint64_t *ret, struct err *err);

#endif
