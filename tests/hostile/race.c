/* SPDX-License-Identifier: Apache-2.0 */
/*
 * race.c - two processors at one device: while the first kicks, the second
 * rewrites what the device is about to read, or has just checked.
 *
 * The addresses are chosen so that nothing the device may believe lets it
 * write over this program: SCRATCH, or nowhere.
 */
#include "tests/hostile/lib/target.h"

#define ROUNDS 60
#define NEXT   VRING_DESC_F_NEXT

/* The second processor has its own sequence. */
static uint32_t other(void)
{
	static uint64_t state = 2;

	state = state * UINT64_C(6364136223846793005) +
		UINT64_C(1442695040888963407);
	return (uint32_t)(state >> 32);
}

static void rewrite_descriptors(void)
{
	static const uint64_t addresses[] = { SCRATCH, UINT64_C(1) << 52,
					      LAYOUT_LOW_RAM_END, SCRATCH };
	static const uint32_t lengths[] = { 0, 8, 4096, UINT32_MAX };
	volatile struct vring_desc *d = &victim->desc[other() % QUEUE_SIZE];

	d->addr = addresses[other() % 4];
	d->len = lengths[other() % 4];
	d->flags = (uint16_t)(other() & 7);
	d->next = (uint16_t)(other() % (QUEUE_SIZE + 2));
}

static void rewrite_indices(void)
{
	volatile struct vring_avail *a = victim->avail;

	a->ring[other() % QUEUE_SIZE] = (uint16_t)(other() % (QUEUE_SIZE + 2));
	a->flags = (uint16_t)other();
	if (other() % 16 == 0)
		a->idx = (uint16_t)other();
}

/* Each ring has a place of its own: what was written is never a descriptor. */
static void rewrite_registers(void)
{
	unsigned ring = other() % 3;
	uint64_t addresses[] = { SCRATCH_RINGS + 0x10000 * ring,
				 UINT64_C(1) << 40, LAYOUT_LOW_RAM_END - 16,
				 LAYOUT_ECAM };

	write16(dev.common + COMMON_QUEUE_SELECT, (uint16_t)(other() % 5));
	write16(dev.common + COMMON_QUEUE_SIZE, (uint16_t)(1u << other() % 9));
	write64(dev.common + COMMON_QUEUE_DESC + 8 * ring,
		addresses[other() % 4]);
	write16(dev.common + COMMON_QUEUE_ENABLE, (uint16_t)(other() % 2));
}

static void rewrite_status(void)
{
	static const uint8_t some[] = { 0, 1, 3, 11, 15, 0x80, 0xff };

	write8(dev.common + COMMON_STATUS, some[other() % ELEMENTS(some)]);
}

static void move_the_bar(void)
{
	uint64_t reg = ecam(dev.slot, PCI_BASE_ADDRESS_0);
	uint32_t home = read32(reg);

	write32(reg, LAYOUT_MMIO32 + (other() % 8) * 0x4000);
	write32(reg, UINT32_MAX);
	write32(reg, home);
}

static void toggle_the_command(void)
{
	write16(ecam(dev.slot, PCI_COMMAND), (uint16_t)other());
	write16(ecam(dev.slot, PCI_COMMAND),
		PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void rewrite_the_table(void)
{
	msix_control(&dev.msix, other() & 1, other() & 2);
	msix_set(&dev.msix, other() % dev.msix.vectors, LAYOUT_LAPIC | 0xfe000,
		 other(), other() & 1);
}

static void kick_too(void)
{
	for (unsigned nr = 0; nr < target->queues; nr++)
		write16(queues[nr].doorbell, (uint16_t)nr);
	(void)read64(dev.common + COMMON_QUEUE_DESC);
	(void)read8(dev.isr);
}

static const struct {
	const char *name;
	void (*meanwhile)(void);
} attacks[] = {
	{ "descriptors rewritten", rewrite_descriptors },
	{ "indices rewritten", rewrite_indices },
	{ "queue registers rewritten", rewrite_registers },
	{ "status rewritten", rewrite_status },
	{ "BAR moved", move_the_bar },
	{ "command toggled", toggle_the_command },
	{ "MSI-X table rewritten", rewrite_the_table },
	{ "kicked twice", kick_too },
};

/* As virtio_begin(), but nothing it reads back can be relied on. */
static void begin(void)
{
	write8(dev.common + COMMON_STATUS, 0);
	(void)virtio_accept(&dev, BIT(VIRTIO_F_VERSION_1));
	for (unsigned i = 0; i < target->queues; i++) {
		uint64_t doorbell = queues[i].doorbell;

		virtio_queue(&dev, i, &queues[i]);
		queues[i].doorbell = doorbell;
	}
	virtio_driver_ok(&dev);
}

static void one_round(void)
{
	uint16_t flags = target->writes ? VRING_DESC_F_WRITE : 0;

	begin();
	for (uint16_t d = 0; d < QUEUE_SIZE; d++) {
		queue_desc(victim, d, (void *)SCRATCH, 64,
			   d % 2 ? flags : flags | NEXT, (uint16_t)(d + 1));
		queue_offer(victim, d);
		queue_kick(victim);
	}
	target->provoke();
	queue_kick(victim);
}

void guest_main(const struct start_info *si)
{
	uint64_t home;

	attack_begin(si);
	for (unsigned t = 0; t < nr_targets; t++) {
		target_use(&targets[t]);
		home = pci_bar(dev.slot, 0);
		for (unsigned i = 0; i < ELEMENTS(attacks); i++) {
			target_works();
			second_go(attacks[i].meanwhile);
			for (unsigned n = 0; n < ROUNDS; n++)
				one_round();
			second_stop();
			pci_bar_set(dev.slot, 0, home);
			check(virtio_find(target->id, target->nth, &dev));
			msix_control(&dev.msix, false, false);
			target_works();
			attack_done(target->name, attacks[i].name);
		}
	}
	attack_end();
}
