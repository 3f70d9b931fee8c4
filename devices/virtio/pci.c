/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pci.c - virtio over PCI, modern only (virtio 1.2, section 4.1).
 *
 * The capability VIRTIO_PCI_CAP_PCI_CFG (4.1.4.9) is left out: its data
 * register would have to act when read, and configuration space here is
 * memory that the guest reads without us (devices/pci/pci.h).  It exists for
 * firmware that cannot map BARs; a direct-booted guest can.
 */
#include "devices/virtio/pci.h"

#include <errno.h>
#include <linux/virtio_pci.h>
#include <stdlib.h>
#include <string.h>

#include "devices/pci/config.h"
#include "vmm/core/kvm.h"
#include "vmm/lib/le.h"
#include "vmm/lib/list.h"

#define COMMON_SIZE 0x38U /* up to queue_device */
#define VENDOR	    0x1af4
#define DEVICE_BASE 0x1040
#define ISR_QUEUE   1 /* 4.1.4.5; linux/virtio_pci.h names bit 1 only */

_Static_assert(sizeof(struct virtio_pci_common_cfg) >= COMMON_SIZE,
	       "virtio 1.2, 4.1.4.3");
_Static_assert(VIRTIO_QUEUES_MAX * 4 <= VPCI_TABLE - VPCI_NOTIFY &&
		       (VIRTIO_QUEUES_MAX + 1) * 16 <= VPCI_PBA - VPCI_TABLE,
	       "doorbells and vectors have room in the BAR");

static struct virtio_pci *owner_of(struct pci_dev *pci)
{
	return container_of(pci, struct virtio_pci, pci);
}

