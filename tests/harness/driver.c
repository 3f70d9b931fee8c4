/* SPDX-License-Identifier: Apache-2.0 */
/* driver.c - the guest's half of a virtio device. */
#include "tests/harness/driver.h"

#include <linux/virtio_pci.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/virtio/pci.h"
#include "vmm/core/layout.h"
#include "vmm/lib/le.h"

#define QUEUES_AT 0x10000U
#define QUEUE_GAP 0x4000U
#define BUFS_AT	  0x100000U
/* More rounds of the loop than any test has work for. */
#define ROUNDS_MAX 100000U

void driver_queue_init(struct driver_queue *q, struct gmem *gm, gpa_t base,
		       uint16_t size)
{
	*q = (struct driver_queue){
		.gm = gm,
		.size = size,
		.desc = base,
		.avail = base + 16U * size,
		.used = (base + 16U * size + 2U * size + 6 + 3) & ~UINT64_C(3),
	};
	memset(gmem_ptr(gm, base, DRIVER_QUEUE_BYTES(size)), 0,
	       DRIVER_QUEUE_BYTES(size));
}

void driver_queue_setup(const struct driver_queue *q, struct vq_setup *ret)
{
	*ret = (struct vq_setup){
		.size = q->size,
		.desc = q->desc,
		.avail = q->avail,
		.used = q->used,
	};
}

void driver_desc_at(struct gmem *gm, gpa_t table, uint16_t i, gpa_t addr,
		    uint32_t len, uint16_t flags, uint16_t next)
{
	struct vq_desc d = {
		.addr = le64_make(addr),
		.len = le32_make(len),
		.flags = le16_make(flags),
		.next = le16_make(next),
	};

	assert_int_equal(gmem_write(gm, table + 16U * (gpa_t)i, &d, sizeof(d)),
			 0);
}

void driver_desc(struct driver_queue *q, uint16_t i, gpa_t addr, uint32_t len,
		 uint16_t flags, uint16_t next)
{
	driver_desc_at(q->gm, q->desc, i, addr, len, flags, next);
}

static struct vq_avail *avail_of(const struct driver_queue *q)
{
	return gmem_ptr(q->gm, q->avail, 6U + 2U * q->size);
}

