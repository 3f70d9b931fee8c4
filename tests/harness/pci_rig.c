/* SPDX-License-Identifier: Apache-2.0 */
/* pci_rig.c - toys on a PCI bus, and the guest that plays with them. */
#include "tests/harness/pci_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "devices/pci/config.h"
#include "vmm/core/layout.h"
#include "vmm/lib/le.h"
#include "vmm/lib/list.h"

static struct pci_toy *toy_of(struct pci_dev *pci)
{
	return container_of(pci, struct pci_toy, pci);
}

static void toy_read(struct pci_dev *pci, unsigned bar, uint64_t off,
		     void *data, unsigned len)
{
	(void)off;
	toy_of(pci)->reads++;
	memset(data, toy_of(pci)->mark + (int)bar, len);
}

static void toy_write(struct pci_dev *pci, unsigned bar, uint64_t off,
		      const void *data, unsigned len)
{
	struct pci_toy *t = toy_of(pci);

	t->writes++;
	t->written_bar = bar;
	t->written_off = off;
	t->written = 0;
	memcpy(&t->written, data, len);
}

static void toy_moved(struct pci_dev *pci, unsigned bar, uint64_t addr, bool on)
{
	struct pci_toy *t = toy_of(pci);

	assert_false(pci->lost);
	t->moves++;
	if (!on)
		assert_int_equal(t->at[bar], addr);
	t->at[bar] = on ? addr : 0;
}

static void toy_config(struct pci_dev *pci)
{
	assert_false(pci->lost);
	toy_of(pci)->config_writes++;
}

static int toy_start(struct pci_dev *pci, struct err *err)
{
	(void)err;
	toy_of(pci)->starts++;
	return 0;
}

static void note_access(struct pci_dev *pci, unsigned reg, unsigned len)
{
	struct pci_toy *t = toy_of(pci);

	assert_false(pci->lost);
	assert_true(len == 1 || len == 2 || len == 4 || len == 8);
	assert_true(reg < PCI_PAGE && len <= PCI_PAGE - reg);
	t->config_reg = reg;
	t->config_len = len;
}

static void live_read(struct pci_dev *pci, unsigned reg, void *data,
		      unsigned len)
{
	note_access(pci, reg, len);
	toy_of(pci)->config_reads++;
	memcpy(data, pci->config + reg, len);
}

static bool live_write(struct pci_dev *pci, unsigned reg, const void *data,
		       unsigned len)
{
	note_access(pci, reg, len);
	toy_of(pci)->config_writes++;
	return pci_config_write(pci, reg, data, len);
}

static const struct pci_ops toy_ops = {
	.bar_read = toy_read,
	.bar_write = toy_write,
	.bar_moved = toy_moved,
	.config_written = toy_config,
	.start = toy_start,
};

static const struct pci_ops live_ops = {
	.bar_read = toy_read,
	.bar_write = toy_write,
	.bar_moved = toy_moved,
	.config_read = live_read,
	.config_write = live_write,
	.start = toy_start,
};

static struct pci_toy *make_toy(struct pci_rig *rig, const struct pci_ops *ops)
{
	static const struct pci_ids ids = {
		.vendor = 0x1234,
		.device = 0x5678,
		.class_code = 0xff0000,
		.revision = 3,
	};
	assert_true(rig->nr < PCI_SLOTS);
	struct pci_toy *t = &rig->toy[rig->nr++];

	*t = (struct pci_toy){ .mark = (uint8_t)(0x10 * rig->nr) };
	pci_dev_init(&t->pci, ops, &ids);
	return t;
}

struct pci_toy *pci_rig_toy(struct pci_rig *rig)
{
	return make_toy(rig, &toy_ops);
}

struct pci_toy *pci_rig_live_toy(struct pci_rig *rig)
{
	return make_toy(rig, &live_ops);
}

void pci_rig_open(struct pci_rig *rig, const struct pci_host_config *cfg)
{
	struct pci_host_config c = {
		.low_ram_end = LAYOUT_LOW_RAM_END,
		.ram_end = UINT64_C(1) << 40,
		.phys_bits = 46,
	};

	*rig = (struct pci_rig){ 0 };
	bus_init(&rig->mmio);
	bus_init(&rig->pio);
	assert_int_equal(irqchip_init(&rig->chip, -1, NULL), 0);
	assert_int_equal(slots_init(&rig->slots, -1, NULL), 0);
	if (cfg)
		c = *cfg;
	c.mmio = &rig->mmio;
	c.pio = &rig->pio;
	c.chip = &rig->chip;
	c.vm_fd = -1;
	c.slots = &rig->slots;
	assert_int_equal(pci_host_init(&rig->host, &c, NULL), 0);
}

void pci_rig_close(struct pci_rig *rig)
{
	pci_host_done(&rig->host);
	assert_int_equal(rig->mmio.nr, 0);
	assert_int_equal(rig->pio.nr, 0);
	for (unsigned i = 0; i < rig->slots.nr; i++)
		assert_int_equal(rig->slots.slot[i].size, 0);
	slots_done(&rig->slots);
	irqchip_done(&rig->chip);
	bus_done(&rig->pio);
	bus_done(&rig->mmio);
}

uint64_t pci_rig_read(struct pci_rig *rig, uint64_t addr, unsigned len)
{
	le64_t v = { 0 };

	(void)bus_read(&rig->mmio, addr, &v, len);
	return le64_get(v);
}

void pci_rig_write(struct pci_rig *rig, uint64_t addr, uint64_t value,
		   unsigned len)
{
	le64_t v = le64_make(value);

	(void)bus_write(&rig->mmio, addr, &v, len);
}

uint32_t pci_rig_in(struct pci_rig *rig, unsigned port, unsigned len)
{
	le32_t v = { 0 };

	(void)bus_read(&rig->pio, port, &v, len);
	return le32_get(v);
}

void pci_rig_out(struct pci_rig *rig, unsigned port, uint32_t value,
		 unsigned len)
{
	le32_t v = le32_make(value);

	(void)bus_write(&rig->pio, port, &v, len);
}

uint64_t pci_rig_ecam(unsigned bus, unsigned slot, unsigned reg)
{
	return LAYOUT_ECAM + ((uint64_t)bus << 20) + ((uint64_t)slot << 15) +
	       reg;
}

uint32_t pci_rig_get(struct pci_rig *rig, unsigned bus, unsigned slot,
		     unsigned reg, unsigned len)
{
	return (uint32_t)pci_rig_read(rig, pci_rig_ecam(bus, slot, reg), len);
}

void pci_rig_put(struct pci_rig *rig, unsigned bus, unsigned slot, unsigned reg,
		 uint64_t value, unsigned len)
{
	pci_rig_write(rig, pci_rig_ecam(bus, slot, reg), value, len);
}
