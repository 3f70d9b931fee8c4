/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pci_live_test.c - what a real device's function needs of the bus: calls for
 * every access to configuration space, small BARs, I/O BARs, the expansion
 * ROM, sleep, interrupt pins, and its loss.
 */
#include <linux/kvm.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "devices/pci/config.h"
#include "tests/harness/pci_rig.h"
#include "vmm/core/layout.h"

#define ONES UINT32_MAX
#define BAR0 PCI_BASE_ADDRESS_0
#define BAR1 PCI_BASE_ADDRESS_1
#define BAR2 PCI_BASE_ADDRESS_2
#define IO   PCI_BASE_ADDRESS_SPACE_IO
#define LIVE 1 /* slots */
#define TAME 2

static struct pci_rig rig;
static struct pci_toy *live, *tame;

static uint32_t get(unsigned slot, unsigned reg, unsigned len)
{
	return pci_rig_get(&rig, 0, slot, reg, len);
}

static void put(unsigned slot, unsigned reg, uint64_t value, unsigned len)
{
	pci_rig_put(&rig, 0, slot, reg, value, len);
}

static void command(unsigned slot, unsigned value)
{
	put(slot, PCI_COMMAND, value, 2);
}

static int setup(void **state)
{
	(void)state;
	pci_rig_open(&rig, NULL);
	live = pci_rig_live_toy(&rig);
	pci_dev_bar(&live->pci, 0, 0x4000, 0);
	pci_dev_bar(&live->pci, 1, 32, IO);
	pci_dev_bar(&live->pci, 2, 16, PCI_BASE_ADDRESS_MEM_PREFETCH);
	pci_dev_bar(&live->pci, PCI_ROM, 0x800, 0);
	pci_dev_pin(&live->pci, 2);
	tame = pci_rig_toy(&rig);
	pci_dev_bar(&tame->pci, 0, 16, 0);
	pci_dev_bar(&tame->pci, 1, 4, IO);
	assert_int_equal(pci_add(&rig.host, &live->pci, NULL), 0);
	assert_int_equal(pci_add(&rig.host, &tame->pci, NULL), 0);
	assert_int_equal(pci_host_start(&rig.host, NULL), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pci_rig_close(&rig);
	return 0;
}

static void every_access_to_a_live_function_is_a_call(void **state)
{
	(void)state;
	assert_int_equal(get(LIVE, 0, 4), PCI_RIG_IDS);
	assert_int_equal(live->config_reads, 1);
	/* All of its 4 KiB, whatever is done with it. */
	live->pci.config[0xfff] = 0x5a;
	assert_int_equal(get(LIVE, 0xfff, 1), 0x5a);
	assert_int_equal(live->config_reg, 0xfff);
	assert_int_equal(get(LIVE, 0xffe, 2), 0x5a00);
	put(LIVE, 0x123, 0, 8);
	assert_int_equal(live->config_reg, 0x123);
	assert_int_equal(live->config_len, 8);
	assert_int_equal(live->config_writes, 1);
	/* Its neighbours are none of its business. */
	assert_int_equal(get(TAME, 0, 4), PCI_RIG_IDS);
	assert_int_equal(pci_rig_read(&rig, pci_rig_ecam(0, LIVE, 0x1000), 4),
			 ONES);
	assert_int_equal(live->config_reads, 3);
}

/* The guest reads @addr without an exit. */
static bool is_memory(uint64_t addr)
{
	for (unsigned i = 0; i < rig.slots.nr; i++) {
		const struct slot *m = &rig.slots.slot[i];

		if (addr >= m->gpa && addr < m->gpa + m->size) {
			assert_int_equal(m->flags, KVM_MEM_READONLY);
			return true;
		}
	}
	return false;
}

static void only_pages_of_live_functions_are_no_memory(void **state)
{
	(void)state;
	for (uint64_t off = 0; off < LAYOUT_ECAM_BUS; off += PCI_PAGE)
		assert_int_equal(is_memory(LAYOUT_ECAM + off),
				 off != (uint64_t)LIVE << 15);
	assert_false(is_memory(LAYOUT_ECAM + LAYOUT_ECAM_BUS));
	assert_int_equal(rig.host.nr_ecam_slots, 2);
}

/* KVM cuts what crosses a page into pieces of any length. */
static void odd_accesses_find_nobody(void **state)
{
	(void)state;
	for (unsigned len = 1; len <= 8; len++)
		for (unsigned reg = 0; reg < PCI_PAGE; reg++) {
			unsigned calls = live->config_reads;
			bool whole =
				(len & (len - 1)) == 0 && len <= PCI_PAGE - reg;
			uint64_t v = pci_rig_read(
				&rig, pci_rig_ecam(0, LIVE, reg), len);

			assert_int_equal(live->config_reads, calls + whole);
			if (!whole)
				assert_int_equal(
					v, len == 8 ? UINT64_MAX
						    : (UINT64_C(1) << 8 * len) -
							      1);
			calls = live->config_writes;
			put(LIVE, reg, 0, len);
			assert_int_equal(live->config_writes, calls + whole);
		}
}

static void a_live_function_moves_its_bars(void **state)
{
	uint64_t new = LAYOUT_MMIO32_END - 0x4000;

	(void)state;
	command(LIVE, PCI_COMMAND_MEMORY);
	assert_int_equal(live->at[0], get(LIVE, BAR0, 4));
	assert_int_equal(pci_rig_read(&rig, live->at[0], 1), 0x10);
	put(LIVE, BAR0, new, 4);
	assert_int_equal(live->at[0], new);
	command(LIVE, 0);
	assert_int_equal(live->at[0], 0);
}

static void small_bars_have_a_page_and_answer_in_their_bytes(void **state)
{
	(void)state;
	uint64_t a = get(LIVE, BAR2, 4) & ~UINT32_C(0xf);
	uint64_t b = get(TAME, BAR0, 4);

	assert_int_equal(get(LIVE, BAR2, 4) & 0xf,
			 PCI_BASE_ADDRESS_MEM_PREFETCH);
	assert_int_equal(a % 4096, 0);
	assert_int_equal(b % 4096, 0);
	assert_int_not_equal(a, b);
	put(LIVE, BAR2, ONES, 4);
	assert_int_equal(get(LIVE, BAR2, 4), 0xfffffff8);
	put(LIVE, BAR2, a, 4);
	command(LIVE, PCI_COMMAND_MEMORY);
	command(TAME, PCI_COMMAND_MEMORY);
	assert_int_equal(pci_rig_read(&rig, a + 15, 1), 0x12);
	assert_int_equal(pci_rig_read(&rig, a + 16, 1), 0xff);
	assert_int_equal(pci_rig_read(&rig, a + 12, 8), UINT64_MAX);
	/* Two may well share a page if the guest wants that. */
	put(TAME, BAR0, a + 16, 4);
	assert_int_equal(pci_rig_read(&rig, a + 15, 1), 0x12);
	assert_int_equal(pci_rig_read(&rig, a + 16, 1), 0x20);
	put(TAME, BAR0, a, 4);
	assert_int_equal(tame->at[0], 0);
}

static void io_bars_are_on_the_ports(void **state)
{
	(void)state;
	unsigned a = get(LIVE, BAR1, 4);
	unsigned b = get(TAME, BAR1, 4);

	assert_int_equal(a & 3, IO);
	a &= ~3U;
	b &= ~3U;
	assert_in_range(a, LAYOUT_PCI_IO, LAYOUT_PCI_IO_END - 32);
	assert_in_range(b, LAYOUT_PCI_IO, LAYOUT_PCI_IO_END - 4);
	assert_true(b >= a + 32 || b + 4 <= a);
	command(LIVE, PCI_COMMAND_MEMORY);
	assert_int_equal(pci_rig_in(&rig, a, 1), 0xff);
	command(LIVE, PCI_COMMAND_IO);
	command(TAME, PCI_COMMAND_IO);
	assert_int_equal(pci_rig_in(&rig, a, 1), 0x11);
	assert_int_equal(pci_rig_in(&rig, b, 4), 0x21212121);
	pci_rig_out(&rig, a + 31, 0x77, 1);
	assert_int_equal(live->written_off, 31);
	assert_int_equal(live->written, 0x77);
	assert_int_equal(live->written_bar, 1);
	/* It is no memory address. */
	assert_int_equal(pci_rig_read(&rig, a, 1), 0xff);
	put(LIVE, BAR1, ONES, 4);
	assert_int_equal(get(LIVE, BAR1, 4), 0xffffffe1);
}

/* The serial port, the power registers, and what looks like a port. */
static void an_io_bar_outside_its_window_is_nowhere(void **state)
{
	static const uint32_t where[] = {
		0,     LAYOUT_COM1,	  LAYOUT_POWER, 0xcf8,
		0xfe0, LAYOUT_PCI_IO_END, 0x1c000,	0xd0000000,
	};

	(void)state;
	command(LIVE, PCI_COMMAND_IO);
	for (unsigned i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		put(LIVE, BAR1, where[i], 4);
		assert_int_equal(live->at[1], 0);
	}
	put(LIVE, BAR1, 0xffe0, 4);
	assert_int_equal(live->at[1], 0xffe0);
}

static void without_an_io_bar_there_is_no_io_window(void **state)
{
	(void)state;
	pci_rig_open(&rig, NULL);
	live = pci_rig_live_toy(&rig);
	pci_dev_bar(&live->pci, 0, 0x4000, 0);
	assert_int_equal(pci_add(&rig.host, &live->pci, NULL), 0);
	assert_int_equal(pci_host_start(&rig.host, NULL), 0);
	assert_int_equal(rig.pio.nr, 0);
	command(LIVE, ONES);
	assert_false(get(LIVE, PCI_COMMAND, 2) & PCI_COMMAND_IO);
}

static void the_rom_has_a_switch_of_its_own(void **state)
{
	(void)state;
	uint32_t at = get(LIVE, PCI_ROM_ADDRESS, 4);

	assert_in_range(at, LAYOUT_MMIO32, LAYOUT_MMIO32_END - 0x800);
	command(LIVE, PCI_COMMAND_MEMORY);
	assert_int_equal(live->at[PCI_ROM], 0);
	put(LIVE, PCI_ROM_ADDRESS, ONES, 4);
	assert_int_equal(get(LIVE, PCI_ROM_ADDRESS, 4), 0xfffff801);
	put(LIVE, PCI_ROM_ADDRESS, at | 1, 4);
	assert_int_equal(live->at[PCI_ROM], at);
	assert_int_equal(pci_rig_read(&rig, at, 1), 0x10 + PCI_ROM);
	command(LIVE, 0);
	assert_int_equal(live->at[PCI_ROM], 0);
}

static void a_sleeping_function_decodes_nothing(void **state)
{
	(void)state;
	command(LIVE, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
	assert_int_not_equal(live->at[0], 0);
	live->pci.asleep = true;
	put(LIVE, PCI_INTERRUPT_LINE, 9, 1);
	assert_int_equal(live->at[0], 0);
	assert_int_equal(live->at[1], 0);
	assert_int_equal(get(LIVE, 0, 4), PCI_RIG_IDS);
	live->pci.asleep = false;
	put(LIVE, PCI_INTERRUPT_LINE, 10, 1);
	assert_int_not_equal(live->at[0], 0);
	assert_int_not_equal(live->at[1], 0);
}

static void check_lost(struct pci_toy *t, unsigned slot)
{
	command(slot, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
	uint64_t at = t->at[0];
	unsigned port = (unsigned)t->at[1];
	assert_int_not_equal(at, 0);
	assert_int_not_equal(port, 0);

	pci_dev_lost(&t->pci);
	for (unsigned i = 0; i < PCI_REGIONS; i++)
		assert_int_equal(t->at[i], 0);
	unsigned calls = t->moves + t->reads + t->writes + t->config_reads +
			 t->config_writes;
	assert_int_equal(get(slot, 0, 4), ONES);
	assert_int_equal(get(slot, 0xffc, 4), ONES);
	for (unsigned reg = 0; reg < PCI_PAGE; reg += 4)
		put(slot, reg, 0, 4);
	assert_int_equal(get(slot, PCI_COMMAND, 2), 0xffff);
	assert_int_equal(pci_rig_read(&rig, at, 8), UINT64_MAX);
	assert_int_equal(pci_rig_in(&rig, port, 4), ONES);
	pci_rig_write(&rig, at, 1, 4);
	pci_dev_lost(&t->pci);
	assert_int_equal(t->moves + t->reads + t->writes + t->config_reads +
				 t->config_writes,
			 calls);
}

static void a_lost_function_reads_as_ones(void **state)
{
	(void)state;
	check_lost(live, LIVE);
	/* What the guest reads without us says so too. */
	check_lost(tame, TAME);
	assert_int_equal(*(uint32_t *)(void *)tame->pci.config, ONES);
	pci_remove(&live->pci);
	pci_remove(&tame->pci);
	pci_dev_lost(&live->pci);
	assert_int_equal(get(LIVE, 0, 4), ONES);
}

static void a_lost_function_makes_room(void **state)
{
	(void)state;
	command(LIVE, PCI_COMMAND_MEMORY);
	put(TAME, BAR0, live->at[0], 4);
	command(TAME, PCI_COMMAND_MEMORY);
	assert_int_equal(tame->at[0], 0);
	uint64_t at = live->at[0];
	pci_dev_lost(&live->pci);
	assert_int_equal(tame->at[0], at);
	assert_int_equal(pci_rig_read(&rig, at, 1), 0x20);
}

static void pins_have_lines(void **state)
{
	unsigned seen = 0;

	(void)state;
	assert_int_equal(get(LIVE, PCI_INTERRUPT_PIN, 1), 2);
	assert_int_equal(get(TAME, PCI_INTERRUPT_PIN, 1), 0);
	for (unsigned pin = 1; pin <= 4; pin++) {
		unsigned gsi = pci_intx_gsi(&live->pci, pin);

		assert_in_range(gsi, 16, LAYOUT_MSI_GSI - 1);
		assert_int_equal(gsi, LAYOUT_PCI_GSI(0, LIVE, pin));
		seen |= 1U << gsi;
	}
	assert_int_equal(__builtin_popcount(seen), 4);
	assert_int_not_equal(pci_intx_gsi(&live->pci, 1),
			     pci_intx_gsi(&tame->pci, 1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_access_to_a_live_function_is_a_call),
		TEST(only_pages_of_live_functions_are_no_memory),
		TEST(odd_accesses_find_nobody),
		TEST(a_live_function_moves_its_bars),
		TEST(small_bars_have_a_page_and_answer_in_their_bytes),
		TEST(io_bars_are_on_the_ports),
		TEST(an_io_bar_outside_its_window_is_nowhere),
		cmocka_unit_test_teardown(
			without_an_io_bar_there_is_no_io_window, teardown),
		TEST(the_rom_has_a_switch_of_its_own),
		TEST(a_sleeping_function_decodes_nothing),
		TEST(a_lost_function_reads_as_ones),
		TEST(a_lost_function_makes_room),
		TEST(pins_have_lines),
	};

	return cmocka_run_group_tests_name("pci_live", tests, NULL, NULL);
}
