/* SPDX-License-Identifier: Apache-2.0 */
/* gmem_priv.h - what the files that make guest RAM share. */
#ifndef VMM_CORE_GMEM_PRIV_H
#define VMM_CORE_GMEM_PRIV_H

#include "vmm/core/gmem.h"

/*
 * The file that RAM of @size bytes in pages of @page lies in, empty, in memory
 * only, gone with its last descriptor and mapping.  A descriptor, or -errno
 * with a sentence.
 */
int gmem_open(uint64_t size, uint64_t page, struct err *err);

/*
 * Cut the regions (their host addresses not known yet) into ranges of nodes
 * and compare with what the host has.  -errno with a sentence.
 */
int gmem_plan(struct gmem *gm, const struct gmem_config *cfg, struct err *err);

/* The regions are mapped: tell the ranges, and bind them to their nodes. */
int gmem_bind(struct gmem *gm, struct err *err);

/* Bytes of RAM that belong to @host_node. */
uint64_t gmem_on_node(const struct gmem *gm, int host_node);

#endif
