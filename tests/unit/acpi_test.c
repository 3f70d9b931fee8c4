/* SPDX-License-Identifier: Apache-2.0 */
/* The tables add up, point at each other, and iasl can read the code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "firmware/acpi.h"
#include "firmware/aml.h"
#include "tests/harness/fw.h"
#include "vmm/core/layout.h"
#include "vmm/lib/io.h"

static struct fw fw;
static unsigned char tables[ACPI_SIZE_MAX];
static size_t length;

static uint32_t get32(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t get64(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* A table by the address that another one gives for it, checked. */
static const unsigned char *at(uint64_t gpa, const char *signature)
{
	assert_in_range(gpa, LAYOUT_ACPI, LAYOUT_ACPI + length - 36);
	assert_int_equal(gpa % 16, 0);

	const unsigned char *t = tables + (gpa - LAYOUT_ACPI);
	assert_memory_equal(t, signature, 4);
	assert_in_range(get32(t + 4), 36, tables + length - t);
	assert_int_equal(acpi_checksum(t, get32(t + 4)), 0);
	return t;
}

static void build(unsigned cpus, bool serial, uint64_t mib)
{
	fw_init(&fw, mib);
	fw.m.cpus = cpus;
	fw.m.serial = serial;
	length = acpi_build(&fw.m, tables, LAYOUT_ACPI);
}

static const unsigned char *xsdt(void)
{
	assert_memory_equal(tables, "RSD PTR ", 8);
	assert_int_equal(tables[15], 2);
	assert_int_equal(acpi_checksum(tables, 20), 0);
	assert_int_equal(acpi_checksum(tables, 36), 0);
	return at(get64(tables + 24), "XSDT");
}

static void fadt_is_hardware_reduced(void **state)
{
	(void)state;
	build(1, true, 64);
	const unsigned char *x = xsdt();
	assert_int_equal(get32(x + 4), 36 + 3 * 8);
	const unsigned char *f = at(get64(x + 36), "FACP");

	assert_int_equal(f[8], 6);
	assert_true(get32(f + 112) & 1U << 20); /* HW_REDUCED_ACPI */
	assert_true(get32(f + 112) & 1U << 10); /* RESET_REG_SUP */
	assert_int_equal(f[116], 1); /* reset: an I/O port */
	assert_int_equal(get64(f + 120), LAYOUT_POWER + 2);
	assert_int_equal(f[128], 1);
	assert_int_equal(get64(f + 248), LAYOUT_POWER);
	assert_int_equal(get64(f + 260), LAYOUT_POWER + 1);
	(void)at(get64(f + 140), "DSDT");
}

static void madt_lists_every_cpu(void **state)
{
	(void)state;
	build(64, false, 64);
	const unsigned char *m = at(get64(xsdt() + 44), "APIC");
	const unsigned char *end = m + get32(m + 4);
	unsigned cpus = 0;
	unsigned ioapics = 0;

	assert_int_equal(get32(m + 36), LAYOUT_LAPIC);
	for (const unsigned char *p = m + 44; p < end; p += p[1]) {
		assert_true(p[1] >= 2 && p[1] <= end - p);
		if (p[0] == 0) {
			assert_int_equal(p[3], cpus);
			assert_int_equal(get32(p + 4), 1);
			cpus++;
		} else if (p[0] == 1) {
			assert_int_equal(get32(p + 4), LAYOUT_IOAPIC);
			assert_int_equal(get32(p + 8), 0);
			ioapics++;
		}
	}
	assert_int_equal(cpus, 64);
	assert_int_equal(ioapics, 1);
}

static void mcfg_covers_bus_0(void **state)
{
	(void)state;
	build(1, false, 64);
	const unsigned char *m = at(get64(xsdt() + 52), "MCFG");

	assert_int_equal(get32(m + 4), 60);
	assert_int_equal(get64(m + 44), LAYOUT_ECAM);
	assert_int_equal(m[54], 0);
	assert_int_equal(m[55], 0);
}

