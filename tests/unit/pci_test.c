/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pci_test.c - the bus: configuration space, where BARs are decoded, and
 * guests that put them where they do not belong (bug class 9).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "devices/bus.h"
#include "devices/pci/pci.h"
#include "vmm/core/layout.h"
#include "vmm/lib/le.h"

#define ONES	  UINT32_MAX
#define SIZE32	  UINT64_C(0x4000)
#define SIZE64	  UINT64_C(0x100000)
#define MMIO64	  (UINT64_C(1) << 40)
#define MMIO64_SZ (UINT64_C(1) << 30)
#define BAR0	  PCI_BASE_ADDRESS_0
#define BAR2	  PCI_BASE_ADDRESS_2

/* A function that says which it is, and remembers what it was told. */
struct toy {
	struct pci_dev pci;
	uint8_t mark;
	unsigned moves, config_writes, starts;
	uint64_t at[PCI_BARS]; /* where it was told it is, or 0 */
	uint64_t written_off, written;
	unsigned written_bar;
};

static struct bus mmio, pio;
static struct irqchip chip;
static struct pci_host host;
static struct toy toy[PCI_SLOTS];

static struct toy *toy_of(struct pci_dev *pci)
{
	return (struct toy *)(void *)((char *)pci - offsetof(struct toy, pci));
}

static void toy_read(struct pci_dev *pci, unsigned bar, uint64_t off,
		     void *data, unsigned len)
{
	(void)off;
	memset(data, toy_of(pci)->mark + (int)bar, len);
}

static void toy_write(struct pci_dev *pci, unsigned bar, uint64_t off,
		      const void *data, unsigned len)
{
	struct toy *t = toy_of(pci);

	t->written_bar = bar;
	t->written_off = off;
	t->written = 0;
	memcpy(&t->written, data, len);
}

static void toy_moved(struct pci_dev *pci, unsigned bar, uint64_t addr, bool on)
{
	struct toy *t = toy_of(pci);

	t->moves++;
	if (!on)
		assert_int_equal(t->at[bar], addr);
	t->at[bar] = on ? addr : 0;
}

static void toy_config(struct pci_dev *pci)
{
	toy_of(pci)->config_writes++;
}

static int toy_start(struct pci_dev *pci, struct err *err)
{
	(void)err;
	toy_of(pci)->starts++;
	return 0;
}

static const struct pci_ops toy_ops = {
	.bar_read = toy_read,
	.bar_write = toy_write,
	.bar_moved = toy_moved,
	.config_written = toy_config,
	.start = toy_start,
};

static int add_toy(unsigned i, struct err *err)
{
	static const struct pci_ids ids = {
		.vendor = 0x1234,
		.device = 0x5678,
		.class_code = 0xff0000,
		.revision = 3,
	};
	static const unsigned char cap[8] = { 0, 0, 8, 0, 1, 2, 3, 4 };
	static const unsigned char writable[8] = { 0, 0, 0, 0, 0xf0 };

	toy[i] = (struct toy){ .mark = (uint8_t)(0x10 * (i + 1)) };
	pci_dev_init(&toy[i].pci, &toy_ops, &ids);
	pci_dev_bar(&toy[i].pci, 0, SIZE32, 0);
	pci_dev_bar(&toy[i].pci, 2, SIZE64, PCI_BASE_ADDRESS_MEM_TYPE_64);
	(void)pci_dev_cap(&toy[i].pci, PCI_CAP_ID_VNDR, cap, 8, writable);
	(void)pci_dev_cap(&toy[i].pci, PCI_CAP_ID_VNDR, cap, 8, NULL);
	return pci_add(&host, &toy[i].pci, err);
}

static void open_host(void)
{
	struct pci_host_config cfg = {
		.mmio = &mmio,
		.pio = &pio,
		.ports = true,
		.chip = &chip,
		.vm_fd = -1,
		.low_ram_end = LAYOUT_LOW_RAM_END,
		.ram_end = MMIO64,
		.phys_bits = 46,
	};

	bus_init(&mmio);
	bus_init(&pio);
	assert_int_equal(irqchip_init(&chip, -1, NULL), 0);
	assert_int_equal(pci_host_init(&host, &cfg, NULL), 0);
}

