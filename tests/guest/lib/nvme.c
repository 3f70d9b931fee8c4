/* SPDX-License-Identifier: Apache-2.0 */
/* nvme.c - an NVMe controller's admin queue, for payload guests. */
#include "tests/guest/lib/nvme.h"

#define SLOTS 32

#define REG_CC	 0x14
#define REG_CSTS 0x1c
#define REG_AQA	 0x24
#define REG_ASQ	 0x28
#define REG_ACQ	 0x30
#define REG_DOORBELLS                                                          \
	0x1000 /* tail of the submission, head of the completion */

#define CC_ENABLE  (1 | 6 << 16 | 4 << 20) /* entries of 64 and of 16 bytes */
#define CSTS_READY 1

#define ENTRIES	     4
#define OP_IDENTIFY  6
#define CNS_CTRL     1
#define STATUS_PHASE 1

struct command {
	uint32_t op, nsid, reserved[2];
	uint64_t metadata, prp1, prp2;
	uint32_t cdw10[6];
};

struct completion {
	uint32_t result, reserved;
	uint16_t sq_head, sq_id, id, status;
};

static struct command submission[ENTRIES] __attribute__((aligned(4096)));
static struct completion completions[ENTRIES] __attribute__((aligned(4096)));

bool nvme_find(struct nvme *ret)
{
	for (unsigned slot = 0; slot < SLOTS; slot++) {
		if (read32(ecam(slot, PCI_CLASS_REVISION)) >> 8 != NVME_CLASS)
			continue;
		write16(ecam(slot, PCI_COMMAND),
			PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
		ret->slot = slot;
		ret->regs = pci_bar(slot, 0);
		return msix_find(slot, &ret->msix);
	}
	return false;
}

void nvme_start(struct nvme *n)
{
	write32(n->regs + REG_CC, 0);
	while (read32(n->regs + REG_CSTS) & CSTS_READY)
		;
	memset(submission, 0, sizeof(submission));
	memset(completions, 0, sizeof(completions));
	n->tail = 0;
	n->head = 0;
	n->phase = STATUS_PHASE;
	write32(n->regs + REG_AQA, (ENTRIES - 1) << 16 | (ENTRIES - 1));
	write64(n->regs + REG_ASQ, (uintptr_t)submission);
	write64(n->regs + REG_ACQ, (uintptr_t)completions);
	write32(n->regs + REG_CC, CC_ENABLE);
	while (!(read32(n->regs + REG_CSTS) & CSTS_READY))
		;
}

void nvme_identify(struct nvme *n, void *buffer)
{
	struct command *c = &submission[n->tail];

	memset(c, 0, sizeof(*c));
	c->op = OP_IDENTIFY;
	c->prp1 = (uintptr_t)buffer;
	c->cdw10[0] = CNS_CTRL;
	n->tail = (n->tail + 1) % ENTRIES;
	barrier();
	write32(n->regs + REG_DOORBELLS, n->tail);
}

unsigned nvme_complete(struct nvme *n)
{
	volatile const struct completion *c = &completions[n->head];
	uint16_t status = c->status;

	while ((status & STATUS_PHASE) != n->phase)
		status = c->status;
	barrier();
	n->head = (n->head + 1) % ENTRIES;
	if (n->head == 0)
		n->phase ^= STATUS_PHASE;
	write32(n->regs + REG_DOORBELLS + 4, n->head);
	return status >> 1;
}
