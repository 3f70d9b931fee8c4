/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fdt.c - the device tree of an x86 machine, in the words that Linux knows
 * there: processors and interrupt controllers as arch/x86/kernel/devicetree.c
 * looks for them, the serial port below an ISA bus.
 *
 * What is not in it: RAM, which x86 takes from the E820 map only, and PCI,
 * which x86 finds through configuration mechanism #1; its devices use MSI-X
 * and need no interrupt described.
 */
#include "firmware/fdt.h"

#include <assert.h>
#include <libfdt.h>
#include <stdio.h>
#include <string.h>

#include "vmm/core/layout.h"

#define IOAPIC_PHANDLE 1
#define EDGE_RISING    3 /* in the second cell of an IOAPIC interrupt */

/*
 * A tree being written.  All of it is ours and FDT_SIZE_MAX has room for it,
 * so that a failure is our fault: kept here, asserted once at the end.
 */
struct tree {
	unsigned char *buf;
	int error;
};

static void note(struct tree *t, int r)
{
	if (t->error == 0)
		t->error = r;
}

static void node(struct tree *t, const char *name)
{
	note(t, fdt_begin_node(t->buf, name));
}

static void end(struct tree *t)
{
	note(t, fdt_end_node(t->buf));
}

static void str(struct tree *t, const char *prop, const char *value)
{
	note(t, fdt_property(t->buf, prop, value, (int)strlen(value) + 1));
}

static void u32(struct tree *t, const char *prop, uint32_t value)
{
	note(t, fdt_property_u32(t->buf, prop, value));
}

static void flag(struct tree *t, const char *prop)
{
	note(t, fdt_property(t->buf, prop, NULL, 0));
}

static void cells(struct tree *t, const char *prop, const uint32_t *value,
		  unsigned nr)
{
	fdt32_t be[4];

	assert(nr <= 4);
	for (unsigned i = 0; i < nr; i++)
		be[i] = cpu_to_fdt32(value[i]);
	note(t, fdt_property(t->buf, prop, be, (int)(nr * sizeof(be[0]))));
}

#define CELLS(t, prop, ...)                                                    \
	cells((t), (prop), (const uint32_t[]){ __VA_ARGS__ },                  \
	      sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

static void cpus(struct tree *t, unsigned nr)
{
	node(t, "cpus");
	u32(t, "#address-cells", 1);
	u32(t, "#size-cells", 0);
	for (unsigned i = 0; i < nr; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "cpu@%x", i);
		node(t, name);
		str(t, "device_type", "cpu");
		u32(t, "reg", i); /* APIC id */
		end(t);
	}
	end(t);
}

static void interrupt_controllers(struct tree *t)
{
	node(t, "interrupt-controller@fec00000");
	str(t, "compatible", "intel,ce4100-ioapic");
	CELLS(t, "reg", (uint32_t)LAYOUT_IOAPIC, 0x1000);
	flag(t, "interrupt-controller");
	u32(t, "#interrupt-cells", 2);
	u32(t, "#address-cells", 0);
	u32(t, "phandle", IOAPIC_PHANDLE);
	end(t);

	node(t, "local-apic@fee00000");
	str(t, "compatible", "intel,ce4100-lapic");
	CELLS(t, "reg", (uint32_t)LAYOUT_LAPIC, 0x1000);
	end(t);
}

static void serial(struct tree *t)
{
	node(t, "isa");
	str(t, "compatible", "isa");
	str(t, "device_type", "isa");
	u32(t, "#address-cells", 2);
	u32(t, "#size-cells", 1);
	CELLS(t, "ranges", 1, 0, 0, 0x10000); /* I/O ports, one to one */
	node(t, "serial@i3f8");
	str(t, "compatible", "ns16550a");
	CELLS(t, "reg", 1, LAYOUT_COM1, 8); /* 1: an I/O port */
	CELLS(t, "interrupts", LAYOUT_COM1_IRQ, EDGE_RISING);
	u32(t, "interrupt-parent", IOAPIC_PHANDLE);
	u32(t, "clock-frequency", 1843200);
	end(t);
	end(t);
}

size_t fdt_build(const struct machine *m, unsigned char buf[FDT_SIZE_MAX])
{
	struct tree t = { .buf = buf };

	note(&t, fdt_create(buf, FDT_SIZE_MAX));
	note(&t, fdt_finish_reservemap(buf));
	node(&t, "");
	str(&t, "compatible", "belljar,x86");
	str(&t, "model", "belljar");
	u32(&t, "#address-cells", 1);
	u32(&t, "#size-cells", 1);
	cpus(&t, m->cpus);
	interrupt_controllers(&t);
	if (m->serial)
		serial(&t);
	end(&t);
	note(&t, fdt_finish(buf));
	assert(t.error == 0);
	return fdt_totalsize(buf);
}
