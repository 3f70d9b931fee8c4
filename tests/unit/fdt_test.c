/* SPDX-License-Identifier: Apache-2.0 */
/* The device tree has what Linux on x86 looks for. */
#include <libfdt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/fdt.h"
#include "tests/harness/fw.h"
#include "vmm/core/layout.h"
#include "vmm/lib/io.h"

static struct fw fw;
static unsigned char tree[FDT_SIZE_MAX];
static size_t length;

static void build(unsigned cpus, bool serial)
{
	fw_init(&fw, 64);
	fw.m.cpus = cpus;
	fw.m.serial = serial;
	length = fdt_build(&fw.m, tree);
	assert_int_equal(fdt_check_full(tree, length), 0);
}

static uint32_t cell(int node, const char *prop, unsigned i)
{
	int len;
	const fdt32_t *p = fdt_getprop(tree, node, prop, &len);

	assert_non_null(p);
	assert_true((unsigned)len >= (i + 1) * sizeof(*p));
	return fdt32_to_cpu(p[i]);
}

static void every_cpu_has_its_apic_id(void **state)
{
	(void)state;
	build(64, false);
	int cpus = fdt_path_offset(tree, "/cpus");
	int node;
	unsigned nr = 0;

	assert_true(cpus >= 0);
	fdt_for_each_subnode(node, tree, cpus)
	{
		assert_string_equal(
			fdt_getprop(tree, node, "device_type", NULL), "cpu");
		assert_int_equal(cell(node, "reg", 0), nr);
		nr++;
	}
	assert_int_equal(nr, 64);
}

static void interrupt_controllers_are_found_by_name(void **state)
{
	(void)state;
	build(1, false);
	int ioapic =
		fdt_node_offset_by_compatible(tree, -1, "intel,ce4100-ioapic");
	int lapic =
		fdt_node_offset_by_compatible(tree, -1, "intel,ce4100-lapic");

	assert_true(ioapic >= 0 && lapic >= 0);
	assert_int_equal(cell(ioapic, "reg", 0), LAYOUT_IOAPIC);
	assert_int_equal(cell(lapic, "reg", 0), LAYOUT_LAPIC);
	assert_int_equal(cell(ioapic, "#interrupt-cells", 0), 2);
}

static void serial_port_is_there_when_asked_for(void **state)
{
	(void)state;
	build(1, false);
	assert_true(fdt_node_offset_by_compatible(tree, -1, "ns16550a") < 0);
	fw_done(&fw);
	build(1, true);
	int uart = fdt_node_offset_by_compatible(tree, -1, "ns16550a");

	assert_true(uart >= 0);
	assert_int_equal(cell(uart, "reg", 1), LAYOUT_COM1);
	assert_int_equal(cell(uart, "interrupts", 0), LAYOUT_COM1_IRQ);
}

static void compiler_of_trees_has_nothing_to_say(void **state)
{
	(void)state;
	char dir[] = "/tmp/fdt_test.XXXXXX";
	char dtb[64];
	const char *const argv[] = {
		"dtc", "-I", "dtb", "-E", "interrupt_provider", dtb, NULL
	};

	build(64, true);
	assert_non_null(mkdtemp(dir));
	(void)snprintf(dtb, sizeof(dtb), "%s/dtb", dir);
	assert_int_equal(io_write_file(dtb, tree, length, &fw.err), 0);
	int r = fw_run_tool(argv);
	assert_int_equal(io_remove_tree(dir, &fw.err), 0);
	if (r == 127) {
		print_message("no dtc here (device-tree-compiler)\n");
		skip();
	}
	assert_int_equal(r, 0);
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
		TEST(every_cpu_has_its_apic_id),
		TEST(interrupt_controllers_are_found_by_name),
		TEST(serial_port_is_there_when_asked_for),
		TEST(compiler_of_trees_has_nothing_to_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