/* vCPUs and the device's threads: no writer is alone. */
static void count(uint64_t *counter)
{
	(void)__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

void virtio_pci_queue_irq(struct virtio_pci *vp, const struct virtio_queue *q)
{
	count(&vp->dev->counts.interrupts);
	(void)__atomic_fetch_or(&vp->isr, ISR_QUEUE, __ATOMIC_ACQ_REL);
	msix_raise(&vp->msix, __atomic_load_n(&q->vector, __ATOMIC_RELAXED));
}

int virtio_pci_irq_fd(const struct virtio_pci *vp, const struct virtio_queue *q)
{
	unsigned nr = __atomic_load_n(&q->vector, __ATOMIC_RELAXED);

	if (nr >= vp->msix.nr ||
	    !__atomic_load_n(&vp->msix.enabled, __ATOMIC_ACQUIRE))
		return -1;
	return vp->msix.vector[nr].irq.fd;
}

void virtio_pci_config_irq(struct virtio_pci *vp)
{
	count(&vp->dev->counts.interrupts);
	(void)__atomic_fetch_or(&vp->isr, VIRTIO_PCI_ISR_CONFIG,
				__ATOMIC_ACQ_REL);
	msix_raise(&vp->msix,
		   __atomic_load_n(&vp->config_vector, __ATOMIC_RELAXED));
}

/* Let KVM signal the queue's eventfd, or take that back. */
static void set_fast_kick(struct virtio_pci *vp, unsigned nr, bool on)
{
	struct virtio_queue *q = &vp->dev->queue[nr];
	int fd = q->fast_kick >= 0 ? q->fast_kick : q->kick.fd;
	gpa_t at = vp->bar_addr + VPCI_NOTIFY + UINT64_C(4) * nr;

	if (vp->vm_fd < 0 || q->kvm_kicks == on)
		return;
	/*
	 * Where KVM declines, writes exit and notify() does the same.  Length
	 * 0: KVM need not decode the guest's instruction.
	 */
	if (kvm_ioeventfd(vp->vm_fd, at, 0, fd, on) == 0)
		q->kvm_kicks = on;
}

void virtio_pci_update_kicks(struct virtio_pci *vp)
{
	const struct virtio_dev *dev = vp->dev;

	for (unsigned i = 0; i < dev->nr_queues; i++)
		set_fast_kick(vp, i,
			      vp->bar_on && dev->started &&
				      dev->queue[i].enabled);
}

void virtio_pci_reset(struct virtio_pci *vp)
{
	vp->offered_select = vp->accepted_select = 0;
	vp->queue_select = 0;
	__atomic_store_n(&vp->config_vector, VIRTIO_MSI_NO_VECTOR,
			 __ATOMIC_RELAXED);
	__atomic_store_n(&vp->isr, 0, __ATOMIC_RELAXED);
}

static uint32_t select_bits(uint64_t features, uint32_t select)
{
	return select > 1 ? 0 : (uint32_t)(features >> (32 * select));
}

/* NULL: queue_select names none. */
static struct virtio_queue *selected(struct virtio_pci *vp)
{
	return vp->queue_select < vp->dev->nr_queues
		       ? &vp->dev->queue[vp->queue_select]
		       : NULL;
}

static void describe_queue(struct virtio_pci *vp,
			   struct virtio_pci_common_cfg *c)
{
	const struct virtio_queue *q = selected(vp);

	if (!q)
		return;
	c->queue_size = htole16(q->size);
	c->queue_msix_vector =
		htole16(__atomic_load_n(&q->vector, __ATOMIC_RELAXED));
	c->queue_enable = htole16(q->enabled);
	c->queue_notify_off = htole16(vp->queue_select);
	c->queue_desc_lo = htole32((uint32_t)q->desc);
	c->queue_desc_hi = htole32((uint32_t)(q->desc >> 32));
	c->queue_avail_lo = htole32((uint32_t)q->avail);
	c->queue_avail_hi = htole32((uint32_t)(q->avail >> 32));
	c->queue_used_lo = htole32((uint32_t)q->used);
	c->queue_used_hi = htole32((uint32_t)(q->used >> 32));
}

/* Reads have no side effect: any size at any place is a piece of the whole. */
static void common_read(struct virtio_pci *vp, unsigned off, void *data,
			unsigned len)
{
	struct virtio_dev *dev = vp->dev;
	struct virtio_pci_common_cfg c = {
		.device_feature_select = htole32(vp->offered_select),
		.device_feature =
			htole32(select_bits(dev->offered, vp->offered_select)),
		.guest_feature_select = htole32(vp->accepted_select),
		.guest_feature = htole32(
			select_bits(dev->accepted, vp->accepted_select)),
		.msix_config = htole16(
			__atomic_load_n(&vp->config_vector, __ATOMIC_RELAXED)),
		.num_queues = htole16((uint16_t)dev->nr_queues),
		.device_status = virtio_status(dev),
		.config_generation = dev->generation,
		.queue_select = htole16(vp->queue_select),
	};

	describe_queue(vp, &c);
	if (off < COMMON_SIZE)
		memcpy(data, (const char *)&c + off,
		       len < COMMON_SIZE - off ? len : COMMON_SIZE - off);
}

static uint16_t checked_vector(const struct virtio_pci *vp, uint64_t value)
{
	return value < vp->msix.nr ? (uint16_t)value : VIRTIO_MSI_NO_VECTOR;
}

static void set_half(uint64_t *address, bool high, uint64_t value)
{
	if (high)
		*address = (*address & UINT32_MAX) | value << 32;
	else
		*address = (*address & ~(uint64_t)UINT32_MAX) | value;
}

/* Registers of the selected queue; @value has the register's width. */
static void queue_write(struct virtio_pci *vp, unsigned off, uint64_t value)
{
	struct virtio_queue *q = selected(vp);

	/* Frozen once enabled: what was checked stays as it was. */
	if (!q || !virtio_configurable(vp->dev, q))
		return;

	switch (off) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		if (value && !(value & (value - 1)) &&
		    value <= vp->dev->ops->queue_size)
			q->size = (uint16_t)value;
		break;
	case VIRTIO_PCI_COMMON_Q_MSIX:
		__atomic_store_n(&q->vector, checked_vector(vp, value),
				 __ATOMIC_RELAXED);
		break;
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		q->enabled = value == 1;
		break;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
	case VIRTIO_PCI_COMMON_Q_DESCHI:
		set_half(&q->desc, off & 4, value);
		break;
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
		set_half(&q->avail, off & 4, value);
		break;
	case VIRTIO_PCI_COMMON_Q_USEDLO:
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		set_half(&q->used, off & 4, value);
		break;
	default:
		break;
	}
}

