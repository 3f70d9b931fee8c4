/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dsdt.c - the part of ACPI that is code: host bridges, reserved
 * resources, serial port, power button and the value that means "off".
 */
#include <stdio.h>

#include "firmware/acpi.h"
#include "firmware/aml.h"
#include "vmm/core/layout.h"

static void name_int(struct aml *a, const char *name, uint64_t value)
{
	aml_op(a, AML_NAME);
	aml_name(a, name);
	aml_int(a, value);
}

static void name_eisaid(struct aml *a, const char *name, const char *id)
{
	aml_op(a, AML_NAME);
	aml_name(a, name);
	aml_eisaid(a, id);
}

static void open_crs(struct aml *a)
{
	aml_op(a, AML_NAME);
	aml_name(a, "_CRS");
	aml_resources(a);
}

static void if_equal_int(struct aml *a, enum aml_op arg, uint64_t value)
{
	aml_if(a);
	aml_op(a, AML_EQUAL);
	aml_op(a, arg);
	aml_int(a, value);
}

static void if_equal_uuid(struct aml *a, const char *uuid)
{
	aml_if(a);
	aml_op(a, AML_EQUAL);
	aml_op(a, AML_ARG0);
	aml_uuid(a, uuid);
}

static void return_byte(struct aml *a, unsigned char byte)
{
	aml_op(a, AML_RETURN);
	aml_buffer(a, &byte, 1);
}

/*
 * Function 5, PCI Firmware Specification 3.3 section 4.6.5: 0 means that the
 * BARs were placed by us and have to stay.  Function 0 says which exist.
 */
static void host_bridge_dsm(struct aml *a)
{
	aml_method(a, "_DSM", 4);
	if_equal_uuid(a, "e5c937d0-3553-4d7a-9117-ea4d19c3434d");
	if_equal_int(a, AML_ARG2, 0);
	return_byte(a, 1 << 0 | 1 << 5);
	aml_close(a);
	if_equal_int(a, AML_ARG2, 5);
	aml_op(a, AML_RETURN);
	aml_int(a, 0);
	aml_close(a);
	aml_close(a);
	return_byte(a, 0);
	aml_close(a);
}

static void or_cdw1(struct aml *a, unsigned bit)
{
	aml_op(a, AML_OR);
	aml_name(a, "CDW1");
	aml_int(a, bit);
	aml_name(a, "CDW1");
}

static void dword_field(struct aml *a, unsigned offset, const char *name)
{
	aml_op(a, AML_CREATE_DWORD_FIELD);
	aml_op(a, AML_ARG3);
	aml_int(a, offset);
	aml_name(a, name);
}

#define OSC_EXPRESS_CAPABILITY (1U << 4) /* the registers of that name */

/*
 * Without ports no control is granted: there is nothing to hand over.  With
 * them, the PCI Express capability, which is the guest's anyway; not hotplug,
 * error reporting and power events, which our ports do not have.
 * Section 6.2.11.
 */
static void host_bridge_osc(struct aml *a, bool ports)
{
	uint32_t granted = ports ? OSC_EXPRESS_CAPABILITY : 0;

	aml_method(a, "_OSC", 4);
	dword_field(a, 0, "CDW1");
	if_equal_uuid(a, "33db4d5b-1ff7-401c-9657-7441c03dd766");
	dword_field(a, 8, "CDW3");
	aml_if(a);
	aml_op(a, AML_AND);
	aml_name(a, "CDW3");
	aml_int(a, ~granted);
	aml_op(a, AML_ZERO); /* no target */
	or_cdw1(a, 1 << 4); /* capabilities were masked */
	aml_op(a, AML_AND);
	aml_name(a, "CDW3");
	aml_int(a, granted);
	aml_name(a, "CDW3");
	aml_close(a);
	aml_close(a);
	aml_else(a);
	or_cdw1(a, 1 << 2); /* not a UUID we know */
	aml_close(a);
	aml_op(a, AML_RETURN);
	aml_op(a, AML_ARG3);
	aml_close(a);
}

/*
 * Interrupt pins of the slots that use them, each wired to an IOAPIC pin.
 * What is below ports swizzles.  Section 6.2.13.
 */
static void host_bridge_prt(struct aml *a, unsigned nr, uint32_t slots)
{
	unsigned pins = 4 * (unsigned)__builtin_popcount(slots);

	aml_op(a, AML_NAME);
	aml_name(a, "_PRT");
	aml_package(a, pins);
	for (unsigned i = 0; i < 32 * 4; i++) {
		unsigned slot = i / 4;

		if (!(slots >> slot & 1))
			continue;
		aml_package(a, 4);
		aml_int(a, slot << 16 | 0xffff); /* any function */
		aml_int(a, i % 4);
		aml_int(a, 0); /* the next is a global interrupt */
		aml_int(a, LAYOUT_PCI_GSI(nr, slot, i % 4 + 1));
		aml_close(a);
	}
	aml_close(a);
}

