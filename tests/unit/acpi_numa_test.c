/* SPDX-License-Identifier: Apache-2.0 */
/* acpi_numa_test.c - SRAT and SLIT: there with nodes, absent without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/acpi.h"
#include "tests/harness/fw.h"
#include "vmm/lib/io.h"

#define GIB UINT64_C(0x40000000)

static struct gmem gm;
static struct machine m;
static unsigned char tables[ACPI_SIZE_MAX];
static size_t length;

static uint64_t get(const unsigned char *p, unsigned bytes)
{
	uint64_t v = 0;

	memcpy(&v, p, bytes);
	return v;
}

/* 5 vCPUs and 8 GiB on two nodes, the second one's RAM above the hole. */
static int setup(void **state)
{
	(void)state;
	gm = (struct gmem){
		.fd = -1,
		.size = 8 * GIB,
		.nr = 2,
		.region = { { .size = 3 * GIB },
			    { .gpa = 4 * GIB,
			      .size = 5 * GIB,
			      .offset = 3 * GIB } },
		.nr_nodes = 2,
		.nr_ranges = 3,
		.range = { { .size = 3 * GIB },
			   { .gpa = 4 * GIB, .size = GIB },
			   { .gpa = 5 * GIB, .size = 4 * GIB, .node = 1 } },
	};
	m = (struct machine){
		.gm = &gm,
		.cpus = 5,
		.nr_nodes = 2,
		.node = { { .nr_cpus = 2, .distance = { 10, 32 } },
			  { .first_cpu = 2,
			    .nr_cpus = 3,
			    .distance = { 31, 10 } } },
		.nr_roots = 1,
		.root[0] = { .node = -1, .mmio64 = { 16 * GIB, GIB } },
	};
	length = acpi_build(&m, tables, LAYOUT_ACPI);
	return 0;
}

/* The table of that signature, NULL when the XSDT has none. */
static const unsigned char *table(const char *signature)
{
	const unsigned char *x = tables + (get(tables + 24, 8) - LAYOUT_ACPI);

	assert_memory_equal(x, "XSDT", 4);
	for (size_t at = 36; at < get(x + 4, 4); at += 8) {
		uint64_t gpa = get(x + at, 8);
		assert_in_range(gpa, LAYOUT_ACPI, LAYOUT_ACPI + length - 36);

		const unsigned char *t = tables + (gpa - LAYOUT_ACPI);
		assert_int_equal(acpi_checksum(t, get(t + 4, 4)), 0);
		if (memcmp(t, signature, 4) == 0)
			return t;
	}
	return NULL;
}

static void without_nodes_there_is_neither(void **state)
{
	(void)state;
	m.nr_nodes = 0;
	length = acpi_build(&m, tables, LAYOUT_ACPI);
	assert_null(table("SRAT"));
	assert_null(table("SLIT"));
	assert_non_null(table("APIC"));
}

static void every_processor_has_its_node(void **state)
{
	static const uint8_t node[] = { 0, 0, 1, 1, 1 };
	const unsigned char *t = table("SRAT");
	unsigned cpus = 0;

	(void)state;
	assert_non_null(t);
	assert_int_equal(t[8], 3);
	assert_int_equal(get(t + 36, 4), 1);
	for (const unsigned char *p = t + 48; p < t + get(t + 4, 4);
	     p += p[1]) {
		assert_true(p[1] >= 16);
		if (p[0] != 0)
			continue;
		assert_in_range(cpus, 0, 4);
		assert_int_equal(p[1], 16);
		assert_int_equal(p[2], node[cpus]);
		assert_int_equal(p[3], cpus);
		assert_int_equal(get(p + 4, 4), 1); /* enabled */
		assert_int_equal(get(p + 9, 3), 0);
		cpus++;
	}
	assert_int_equal(cpus, 5);
}

static void all_ram_has_its_node(void **state)
{
	const unsigned char *t = table("SRAT");
	unsigned nr = 0;

	(void)state;
	assert_non_null(t);
	for (const unsigned char *p = t + 48; p < t + get(t + 4, 4);
	     p += p[1]) {
		if (p[0] != 1)
			continue;
		assert_in_range(nr, 0, 2);
		assert_int_equal(p[1], 40);
		assert_int_equal(get(p + 2, 4), gm.range[nr].node);
		assert_int_equal(get(p + 8, 8), gm.range[nr].gpa);
		assert_int_equal(get(p + 16, 8), gm.range[nr].size);
		assert_int_equal(get(p + 28, 4), 1); /* enabled */
		nr++;
	}
	assert_int_equal(nr, 3);
}

static void distances_are_a_square(void **state)
{
	static const uint8_t square[] = { 10, 32, 31, 10 };
	const unsigned char *t = table("SLIT");

	(void)state;
	assert_non_null(t);
	assert_int_equal(get(t + 4, 4), 36 + 8 + 4);
	assert_int_equal(get(t + 36, 8), 2);
	assert_memory_equal(t + 44, square, 4);
}

/* The most there can be fits, with every other table at its largest. */
static void sixty_four_processors_on_eight_nodes_fit(void **state)
{
	(void)state;
	m.cpus = 64;
	m.serial = true;
	m.nr_nodes = gm.nr_nodes = GMEM_MAX_NODES;
	gm.nr_ranges = GMEM_RANGES;
	for (unsigned i = 0; i < GMEM_MAX_NODES; i++)
		m.node[i] = (struct machine_node){ .first_cpu = i * 8,
						   .nr_cpus = 8 };
	length = acpi_build(&m, tables, LAYOUT_ACPI);
	assert_int_equal(get(table("SRAT") + 4, 4), 48 + 64 * 16 + 9 * 40);
	assert_int_equal(get(table("SLIT") + 4, 4), 36 + 8 + 64);
}

/* Another reader of the specification than us. */
static void iasl_reads_them(void **state)
{
	static const char *const names[] = { "SRAT", "SLIT" };
	static const char *const words[] = {
		"Proximity Domain Low(8) : 01",
		"Locality   1 : 1F 0A",
	};
	char dir[] = "/tmp/acpi_numa.XXXXXX";
	struct err err = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (unsigned i = 0; i < 2; i++) {
		const unsigned char *t = table(names[i]);
		char aml[64];
		char dsl[64];
		char *text = NULL;

		(void)snprintf(aml, sizeof(aml), "%s/%s.aml", dir, names[i]);
		(void)snprintf(dsl, sizeof(dsl), "%s/%s.dsl", dir, names[i]);
		assert_int_equal(io_write_file(aml, t, get(t + 4, 4), &err), 0);
		const char *const read[] = { "iasl", "-d", aml, NULL };
		int r = fw_run_tool(read);
		if (r == 127) {
			assert_int_equal(io_remove_tree(dir, &err), 0);
			print_message("no iasl here (package acpica-tools)\n");
			skip();
		}
		assert_int_equal(r, 0);
		assert_int_equal(io_read_file(dsl, 1 << 20, &text, &err), 0);
		if (!strstr(text, words[i]))
			fail_msg("'%s' is not in: %s", words[i], text);
		assert_null(strstr(text, "Unknown"));
		assert_null(strstr(text, "Invalid"));
		free(text);
	}
	assert_int_equal(io_remove_tree(dir, &err), 0);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_nodes_there_is_neither),
		TEST(every_processor_has_its_node),
		TEST(all_ram_has_its_node),
		TEST(distances_are_a_square),
		TEST(sixty_four_processors_on_eight_nodes_fit),
		TEST(iasl_reads_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