/* The width of each register that can be written; 0: none begins there. */
static unsigned register_width(unsigned off)
{
	switch (off) {
	case VIRTIO_PCI_COMMON_DFSELECT:
	case VIRTIO_PCI_COMMON_GFSELECT:
	case VIRTIO_PCI_COMMON_GF:
	case VIRTIO_PCI_COMMON_Q_DESCLO:
	case VIRTIO_PCI_COMMON_Q_DESCHI:
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
	case VIRTIO_PCI_COMMON_Q_USEDLO:
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		return 4;
	case VIRTIO_PCI_COMMON_MSIX:
	case VIRTIO_PCI_COMMON_Q_SELECT:
	case VIRTIO_PCI_COMMON_Q_SIZE:
	case VIRTIO_PCI_COMMON_Q_MSIX:
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		return 2;
	case VIRTIO_PCI_COMMON_STATUS:
		return 1;
	default:
		return 0;
	}
}

static void common_write(struct virtio_pci *vp, unsigned off, uint64_t value,
			 unsigned len)
{
	/* An address in one piece: two registers. */
	if (len == 8 && off >= VIRTIO_PCI_COMMON_Q_DESCLO && off % 8 == 0 &&
	    off < COMMON_SIZE) {
		queue_write(vp, off, value & UINT32_MAX);
		queue_write(vp, off + 4, value >> 32);
		return;
	}
	/* Section 4.1.3.1: natural width only.  The rest is no register. */
	if (len != register_width(off))
		return;

	switch (off) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		vp->offered_select = (uint32_t)value;
		break;
	case VIRTIO_PCI_COMMON_GFSELECT:
		vp->accepted_select = (uint32_t)value;
		break;
	case VIRTIO_PCI_COMMON_GF:
		virtio_accept(vp->dev, vp->accepted_select, (uint32_t)value);
		break;
	case VIRTIO_PCI_COMMON_MSIX:
		__atomic_store_n(&vp->config_vector, checked_vector(vp, value),
				 __ATOMIC_RELAXED);
		break;
	case VIRTIO_PCI_COMMON_STATUS:
		virtio_set_status(vp->dev, (uint8_t)value);
		break;
	case VIRTIO_PCI_COMMON_Q_SELECT:
		vp->queue_select = (uint16_t)value;
		break;
	default:
		queue_write(vp, off, value);
	}
}

static void device_read(const struct virtio_dev *dev, unsigned off, void *data,
			unsigned len)
{
	size_t size = dev->ops->config_size;

	if (off < size)
		memcpy(data, dev->config + off,
		       len < size - off ? len : size - off);
}

static void device_write(struct virtio_dev *dev, unsigned off, const void *data,
			 unsigned len)
{
	size_t size = dev->ops->config_size;

	if (dev->ops->config_write && off < size && len <= size - off)
		dev->ops->config_write(dev, off, data, len);
}

/* Without KVM's help, or before it was asked. */
static void notify(const struct virtio_pci *vp, unsigned off)
{
	if (off % 4 == 0 && off / 4 < vp->dev->nr_queues)
		virtio_again(vp->dev, off / 4);
}

