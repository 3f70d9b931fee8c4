/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gmem_plan.c - where guest RAM comes from: shares of nodes, counted huge
 * pages, and mbind().
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/core/gmem_priv.h"
#include "vmm/lib/hostmem.h"

#define MIB	  20
#define LONG_BITS (8 * sizeof(unsigned long))

static int check_size(const struct gmem *gm, struct err *err)
{
	uint64_t over = gm->size % gm->page;

	if (over == 0)
		return 0;
	return err_say(err, EINVAL,
		       "%" PRIu64 " MiB of guest RAM are not a multiple of its "
		       "huge pages of %" PRIu64 " MiB; give the VM %" PRIu64
		       "m or %" PRIu64 "m",
		       gm->size >> MIB, gm->page >> MIB,
		       (gm->size - over) >> MIB,
		       (gm->size - over + gm->page) >> MIB);
}

static void add_range(struct gmem *gm, uint64_t from, uint64_t to,
		      unsigned node, int host_node)
{
	for (unsigned i = 0; i < gm->nr; i++) {
		const struct gmem_region *r = &gm->region[i];
		uint64_t start = from > r->offset ? from : r->offset;
		uint64_t end = r->offset + r->size;

		if (end > to)
			end = to;
		if (start < end)
			gm->range[gm->nr_ranges++] = (struct gmem_range){
				.gpa = r->gpa + (start - r->offset),
				.size = end - start,
				.node = node,
				.host_node = host_node,
			};
	}
}

/* Shares are whole huge pages even of small ones: one may yet be made there. */
static int split(struct gmem *gm, const struct gmem_config *cfg,
		 struct err *err)
{
	uint64_t unit = gm->page > GMEM_PAGE_2M ? gm->page : GMEM_PAGE_2M;
	uint64_t units = gm->size / unit;
	uint64_t from = 0;

	if (cfg->nr_nodes > GMEM_MAX_NODES)
		return err_say(err, E2BIG, "more than %d NUMA nodes",
			       GMEM_MAX_NODES);
	if (cfg->nr_nodes == 0)
		add_range(gm, 0, gm->size, 0, -1);
	else if (units < cfg->nr_nodes)
		return err_say(err, EINVAL,
			       "%" PRIu64 " MiB of guest RAM are too little "
			       "for %u NUMA nodes; give the VM %" PRIu64 "m",
			       gm->size >> MIB, cfg->nr_nodes,
			       cfg->nr_nodes * (unit >> MIB));
	for (unsigned i = 0; i < cfg->nr_nodes; i++) {
		uint64_t to = units * (i + 1) / cfg->nr_nodes * unit;

		if (i + 1 == cfg->nr_nodes)
			to = gm->size;
		add_range(gm, from, to, i, (int)cfg->node[i]);
		from = to;
	}
	return 0;
}

uint64_t gmem_on_node(const struct gmem *gm, int host_node)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < gm->nr_ranges; i++)
		if (gm->range[i].host_node == host_node)
			sum += gm->range[i].size;
	return sum;
}

/* @node -1: all of RAM. */
static int check_huge(const struct gmem *gm, int node, struct err *err)
{
	uint64_t bytes = node < 0 ? gm->size : gmem_on_node(gm, node);

	return host_check_huge_pages(gm->root, node, gm->page, bytes / gm->page,
				     err);
}

int gmem_plan(struct gmem *gm, const struct gmem_config *cfg, struct err *err)
{
	int r = check_size(gm, err);

	if (r == 0)
		r = split(gm, cfg, err);
	if (r == 0 && cfg->nr_nodes > 0)
		r = host_check_nodes(gm->root, cfg->node, cfg->nr_nodes, err);
	if (r < 0 || gm->page == GMEM_PAGE_4K)
		return r;
	for (unsigned i = 0; r == 0 && i < cfg->nr_nodes; i++)
		r = check_huge(gm, (int)cfg->node[i], err);
	return r < 0 ? r : check_huge(gm, -1, err);
}

/* As QEMU's policy=bind: from this node or not at all. */
static int bind_range(const struct gmem_range *range, struct err *err)
{
	unsigned long mask[HOST_MAX_NODES / LONG_BITS] = { 0 };
	unsigned node = (unsigned)range->host_node;

	mask[node / LONG_BITS] = 1UL << node % LONG_BITS;
	/* The kernel counts one bit less than it is told. */
	if (syscall(SYS_mbind, range->host, range->size, MPOL_BIND, mask,
		    HOST_MAX_NODES + 1UL, 0) == 0)
		return 0;
	if (errno == EINVAL)
		return err_say(err, EINVAL,
			       "host NUMA node %u is not for this process: its "
			       "cpuset leaves out the node's memory",
			       node);
	return err_set(err, errno,
		       "bind guest RAM to host NUMA node %u (mbind)", node);
}

int gmem_bind(struct gmem *gm, struct err *err)
{
	for (unsigned i = 0; i < gm->nr_ranges; i++) {
		struct gmem_range *range = &gm->range[i];

		range->host = gmem_ptr(gm, range->gpa, range->size);
		int r = range->host_node < 0 ? 0 : bind_range(range, err);
		if (r < 0)
			return r;
	}
	return 0;
}