static void host_bridge_crs(struct aml *a, const struct machine_root *root)
{
	open_crs(a);
	aml_res_bus(a, root->bus, root->last_bus);
	if (root->io.size > 0)
		aml_res_window_io(a, (uint16_t)root->io.base,
				  (uint32_t)root->io.size);
	if (root->mmio32.size > 0)
		aml_res_window32(a, (uint32_t)root->mmio32.base,
				 (uint32_t)root->mmio32.size);
	if (root->mmio64.size > 0)
		aml_res_window64(a, root->mmio64.base, root->mmio64.size);
	aml_resources_close(a);
}

static void host_bridge(struct aml *a, const struct machine *m, unsigned nr)
{
	const struct machine_root *root = &m->root[nr];
	char name[5];

	(void)snprintf(name, sizeof(name), "PCI%u", nr % 10);
	aml_device(a, name);
	name_eisaid(a, "_HID", "PNP0A08");
	name_eisaid(a, "_CID", "PNP0A03");
	name_int(a, "_UID", nr);
	name_int(a, "_SEG", 0);
	name_int(a, "_BBN", root->bus);
	if (root->node >= 0)
		name_int(a, "_PXM", (unsigned)root->node);
	host_bridge_crs(a, root);
	if (root->intx)
		host_bridge_prt(a, nr, root->intx);
	host_bridge_dsm(a);
	host_bridge_osc(a, root->ports);
	aml_close(a);
}

/* Linux believes the MCFG only when the motherboard owns the window. */
static void motherboard(struct aml *a, const struct machine *m)
{
	uint64_t ecam = machine_buses(m) * LAYOUT_ECAM_BUS;

	aml_device(a, "MBRD");
	name_eisaid(a, "_HID", "PNP0C02");
	name_int(a, "_UID", 0);
	open_crs(a);
	aml_res_memory(a, (uint32_t)LAYOUT_ECAM, (uint32_t)ecam);
	aml_res_io(a, LAYOUT_POWER, LAYOUT_POWER_PORTS);
	aml_resources_close(a);
	aml_close(a);
}

static void serial_port(struct aml *a)
{
	aml_device(a, "COM1");
	name_eisaid(a, "_HID", "PNP0501");
	name_int(a, "_UID", 0);
	open_crs(a);
	aml_res_io(a, LAYOUT_COM1, 8);
	aml_res_irq(a, LAYOUT_COM1_IRQ);
	aml_resources_close(a);
	aml_close(a);
}

/*
 * Hardware-reduced ACPI has no fixed button: a generic event device turns
 * the interrupt into a notification.  Nothing else uses that interrupt, so
 * there is no status register to read.
 */
static void power_button(struct aml *a)
{
	aml_device(a, "PWRB");
	name_eisaid(a, "_HID", "PNP0C0C");
	name_int(a, "_UID", 0);
	aml_close(a);

	aml_device(a, "GED_");
	aml_op(a, AML_NAME);
	aml_name(a, "_HID");
	aml_string(a, "ACPI0013");
	name_int(a, "_UID", 0);
	open_crs(a);
	aml_res_irq(a, LAYOUT_POWER_IRQ);
	aml_resources_close(a);
	aml_method(a, "_EVT", 1);
	if_equal_int(a, AML_ARG0, LAYOUT_POWER_IRQ);
	aml_op(a, AML_NOTIFY);
	aml_name(a, "PWRB");
	aml_int(a, 0x80);
	aml_close(a);
	aml_close(a);
	aml_close(a);
}

/* SLP_TYP of state S5, twice for the registers that we have only one of. */
static void soft_off(struct aml *a)
{
	aml_op(a, AML_NAME);
	aml_name(a, "\\_S5");
	aml_package(a, 4);
	aml_int(a, LAYOUT_SLEEP_OFF);
	for (unsigned i = 0; i < 3; i++)
		aml_int(a, 0);
	aml_close(a);
}

size_t dsdt_build(const struct machine *m, unsigned char *buf, size_t size)
{
	struct aml a;

	aml_init(&a, buf, size);
	soft_off(&a);
	aml_scope(&a, "\\_SB");
	for (unsigned i = 0; i < m->nr_roots; i++)
		host_bridge(&a, m, i);
	motherboard(&a, m);
	if (m->serial)
		serial_port(&a);
	power_button(&a);
	aml_close(&a);
	return a.len;
}
