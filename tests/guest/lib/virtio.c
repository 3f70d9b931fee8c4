/* SPDX-License-Identifier: Apache-2.0 */
/* virtio.c - the driver's half of virtio-pci, for payload guests. */
#include "tests/guest/lib/virtio.h"

#include <linux/virtio_pci.h>

#define VENDOR	  0x1af4
#define DEVICE(n) (uint16_t)(0x1040 + (n))
#define QUEUES	  5

static struct {
	struct vring_desc desc[QUEUE_SIZE];
	struct {
		uint16_t flags, idx, ring[QUEUE_SIZE], event;
	} avail;
	struct {
		uint16_t flags, idx;
		struct vring_used_elem ring[QUEUE_SIZE];
		uint16_t event;
	} used __attribute__((aligned(4)));
} rings[QUEUES] __attribute__((aligned(4096)));

static uint64_t cap_address(unsigned slot, unsigned cap)
{
	unsigned bar =
		read8(ecam(slot, cap + offsetof(struct virtio_pci_cap, bar)));

	return pci_bar(slot, bar) +
	       read32(ecam(slot,
			   cap + offsetof(struct virtio_pci_cap, offset)));
}

bool virtio_find(unsigned id, unsigned nth, struct vdev *ret)
{
	unsigned slot = pci_find(VENDOR, DEVICE(id), nth);
	unsigned cap = 0;

	*ret = (struct vdev){ .slot = slot };
	if (slot == PCI_NONE)
		return false;
	while ((cap = pci_cap(slot, PCI_CAP_ID_VNDR, cap))) {
		uint64_t addr = cap_address(slot, cap);

		switch (read8(ecam(slot, cap + offsetof(struct virtio_pci_cap,
							cfg_type)))) {
		case VIRTIO_PCI_CAP_COMMON_CFG:
			ret->common = addr;
			break;
		case VIRTIO_PCI_CAP_NOTIFY_CFG:
			ret->notify = addr;
			ret->notify_step = read32(
				ecam(slot, cap + VIRTIO_PCI_NOTIFY_CAP_MULT));
			break;
		case VIRTIO_PCI_CAP_ISR_CFG:
			ret->isr = addr;
			break;
		case VIRTIO_PCI_CAP_DEVICE_CFG:
			ret->config = addr;
			break;
		default:
			break;
		}
	}
	write16(ecam(slot, PCI_COMMAND),
		PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	return msix_find(slot, &ret->msix);
}

uint8_t virtio_status(const struct vdev *dev)
{
	return read8(dev->common + COMMON_STATUS);
}

void virtio_reset(const struct vdev *dev)
{
	write8(dev->common + COMMON_STATUS, 0);
	while (virtio_status(dev))
		;
}

uint64_t virtio_offered(const struct vdev *dev)
{
	write32(dev->common + COMMON_DEVICE_SELECT, 1);
	uint64_t high = read32(dev->common + COMMON_DEVICE_FEATURE);
	write32(dev->common + COMMON_DEVICE_SELECT, 0);
	return high << 32 | read32(dev->common + COMMON_DEVICE_FEATURE);
}

bool virtio_accept(const struct vdev *dev, uint64_t features)
{
	uint8_t status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;

	write8(dev->common + COMMON_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	write8(dev->common + COMMON_STATUS, status);
	write32(dev->common + COMMON_DRIVER_SELECT, 0);
	write32(dev->common + COMMON_DRIVER_FEATURE, (uint32_t)features);
	write32(dev->common + COMMON_DRIVER_SELECT, 1);
	write32(dev->common + COMMON_DRIVER_FEATURE,
		(uint32_t)(features >> 32));
	status |= VIRTIO_CONFIG_S_FEATURES_OK;
	write8(dev->common + COMMON_STATUS, status);
	return virtio_status(dev) & VIRTIO_CONFIG_S_FEATURES_OK;
}

void virtio_queue(const struct vdev *dev, unsigned nr, struct queue *ret)
{
	*ret = (struct queue){
		.dev = dev,
		.nr = nr,
		.size = QUEUE_SIZE,
		.desc = rings[nr].desc,
		.avail = (struct vring_avail *)&rings[nr].avail,
		.used = (struct vring_used *)&rings[nr].used,
	};
	memset(&rings[nr], 0, sizeof(rings[nr]));
	write16(dev->common + COMMON_QUEUE_SELECT, (uint16_t)nr);
	write16(dev->common + COMMON_QUEUE_SIZE, QUEUE_SIZE);
	write64(dev->common + COMMON_QUEUE_DESC, (uintptr_t)ret->desc);
	write64(dev->common + COMMON_QUEUE_DRIVER, (uintptr_t)ret->avail);
	write64(dev->common + COMMON_QUEUE_DEVICE, (uintptr_t)ret->used);
	ret->doorbell =
		dev->notify + read16(dev->common + COMMON_QUEUE_NOTIFY_OFF) *
				      (uint64_t)dev->notify_step;
	write16(dev->common + COMMON_QUEUE_ENABLE, 1);
}

void virtio_driver_ok(const struct vdev *dev)
{
	write8(dev->common + COMMON_STATUS,
	       (uint8_t)(virtio_status(dev) | VIRTIO_CONFIG_S_DRIVER_OK));
}

void virtio_begin(const struct vdev *dev, uint64_t features, unsigned nr,
		  struct queue *queues)
{
	virtio_reset(dev);
	check(virtio_accept(dev, features | BIT(VIRTIO_F_VERSION_1)));
	for (unsigned i = 0; i < nr; i++)
		virtio_queue(dev, i, &queues[i]);
	virtio_driver_ok(dev);
}

void queue_desc(const struct queue *q, unsigned i, const void *data,
		uint32_t len, uint16_t flags, uint16_t next)
{
	q->desc[i].addr = (uintptr_t)data;
	q->desc[i].len = len;
	q->desc[i].flags = flags;
	q->desc[i].next = next;
}

void queue_offer(struct queue *q, uint16_t head)
{
	q->avail->ring[q->next++ % q->size] = head;
	/* The device reads idx, then what it covers. */
	__atomic_store_n(&q->avail->idx, q->next, __ATOMIC_RELEASE);
}

void queue_kick(const struct queue *q)
{
	barrier();
	write16(q->doorbell, (uint16_t)q->nr);
}

bool queue_used(const struct queue *q)
{
	return __atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE) != q->seen;
}

uint32_t queue_wait(struct queue *q)
{
	while (!queue_used(q))
		__asm__ volatile("pause");
	return q->used->ring[q->seen++ % q->size].len;
}

void virtio_wait_broken(const struct vdev *dev)
{
	while (!(virtio_status(dev) & VIRTIO_CONFIG_S_NEEDS_RESET))
		;
}
