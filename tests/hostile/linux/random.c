/* SPDX-License-Identifier: Apache-2.0 */
/*
 * random.c - everything at once, decided by the seed alone: registers, config
 * space, rings and what is in them.  Wild addresses lie beyond the memory
 * that Linux knows of, so that the attacker does not end by its own hand.
 */
#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>
#include <string.h>

#include "hostile.h"

#define ROUND	   512U /* steps until the function is as it was */
#define MSI_SAFE   0x0fffffffU
#define QUEUES_MAX 4U

static void come_back(struct function *f)
{
	poke(f->config + PCI_BASE_ADDRESS_0, 4, f->address);
	poke(f->config + PCI_COMMAND, 2,
	     PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static uint64_t some_address(struct ring *r)
{
	uint64_t d = dice();

	if (d % 4)
		return r->mem.physical + (d >> 8) % (HUGE_PAGE - 65536);
	return beyond_linux(wild());
}

static void some_descriptors(struct ring *r)
{
	for (unsigned n = 0; n < 8; n++) {
		uint64_t d = dice();

		*ring_desc(r, d % 16) = (struct descriptor){
			.addr = some_address(r),
			.len = (d >> 8) % 4 ? (uint32_t)(d >> 16) % 65536
					    : (uint32_t)wild(),
			.flags = (uint16_t)((d >> 32) % 8),
			.next = (uint16_t)((d >> 40) % 17),
		};
	}
}

static void step(struct function *f, struct ring *r, unsigned nr)
{
	uint64_t d = dice();
	struct ring *q = &r[(d >> 8) % nr];
	unsigned size = 1U << (d >> 16) % 4;

	switch (d % 16) {
	case 0:
		poke(f->bar + (d >> 24) % BAR_TABLE, size, wild());
		break;
	case 1:
		poke(f->bar + BAR_TABLE + (d >> 24) % 0xff8, size,
		     wild() & MSI_SAFE);
		break;
	case 2:
		(void)peek(f->bar + (d >> 24) % (BAR_SIZE - 8), size);
		break;
	case 3:
		poke(f->config + (d >> 24) % (4096 - 8), size, dice());
		break;
	case 4:
		poke(f->bar + VIRTIO_PCI_COMMON_STATUS, 1, d >> 24);
		break;
	case 5:
		come_back(f);
		break;
	case 6:
		kick_all(f);
		break;
	case 7:
		ring_offer(q, (unsigned)(d >> 24) % 256);
		break;
	default:
		some_descriptors(q);
		ring_offer(q, (unsigned)(d >> 24) % 16);
		ring_kick(q);
		break;
	}
}

void attack_random(void)
{
	struct pages mem = pages_get();
	struct ring r[QUEUES_MAX];

	do {
		struct function *f = &function[dice() % nr_functions];

		come_back(f);
		unsigned nr = device_start(f, mem, r, dice() % 4 ? 0 : dice());
		for (unsigned n = 0; n < ROUND && going_on() && in_time(); n++)
			step(f, r, nr);
		come_back(f);
		device_reset(f);
	} while (in_time());
}