static void bar_read(struct pci_dev *pci, unsigned bar, uint64_t off64,
		     void *data, unsigned len)
{
	struct virtio_pci *vp = owner_of(pci);
	unsigned off = (unsigned)off64;

	(void)bar;
	count(&vp->dev->counts.exits);
	memset(data, 0, len);
	if (off >= VPCI_PBA) {
		msix_pba_read(&vp->msix, off - VPCI_PBA, data, len);
	} else if (off >= VPCI_TABLE) {
		msix_table_read(&vp->msix, off - VPCI_TABLE, data, len);
	} else if (off >= VPCI_DEVICE && off < VPCI_NOTIFY) {
		(void)pthread_mutex_lock(&vp->dev->lock);
		device_read(vp->dev, off - VPCI_DEVICE, data, len);
		(void)pthread_mutex_unlock(&vp->dev->lock);
	} else if (off == VPCI_ISR) {
		*(uint8_t *)data =
			__atomic_exchange_n(&vp->isr, 0, __ATOMIC_ACQ_REL);
	} else if (off < VPCI_ISR) {
		(void)pthread_mutex_lock(&vp->dev->lock);
		common_read(vp, off, data, len);
		(void)pthread_mutex_unlock(&vp->dev->lock);
	}
}

static void bar_write(struct pci_dev *pci, unsigned bar, uint64_t off64,
		      const void *data, unsigned len)
{
	struct virtio_pci *vp = owner_of(pci);
	unsigned off = (unsigned)off64;
	le64_t le = { 0 };

	(void)bar;
	count(&vp->dev->counts.exits);
	memcpy(&le, data, len);
	if (off >= VPCI_TABLE && off < VPCI_PBA) {
		msix_table_write(&vp->msix, off - VPCI_TABLE, data, len);
	} else if (off >= VPCI_NOTIFY && off < VPCI_TABLE) {
		notify(vp, off - VPCI_NOTIFY);
	} else if (off >= VPCI_DEVICE && off < VPCI_NOTIFY) {
		(void)pthread_mutex_lock(&vp->dev->lock);
		device_write(vp->dev, off - VPCI_DEVICE, data, len);
		(void)pthread_mutex_unlock(&vp->dev->lock);
	} else if (off < VPCI_ISR) {
		(void)pthread_mutex_lock(&vp->dev->lock);
		common_write(vp, off, le64_get(le), len);
		(void)pthread_mutex_unlock(&vp->dev->lock);
	}
}

static void bar_moved(struct pci_dev *pci, unsigned bar, uint64_t addr, bool on)
{
	struct virtio_pci *vp = owner_of(pci);

	(void)bar;
	(void)pthread_mutex_lock(&vp->dev->lock);
	/* Off is said with the old address: what is there must go first. */
	vp->bar_addr = addr;
	vp->bar_on = on;
	virtio_pci_update_kicks(vp);
	(void)pthread_mutex_unlock(&vp->dev->lock);
}

static void config_written(struct pci_dev *pci)
{
	struct virtio_pci *vp = owner_of(pci);
	uint16_t flags = pci_get16(pci, vp->msix_cap + PCI_MSIX_FLAGS);
	bool master = pci_get16(pci, PCI_COMMAND) & PCI_COMMAND_MASTER;

	msix_control(&vp->msix, flags & PCI_MSIX_FLAGS_ENABLE,
		     flags & PCI_MSIX_FLAGS_MASKALL);
	(void)pthread_mutex_lock(&vp->dev->lock);
	virtio_set_master(vp->dev, master);
	(void)pthread_mutex_unlock(&vp->dev->lock);
}

static int start(struct pci_dev *pci, struct err *err)
{
	struct virtio_dev *dev = owner_of(pci)->dev;
	int r = dev->ops->run ? dev->ops->run(dev, err) : 0;

	return r < 0 ? err_wrap(err, "device '%s'", dev->ops->name) : 0;
}

static const struct pci_ops virtio_pci_ops = {
	.bar_read = bar_read,
	.bar_write = bar_write,
	.bar_moved = bar_moved,
	.config_written = config_written,
	.start = start,
};

