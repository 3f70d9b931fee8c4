/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pci_bridge_test.c - ports: what a kernel finds when it walks the buses, that
 * the windows hold what is below them, how interrupt pins are wired, and
 * guests that rewrite all of it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "devices/pci/config.h"
#include "tests/harness/pci_rig.h"
#include "vmm/core/layout.h"

#define ONES  UINT32_MAX
#define MIB   (UINT64_C(1) << 20)
#define GIB   (UINT64_C(1) << 30)
#define BAR0  PCI_BASE_ADDRESS_0
#define IO    PCI_BASE_ADDRESS_SPACE_IO
#define MEM64 PCI_BASE_ADDRESS_MEM_TYPE_64
#define PREF  PCI_BASE_ADDRESS_MEM_PREFETCH

/*
 * 00.0 host bridge
 * 00.1 root port -> 01.0 upstream -> 02.0 downstream -> 03.0 toy 0
 *                                    02.1 downstream -> 04.0 toy 1
 * 00.2 root port -> 05.0 toy 2
 * 00.3 toy 3
 * 06.0 toy 4, on the bus of node 1
 */
static struct pci_rig rig;
static const unsigned bus_of[] = { 3, 4, 5, 0, 6 };
static const unsigned slot_of[] = { 0, 0, 0, 3, 0 };

static uint32_t get(unsigned bus, unsigned slot, unsigned reg, unsigned len)
{
	return pci_rig_get(&rig, bus, slot, reg, len);
}

static void put(unsigned bus, unsigned slot, unsigned reg, uint64_t value,
		unsigned len)
{
	pci_rig_put(&rig, bus, slot, reg, value, len);
}

static struct pci_toy *add(unsigned bus)
{
	struct pci_toy *t = pci_rig_toy(&rig);

	pci_dev_bar(&t->pci, 0, 16 * MIB, 0);
	pci_dev_bar(&t->pci, 1, 128, IO);
	pci_dev_bar(&t->pci, 2, 32 * GIB, MEM64 | PREF);
	pci_dev_bar(&t->pci, 4, 32 * MIB, MEM64 | PREF);
	pci_dev_pin(&t->pci, 1);
	assert_int_equal(pci_add_to(&rig.host, bus, &t->pci, NULL), 0);
	return t;
}

static unsigned port(unsigned bus, enum pci_port_kind kind)
{
	unsigned below;

	assert_int_equal(pci_port(&rig.host, bus, kind, &below, NULL), 0);
	return below;
}

