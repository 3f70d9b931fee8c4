/* SPDX-License-Identifier: Apache-2.0 */
/*
 * setup.c - nonsense in the registers that set a device up, on every device:
 * it is not taken, or the device breaks until reset.
 */
#include "tests/hostile/lib/target.h"

#define HUGE_PAST_RAM (UINT64_C(1) << 40)
#define OK_STATUS                                                              \
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |                \
	 VIRTIO_CONFIG_S_FEATURES_OK)
#define FEATURE_BITS 64

static void negotiate(void)
{
	virtio_reset(&dev);
	check(virtio_accept(&dev, BIT(VIRTIO_F_VERSION_1) | target->features));
}

static void set_size(uint16_t size)
{
	write16(dev.common + COMMON_QUEUE_SELECT, (uint16_t)target->nr);
	write16(dev.common + COMMON_QUEUE_SIZE, size);
}

static void odd_sizes(void)
{
	static const uint16_t odd[] = { 0, 3, 17, 0x180, 0x8000, 0xffff };

	for (unsigned i = 0; i < ELEMENTS(odd); i++) {
		negotiate();
		set_size(odd[i]);
		check(read16(dev.common + COMMON_QUEUE_SIZE) != odd[i]);
	}
}

static void queues_that_do_not_exist(void)
{
	const uint16_t first = (uint16_t)target->queues;
	const uint16_t none[] = { first, (uint16_t)(first + 1), 64, 0x7fff,
				  0xffff };

	for (unsigned i = 0; i < ELEMENTS(none); i++) {
		negotiate();
		write16(dev.common + COMMON_QUEUE_SELECT, none[i]);
		check(read16(dev.common + COMMON_QUEUE_SIZE) == 0);
		write16(dev.common + COMMON_QUEUE_SIZE, QUEUE_SIZE);
		write64(dev.common + COMMON_QUEUE_DESC, SCRATCH_RINGS);
		write16(dev.common + COMMON_QUEUE_VECTOR, 0);
		write16(dev.common + COMMON_QUEUE_ENABLE, 1);
		check(read16(dev.common + COMMON_QUEUE_ENABLE) == 0);
		write16(dev.notify + dev.notify_step * none[i] % 0x1000,
			none[i]);
	}
}

static void features_never_offered(void)
{
	uint64_t offered = virtio_offered(&dev);

	for (unsigned bit = 0; bit < FEATURE_BITS; bit++) {
		if (offered & BIT(bit))
			continue;
		virtio_reset(&dev);
		check(!virtio_accept(&dev, BIT(VIRTIO_F_VERSION_1) | BIT(bit)));
		/* And it does not start like this. */
		virtio_driver_ok(&dev);
		check(!(virtio_status(&dev) & VIRTIO_CONFIG_S_DRIVER_OK));
	}
	virtio_reset(&dev);
	check(!virtio_accept(&dev, 0)); /* not a modern driver */
}

static void features_beyond_all(void)
{
	static const uint32_t selects[] = { 2, 3, 0x80000000, UINT32_MAX };

	for (unsigned i = 0; i < ELEMENTS(selects); i++) {
		virtio_reset(&dev);
		write32(dev.common + COMMON_DRIVER_SELECT, selects[i]);
		write32(dev.common + COMMON_DRIVER_FEATURE, UINT32_MAX);
		check(!virtio_accept(&dev, BIT(VIRTIO_F_VERSION_1)));
		write32(dev.common + COMMON_DEVICE_SELECT, selects[i]);
		check(read32(dev.common + COMMON_DEVICE_FEATURE) == 0);
	}
}

static void features_changed_late(void)
{
	negotiate();
	write32(dev.common + COMMON_DRIVER_SELECT, 0);
	uint32_t before = read32(dev.common + COMMON_DRIVER_FEATURE);
	write32(dev.common + COMMON_DRIVER_FEATURE, UINT32_MAX);
	check(read32(dev.common + COMMON_DRIVER_FEATURE) == before);
	target_works();
	write32(dev.common + COMMON_DRIVER_FEATURE, UINT32_MAX);
	target->request();
}

/* CVE-2026-5747: the rings move under a device that runs. */
static void rewritten_while_enabled(void)
{
	target_works();
	set_size(QUEUE_SIZE / 2);
	write64(dev.common + COMMON_QUEUE_DESC, HUGE_PAST_RAM);
	write64(dev.common + COMMON_QUEUE_DRIVER, HUGE_PAST_RAM);
	write64(dev.common + COMMON_QUEUE_DEVICE, HUGE_PAST_RAM);
	write16(dev.common + COMMON_QUEUE_ENABLE, 0);
	set_size(0);
	check(read16(dev.common + COMMON_QUEUE_SIZE) == QUEUE_SIZE);
	check(read64(dev.common + COMMON_QUEUE_DESC) ==
	      (uintptr_t)victim->desc);
	check(read16(dev.common + COMMON_QUEUE_ENABLE) == 1);
	target->request();
}