static void add_region(struct pci_dev *pci, uint8_t type, uint32_t offset,
		       uint32_t length)
{
	struct virtio_pci_notify_cap cap = {
		.cap = {
			.cap_len = sizeof(cap.cap),
			.cfg_type = type,
			.bar = VPCI_BAR,
			.offset = htole32(offset),
			.length = htole32(length),
		},
	};

	if (type == VIRTIO_PCI_CAP_NOTIFY_CFG) {
		cap.cap.cap_len = sizeof(cap);
		cap.notify_off_multiplier = htole32(4);
	}
	(void)pci_dev_cap(pci, PCI_CAP_ID_VNDR, &cap, cap.cap.cap_len, NULL);
}

static void add_msix(struct virtio_pci *vp)
{
	static const unsigned char writable[PCI_CAP_MSIX_SIZEOF] = {
		[PCI_MSIX_FLAGS + 1] =
			(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL) >> 8,
	};
	unsigned char cap[PCI_CAP_MSIX_SIZEOF] = { 0 };
	le16_t flags = le16_make((uint16_t)(vp->msix.nr - 1));
	le32_t table = le32_make(VPCI_TABLE | VPCI_BAR);
	le32_t pba = le32_make(VPCI_PBA | VPCI_BAR);

	memcpy(cap + PCI_MSIX_FLAGS, &flags, sizeof(flags));
	memcpy(cap + PCI_MSIX_TABLE, &table, sizeof(table));
	memcpy(cap + PCI_MSIX_PBA, &pba, sizeof(pba));
	vp->msix_cap = pci_dev_cap(&vp->pci, PCI_CAP_ID_MSIX, cap, sizeof(cap),
				   writable);
}

int virtio_pci_open(struct virtio_dev *dev, const struct virtio_env *env,
		    struct err *err)
{
	const struct virtio_ops *ops = dev->ops;
	struct pci_ids ids = {
		.vendor = VENDOR,
		.device = (uint16_t)(DEVICE_BASE + ops->id),
		.subsystem_vendor = VENDOR,
		.subsystem = (uint16_t)(DEVICE_BASE + ops->id),
		.class_code = ops->class_code,
		.revision = 1,
	};

	struct virtio_pci *vp = calloc(1, sizeof(*vp));
	if (!vp)
		return err_set(err, ENOMEM, "allocate");
	dev->pci = vp;
	vp->dev = dev;
	vp->vm_fd = env->pci->cfg.vm_fd;
	virtio_pci_reset(vp);

	/* One vector for each queue, one for configuration changes. */
	int r = msix_init(&vp->msix, env->chip, dev->nr_queues + 1, false, err);
	if (r < 0)
		return r;

	pci_dev_init(&vp->pci, &virtio_pci_ops, &ids);
	pci_dev_bar(&vp->pci, VPCI_BAR, VPCI_BAR_SIZE, 0);
	add_region(&vp->pci, VIRTIO_PCI_CAP_COMMON_CFG, VPCI_COMMON,
		   COMMON_SIZE);
	add_region(&vp->pci, VIRTIO_PCI_CAP_ISR_CFG, VPCI_ISR, 4);
	add_region(&vp->pci, VIRTIO_PCI_CAP_NOTIFY_CFG, VPCI_NOTIFY,
		   4 * dev->nr_queues);
	if (ops->config_size)
		add_region(&vp->pci, VIRTIO_PCI_CAP_DEVICE_CFG, VPCI_DEVICE,
			   (uint32_t)ops->config_size);
	add_msix(vp);
	unsigned bus;
	r = pci_roomy_bus(env->pci, &bus, err);
	return r < 0 ? r : pci_add_to(env->pci, bus, &vp->pci, err);
}

void virtio_pci_close(struct virtio_pci *vp)
{
	if (!vp)
		return;
	pci_remove(&vp->pci);
	msix_done(&vp->msix);
	free(vp);
}
