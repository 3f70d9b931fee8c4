/* SPDX-License-Identifier: Apache-2.0 */
/* machine.c - a guest that does what the input says. */
#include "tests/fuzz/machine.h"

#include <linux/virtio_pci.h>
#include <string.h>

#include "devices/virtio/pci.h"
#include "vmm/core/layout.h"

#define DESCS_MAX 12 /* of one chain */
#define OPS_MAX	  4096 /* of one input */

/* A byte that says where: pages of payload, and the edges of RAM. */
static gpa_t place(struct input *in)
{
	uint8_t how = input_u8(in);

	if (how < 0xe0)
		return MACHINE_DATA + how * UINT64_C(0x1000);
	switch (how & 7) {
	case 0:
		return DRIVER_RAM - 64;
	case 1:
		return DRIVER_RAM - 1;
	case 2:
		return DRIVER_RAM;
	case 3:
		return UINT64_MAX - 15;
	case 4: /* the rings themselves */
		return 0x10000U + input_u16(in);
	default:
		return input_u64(in);
	}
}

static uint32_t length(struct input *in, uint8_t flags)
{
	uint16_t len = input_u16(in);

	if (flags & 0x80)
		return UINT32_MAX - len;
	return flags & 0x40 ? len * 256U : len;
}

static unsigned queue_nr(const struct machine *m, uint8_t byte)
{
	return byte % m->drv.dev->nr_queues;
}

/* A chain; its descriptors may have flags that no driver sets. */
static void offer(struct machine *m, struct input *in)
{
	uint8_t how = input_u8(in);
	struct driver_queue *q = &m->drv.queue[queue_nr(m, how & 15)];
	unsigned nr = 1 + (how >> 4) % DESCS_MAX;
	uint16_t mask = (uint16_t)(q->size - 1);
	uint16_t head = q->next_desc & mask;

	for (unsigned i = 0; i < nr; i++) {
		uint16_t at = q->next_desc++ & mask;
		uint8_t flags = input_u8(in);
		gpa_t addr = place(in);
		uint32_t len = length(in, flags);
		unsigned next = i + 1 < nr ? VRING_DESC_F_NEXT : 0U;

		driver_desc(q, at, addr, len, (uint16_t)((flags & 0x36) | next),
			    flags & 8 ? input_u8(in) : q->next_desc & mask);
	}
	driver_offer(q, head);
}

static void put(struct machine *m, gpa_t at, struct input *in)
{
	size_t have;
	uint8_t len = input_u8(in);
	const uint8_t *p = input_bytes(in, len, &have);

	(void)gmem_write(&m->drv.gm, at, p, have);
}

static unsigned width(uint8_t byte)
{
	return 1U << (byte & 3);
}

/* Any register; guests reach all of them with any width. */
static void bar_write(struct machine *m, struct input *in)
{
	unsigned len = width(input_u8(in));
	unsigned off = input_u16(in) % VPCI_BAR_SIZE;

	driver_write(&m->drv, off, len == 8 ? input_u64(in) : input_u32(in),
		     len);
}

static void bar_read(struct machine *m, struct input *in)
{
	unsigned len = width(input_u8(in));

	(void)driver_read(&m->drv, input_u16(in) % VPCI_BAR_SIZE, len);
}