/* Of one byte or two, in halves, across two of them. */
static void rewritten_in_pieces(void)
{
	target_works();
	write16(dev.common + COMMON_QUEUE_SELECT, (uint16_t)target->nr);
	for (unsigned reg = COMMON_QUEUE_SIZE; reg < COMMON_QUEUE_DEVICE + 8;
	     reg++) {
		write8(dev.common + reg, 0xa5);
		write16(dev.common + reg, 0xa5a5);
		write32(dev.common + reg, 0xa5a5a5a5);
		write64(dev.common + reg, UINT64_C(0xa5a5a5a5a5a5a5a5));
	}
	target->request();
}

static void rings_at(uint64_t desc, uint64_t avail, uint64_t used)
{
	negotiate();
	set_size(QUEUE_SIZE);
	write64(dev.common + COMMON_QUEUE_DESC, desc);
	write64(dev.common + COMMON_QUEUE_DRIVER, avail);
	write64(dev.common + COMMON_QUEUE_DEVICE, used);
	write16(dev.common + COMMON_QUEUE_ENABLE, 1);
	virtio_driver_ok(&dev);
	write16(dev.notify + target->nr * dev.notify_step, 0);
	virtio_wait_broken(&dev);
}

static void rings_misplaced(void)
{
	uint64_t d = (uintptr_t)victim->desc;
	uint64_t a = (uintptr_t)victim->avail;
	uint64_t u = (uintptr_t)victim->used;

	rings_at(HUGE_PAST_RAM, a, u);
	rings_at(d, LAYOUT_LOW_RAM_END, u);
	rings_at(d, a, LAYOUT_ECAM);
	rings_at(dev.common & ~UINT64_C(15), a, u);
	rings_at(d, a, LAYOUT_LAPIC);
	rings_at(d, a, UINT64_MAX & ~UINT64_C(3));
	rings_at(UINT64_MAX & ~UINT64_C(15), a, u);
	rings_at(d + 8, a, u);
	rings_at(d, a + 1, u);
	rings_at(d, a, u + 2);
	/* Their last entry is in the hole, or behind the last byte. */
	rings_at(LAYOUT_LOW_RAM_END - 16, a, u);
	rings_at(d, LAYOUT_LOW_RAM_END - 4, u);
	rings_at(d, a, ram_end() - 4);
}

/* All three in one place: it reads what it writes. */
static void rings_over_each_other(void)
{
	negotiate();
	for (unsigned nr = 0; nr < target->queues; nr++) {
		write16(dev.common + COMMON_QUEUE_SELECT, (uint16_t)nr);
		write16(dev.common + COMMON_QUEUE_SIZE, QUEUE_SIZE);
		write64(dev.common + COMMON_QUEUE_DESC, SCRATCH_RINGS);
		write64(dev.common + COMMON_QUEUE_DRIVER, SCRATCH_RINGS);
		write64(dev.common + COMMON_QUEUE_DEVICE, SCRATCH_RINGS);
		write16(dev.common + COMMON_QUEUE_ENABLE, 1);
	}
	*(volatile uint32_t *)SCRATCH_RINGS = 0x00050000;
	virtio_driver_ok(&dev);
	for (unsigned i = 0; i < QUEUE_SIZE; i++)
		write16(dev.notify + target->nr * dev.notify_step, 0);
	virtio_reset(&dev);
	memset((void *)SCRATCH_RINGS, 0, 4096);
}

static void enabled_after_driver_ok(void)
{
	negotiate();
	virtio_driver_ok(&dev);
	virtio_queue(&dev, target->nr, victim);
	queue_desc(victim, 0, (void *)SCRATCH, 8, VRING_DESC_F_WRITE, 0);
	queue_offer(victim, 0);
	queue_kick(victim);
	check(read16(dev.common + COMMON_QUEUE_ENABLE) == 0);
}

static void started_without_a_queue(void)
{
	negotiate();
	virtio_driver_ok(&dev);
	for (unsigned nr = 0; nr < target->queues; nr++)
		write16(dev.notify + nr * dev.notify_step, 0);
}

static void vectors_that_do_not_exist(void)
{
	negotiate();
	write16(dev.common + COMMON_QUEUE_SELECT, 0);
	write16(dev.common + COMMON_QUEUE_VECTOR, 0x7ff);
	check(read16(dev.common + COMMON_QUEUE_VECTOR) == 0xffff);
	write16(dev.common + COMMON_CONFIG_VECTOR, 0x7ff);
	check(read16(dev.common + COMMON_CONFIG_VECTOR) == 0xffff);
}

