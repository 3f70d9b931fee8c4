/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pci_place_test.c - where firmware puts BARs: in the order that fits, in
 * windows as large as the devices need, and what it says when there is no
 * room.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "devices/pci/config.h"
#include "tests/harness/pci_rig.h"
#include "vmm/core/layout.h"

#define KIB   (UINT64_C(1) << 10)
#define MIB   (UINT64_C(1) << 20)
#define GIB   (UINT64_C(1) << 30)
#define IO    PCI_BASE_ADDRESS_SPACE_IO
#define MEM64 PCI_BASE_ADDRESS_MEM_TYPE_64
#define PREF  PCI_BASE_ADDRESS_MEM_PREFETCH

static struct pci_rig rig;

static void open_with(uint64_t low_ram_end, uint64_t ram_end, unsigned bits)
{
	const struct pci_host_config cfg = {
		.low_ram_end = low_ram_end,
		.ram_end = ram_end,
		.phys_bits = bits,
	};

	pci_rig_open(&rig, &cfg);
}

static struct pci_toy *add(unsigned bus, unsigned nr, uint64_t size,
			   uint32_t bits)
{
	struct pci_toy *t = pci_rig_toy(&rig);

	pci_dev_bar(&t->pci, nr, size, bits);
	assert_int_equal(pci_add_to(&rig.host, bus, &t->pci, NULL), 0);
	return t;
}

static uint64_t place_of(const struct pci_toy *t, unsigned nr)
{
	return pci_bar_address(&t->pci, nr);
}

static const struct pci_window *window(unsigned bus, enum pci_kind kind)
{
	return &rig.host.bus[bus]->window[kind];
}

/* All toys' BARs: aligned, in their root's windows, none over another. */
static void check_places(void)
{
	for (unsigned i = 0; i < rig.nr * PCI_REGIONS; i++) {
		const struct pci_dev *dev = &rig.toy[i / PCI_REGIONS].pci;
		const struct pci_bar *b = &dev->bar[i % PCI_REGIONS];
		uint64_t at = pci_bar_address(dev, i % PCI_REGIONS);

		if (b->size == 0)
			continue;
		assert_int_equal(at % b->size, 0);
		assert_int_not_equal(at, 0);
		if (b->bits & IO)
			continue;
		assert_int_equal(at % PCI_PAGE, 0);
		assert_true(at >= rig.host.cfg.low_ram_end);
		assert_true(at < 4 * GIB || at >= rig.host.cfg.ram_end);
		for (unsigned j = 0; j < i; j++) {
			const struct pci_dev *o = &rig.toy[j / PCI_REGIONS].pci;
			const struct pci_bar *c = &o->bar[j % PCI_REGIONS];
			uint64_t its = pci_bar_address(o, j % PCI_REGIONS);

			if (c->size && !(c->bits & IO))
				assert_true(at >= its + c->size ||
					    its >= at + b->size);
		}
	}
}

static void expect_refusal(const char *const text[])
{
	struct err err = { 0 };

	assert_int_equal(pci_host_start(&rig.host, &err), -ENOSPC);
	for (unsigned i = 0; text[i]; i++)
		if (!strstr(err.msg, text[i]))
			fail_msg("\"%s\" lacks \"%s\"", err.msg, text[i]);
	/* Nothing is registered and the guest finds nothing. */
	assert_int_equal(rig.mmio.nr, 0);
	assert_int_equal(rig.pio.nr, 0);
}

static void the_largest_comes_first(void **state)
{
	(void)state;
	open_with(128 * MIB, 4 * GIB, 46);
	struct pci_toy *a = add(0, 0, 16 * KIB, 0);
	struct pci_toy *b = add(0, 0, 64 * MIB, 0);
	struct pci_toy *c = add(0, 0, 16, 0);
	struct pci_toy *d = add(0, 0, 128 * MIB, PREF);
	assert_int_equal(pci_host_start(&rig.host, NULL), 0);
	assert_int_equal(place_of(d, 0), LAYOUT_MMIO32);
	assert_int_equal(place_of(b, 0), LAYOUT_MMIO32 + 128 * MIB);
	assert_int_equal(place_of(a, 0), LAYOUT_MMIO32 + 192 * MIB);
	assert_int_equal(place_of(c, 0), place_of(a, 0) + 16 * KIB);
	check_places();
}

static void without_large_bars_windows_are_the_usual(void **state)
{
	(void)state;
	open_with(128 * MIB, 4 * GIB, 46);
	(void)add(0, 0, 16 * KIB, 0);
	assert_int_equal(pci_host_start(&rig.host, NULL), 0);
	assert_int_equal(window(0, PCI_LOW)->base, LAYOUT_MMIO32);
	assert_int_equal(window(0, PCI_LOW)->size,
			 LAYOUT_MMIO32_END - LAYOUT_MMIO32);
	assert_int_equal(window(0, PCI_HIGH)->base, 4 * GIB);
	assert_int_equal(window(0, PCI_HIGH)->size, 64 * GIB);
	assert_int_equal(window(0, PCI_IO)->size, 0);
	assert_int_equal(rig.mmio.nr, 3);
}