/* The common registers by name: what a driver writes, in any order. */
static void common_write(struct machine *m, struct input *in)
{
	static const struct {
		uint8_t off, len;
	} reg[] = {
		{ VIRTIO_PCI_COMMON_STATUS, 1 },
		{ VIRTIO_PCI_COMMON_Q_SELECT, 2 },
		{ VIRTIO_PCI_COMMON_Q_ENABLE, 2 },
		{ VIRTIO_PCI_COMMON_Q_SIZE, 2 },
		{ VIRTIO_PCI_COMMON_Q_MSIX, 2 },
		{ VIRTIO_PCI_COMMON_MSIX, 2 },
		{ VIRTIO_PCI_COMMON_Q_DESCLO, 8 },
		{ VIRTIO_PCI_COMMON_Q_AVAILLO, 8 },
		{ VIRTIO_PCI_COMMON_Q_USEDLO, 8 },
		{ VIRTIO_PCI_COMMON_DFSELECT, 4 },
		{ VIRTIO_PCI_COMMON_GFSELECT, 4 },
		{ VIRTIO_PCI_COMMON_GF, 4 },
	};
	unsigned i = input_u8(in) % (sizeof(reg) / sizeof(reg[0]));
	uint64_t value = reg[i].len == 8   ? place(in)
			 : reg[i].len == 4 ? input_u32(in)
			 : reg[i].len == 2 ? input_u16(in)
					   : input_u8(in);

	driver_write(&m->drv, m->drv.common + reg[i].off, value, reg[i].len);
}

static void config_write(struct machine *m, struct input *in)
{
	unsigned len = width(input_u8(in));
	unsigned reg = input_u8(in) & ~(len - 1);

	driver_config_write(&m->drv, reg, input_u32(in), len > 4 ? 4 : len);
}

/* As a driver does it; a machine that was bent may not let it. */
static void restart(struct machine *m)
{
	struct driver *d = &m->drv;
	struct driver_queue *q = d->queue;

	driver_enable(d);
	(void)driver_negotiate(d, m->features);
	for (unsigned i = 0; i < d->dev->nr_queues; i++) {
		driver_setup_queue(d, i);
		/* An unreachable register read 0. */
		if (q[i].size == 0)
			driver_queue_init(&q[i], &d->gm, 0x10000, 4);
	}
	driver_status(d, VIRTIO_CONFIG_S_DRIVER_OK);
}

void machine_kick(struct machine *m, unsigned nr)
{
	driver_kick(&m->drv, nr);
	if (m->serve)
		(void)m->serve(m->drv.dev);
	driver_settle(&m->drv);
}

static void step(struct machine *m, struct input *in)
{
	uint8_t op = input_u8(in);

	switch (op & 15) {
	case 0:
	case 1:
		offer(m, in);
		break;
	case 2: /* one chain, and at once */
		offer(m, in);
		machine_kick(m, queue_nr(m, op >> 4));
		break;
	case 3:
		machine_kick(m, queue_nr(m, op >> 4));
		break;
	case 4:
		put(m, MACHINE_DATA + (op >> 4) * 0x1000U, in);
		break;
	case 5: /* into the rings and tables */
		put(m, m->drv.queue[queue_nr(m, op >> 4)].desc + input_u16(in),
		    in);
		break;
	case 6:
		bar_write(m, in);
		break;
	case 7:
		bar_read(m, in);
		break;
	case 8:
		common_write(m, in);
		break;
	case 9:
		config_write(m, in);
		break;
	case 10:
		restart(m);
		break;
	case 11:
		driver_settle(&m->drv);
		break;
	default:
		if (m->act)
			m->act(m, in);
		break;
	}
}

void machine_run(struct machine *m, struct input *in)
{
	for (unsigned i = 0; in->left && i < OPS_MAX; i++)
		step(m, in);
	if (m->serve)
		(void)m->serve(m->drv.dev);
	driver_settle(&m->drv);
}

void machine_open(struct machine *m, const struct virtio_ops *ops,
		  const void *cfg, struct input *in)
{
	uint8_t how = input_u8(in);

	/* Rings with and without, and of the device all but what is unset. */
	m->features = UINT64_MAX;
	if (how & 1)
		m->features &= ~VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC);
	if (how & 2)
		m->features &= ~VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX);
	if (how & 4)
		m->features &= ~UINT64_C(0xffffff);
	driver_open(&m->drv, ops, cfg);
	(void)driver_start(&m->drv, m->features);
}

void machine_close(struct machine *m)
{
	driver_close(&m->drv);
}