/* The device's own configuration, and what of the common one is read-only. */
static void read_only_registers(void)
{
	static const unsigned registers[] = { COMMON_DEVICE_FEATURE,
					      COMMON_NR_QUEUES,
					      COMMON_GENERATION,
					      COMMON_QUEUE_NOTIFY_OFF };
	uint64_t config = dev.config ? dev.config : dev.common + 0x40;

	target_works();
	for (unsigned i = 0; i < ELEMENTS(registers); i++) {
		uint64_t at = dev.common + registers[i];
		uint16_t before = read16(at);

		write8(at, 0xff);
		write16(at, 0xffff);
		check(read16(at) == before);
	}
	for (unsigned i = 0; i < 64; i++) {
		uint8_t before = read8(config + i);

		/* The one field that a driver may write: `actual`. */
		if (target->id == VIRTIO_ID_BALLOON && i / 4 == 1)
			continue;
		write8(config + i, (uint8_t)~before);
		write32(config + (i & ~3u), UINT32_MAX);
		write64(config + (i & ~7u), UINT64_MAX);
		check(read8(config + i) == before);
	}
	target->request();
}

static void status_of_any_kind(void)
{
	for (unsigned i = 0; i < 256; i++) {
		write8(dev.common + COMMON_STATUS, (uint8_t)i);
		write8(dev.common + COMMON_STATUS, (uint8_t)any());
	}
	/* All at once is not in order. */
	virtio_reset(&dev);
	write8(dev.common + COMMON_STATUS, 0xff);
	check(!(virtio_status(&dev) & VIRTIO_CONFIG_S_DRIVER_OK));
}

/* A device that runs is not stopped or started a second time by it. */
static void driver_ok_toggled(void)
{
	target_works();
	for (unsigned i = 0; i < 50; i++) {
		write8(dev.common + COMMON_STATUS, OK_STATUS);
		write8(dev.common + COMMON_STATUS,
		       OK_STATUS | VIRTIO_CONFIG_S_DRIVER_OK);
	}
	target->request();
}

static void set_master(bool on)
{
	write16(ecam(dev.slot, PCI_COMMAND),
		PCI_COMMAND_MEMORY | (on ? PCI_COMMAND_MASTER : 0));
}

static void fill_victim(void)
{
	uint16_t flags = target->writes ? VRING_DESC_F_WRITE : 0;

	for (uint16_t d = 0; d < QUEUE_SIZE; d++) {
		queue_desc(victim, d, (void *)SCRATCH, 64, flags, 0);
		queue_offer(victim, d);
	}
	queue_kick(victim);
}

static void bus_master_toggled(void)
{
	for (unsigned i = 0; i < 20; i++) {
		target_begin(0);
		fill_victim();
		set_master(i % 2);
		set_master(true);
		set_master(false);
		target->provoke();
		set_master(true);
	}
}

/* Without it the device touches no memory. */
static void bus_master_off(void)
{
	target_begin(0);
	set_master(false);
	*(volatile uint64_t *)SCRATCH = 0x5a5a5a5a5a5a5a5a;
	fill_victim();
	attack_done(target->name, "bus master off (asleep)");
	check(!queue_used(victim));
	check(*(volatile uint64_t *)SCRATCH == 0x5a5a5a5a5a5a5a5a);
	set_master(true);
}

/* A reset meets requests that may be half done. */
static void reset_in_mid_request(void)
{
	for (unsigned i = 0; i < 50; i++) {
		target_begin(0);
		fill_victim();
		target->provoke();
		virtio_reset(&dev);
		check(virtio_status(&dev) == 0);
	}
}

static const struct attack attacks[] = {
	{ "odd sizes", odd_sizes },
	{ "queues that do not exist", queues_that_do_not_exist },
	{ "features never offered", features_never_offered },
	{ "features beyond all", features_beyond_all },
	{ "features changed late", features_changed_late },
	{ "rewritten while enabled", rewritten_while_enabled },
	{ "rewritten in pieces", rewritten_in_pieces },
	{ "rings misplaced", rings_misplaced },
	{ "rings over each other", rings_over_each_other },
	{ "enabled after DRIVER_OK", enabled_after_driver_ok },
	{ "started without a queue", started_without_a_queue },
	{ "vectors that do not exist", vectors_that_do_not_exist },
	{ "read-only registers", read_only_registers },
	{ "status of any kind", status_of_any_kind },
	{ "DRIVER_OK toggled", driver_ok_toggled },
	{ "bus master toggled", bus_master_toggled },
	{ "bus master off", bus_master_off },
	{ "reset in mid-request", reset_in_mid_request },
};

void guest_main(const struct start_info *si)
{
	attack_begin(si);
	for (unsigned t = 0; t < nr_targets; t++) {
		target_use(&targets[t]);
		for (unsigned i = 0; i < ELEMENTS(attacks); i++) {
			attacks[i].run();
			target_works();
			attack_done(target->name, attacks[i].name);
		}
	}
	attack_end();
}