static int setup(void **state)
{
	(void)state;
	open_host();
	assert_int_equal(add_toy(0, NULL), 0);
	assert_int_equal(add_toy(1, NULL), 0);
	assert_int_equal(pci_host_start(&host, NULL), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pci_host_done(&host);
	assert_int_equal(mmio.nr, 0);
	assert_int_equal(pio.nr, 0);
	irqchip_done(&chip);
	bus_done(&pio);
	bus_done(&mmio);
	return 0;
}

static uint64_t at_mmio(uint64_t addr, unsigned len)
{
	le64_t v = { 0 };

	(void)bus_read(&mmio, addr, &v, len);
	return le64_get(v);
}

static uint64_t at(unsigned slot, unsigned reg)
{
	return LAYOUT_ECAM + ((uint64_t)slot << 15) + reg;
}

static uint32_t get(unsigned slot, unsigned reg, unsigned len)
{
	return (uint32_t)at_mmio(at(slot, reg), len);
}

static void put(unsigned slot, unsigned reg, uint64_t value, unsigned len)
{
	le64_t v = le64_make(value);

	assert_true(bus_write(&mmio, at(slot, reg), &v, len));
}

static void decode(unsigned slot, bool on)
{
	put(slot, PCI_COMMAND, on ? PCI_COMMAND_MEMORY : 0, 2);
}

static void the_bridge_is_there(void **state)
{
	(void)state;
	assert_int_equal(get(0, PCI_CLASS_DEVICE, 2), 0x0600);
	assert_int_equal(get(1, 0, 4), 0x56781234);
	assert_int_equal(get(1, PCI_CLASS_REVISION, 4), 0xff000003);
	assert_int_equal(toy[0].starts, 1);
}

static void absent_functions_read_as_ones(void **state)
{
	(void)state;
	assert_int_equal(get(3, 0, 4), ONES);
	assert_int_equal(get(31, 0xffc, 4), ONES);
	for (unsigned f = 1; f < 8; f++)
		assert_int_equal(at_mmio(at(1, f << 12), 4), ONES);
	put(3, BAR0, 0, 4);
	put(1, 0x1000 + BAR0, 0, 4);
	assert_int_equal(get(3, BAR0, 4), ONES);
	/* What a function does not use reads 0. */
	assert_int_equal(get(1, 0x100, 4), 0);
	put(1, 0x100, ONES, 4);
	assert_int_equal(get(1, 0x100, 4), 0);
}

static void capabilities_form_a_list(void **state)
{
	(void)state;
	assert_true(get(1, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST);
	unsigned first = get(1, PCI_CAPABILITY_LIST, 1);
	unsigned second = get(1, first + 1, 1);
	assert_int_equal(get(1, first, 1), PCI_CAP_ID_VNDR);
	assert_int_equal(get(1, second, 1), PCI_CAP_ID_VNDR);
	assert_int_equal(get(1, second + 1, 1), 0);
	put(1, first, UINT64_MAX, 8);
	assert_int_equal(get(1, first, 1), PCI_CAP_ID_VNDR);
	assert_int_equal(get(1, first + 4, 4), 0x040302f1);
	assert_false(get(0, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST);
}

/* Whatever the size and alignment, only writable bits change. */
static void writes_of_every_size_and_place(void **state)
{
	static const unsigned len[] = { 1, 2, 4, 8 };
	unsigned char before[256];

	(void)state;
	for (unsigned i = 0; i < 256; i++)
		before[i] = (unsigned char)get(1, i, 1);
	for (unsigned l = 0; l < 4; l++)
		for (unsigned reg = 0; reg + len[l] <= 0x1000; reg++)
			put(1, reg, UINT64_MAX, len[l]);
	for (unsigned i = 0; i < 256; i++) {
		unsigned char w = toy[0].pci.writable[i];

		assert_int_equal(get(1, i, 1), before[i] | w);
	}
	/* Across the end of the function's page, into an absent one. */
	put(1, 0xffc, 0, 8);
	assert_int_equal(get(1, 0x1000, 4), ONES);
}

static void unchanged_writes_are_no_news(void **state)
{
	(void)state;
	put(1, PCI_INTERRUPT_LINE, 9, 1);
	assert_int_equal(toy[0].config_writes, 1);
	put(1, PCI_INTERRUPT_LINE, 9, 1);
	put(1, PCI_VENDOR_ID, 0, 4);
	assert_int_equal(toy[0].config_writes, 1);
	assert_int_equal(toy[0].moves, 0);
}

static void bars_tell_their_size(void **state)
{
	uint32_t old = get(1, BAR0, 4);

	(void)state;
	put(1, BAR0, ONES, 4);
	assert_int_equal(get(1, BAR0, 4), (uint32_t) ~(SIZE32 - 1));
	put(1, BAR0, old, 4);
	assert_int_equal(get(1, BAR0, 4), old);
	put(1, BAR2, ONES, 4);
	put(1, BAR2 + 4, ONES, 4);
	assert_int_equal(get(1, BAR2, 4), (uint32_t) ~(SIZE64 - 1) | 4);
	assert_int_equal(get(1, BAR2 + 4, 4), ONES);
	/* BARs that do not exist, and the expansion ROM. */
	put(1, BAR0 + 4, ONES, 4);
	assert_int_equal(get(1, BAR0 + 4, 4), 0);
	put(1, PCI_ROM_ADDRESS, ONES, 4);
	assert_int_equal(get(1, PCI_ROM_ADDRESS, 4), 0);
}

static void bars_have_places_from_the_start(void **state)
{
	(void)state;
	uint64_t a = get(1, BAR0, 4);
	uint64_t b = get(2, BAR0, 4);
	assert_in_range(a, LAYOUT_MMIO32, LAYOUT_MMIO32_END - SIZE32);
	assert_in_range(b, LAYOUT_MMIO32, LAYOUT_MMIO32_END - SIZE32);
	assert_int_not_equal(a, b);
	assert_int_equal(a % SIZE32, 0);
	assert_int_equal(get(1, BAR2 + 4, 4), MMIO64 >> 32);

	/* Nothing is decoded before the guest says so. */
	assert_int_equal(at_mmio(a, 4), ONES);
	decode(1, true);
	assert_int_equal(at_mmio(a, 1), 0x10);
	assert_int_equal(at_mmio(MMIO64 + SIZE64 - 1, 1), 0x12);
	assert_int_equal(toy[0].at[0], a);
	assert_int_equal(at_mmio(b, 4), ONES);
	decode(1, false);
	assert_int_equal(at_mmio(a, 4), ONES);
	assert_int_equal(toy[0].at[0], 0);
}

static void accesses_reach_their_bar(void **state)
{
	le32_t v = le32_make(0xabcd);

	(void)state;
	decode(1, true);
	uint64_t a = get(1, BAR0, 4);
	assert_true(bus_write(&mmio, a + 0x124, &v, 4));
	assert_int_equal(toy[0].written_bar, 0);
	assert_int_equal(toy[0].written_off, 0x124);
	assert_int_equal(toy[0].written, 0xabcd);
	/* Across the end of the BAR: nobody. */
	toy[0].written = 0;
	(void)bus_write(&mmio, a + SIZE32 - 2, &v, 4);
	assert_int_equal(toy[0].written, 0);
	assert_int_equal(at_mmio(a + SIZE32 - 2, 4), ONES);
}

static void a_bar_moves(void **state)
{
	uint64_t new = LAYOUT_MMIO32_END - SIZE32;

	(void)state;
	decode(1, true);
	uint64_t old = get(1, BAR0, 4);
	put(1, BAR0, new | 0xf, 4);
	assert_int_equal(get(1, BAR0, 4), new);
	assert_int_equal(at_mmio(new, 1), 0x10);
	assert_int_equal(at_mmio(old, 1), 0xff);
	assert_int_equal(toy[0].at[0], new);
	/* 64 bits in two writes: between them it is nowhere. */
	put(1, BAR2, MMIO64_SZ - SIZE64, 4);
	assert_int_equal(at_mmio(MMIO64 + MMIO64_SZ - SIZE64, 1), 0x12);
	put(1, BAR2 + 4, 0, 4);
	assert_int_equal(toy[0].at[2], 0);
}

/* Bug class 9: BARs where they must not be. */
static void a_bar_outside_the_windows_is_nowhere(void **state)
{
	static const uint64_t where[] = {
		0,
		0x1000000, /* RAM */
		LAYOUT_MMIO32 - SIZE32,
		LAYOUT_MMIO32_END,
		LAYOUT_ECAM,
		LAYOUT_IOAPIC,
		LAYOUT_LAPIC,
		UINT32_MAX,
	};

	(void)state;
	decode(1, true);
	for (unsigned i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		put(1, BAR0, where[i], 4);
		assert_int_equal(toy[0].at[0], 0);
	}
	assert_int_equal(get(2, 0, 4), 0x56781234);
	put(1, BAR2, ONES, 4);
	put(1, BAR2 + 4, ONES, 4);
	assert_int_equal(toy[0].at[2], 0);
	/* A 64-bit BAR may well be in the lower window. */
	put(1, BAR2 + 4, 0, 4);
	put(1, BAR2, LAYOUT_MMIO32, 4);
	assert_int_equal(at_mmio(LAYOUT_MMIO32 + SIZE64 - 1, 1), 0x12);
}

static void bars_do_not_overlap(void **state)
{
	(void)state;
	decode(1, true);
	decode(2, true);
	uint64_t a = get(1, BAR0, 4);
	uint64_t b = get(2, BAR0, 4);

	put(2, BAR0, a, 4);
	assert_int_equal(at_mmio(a, 1), 0x10);
	assert_int_equal(toy[1].at[0], 0);
	/* When the first goes, the second is seen. */
	decode(1, false);
	assert_int_equal(at_mmio(a, 1), 0x20);
	decode(1, true);
	assert_int_equal(at_mmio(a, 1), 0x20);
	put(2, BAR0, b, 4);
	assert_int_equal(at_mmio(a, 1), 0x10);
	assert_int_equal(at_mmio(b, 1), 0x20);
}

static uint32_t port_get(unsigned port, unsigned len)
{
	le32_t v = { 0 };

	(void)bus_read(&pio, port, &v, len);
	return le32_get(v);
}

static void port_put(unsigned port, uint32_t value, unsigned len)
{
	le32_t v = le32_make(value);

	(void)bus_write(&pio, port, &v, len);
}

static void ports_reach_the_same_registers(void **state)
{
	(void)state;
	port_put(0xcf8, 0x80000800, 4);
	assert_int_equal(port_get(0xcf8, 4), 0x80000800);
	assert_int_equal(port_get(0xcfc, 4), 0x56781234);
	assert_int_equal(port_get(0xcfe, 2), 0x5678);
	assert_int_equal(port_get(0xcfd, 1), 0x12);
	port_put(0xcf8, 0x80000800 | BAR0, 4);
	uint32_t old = get(1, BAR0, 4);
	port_put(0xcfc, ONES, 4);
	assert_int_equal(get(1, BAR0, 4), (uint32_t) ~(SIZE32 - 1));
	port_put(0xcfc, old, 4);
	port_put(0xcf8, 0x80000800 | PCI_INTERRUPT_LINE, 4);
	port_put(0xcfc, 0x42, 1);
	assert_int_equal(get(1, PCI_INTERRUPT_LINE, 1), 0x42);
}

static void ports_without_an_address(void **state)
{
	(void)state;
	/* Not enabled; another bus; an absent slot; another function. */
	static const uint32_t where[] = { 0x00000800, 0x80010800, 0x8000f800,
					  0x80000900 };
	for (unsigned i = 0; i < 4; i++) {
		port_put(0xcf8, where[i], 4);
		assert_int_equal(port_get(0xcfc, 4), ONES);
		port_put(0xcfc, 0, 4);
	}
	/* The address port takes words only. */
	port_put(0xcf8, 0x80000800, 4);
	port_put(0xcf8, 0, 1);
	port_put(0xcfa, 0, 2);
	assert_int_equal(port_get(0xcf8, 4), 0x80000800);
	assert_int_equal(port_get(0xcf9, 1), 0xff);
	assert_int_equal(get(1, 0, 4), 0x56781234);
}

static void the_bus_has_31_places(void **state)
{
	struct err err = { 0 };

	(void)state;
	open_host();
	for (unsigned i = 0; i < PCI_SLOTS - 1; i++)
		assert_int_equal(add_toy(i, NULL), 0);
	assert_int_equal(add_toy(PCI_SLOTS - 1, &err), -ENOSPC);
	assert_non_null(strstr(err.msg, "the PCI bus is full"));
	assert_int_equal(pci_host_start(&host, &err), 0);
	assert_int_equal(get(31, 0, 4), 0x56781234);
}

static void a_removed_function_is_gone(void **state)
{
	(void)state;
	decode(1, true);
	uint64_t a = get(1, BAR0, 4);
	pci_remove(&toy[0].pci);
	assert_int_equal(get(1, 0, 4), ONES);
	assert_int_equal(at_mmio(a, 4), ONES);
	assert_int_equal(get(2, 0, 4), 0x56781234);
	pci_remove(&toy[0].pci);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_bridge_is_there),
		TEST(absent_functions_read_as_ones),
		TEST(capabilities_form_a_list),
		TEST(writes_of_every_size_and_place),
		TEST(unchanged_writes_are_no_news),
		TEST(bars_tell_their_size),
		TEST(bars_have_places_from_the_start),
		TEST(accesses_reach_their_bar),
		TEST(a_bar_moves),
		TEST(a_bar_outside_the_windows_is_nowhere),
		TEST(bars_do_not_overlap),
		TEST(ports_reach_the_same_registers),
		TEST(ports_without_an_address),
		cmocka_unit_test_teardown(the_bus_has_31_places, teardown),
		TEST(a_removed_function_is_gone),
	};

	return cmocka_run_group_tests_name("pci", tests, NULL, NULL);
}
