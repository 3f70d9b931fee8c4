/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nvme.h - an NVMe controller's admin queue (NVMe 1.4, sections 3.1, 4
 * and 7.6.1) of four entries: enough to have it identify itself by DMA, with an
 * interrupt.
 */
#ifndef TESTS_GUEST_LIB_NVME_H
#define TESTS_GUEST_LIB_NVME_H

#include "tests/guest/lib/pci.h"

#define NVME_CLASS    0x010802
#define NVME_IDENTIFY 4096 /* bytes it writes */
#define NVME_SERIAL   4 /* where in them: 20 characters, padded by spaces */

struct nvme {
	unsigned slot;
	uint64_t regs;
	struct msix msix;
	unsigned tail, head,
		phase; /* of the submission, of the completion queue */
};

/* The first NVMe controller, its memory BAR and its DMA switched on. */
bool nvme_find(struct nvme *ret);
/* Reset it and give it the admin queues. */
void nvme_start(struct nvme *n);
/* Hand over "identify controller" into @buffer, a page; do not wait. */
void nvme_identify(struct nvme *n, void *buffer);
/* Wait for the oldest completion; its status, 0 for success. */
unsigned nvme_complete(struct nvme *n);

#endif
