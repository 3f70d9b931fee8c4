/* SPDX-License-Identifier: Apache-2.0 */
/*
 * msix.c - a queue's interrupt arrives; masked, it is pending and arrives
 * when unmasked; an address nobody has harms nobody.
 */
#include "tests/guest/lib/irq.h"
#include "tests/guest/lib/virtio.h"

#define VECTOR 41

static uint64_t bytes[4];
static unsigned came; /* interrupts so far */

static void request(struct queue *q)
{
	queue_desc(q, 0, bytes, sizeof(bytes), VRING_DESC_F_WRITE, 0);
	queue_offer(q, 0);
	queue_kick(q);
}

static void arrives(struct queue *q)
{
	request(q);
	irq_wait(VECTOR, ++came);
	check(queue_used(q));
	(void)queue_wait(q);
}

/* The request is done, yet no interrupt came. */
static void silent(struct queue *q)
{
	request(q);
	(void)queue_wait(q);
	irq_window();
	check(irq_count(VECTOR) == came);
}

static void wait_pending(const struct msix *m)
{
	while (!msix_pending(m, 0))
		;
	irq_window();
	check(irq_count(VECTOR) == came);
}

void guest_main(const struct start_info *si)
{
	struct vdev dev;
	struct queue q;

	(void)si;
	lapic_enable();
	check(virtio_find(VIRTIO_ID_RNG, 0, &dev));
	const struct msix *m = &dev.msix;

	virtio_reset(&dev);
	check(virtio_accept(&dev, BIT(VIRTIO_F_VERSION_1)));
	write16(dev.common + COMMON_QUEUE_SELECT, 0);
	write16(dev.common + COMMON_QUEUE_VECTOR, 0);
	check(read16(dev.common + COMMON_QUEUE_VECTOR) == 0);
	virtio_queue(&dev, 0, &q);
	virtio_driver_ok(&dev);
	msix_control(m, true, false);
	msix_set(m, 0, msi_address(), VECTOR, false);
	arrives(&q);
	arrives(&q);
	put("arrives\n");

	msix_set(m, 0, msi_address(), VECTOR, true);
	check(!msix_pending(m, 0));
	silent(&q);
	wait_pending(m);
	msix_set(m, 0, msi_address(), VECTOR, false);
	irq_wait(VECTOR, ++came);
	check(!msix_pending(m, 0));
	/* Delivered once is not pending any more. */
	msix_set(m, 0, msi_address(), VECTOR, true);
	check(!msix_pending(m, 0));
	msix_set(m, 0, msi_address(), VECTOR, false);
	irq_window();
	check(irq_count(VECTOR) == came);
	put("vector mask\n");

	msix_control(m, true, true);
	silent(&q);
	wait_pending(m);
	msix_control(m, true, false);
	irq_wait(VECTOR, ++came);
	check(!msix_pending(m, 0));
	arrives(&q);
	put("function mask\n");

	/* RAM, the hole, beyond all memory: messages no processor takes. */
	static const uint64_t wild[] = { 0x2000, 0xfed00000, UINT64_MAX << 2 };
	for (unsigned i = 0; i < 3; i++) {
		msix_set(m, 0, wild[i], VECTOR, false);
		silent(&q);
	}
	/* The last of them may still be on its way, and come with this one. */
	msix_set(m, 0, msi_address(), VECTOR, false);
	request(&q);
	(void)queue_wait(&q);
	irq_wait(VECTOR, ++came);
	put("wild addresses\npass\n");
}
