/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio.h - the driver's half of virtio-pci (virtio 1.2, section 4.1) for
 * payload guests.  Every step is separate, so that a guest can do one wrong.
 */
#ifndef TESTS_GUEST_LIB_VIRTIO_H
#define TESTS_GUEST_LIB_VIRTIO_H

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>

#include "tests/guest/lib/pci.h"

/* Of the common configuration, 4.1.4.3. */
enum virtio_common {
	COMMON_DEVICE_SELECT = 0,
	COMMON_DEVICE_FEATURE = 4,
	COMMON_DRIVER_SELECT = 8,
	COMMON_DRIVER_FEATURE = 12,
	COMMON_CONFIG_VECTOR = 16,
	COMMON_NR_QUEUES = 18,
	COMMON_STATUS = 20,
	COMMON_GENERATION = 21,
	COMMON_QUEUE_SELECT = 22,
	COMMON_QUEUE_SIZE = 24,
	COMMON_QUEUE_VECTOR = 26,
	COMMON_QUEUE_ENABLE = 28,
	COMMON_QUEUE_NOTIFY_OFF = 30,
	COMMON_QUEUE_DESC = 32,
	COMMON_QUEUE_DRIVER = 40,
	COMMON_QUEUE_DEVICE = 48,
};

#define QUEUE_SIZE 16
#define BIT(n)	   (UINT64_C(1) << (n))

struct vdev {
	unsigned slot;
	uint64_t common, notify, isr, config;
	uint32_t notify_step;
	struct msix msix;
};

struct queue {
	const struct vdev *dev;
	unsigned nr, size;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint64_t doorbell;
	uint16_t next, seen;
};

/* The @nth device of kind @id (linux/virtio_ids.h). */
bool virtio_find(unsigned id, unsigned nth, struct vdev *ret);

uint8_t virtio_status(const struct vdev *dev);
/* Reset, and wait until the device says that it is done. */
void virtio_reset(const struct vdev *dev);
uint64_t virtio_offered(const struct vdev *dev);
/* ACKNOWLEDGE, DRIVER, @features, FEATURES_OK.  False: refused. */
bool virtio_accept(const struct vdev *dev, uint64_t features);
/* Queue @nr with the rings of @memory index, enabled. */
void virtio_queue(const struct vdev *dev, unsigned nr, struct queue *ret);
void virtio_driver_ok(const struct vdev *dev);
/* All of it for a device with @nr queues; @features besides VERSION_1. */
void virtio_begin(const struct vdev *dev, uint64_t features, unsigned nr,
		  struct queue *queues);

void queue_desc(const struct queue *q, unsigned i, const void *data,
		uint32_t len, uint16_t flags, uint16_t next);
/* Make the chain at @head available. */
void queue_offer(struct queue *q, uint16_t head);
void queue_kick(const struct queue *q);
/* Wait for the next used element; its length. */
uint32_t queue_wait(struct queue *q);
bool queue_used(const struct queue *q);
/* Wait until the device says NEEDS_RESET. */
void virtio_wait_broken(const struct vdev *dev);

#endif
