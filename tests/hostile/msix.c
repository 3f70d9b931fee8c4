/* SPDX-License-Identifier: Apache-2.0 */
/*
 * msix.c - interrupts to nowhere and without end, on every device: wild
 * messages, masks toggled while they come, floods of kicks and of
 * configuration changes.  The device interrupts as it should afterwards.
 */
#include "tests/guest/lib/irq.h"
#include "tests/hostile/lib/target.h"

#define QUEUE_VECTOR  40
#define CONFIG_VECTOR 41
#define NOBODY	      (LAYOUT_LAPIC | 0xfe000) /* no such processor */
#define ENTRY	      16
#define KICKS	      2000
#define ROUNDS	      12

/* Entry 0 is for configuration changes, 1 for all queues. */
static void begin(void)
{
	virtio_reset(&dev);
	msix_control(&dev.msix, true, false);
	msix_set(&dev.msix, 0, msi_address(), CONFIG_VECTOR, false);
	msix_set(&dev.msix, 1, msi_address(), QUEUE_VECTOR, false);
	check(virtio_accept(&dev, BIT(VIRTIO_F_VERSION_1)));
	write16(dev.common + COMMON_CONFIG_VECTOR, 0);
	for (unsigned i = 0; i < target->queues; i++) {
		write16(dev.common + COMMON_QUEUE_SELECT, (uint16_t)i);
		write16(dev.common + COMMON_QUEUE_VECTOR, 1);
		virtio_queue(&dev, i, &queues[i]);
	}
	virtio_driver_ok(&dev);
}

static void interrupts(void)
{
	begin();
	unsigned before = irq_count(QUEUE_VECTOR);
	target->request();
	irq_wait(QUEUE_VECTOR, before + 1);
}

/*
 * Many of them reach this processor: KVM looks at few bits of an address.  So
 * their vector is one that it has, and other modes (INIT!) go to nobody.
 */
static void wild_addresses(void)
{
	static const uint64_t addresses[] = {
		0,
		UINT64_MAX,
		SCRATCH,
		UINT64_C(1) << 32 | LAYOUT_LAPIC,
		LAYOUT_LAPIC - 4,
		LAYOUT_LAPIC | 0xffc,
		NOBODY,
		NOBODY | 0xc, /* redirected, logical */
		LAYOUT_ECAM,
	};

	begin();
	*(volatile uint32_t *)SCRATCH = 0;
	for (unsigned i = 0; i < ELEMENTS(addresses); i++) {
		msix_set(&dev.msix, 1, addresses[i], QUEUE_VECTOR, false);
		target->request();
	}
	irq_window();
	check(*(volatile uint32_t *)SCRATCH == 0);
}

static void wild_modes(void)
{
	begin();
	for (unsigned mode = 0; mode < 8; mode++)
		for (unsigned level = 0; level < 4; level++) {
			msix_set(&dev.msix, 1, NOBODY,
				 level << 14 | mode << 8 | (any() & 0xff),
				 false);
			target->request();
		}
}

/* Vectors that a local APIC must not deliver, all delivery modes, levels. */
static void wild_data(void)
{
	begin();
	for (unsigned i = 0; i < ROUNDS; i++) {
		msix_set(&dev.msix, 1, NOBODY, i < 16 ? i : any(), false);
		target->request();
	}
	msix_set(&dev.msix, 1, msi_address(), 0, false);
	target->request();
	msix_set(&dev.msix, 1, msi_address(), 15, false);
	target->request();
}

static void masks_toggled(void)
{
	begin();
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t control = dev.msix.table + ENTRY + 12;

		write32(control, 1);
		target->request();
		write32(control, i & 2);
		write32(control, 0);
		irq_window();
	}
}

static void function_mask_toggled(void)
{
	begin();
	for (unsigned i = 0; i < ROUNDS; i++) {
		msix_control(&dev.msix, i & 1, i & 2);
		target->request();
		msix_control(&dev.msix, true, i & 4);
		irq_window();
	}
}

/* Of every size, everywhere in the table, behind it, in the pending bits. */
static void table_in_pieces(void)
{
	uint64_t end = dev.msix.table + ENTRY * dev.msix.vectors;

	begin();
	msix_control(&dev.msix, true, true);
	for (uint64_t at = dev.msix.table; at < end + ENTRY; at++) {
		write8(at, 0xff);
		write16(at, 0xffff);
		(void)read8(at);
		(void)read64(at);
	}
	for (uint64_t at = dev.msix.pba; at < dev.msix.pba + 16; at++) {
		write64(at, UINT64_MAX);
		(void)read16(at);
		(void)read64(at);
	}
	for (unsigned i = 0; i < dev.msix.vectors; i++)
		msix_set(&dev.msix, i, NOBODY, 0x55, true);
	check(read32(dev.msix.table + 12) == 1);
}

static void kick_flood(void)
{
	begin();
	for (unsigned i = 0; i < KICKS; i++)
		for (unsigned nr = 0; nr < target->queues; nr++)
			write16(queues[nr].doorbell, (uint16_t)any());
}

/* Interrupts that nobody takes: this processor has them off. */
static void interrupts_nobody_takes(void)
{
	begin();
	for (unsigned i = 0; i < ROUNDS; i++)
		target->request();
}

/* Each break of a device is one. */
static void configuration_changes_without_end(void)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned before = irq_count(CONFIG_VECTOR);

		begin();
		victim->next = QUEUE_SIZE;
		check(!target_offer(0));
		irq_wait(CONFIG_VECTOR, before + 1);
	}
}

/* A message for one that is reset meanwhile. */
static void reset_amid_interrupts(void)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		begin();
		queue_desc(victim, 0, (void *)SCRATCH, 8,
			   target->writes ? VRING_DESC_F_WRITE : 0, 0);
		queue_offer(victim, 0);
		target->provoke();
		msix_set(&dev.msix, 1, NOBODY, any(), i & 1);
		virtio_reset(&dev);
		irq_window();
	}
}

static const struct attack attacks[] = {
	{ "wild addresses", wild_addresses },
	{ "wild modes", wild_modes },
	{ "wild data", wild_data },
	{ "masks toggled", masks_toggled },
	{ "function mask toggled", function_mask_toggled },
	{ "table in pieces", table_in_pieces },
	{ "kick flood", kick_flood },
	{ "interrupts nobody takes", interrupts_nobody_takes },
	{ "configuration changes without end",
	  configuration_changes_without_end },
	{ "reset amid interrupts", reset_amid_interrupts },
};

void guest_main(const struct start_info *si)
{
	attack_begin(si);
	for (unsigned t = 0; t < nr_devices; t++) {
		target_use(&targets[t]);
		for (unsigned i = 0; i < ELEMENTS(attacks); i++) {
			attacks[i].run();
			interrupts();
			attack_done(target->name, attacks[i].name);
		}
		msix_control(&dev.msix, false, false);
	}
	attack_end();
}