/* Disassemble and compile again what the DSDT says, and look for @text. */
static void check_dsdt(const char *dir, const char *text, bool present)
{
	const unsigned char *f = at(get64(xsdt() + 36), "FACP");
	const unsigned char *dsdt = at(get64(f + 140), "DSDT");
	char aml[64];
	char dsl[64];
	char *source = NULL;

	(void)snprintf(aml, sizeof(aml), "%s/dsdt.aml", dir);
	(void)snprintf(dsl, sizeof(dsl), "%s/dsdt.dsl", dir);
	assert_int_equal(io_write_file(aml, dsdt, get32(dsdt + 4), &fw.err), 0);
	const char *const read[] = { "iasl", "-d", aml, NULL };
	const char *const compile[] = { "iasl", "-we", dsl, NULL };
	int r = fw_run_tool(read);
	if (r == 127) {
		assert_int_equal(io_remove_tree(dir, &fw.err), 0);
		print_message("no iasl here (package acpica-tools)\n");
		skip();
	}
	assert_int_equal(r, 0);
	assert_int_equal(fw_run_tool(compile), 0);
	assert_int_equal(io_read_file(dsl, 1 << 20, &source, &fw.err), 0);
	assert_int_equal(strstr(source, text) != NULL, present);
	/* The disassembler's word for bytes that it cannot make sense of. */
	assert_null(strstr(source, "Unknown"));
	free(source);
}

static void dsdt_says_what_was_meant(void **state)
{
	(void)state;
	char dir[] = "/tmp/acpi_test.XXXXXX";

	assert_non_null(mkdtemp(dir));
	build(1, true, 6144);
	/* 6 GiB: 3 below the hole, so the 64-bit window begins at 7 GiB. */
	check_dsdt(dir, "0x00000001C0000000, // Range Minimum", true);
	check_dsdt(dir, "0x00000005BFFFFFFF, // Range Maximum", true);
	check_dsdt(dir, "Name (\\_S5, Package (0x04)", true);
	check_dsdt(dir, "EisaId (\"PNP0A08\")", true);
	check_dsdt(dir, "ToUUID (\"e5c937d0-3553-4d7a-9117-ea4d19c3434d\")",
		   true);
	check_dsdt(dir, "EisaId (\"PNP0501\")", true);
	check_dsdt(dir, "Notify (PWRB, 0x80)", true);
	fw_done(&fw);
	build(1, false, 64);
	check_dsdt(dir, "EisaId (\"PNP0501\")", false);
	assert_int_equal(io_remove_tree(dir, &fw.err), 0);
}

/* What a plain machine has no word of, and what one with ports says. */
static void dsdt_of_ports_and_pins(void **state)
{
	(void)state;
	char dir[] = "/tmp/acpi_test.XXXXXX";

	assert_non_null(mkdtemp(dir));
	build(1, false, 64);
	check_dsdt(dir, "_PRT", false);
	check_dsdt(dir, "_PXM", false);
	check_dsdt(dir, "WordIO", false);
	check_dsdt(dir, "PCI1", false);
	check_dsdt(dir, "CDW3 & 0xFFFFFFFF", true);
	fw_done(&fw);

	fw_init(&fw, 64);
	fw.m.root[0].last_bus = 3;
	fw.m.root[0].ports = true;
	fw.m.root[0].intx = 1U << 2;
	fw.m.root[0].io = (struct machine_window){ 0x1000, 0x2000 };
	fw.m.nr_roots = 2;
	fw.m.root[1] = (struct machine_root){
		.bus = 4,
		.last_bus = 5,
		.node = 1,
		.intx = 1U << 0 | 1U << 31,
		.mmio32 = { 0xd8000000, 0x1000000 },
		.mmio64 = { UINT64_C(1) << 40, UINT64_C(1) << 38 },
	};
	length = acpi_build(&fw.m, tables, LAYOUT_ACPI);
	check_dsdt(dir, "Device (PCI1)", true);
	check_dsdt(dir, "Name (_PXM, One)", true);
	check_dsdt(dir, "Name (_BBN, 0x04)", true);
	check_dsdt(dir, "0x0003,             // Range Maximum", true);
	check_dsdt(dir, "0x0005,             // Range Maximum", true);
	check_dsdt(dir, "0x2FFF,             // Range Maximum", true);
	check_dsdt(dir, "0x0000013FFFFFFFFF, // Range Maximum", true);
	check_dsdt(dir, "CDW3 & 0xFFFFFFEF", true);
	/* Slot 2's INTA#, slot 31's INTD# of the other root bus. */
	check_dsdt(dir, "0x0002FFFF", true);
	check_dsdt(dir, "0x001FFFFF", true);
	check_dsdt(dir, "0x0003FFFF", false);
	assert_int_equal(io_remove_tree(dir, &fw.err), 0);
}