void driver_offer(struct driver_queue *q, uint16_t head)
{
	struct vq_avail *a = avail_of(q);

	a->ring[q->avail_idx & (q->size - 1)] = le16_make(head);
	q->avail_idx++;
	/* Pairs with the device's acquire in vq_pop(). */
	le16_store_release(&a->idx, q->avail_idx);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

uint16_t driver_chain(struct driver_queue *q, const struct driver_buf *buf,
		      unsigned nr)
{
	uint16_t mask = (uint16_t)(q->size - 1);
	uint16_t head = q->next_desc & mask;

	for (unsigned i = 0; i < nr; i++) {
		uint16_t at = q->next_desc++ & mask;
		unsigned flags = (buf[i].write ? VRING_DESC_F_WRITE : 0U) |
				 (i + 1 < nr ? VRING_DESC_F_NEXT : 0U);

		driver_desc(q, at, buf[i].at, buf[i].len, (uint16_t)flags,
			    q->next_desc & mask);
	}
	driver_offer(q, head);
	return head;
}

bool driver_take(struct driver_queue *q, uint32_t *ret_id, uint32_t *ret_len)
{
	struct vq_used *u = gmem_ptr(q->gm, q->used, 6U + 8U * q->size);

	/* Pairs with the device's release in vq_push(). */
	if (le16_load_acquire(&u->idx) == q->used_idx)
		return false;
	struct vq_used_elem e = u->ring[q->used_idx++ & (q->size - 1)];
	/* used_event: an interrupt for the next one, please. */
	__atomic_store_n(&avail_of(q)->ring[q->size].raw, htole16(q->used_idx),
			 __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (ret_id)
		*ret_id = le32_get(e.id);
	if (ret_len)
		*ret_len = le32_get(e.len);
	return true;
}

static uint64_t ecam(const struct driver *d, unsigned reg)
{
	return LAYOUT_ECAM + ((uint64_t)d->slot << 15) + reg;
}

uint32_t driver_config_read(struct driver *d, unsigned reg, unsigned len)
{
	le32_t v = { 0 };

	assert_true(bus_read(&d->mmio, ecam(d, reg), &v, len));
	return le32_get(v);
}

void driver_config_write(struct driver *d, unsigned reg, uint32_t value,
			 unsigned len)
{
	le32_t v = le32_make(value);

	assert_true(bus_write(&d->mmio, ecam(d, reg), &v, len));
}

uint64_t driver_read(struct driver *d, unsigned off, unsigned len)
{
	le64_t v = { 0 };

	(void)bus_read(&d->mmio, d->bar + off, &v, len);
	return le64_get(v);
}

void driver_write(struct driver *d, unsigned off, uint64_t value, unsigned len)
{
	le64_t v = le64_make(value);

	(void)bus_write(&d->mmio, d->bar + off, &v, len);
}

/* Where a vendor capability says its structure is. */
static void note_cap(struct driver *d, unsigned cap)
{
	unsigned type = driver_config_read(d, cap + 3, 1);
	unsigned offset = driver_config_read(d, cap + 8, 4);

	switch (type) {
	case VIRTIO_PCI_CAP_COMMON_CFG:
		d->common = offset;
		break;
	case VIRTIO_PCI_CAP_NOTIFY_CFG:
		d->notify = offset;
		break;
	case VIRTIO_PCI_CAP_ISR_CFG:
		d->isr = offset;
		break;
	case VIRTIO_PCI_CAP_DEVICE_CFG:
		d->device = offset;
		break;
	default:
		fail_msg("capability of type %u", type);
	}
}

static void find_caps(struct driver *d)
{
	unsigned at = driver_config_read(d, PCI_CAPABILITY_LIST, 1);

	for (; at; at = driver_config_read(d, at + 1, 1)) {
		unsigned id = driver_config_read(d, at, 1);

		if (id == PCI_CAP_ID_MSIX) {
			d->msix_cap = at;
			d->table = driver_config_read(d, at + 4, 4) & ~7U;
			d->pba = driver_config_read(d, at + 8, 4) & ~7U;
		} else if (id == PCI_CAP_ID_VNDR) {
			note_cap(d, at);
		}
	}
}

int driver_try_open(struct driver *d, const struct virtio_ops *ops,
		    const void *config, struct err *err)
{
	struct pci_host_config cfg = {
		.mmio = &d->mmio,
		.pio = &d->pio,
		.chip = &d->chip,
		.vm_fd = -1,
		.ram_end = UINT64_C(1) << 32,
		.phys_bits = 40,
	};
	struct virtio_env env = {
		.gm = &d->gm,
		.chip = &d->chip,
		.loop = &d->loop,
		.pci = &d->host,
	};

	const struct gmem_config ram = { .size = DRIVER_RAM,
					 .pluggable = DRIVER_PLUGGABLE };

	*d = (struct driver){ .next = BUFS_AT };
	assert_int_equal(gmem_init(&d->gm, &ram, err), 0);
	assert_int_equal(irqchip_init(&d->chip, -1, err), 0);
	assert_int_equal(loop_init(&d->loop, err), 0);
	bus_init(&d->mmio);
	bus_init(&d->pio);
	assert_int_equal(pci_host_init(&d->host, &cfg, err), 0);
	if (!ops)
		return 0;

	int r = virtio_open(ops, config, &env, &d->dev, err);
	if (r < 0)
		return r;
	r = pci_host_start(&d->host, err);
	if (r < 0)
		return r;
	d->slot = 1;
	find_caps(d);
	return 0;
}

void driver_open(struct driver *d, const struct virtio_ops *ops,
		 const void *config)
{
	struct err err = { 0 };

	if (driver_try_open(d, ops, config, &err) < 0)
		fail_msg("%s", err.msg);
}

void driver_close(struct driver *d)
{
	virtio_close(d->dev);
	pci_host_done(&d->host);
	bus_done(&d->pio);
	bus_done(&d->mmio);
	loop_done(&d->loop);
	irqchip_done(&d->chip);
	gmem_done(&d->gm);
}

void driver_enable(struct driver *d)
{
	d->bar = driver_config_read(d, PCI_BASE_ADDRESS_0, 4) & ~15U;
	driver_config_write(d, PCI_COMMAND,
			    PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
	driver_config_write(d, d->msix_cap + PCI_MSIX_FLAGS,
			    PCI_MSIX_FLAGS_ENABLE, 2);
}

void driver_status(struct driver *d, uint8_t bit)
{
	uint64_t now = driver_read(d, d->common + VIRTIO_PCI_COMMON_STATUS, 1);

	driver_write(d, d->common + VIRTIO_PCI_COMMON_STATUS, now | bit, 1);
}

uint64_t driver_negotiate(struct driver *d, uint64_t features)
{
	uint64_t agreed = 0;

	driver_write(d, d->common + VIRTIO_PCI_COMMON_STATUS, 0, 1);
	driver_status(d, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	driver_status(d, VIRTIO_CONFIG_S_DRIVER);
	features |= VIRTIO_BIT(VIRTIO_F_VERSION_1);
	for (unsigned i = 0; i < 2; i++) {
		driver_write(d, d->common + VIRTIO_PCI_COMMON_DFSELECT, i, 4);
		uint64_t part =
			driver_read(d, d->common + VIRTIO_PCI_COMMON_DF, 4);
		part &= features >> (32 * i);
		agreed |= part << (32 * i);
		driver_write(d, d->common + VIRTIO_PCI_COMMON_GFSELECT, i, 4);
		driver_write(d, d->common + VIRTIO_PCI_COMMON_GF, part, 4);
	}
	driver_status(d, VIRTIO_CONFIG_S_FEATURES_OK);
	return agreed;
}

static void write_address(struct driver *d, unsigned reg, gpa_t at)
{
	driver_write(d, d->common + reg, at & UINT32_MAX, 4);
	driver_write(d, d->common + reg + 4, at >> 32, 4);
}

void driver_setup_queue(struct driver *d, unsigned nr)
{
	struct driver_queue *q = &d->queue[nr];
	unsigned c = d->common;

	driver_write(d, c + VIRTIO_PCI_COMMON_Q_SELECT, nr, 2);
	uint64_t size = driver_read(d, c + VIRTIO_PCI_COMMON_Q_SIZE, 2);
	driver_queue_init(q, &d->gm, QUEUES_AT + nr * QUEUE_GAP,
			  (uint16_t)size);
	write_address(d, VIRTIO_PCI_COMMON_Q_DESCLO, q->desc);
	write_address(d, VIRTIO_PCI_COMMON_Q_AVAILLO, q->avail);
	write_address(d, VIRTIO_PCI_COMMON_Q_USEDLO, q->used);

	/* Vector nr + 1; 0 is for configuration changes. */
	driver_write(d, c + VIRTIO_PCI_COMMON_Q_MSIX, nr + 1, 2);
	driver_write(d, d->table + 16 * (nr + 1), 0xfee00000, 4);
	driver_write(d, d->table + 16 * (nr + 1) + 12, 0, 4);
	driver_write(d, c + VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
}

uint64_t driver_start(struct driver *d, uint64_t features)
{
	driver_enable(d);
	uint64_t agreed = driver_negotiate(d, features);
	uint64_t nr = driver_read(d, d->common + VIRTIO_PCI_COMMON_NUMQ, 2);

	driver_write(d, d->common + VIRTIO_PCI_COMMON_MSIX, 0, 2);
	driver_write(d, d->table, 0xfee00000, 4);
	driver_write(d, d->table + 12, 0, 4);
	assert_true(nr <= DRIVER_QUEUES_MAX);
	for (unsigned i = 0; i < nr; i++)
		driver_setup_queue(d, i);
	driver_status(d, VIRTIO_CONFIG_S_DRIVER_OK);
	assert_int_equal(
		driver_read(d, d->common + VIRTIO_PCI_COMMON_STATUS, 1),
		VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
			VIRTIO_CONFIG_S_FEATURES_OK |
			VIRTIO_CONFIG_S_DRIVER_OK);
	return agreed;
}

void driver_restart(struct driver *d, uint64_t features)
{
	(void)driver_start(d, features);
}

gpa_t driver_alloc(struct driver *d, uint32_t len)
{
	gpa_t at = d->next;

	d->next += (len + 63U) & ~63U;
	assert_non_null(gmem_ptr(&d->gm, at, len));
	return at;
}

void *driver_ptr(struct driver *d, gpa_t at, uint32_t len)
{
	void *p = gmem_ptr(&d->gm, at, len);

	assert_non_null(p);
	return p;
}

void driver_kick(struct driver *d, unsigned nr)
{
	driver_write(d, d->notify + 4 * nr, nr, 2);
}

static int irq_fd(const struct driver *d, unsigned nr)
{
	return d->dev->pci->msix.vector[nr].irq.fd;
}

bool driver_interrupted(struct driver *d, unsigned nr)
{
	uint64_t count;

	return read(irq_fd(d, nr), &count, sizeof(count)) == sizeof(count);
}

static long now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Wait for the loop or an interrupt, and serve the loop. */
static void serve(struct driver *d, long until)
{
	struct pollfd p[1 + DRIVER_QUEUES_MAX + 1] = {
		{ .fd = d->loop.epoll, .events = POLLIN },
	};
	unsigned n = 1;

	for (unsigned i = 0; i <= d->dev->nr_queues; i++)
		p[n++] = (struct pollfd){ irq_fd(d, i), POLLIN, 0 };
	long left = until - now_ms();
	if (left <= 0 || poll(p, n, (int)left) == 0)
		fail_msg("nothing happened within %d ms", DRIVER_TIMEOUT);
	if (p[0].revents)
		assert_true(loop_once(&d->loop, 0) >= 0);
}

uint32_t driver_wait(struct driver *d, unsigned nr, uint32_t *ret_id)
{
	long until = now_ms() + DRIVER_TIMEOUT;
	uint32_t len;

	while (!driver_take(&d->queue[nr], ret_id, &len)) {
		serve(d, until);
		(void)driver_interrupted(d, nr + 1);
		if (driver_needs_reset(d))
			fail_msg("the device is broken: %s",
				 d->dev->queue[nr].vq.broken);
	}
	return len;
}

void driver_until(struct driver *d, bool (*done)(void *arg), void *arg)
{
	long until = now_ms() + DRIVER_TIMEOUT;

	while (!done(arg)) {
		serve(d, until);
		for (unsigned i = 0; i <= d->dev->nr_queues; i++)
			(void)driver_interrupted(d, i);
	}
}

void driver_settle(struct driver *d)
{
	unsigned rounds = 0;

	while (loop_once(&d->loop, 0) > 0)
		if (++rounds > ROUNDS_MAX)
			fail_msg("the loop does not come to rest");
}

bool driver_needs_reset(struct driver *d)
{
	return driver_read(d, d->common + VIRTIO_PCI_COMMON_STATUS, 1) &
	       VIRTIO_CONFIG_S_NEEDS_RESET;
}

struct figure {
	const char *name;
	uint64_t value;
	bool found;
};

static void note_figure(void *arg, const char *name, uint64_t value)
{
	struct figure *f = arg;

	if (strcmp(name, f->name) != 0)
		return;
	f->value = value;
	f->found = true;
}

static void note_word(void *arg, const char *name, const char *value)
{
	(void)arg;
	(void)name;
	(void)value;
}

uint64_t driver_figure(struct driver *d, const char *name)
{
	struct figure f = { .name = name };
	struct virtio_teller to = { note_figure, note_word, &f };

	d->dev->ops->stats(d->dev, &to);
	if (!f.found)
		fail_msg("no figure '%s'", name);
	return f.value;
}
