/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pmem.h - files in the guest's memory (--pmem): mapped shared and read-only,
 * so that every VM that has one reads the same pages of the host's page cache.
 *
 *   RAM | .. | file .. zeros | .. | file .. zeros | .. | windows of PCI
 *              ^ 128 MiB            ^ 128 MiB: Linux's memory sections
 *
 * KVM has each as a read-only slot: a guest's write is an exit to nobody.  A
 * file that is cut while it is mapped has no page for the guest any more: the
 * VM ends with a sentence, whoever of us touched it.
 */
#ifndef VMM_MONITOR_PMEM_H
#define VMM_MONITOR_PMEM_H

#include <stdint.h>

#include "vmm/core/gmem.h"
#include "vmm/core/slots.h"
#include "vmm/lib/err.h"
#include "vmm/monitor/config.h"

#define PMEM_SECTION UINT64_C(0x8000000) /* where one may begin */
#define PMEM_ALIGN   UINT64_C(0x200000) /* sizes: what Linux can map */
#define PMEM_SAID    256

struct pmem_image {
	const char *id;
	gpa_t gpa;
	uint64_t size; /* the guest's, a multiple of PMEM_ALIGN */
	uint64_t pages; /* bytes of it that pages of the file are behind */
	unsigned char *host; /* `size` bytes */
	char said[PMEM_SAID]; /* when a page is missing */
};

struct pmem {
	unsigned nr;
	struct pmem_image image[CONFIG_MAX_PMEM];
	int probe; /* eventfd that takes bytes to see if they are there */
};

/*
 * Map the files that @c names, whose descriptors are closed then, behind the
 * RAM in @gm, and show them to the guest.  They must end below @limit.  Called
 * once, before other threads run.  -errno with a sentence; pmem_done() is due
 * either way.
 */
int pmem_map(struct pmem *p, struct config *c, struct gmem *gm,
	     struct slots *slots, uint64_t limit, struct err *err);
/* After the guest is gone.  Accepts what was zeroed. */
void pmem_done(struct pmem *p);

/*
 * KVM found a page missing: the sentence for it, or NULL if there are no such
 * files.  Any thread.
 */
const char *pmem_lost(const struct pmem *p);

#endif
