/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostile_setup.c - nonsense in the registers that set a device up: it is not
 * taken, or the device breaks until reset.
 */
#include "tests/guest/lib/virtio.h"

#define HUGE_PAST_RAM (UINT64_C(1) << 40)

static struct vdev dev;
static struct queue q;
static uint64_t bytes[8];

static void good_request(void)
{
	queue_desc(&q, 0, bytes, sizeof(bytes), VRING_DESC_F_WRITE, 0);
	queue_offer(&q, 0);
	queue_kick(&q);
	check(queue_wait(&q) == sizeof(bytes));
}

static void works_after_reset(void)
{
	virtio_begin(&dev, 0, 1, &q);
	good_request();
}

static void set_size(uint16_t size)
{
	write16(dev.common + COMMON_QUEUE_SELECT, 0);
	write16(dev.common + COMMON_QUEUE_SIZE, size);
}

static void odd_sizes(void)
{
	static const uint16_t odd[] = { 0, 3, 17, 0x8000, 0xffff };

	for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		virtio_reset(&dev);
		check(virtio_accept(&dev, BIT(VIRTIO_F_VERSION_1)));
		set_size(odd[i]);
		check(read16(dev.common + COMMON_QUEUE_SIZE) != odd[i]);
	}
	works_after_reset();
}

static void queues_that_do_not_exist(void)
{
	static const uint16_t none[] = { 1, 2, 64, 0xffff };

	for (unsigned i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		virtio_reset(&dev);
		check(virtio_accept(&dev, BIT(VIRTIO_F_VERSION_1)));
		write16(dev.common + COMMON_QUEUE_SELECT, none[i]);
		check(read16(dev.common + COMMON_QUEUE_SIZE) == 0);
		write16(dev.common + COMMON_QUEUE_SIZE, QUEUE_SIZE);
		write64(dev.common + COMMON_QUEUE_DESC, (uintptr_t)bytes);
		write16(dev.common + COMMON_QUEUE_ENABLE, 1);
		check(read16(dev.common + COMMON_QUEUE_ENABLE) == 0);
		write16(dev.notify + dev.notify_step * none[i], none[i]);
	}
	works_after_reset();
}

static void features_never_offered(void)
{
	uint64_t offered = virtio_offered(&dev);

	for (unsigned bit = 0; bit < 64; bit++) {
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
	works_after_reset();
}

/* CVE-2026-5747: the rings move under a device that runs. */
static void rewritten_while_enabled(void)
{
	works_after_reset();
	set_size(QUEUE_SIZE / 2);
	write64(dev.common + COMMON_QUEUE_DESC, HUGE_PAST_RAM);
	write64(dev.common + COMMON_QUEUE_DRIVER, HUGE_PAST_RAM);
	write64(dev.common + COMMON_QUEUE_DEVICE, HUGE_PAST_RAM);
	write16(dev.common + COMMON_QUEUE_ENABLE, 0);
	check(read16(dev.common + COMMON_QUEUE_SIZE) == QUEUE_SIZE);
	check(read64(dev.common + COMMON_QUEUE_DESC) == (uintptr_t)q.desc);
	check(read16(dev.common + COMMON_QUEUE_ENABLE) == 1);
	good_request();
	works_after_reset();
}

static void rings_at(uint64_t desc, uint64_t avail, uint64_t used)
{
	virtio_reset(&dev);
	check(virtio_accept(&dev, BIT(VIRTIO_F_VERSION_1)));
	set_size(QUEUE_SIZE);
	write64(dev.common + COMMON_QUEUE_DESC, desc);
	write64(dev.common + COMMON_QUEUE_DRIVER, avail);
	write64(dev.common + COMMON_QUEUE_DEVICE, used);
	write16(dev.common + COMMON_QUEUE_ENABLE, 1);
	virtio_driver_ok(&dev);
	write16(dev.notify, 0);
	virtio_wait_broken(&dev);
	works_after_reset();
}

static void rings_misplaced(void)
{
	uint64_t d = (uintptr_t)q.desc;
	uint64_t a = (uintptr_t)q.avail;
	uint64_t u = (uintptr_t)q.used;

	rings_at(HUGE_PAST_RAM, a, u);
	rings_at(d, LAYOUT_LOW_RAM_END, u);
	rings_at(d, a, LAYOUT_ECAM);
	rings_at(d, a, UINT64_MAX & ~UINT64_C(3));
	rings_at(d + 8, a, u);
	rings_at(d, a + 1, u);
	rings_at(d, a, u + 2);
}

static void enabled_after_driver_ok(void)
{
	virtio_reset(&dev);
	check(virtio_accept(&dev, BIT(VIRTIO_F_VERSION_1)));
	virtio_driver_ok(&dev);
	virtio_queue(&dev, 0, &q);
	queue_desc(&q, 0, bytes, 8, VRING_DESC_F_WRITE, 0);
	queue_offer(&q, 0);
	queue_kick(&q);
	works_after_reset();
}

static void started_without_a_queue(void)
{
	virtio_reset(&dev);
	check(virtio_accept(&dev, BIT(VIRTIO_F_VERSION_1)));
	virtio_driver_ok(&dev);
	write16(dev.notify, 0);
	works_after_reset();
}

static void vectors_that_do_not_exist(void)
{
	works_after_reset();
	virtio_reset(&dev);
	check(virtio_accept(&dev, BIT(VIRTIO_F_VERSION_1)));
	write16(dev.common + COMMON_QUEUE_SELECT, 0);
	write16(dev.common + COMMON_QUEUE_VECTOR, 0x7ff);
	check(read16(dev.common + COMMON_QUEUE_VECTOR) == 0xffff);
	write16(dev.common + COMMON_CONFIG_VECTOR, 0x7ff);
	check(read16(dev.common + COMMON_CONFIG_VECTOR) == 0xffff);
	works_after_reset();
}

/* A reset meets a request that may be half done. */
static void reset_in_mid_request(void)
{
	for (unsigned i = 0; i < 50; i++) {
		virtio_begin(&dev, 0, 1, &q);
		for (uint16_t d = 0; d < QUEUE_SIZE; d++) {
			queue_desc(&q, d, bytes, 8, VRING_DESC_F_WRITE, 0);
			queue_offer(&q, d);
		}
		queue_kick(&q);
		virtio_reset(&dev);
		check(virtio_status(&dev) == 0);
	}
	works_after_reset();
}

static const struct {
	const char *name;
	void (*run)(void);
} attacks[] = {
	{ "odd sizes", odd_sizes },
	{ "queues that do not exist", queues_that_do_not_exist },
	{ "features never offered", features_never_offered },
	{ "rewritten while enabled", rewritten_while_enabled },
	{ "rings misplaced", rings_misplaced },
	{ "enabled after DRIVER_OK", enabled_after_driver_ok },
	{ "started without a queue", started_without_a_queue },
	{ "vectors that do not exist", vectors_that_do_not_exist },
	{ "reset in mid-request", reset_in_mid_request },
};

void guest_main(const struct start_info *si)
{
	(void)si;
	check(virtio_find(VIRTIO_ID_RNG, 0, &dev));
	for (unsigned i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		put(attacks[i].name);
		attacks[i].run();
		put(": survived\n");
	}
	put("pass\n");
}