static void several_bars_of_256_gib_fit(void **state)
{
	(void)state;
	open_with(LAYOUT_LOW_RAM_END, 600 * GIB, 46);
	for (unsigned i = 0; i < 8; i++) {
		struct pci_toy *t = add(0, 0, 16 * MIB, 0);

		pci_dev_bar(&t->pci, 2, 256 * GIB, MEM64 | PREF);
		pci_dev_bar(&t->pci, 4, 32 * MIB, MEM64 | PREF);
		/* As it was built after pci_add(). */
		memcpy(t->pci.config, t->pci.initial, PCI_CONFIG_SIZE);
	}
	assert_int_equal(pci_host_start(&rig.host, NULL), 0);
	check_places();
	assert_int_equal(place_of(&rig.toy[0], 2), 768 * GIB);
	assert_int_equal(place_of(&rig.toy[7], 2), (768 + 7 * 256) * GIB);
	assert_int_equal(window(0, PCI_HIGH)->base, 768 * GIB);
	assert_true(window(0, PCI_HIGH)->size >= 8 * 256 * GIB + 256 * MIB);
	pci_rig_put(&rig, 0, 8, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	assert_int_equal(pci_rig_read(&rig, (768 + 8 * 256) * GIB - 1, 1),
			 0x82);
}

static void exactly_what_the_processor_can_address(void **state)
{
	(void)state;
	open_with(LAYOUT_LOW_RAM_END, 8 * GIB, 39);
	struct pci_toy *t = add(0, 0, 256 * GIB, MEM64 | PREF);
	assert_int_equal(pci_host_start(&rig.host, NULL), 0);
	assert_int_equal(place_of(t, 0), 256 * GIB);
	assert_int_equal(window(0, PCI_HIGH)->size, 256 * GIB);
}

static void a_bar_beyond_the_address_bits_is_refused(void **state)
{
	static const char *const text[] = {
		"device '0000:01:00.0'", "BAR 2",	"256 GiB",
		"39 address bits",	 "less memory", NULL
	};

	(void)state;
	open_with(LAYOUT_LOW_RAM_END, 257 * GIB, 39);
	(void)add(0, 0, 1 * GIB, MEM64);
	struct pci_toy *t = add(0, 2, 256 * GIB, MEM64 | PREF);
	t->pci.name = "0000:01:00.0";
	expect_refusal(text);
}

static void a_bar_larger_than_everything_is_refused(void **state)
{
	static const char *const text[] = { "PCI slot 1: BAR 0", "address bits",
					    NULL };

	(void)state;
	open_with(LAYOUT_LOW_RAM_END, 8 * GIB, 52);
	(void)add(0, 0, UINT64_C(1) << 63, MEM64 | PREF);
	(void)add(0, 0, UINT64_C(1) << 63, MEM64 | PREF);
	expect_refusal(text);
}

static void the_low_window_grows_down_to_ram(void **state)
{
	(void)state;
	open_with(1 * GIB, 4 * GIB, 46);
	struct pci_toy *a = add(0, 0, 256 * MIB, 0);
	struct pci_toy *b = add(0, 0, 512 * MIB, 0);
	(void)add(0, 0, 16 * KIB, 0);
	assert_int_equal(pci_host_start(&rig.host, NULL), 0);
	check_places();
	assert_in_range(place_of(a, 0), 1 * GIB, LAYOUT_MMIO32_END);
	assert_in_range(place_of(b, 0), 1 * GIB, LAYOUT_MMIO32_END);
	const struct pci_window *w = window(0, PCI_LOW);
	assert_int_equal(w->base + w->size, LAYOUT_MMIO32_END);
	assert_true(w->base >= 1 * GIB);
	/* It is decoded there. */
	pci_rig_put(&rig, 0, 2, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	assert_int_equal(pci_rig_read(&rig, place_of(b, 0), 1), 0x20);
}

static void what_is_too_large_below_4_gib_is_refused(void **state)
{
	static const char *const text[] = { "device 'gpu': BAR 0 of 512 MiB",
					    "below 4 GiB", "512 MiB free",
					    "less memory", NULL };

	(void)state;
	open_with(LAYOUT_LOW_RAM_END, 8 * GIB, 46);
	(void)add(0, 0, 16 * KIB, 0);
	add(0, 0, 512 * MIB, 0)->pci.name = "gpu";
	expect_refusal(text);
}

/* Behind a port its window has 32 bits. */
static void memory_not_prefetchable_stays_low_behind_ports(void **state)
{
	unsigned below;

	(void)state;
	open_with(LAYOUT_LOW_RAM_END, 8 * GIB, 46);
	assert_int_equal(pci_port(&rig.host, 0, PCI_ROOT_PORT, &below, NULL),
			 0);
	struct pci_toy *a = add(below, 0, 1 * MIB, MEM64);
	pci_dev_bar(&a->pci, 2, 1 * MIB, MEM64 | PREF);
	struct pci_toy *b = add(0, 0, 1 * MIB, MEM64);
	assert_int_equal(pci_host_start(&rig.host, NULL), 0);
	check_places();
	assert_true(place_of(a, 0) < 4 * GIB);
	assert_true(place_of(a, 2) >= 8 * GIB);
	assert_true(place_of(b, 0) >= 8 * GIB);
}

static void io_that_does_not_fit_is_left_out(void **state)
{
	struct pci_toy *t = NULL;

	(void)state;
	open_with(LAYOUT_LOW_RAM_END, 8 * GIB, 46);
	for (unsigned i = 0; i < 16; i++) {
		unsigned below;

		assert_int_equal(
			pci_port(&rig.host, 0, PCI_ROOT_PORT, &below, NULL), 0);
		t = add(below, 0, 64, IO);
	}
	assert_int_equal(pci_host_start(&rig.host, NULL), 0);
	assert_int_equal(rig.pio.nr, 0);
	assert_int_equal(place_of(t, 0), 0);
	/* Its port's window is closed. */
	assert_true(pci_rig_get(&rig, 0, 1, PCI_IO_BASE, 1) >
		    pci_rig_get(&rig, 0, 1, PCI_IO_LIMIT, 1));
}

static void root_buses_have_windows_of_their_own(void **state)
{
	unsigned bus[3] = { 0 };

	(void)state;
	open_with(LAYOUT_LOW_RAM_END, 8 * GIB, 46);
	assert_int_equal(pci_root_bus(&rig.host, -1, &bus[0], NULL), 0);
	assert_int_equal(bus[0], 0);
	for (int node = 0; node < 2; node++) {
		unsigned again;

		assert_int_equal(
			pci_root_bus(&rig.host, node, &bus[node + 1], NULL), 0);
		assert_int_equal(pci_root_bus(&rig.host, node, &again, NULL),
				 0);
		assert_int_equal(again, bus[node + 1]);
	}
	for (unsigned i = 0; i < 6; i++) {
		struct pci_toy *t = add(bus[i % 3], 0, 16 * MIB, 0);

		pci_dev_bar(&t->pci, 2, 64 * GIB, MEM64 | PREF);
		pci_dev_bar(&t->pci, 1, 128, IO);
		memcpy(t->pci.config, t->pci.initial, PCI_CONFIG_SIZE);
	}
	assert_int_equal(pci_host_start(&rig.host, NULL), 0);
	check_places();
	for (unsigned i = 0; i < 6; i++) {
		const struct pci_toy *t = &rig.toy[i];

		for (unsigned nr = 0; nr < 3; nr++) {
			static const enum pci_kind kind[] = { PCI_LOW, PCI_IO,
							      PCI_HIGH };
			const struct pci_window *w =
				window(bus[i % 3], kind[nr]);

			assert_in_range(place_of(t, nr), w->base,
					w->base + w->size -
						t->pci.bar[nr].size);
		}
	}
	/* They are on the buses, where two that overlap would be refused. */
	assert_int_equal(rig.mmio.nr, 1 + 3 * 2);
	assert_int_equal(rig.pio.nr, 3);

	/* A BAR is not decoded in another host bridge's window. */
	pci_rig_put(&rig, 0, 1, PCI_BASE_ADDRESS_0,
		    window(bus[1], PCI_LOW)->base, 4);
	pci_rig_put(&rig, 0, 1, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	assert_int_equal(rig.toy[0].at[0], 0);
	assert_int_not_equal(rig.toy[0].at[2], 0);
}

static int teardown(void **state)
{
	(void)state;
	pci_rig_close(&rig);
	return 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_largest_comes_first),
		TEST(without_large_bars_windows_are_the_usual),
		TEST(several_bars_of_256_gib_fit),
		TEST(exactly_what_the_processor_can_address),
		TEST(a_bar_beyond_the_address_bits_is_refused),
		TEST(a_bar_larger_than_everything_is_refused),
		TEST(the_low_window_grows_down_to_ram),
		TEST(what_is_too_large_below_4_gib_is_refused),
		TEST(memory_not_prefetchable_stays_low_behind_ports),
		TEST(io_that_does_not_fit_is_left_out),
		TEST(root_buses_have_windows_of_their_own),
	};

	return cmocka_run_group_tests_name("pci_place", tests, NULL, NULL);
}
