/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pci_fuzz.c - configuration space of bus 0, ports and functions behind them
 * by the ECAM and by 0xcf8; BARs of all kinds moved over everything, and
 * accesses to where they are.  The toys of tests/harness/pci_rig.c check that
 * they are told the truth.
 *
 *   one byte what to do and how wide, then where and what
 */
#include "devices/pci/config.h"
#include "tests/fuzz/input.h"
#include "tests/harness/pci_rig.h"
#include "vmm/core/layout.h"

#define MIB   (UINT64_C(1) << 20)
#define GIB   (UINT64_C(1) << 30)
#define IO    PCI_BASE_ADDRESS_SPACE_IO
#define MEM64 PCI_BASE_ADDRESS_MEM_TYPE_64
#define PREF  PCI_BASE_ADDRESS_MEM_PREFETCH

/* Too large for the stack, made new for each input. */
static struct pci_rig rig;

static void add(unsigned bus, struct pci_toy *t)
{
	pci_dev_bar(&t->pci, 0, 16 * MIB, 0);
	pci_dev_bar(&t->pci, 1, 128, IO);
	pci_dev_bar(&t->pci, 2, 32 * GIB, MEM64 | PREF);
	pci_dev_bar(&t->pci, 4, 32 * MIB, MEM64);
	pci_dev_bar(&t->pci, PCI_ROM, 64 * 1024, 0);
	pci_dev_pin(&t->pci, 1);
	MUST(pci_add_to(&rig.host, bus, &t->pci, NULL) == 0);
}

static unsigned port(unsigned bus, enum pci_port_kind kind)
{
	unsigned below;

	MUST(pci_port(&rig.host, bus, kind, &below, NULL) == 0);
	return below;
}

/* A switch, a lone port, functions on bus 0 and on another root. */
static void set_up(void)
{
	unsigned other;

	pci_rig_open(&rig, NULL);
	MUST(pci_root_bus(&rig.host, 1, &other, NULL) == 0);
	unsigned up = port(port(0, PCI_ROOT_PORT), PCI_UPSTREAM_PORT);

	add(port(up, PCI_DOWNSTREAM_PORT), pci_rig_toy(&rig));
	add(port(0, PCI_ROOT_PORT), pci_rig_live_toy(&rig));
	add(0, pci_rig_toy(&rig));
	add(0, pci_rig_live_toy(&rig));
	add(other, pci_rig_toy(&rig));
	MUST(pci_host_start(&rig.host, NULL) == 0);
}

/* Registers that move things come up more often. */
static unsigned reg_of(struct input *in)
{
	uint8_t how = input_u8(in);

	if (how < 0x80)
		return how;
	if (how < 0xc0)
		return PCI_BASE_ADDRESS_0 + (how & 7U) * 4;
	return input_u16(in) & 0xfffU;
}

/* Where BARs are, may be, and must not be. */
static uint64_t address(struct input *in)
{
	uint8_t how = input_u8(in);
	const struct pci_toy *t = &rig.toy[(how >> 3) % rig.nr];
	uint64_t off = input_u16(in);

	switch (how & 7) {
	case 0:
	case 1:
	case 2:
		return t->at[(how & 7) * 2] + off;
	case 3:
		return LAYOUT_MMIO32 + off * 4096;
	case 4:
		return LAYOUT_ECAM + off * 256;
	case 5:
		return off * MIB;
	case 6:
		return off * GIB;
	default:
		return input_u64(in);
	}
}

static uint64_t value(struct input *in, uint8_t op)
{
	return op & 0x40   ? address(in)
	       : op & 0x80 ? address(in) >> 16
			   : input_u32(in);
}

static void step(struct input *in)
{
	uint8_t op = input_u8(in);
	unsigned len = 1U << (op >> 4 & 3);
	uint8_t where = input_u8(in);
	unsigned bus = where & 7;
	unsigned slot = where >> 3;

	switch (op & 15) {
	case 0:
	case 1:
	case 2:
	case 3: {
		unsigned reg = reg_of(in);
		pci_rig_put(&rig, bus, slot, reg, value(in, op), len);
		break;
	}
	case 4:
		(void)pci_rig_get(&rig, bus, slot, reg_of(in), len);
		break;
	case 5:
		pci_rig_out(&rig, 0xcf8 + (where & 7), input_u32(in),
			    len > 4 ? 4 : len);
		break;
	case 6:
		(void)pci_rig_in(&rig, 0xcf8 + (where & 7), len > 4 ? 4 : len);
		break;
	case 7: /* decode: memory, I/O, bus master */
		pci_rig_put(&rig, bus, slot, PCI_COMMAND, input_u8(in), 2);
		break;
	case 8:
		pci_rig_write(&rig, address(in), input_u64(in), len);
		break;
	case 9:
		(void)pci_rig_read(&rig, address(in), len);
		break;
	case 10:
		pci_rig_out(&rig, input_u16(in), input_u32(in),
			    len > 4 ? 4 : len);
		break;
	case 11:
		(void)pci_rig_in(&rig, input_u16(in), len > 4 ? 4 : len);
		break;
	case 12: /* unplugged by the host */
		if (where == 0xff)
			pci_dev_lost(&rig.toy[input_u8(in) % rig.nr].pci);
		break;
	default: /* size a BAR as kernels do */
		pci_rig_put(&rig, bus, slot, PCI_BASE_ADDRESS_0 + (where & 4),
			    UINT32_MAX, 4);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	input_begin();
	set_up();
	while (in.left)
		step(&in);
	for (unsigned i = 0; i < rig.nr; i++)
		pci_remove(&rig.toy[i].pci);
	pci_rig_close(&rig);
	return 0;
}