static void mcfg_covers_every_bus(void **state)
{
	(void)state;
	fw_init(&fw, 64);
	fw.m.nr_roots = 3;
	fw.m.root[1] = (struct machine_root){ .bus = 1, .last_bus = 30 };
	fw.m.root[2] = (struct machine_root){ .bus = 31, .last_bus = 31 };
	length = acpi_build(&fw.m, tables, LAYOUT_ACPI);
	assert_int_equal(at(get64(xsdt() + 52), "MCFG")[55], 31);
}

/* As large as it gets: the room for tables must do. */
static void the_largest_machine_has_room(void **state)
{
	(void)state;
	fw_init(&fw, 64);
	fw.m.cpus = 64;
	fw.m.serial = true;
	fw.m.nr_roots = MACHINE_ROOTS;
	for (unsigned i = 0; i < MACHINE_ROOTS; i++)
		fw.m.root[i] = (struct machine_root){
			.bus = 7 * i,
			.last_bus = 7 * i + 6,
			.node = (int)i,
			.ports = true,
			.intx = i < 8 ? 3 : 0,
			.io = { 0x1000 + i * 0x1000, 0x1000 },
			.mmio32 = { 0xd0000000 + i * 0x1000000, 0x1000000 },
			.mmio64 = { (i + 1) * (UINT64_C(1) << 40),
				    UINT64_C(1) << 40 },
		};
	length = acpi_build(&fw.m, tables, LAYOUT_ACPI);
	assert_in_range(length, 1, ACPI_SIZE_MAX * 2 / 3);
}

/* PkgLength takes one byte to 63, two to 4095, then three. */
static void package_lengths_count_themselves(void **state)
{
	(void)state;
	static const struct {
		size_t body; /* after the four bytes of the name */
		unsigned char head[3];
		unsigned bytes;
	} cases[] = {
		{ 58, { 63 }, 1 },
		{ 59, { 0x40 | 1, 4 }, 2 }, /* 65 */
		{ 4089, { 0x40 | 15, 255 }, 2 }, /* 4095 */
		{ 4090, { 0x80 | 1, 0, 1 }, 3 }, /* 4097 */
	};
	static unsigned char buf[5000];

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct aml a;

		aml_init(&a, buf, sizeof(buf));
		aml_scope(&a, "_SB");
		for (size_t n = 0; n < cases[i].body; n++)
			aml_int(&a, 0);
		aml_close(&a);
		assert_int_equal(a.len, 1 + cases[i].bytes + 4 + cases[i].body);
		assert_int_equal(buf[0], 0x10);
		assert_memory_equal(buf + 1, cases[i].head, cases[i].bytes);
		assert_memory_equal(buf + 1 + cases[i].bytes, "_SB_", 4);
	}
}

static int teardown(void **state)
{
	(void)state;
	fw_done(&fw);
	return 0;
}

#define TEST(f) cmocka_unit_test_teardown(f, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fadt_is_hardware_reduced),
		TEST(madt_lists_every_cpu),
		TEST(mcfg_covers_bus_0),
		TEST(dsdt_says_what_was_meant),
		TEST(dsdt_of_ports_and_pins),
		TEST(mcfg_covers_every_bus),
		TEST(the_largest_machine_has_room),
		cmocka_unit_test(package_lengths_count_themselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