static int setup(void **state)
{
	unsigned node1;

	(void)state;
	pci_rig_open(&rig, NULL);
	assert_int_equal(pci_root_bus(&rig.host, 1, &node1, NULL), 0);
	unsigned root = port(0, PCI_ROOT_PORT);
	unsigned up = port(root, PCI_UPSTREAM_PORT);
	unsigned first = port(up, PCI_DOWNSTREAM_PORT);
	unsigned lone = port(0, PCI_ROOT_PORT);
	/* Made late, numbered with its switch all the same. */
	unsigned second = port(up, PCI_DOWNSTREAM_PORT);

	(void)add(first);
	(void)add(second);
	(void)add(lone);
	(void)add(0);
	(void)add(node1);
	assert_int_equal(pci_host_start(&rig.host, NULL), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pci_rig_close(&rig);
	return 0;
}

static void functions_are_where_the_drawing_says(void **state)
{
	(void)state;
	for (unsigned i = 0; i < rig.nr; i++)
		assert_int_equal(get(bus_of[i], slot_of[i], 0, 4), PCI_RIG_IDS);
	unsigned functions = 0;
	for (unsigned bus = 0; bus < 256; bus++)
		for (unsigned slot = 0; slot < PCI_SLOTS; slot++)
			functions += get(bus, slot, 0, 4) != ONES;
	assert_int_equal(functions, 1 + 2 + 1 + 2 + rig.nr);
	/* Beyond the last bus nothing is registered. */
	uint32_t v;
	assert_false(bus_read(&rig.mmio, pci_rig_ecam(7, 0, 0), &v, 4));
}

/* @bus:@slot is a port of type @type to buses @first to @last. */
static void check_port(unsigned bus, unsigned slot, unsigned type,
		       unsigned first, unsigned last)
{
	assert_int_equal(get(bus, slot, PCI_CLASS_DEVICE, 2), 0x0604);
	assert_int_equal(get(bus, slot, PCI_HEADER_TYPE, 1),
			 PCI_HEADER_TYPE_BRIDGE);
	assert_int_equal(get(bus, slot, PCI_PRIMARY_BUS, 1), bus);
	assert_int_equal(get(bus, slot, PCI_SECONDARY_BUS, 1), first);
	assert_int_equal(get(bus, slot, PCI_SUBORDINATE_BUS, 1), last);
	unsigned cap = get(bus, slot, PCI_CAPABILITY_LIST, 1);
	assert_int_equal(get(bus, slot, cap, 1), PCI_CAP_ID_EXP);
	unsigned flags = get(bus, slot, cap + PCI_EXP_FLAGS, 2);
	assert_int_equal((flags & PCI_EXP_FLAGS_TYPE) >> 4, type);
	assert_int_equal(get(bus, slot, cap + PCI_EXP_LNKCAP, 2), 0x103);
	assert_int_equal(get(bus, slot, cap + PCI_EXP_LNKSTA, 2) & 0x3ff,
			 0x103);
	bool link = type != PCI_EXP_TYPE_UPSTREAM;
	assert_int_equal(!!(get(bus, slot, cap + PCI_EXP_LNKSTA, 2) &
			    PCI_EXP_LNKSTA_DLLLA),
			 link);
	assert_int_equal(!!(flags & PCI_EXP_FLAGS_SLOT), link);
}

static void ports_lead_to_their_buses(void **state)
{
	(void)state;
	check_port(0, 1, PCI_EXP_TYPE_ROOT_PORT, 1, 4);
	check_port(1, 0, PCI_EXP_TYPE_UPSTREAM, 2, 4);
	check_port(2, 0, PCI_EXP_TYPE_DOWNSTREAM, 3, 3);
	check_port(2, 1, PCI_EXP_TYPE_DOWNSTREAM, 4, 4);
	check_port(0, 2, PCI_EXP_TYPE_ROOT_PORT, 5, 5);
	/* Physical slots are told apart. */
	unsigned cap = get(2, 0, PCI_CAPABILITY_LIST, 1);
	assert_int_not_equal(get(2, 0, cap + PCI_EXP_SLTCAP, 4) >> 19,
			     get(2, 1, cap + PCI_EXP_SLTCAP, 4) >> 19);
}

struct range {
	uint64_t base, end; /* end <= base: closed */
};

static struct range port_window(unsigned bus, unsigned slot, enum pci_kind kind)
{
	uint64_t base;
	uint64_t limit;

	switch (kind) {
	case PCI_IO:
		base = (get(bus, slot, PCI_IO_BASE, 1) & 0xf0) << 8;
		limit = (get(bus, slot, PCI_IO_LIMIT, 1) & 0xf0) << 8 | 0xfff;
		break;
	case PCI_LOW:
		base = get(bus, slot, PCI_MEMORY_BASE, 2) << 16;
		limit = get(bus, slot, PCI_MEMORY_LIMIT, 2) << 16 | 0xfffff;
		break;
	default:
		base = (uint64_t)get(bus, slot, PCI_PREF_BASE_UPPER32, 4) << 32;
		base |= (get(bus, slot, PCI_PREF_MEMORY_BASE, 2) & 0xfff0)
			<< 16;
		limit = (uint64_t)get(bus, slot, PCI_PREF_LIMIT_UPPER32, 4)
			<< 32;
		limit |= (get(bus, slot, PCI_PREF_MEMORY_LIMIT, 2) & 0xfff0)
				 << 16 |
			 0xfffff;
		break;
	}
	return (struct range){ base, limit + 1 };
}

/* BARs 0 (memory), 1 (I/O), 2 and 4 (prefetchable) of toy @i. */
static void check_inside(unsigned i, unsigned bus, unsigned slot)
{
	static const enum pci_kind kind[] = { PCI_LOW, PCI_IO, PCI_HIGH,
					      PCI_KINDS, PCI_HIGH };

	for (unsigned nr = 0; nr < 5; nr++) {
		if (kind[nr] == PCI_KINDS)
			continue;
		struct range r = port_window(bus, slot, kind[nr]);
		uint64_t at = pci_bar_address(&rig.toy[i].pci, nr);

		assert_in_range(at, r.base,
				r.end - rig.toy[i].pci.bar[nr].size);
	}
}

static void windows_hold_what_is_below(void **state)
{
	(void)state;
	check_inside(0, 0, 1);
	check_inside(0, 1, 0);
	check_inside(0, 2, 0);
	check_inside(1, 0, 1);
	check_inside(1, 1, 0);
	check_inside(1, 2, 1);
	check_inside(2, 0, 2);
	for (enum pci_kind k = 0; k < PCI_KINDS; k++) {
		/* Neighbours' do not overlap, nor hold what is no child. */
		struct range a = port_window(0, 1, k);
		struct range b = port_window(0, 2, k);
		struct range c = port_window(2, 0, k);
		struct range d = port_window(2, 1, k);

		assert_true(a.end <= b.base || b.end <= a.base);
		assert_true(c.end <= d.base || d.end <= c.base);
	}
	uint64_t at = pci_bar_address(&rig.toy[3].pci, 2);
	struct range a = port_window(0, 1, PCI_HIGH);
	assert_true(at >= a.end || at + 32 * GIB <= a.base);
}

static void accesses_reach_functions_below_ports(void **state)
{
	(void)state;
	for (unsigned i = 0; i < rig.nr; i++) {
		struct pci_toy *t = &rig.toy[i];

		put(bus_of[i], slot_of[i], PCI_COMMAND,
		    PCI_COMMAND_MEMORY | PCI_COMMAND_IO, 2);
		assert_int_equal(pci_rig_read(&rig, t->at[0], 1), t->mark);
		assert_int_equal(pci_rig_in(&rig, (unsigned)t->at[1], 1),
				 t->mark + 1);
		assert_int_equal(pci_rig_read(&rig, t->at[2] + 32 * GIB - 1, 1),
				 t->mark + 2);
		put(bus_of[i], slot_of[i], PCI_INTERRUPT_LINE, 7, 1);
		assert_int_equal(
			get(bus_of[i], slot_of[i], PCI_INTERRUPT_LINE, 1), 7);
	}
}

static void pins_are_swizzled_through_ports(void **state)
{
	(void)state;
	/* 02.1 below 01.0 below 00.1: INTA# comes out as INTB# of 00.1. */
	assert_int_equal(pci_intx_gsi(&rig.toy[0].pci, 1),
			 LAYOUT_PCI_GSI(0, 1, 1));
	assert_int_equal(pci_intx_gsi(&rig.toy[1].pci, 1),
			 LAYOUT_PCI_GSI(0, 1, 2));
	assert_int_equal(pci_intx_gsi(&rig.toy[1].pci, 4),
			 LAYOUT_PCI_GSI(0, 1, 1));
	assert_int_equal(pci_intx_gsi(&rig.toy[2].pci, 2),
			 LAYOUT_PCI_GSI(0, 2, 2));
	assert_int_equal(pci_intx_gsi(&rig.toy[3].pci, 3),
			 LAYOUT_PCI_GSI(0, 3, 3));
	assert_int_equal(pci_intx_gsi(&rig.toy[4].pci, 1),
			 LAYOUT_PCI_GSI(1, 0, 1));
	assert_int_equal(pci_intx_slots(rig.host.bus[0]), 0xe);
	assert_int_equal(pci_intx_slots(rig.toy[4].pci.bus), 0x1);
}

/* Bus numbers stay, the rest is a guest's to spoil for itself. */
static void a_guest_rewrites_every_port(void **state)
{
	static const unsigned ports[][2] = {
		{ 0, 1 }, { 0, 2 }, { 1, 0 }, { 2, 0 }, { 2, 1 }
	};
	static const uint64_t values[] = { UINT64_MAX, 0,
					   UINT64_C(0x5555555555555555) };

	(void)state;
	for (unsigned v = 0; v < 3; v++)
		for (unsigned len = 1; len <= 8; len *= 2)
			for (unsigned reg = 0; reg < PCI_PAGE; reg++)
				for (unsigned p = 0; p < 5; p++)
					put(ports[p][0], ports[p][1], reg,
					    values[v], len);
	ports_lead_to_their_buses(state);
	accesses_reach_functions_below_ports(state);
	/* No bit says that a reset or training never ends. */
	unsigned cap = get(0, 1, PCI_CAPABILITY_LIST, 1);
	assert_int_equal(get(0, 1, cap + PCI_EXP_LNKCTL, 2) & PCI_EXP_LNKCTL_RL,
			 0);
	assert_int_equal(
		get(0, 1, PCI_BRIDGE_CONTROL, 2) & PCI_BRIDGE_CTL_BUS_RESET, 0);
}

static void ports_reach_every_bus_by_mechanism_1(void **state)
{
	(void)state;
	teardown(NULL);
	struct pci_host_config cfg = {
		.ports = true,
		.ram_end = 4 * GIB,
		.phys_bits = 46,
	};
	pci_rig_open(&rig, &cfg);
	(void)add(port(0, PCI_ROOT_PORT));
	assert_int_equal(pci_host_start(&rig.host, NULL), 0);
	pci_rig_out(&rig, 0xcf8, 0x80010000, 4);
	assert_int_equal(pci_rig_in(&rig, 0xcfc, 4), PCI_RIG_IDS);
	pci_rig_out(&rig, 0xcf8, 0x80020000, 4);
	assert_int_equal(pci_rig_in(&rig, 0xcfc, 4), ONES);
	pci_rig_out(&rig, 0xcf8, 0xffffff00, 4);
	assert_int_equal(pci_rig_in(&rig, 0xcfc, 4), ONES);
}

static void below_a_link_there_is_one_place(void **state)
{
	struct err err = { 0 };
	struct pci_toy *t = pci_rig_toy(&rig);

	(void)state;
	assert_int_equal(pci_add_to(&rig.host, 2, &t->pci, &err), -ENOSPC);
	assert_non_null(strstr(err.msg, "room for one device"));
	pci_remove(&t->pci);
}

static void buses_run_out_with_a_sentence(void **state)
{
	struct err err = { 0 };
	unsigned below;
	unsigned bus = 0;
	int r = 0;

	(void)state;
	teardown(NULL);
	pci_rig_open(&rig, NULL);
	for (unsigned i = 0; r == 0 && i <= PCI_BUSES; i++) {
		if (i % 2 == 0)
			r = pci_root_bus(&rig.host, (int)i, &bus, &err);
		else
			r = pci_port(&rig.host, bus, PCI_ROOT_PORT, &below,
				     &err);
	}
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(rig.host.nr_buses, PCI_BUSES);
	assert_non_null(strstr(err.msg, "more than 64 PCI buses"));
	assert_int_equal(pci_host_start(&rig.host, NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(functions_are_where_the_drawing_says),
		TEST(ports_lead_to_their_buses),
		TEST(windows_hold_what_is_below),
		TEST(accesses_reach_functions_below_ports),
		TEST(pins_are_swizzled_through_ports),
		TEST(a_guest_rewrites_every_port),
		TEST(ports_reach_every_bus_by_mechanism_1),
		TEST(below_a_link_there_is_one_place),
		TEST(buses_run_out_with_a_sentence),
	};

	return cmocka_run_group_tests_name("pci_bridge", tests, NULL, NULL);
}
