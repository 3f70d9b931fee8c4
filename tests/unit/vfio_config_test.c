/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfio_config_test.c - the registers of a real function as the guest finds
 * them: what is emulated, what reaches the host, capability lists that lie.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/harness/vfio_rig.h"

static struct vfio_rig rig;
static struct fake_function *fn = &rig.kernel.fn[0];

static int setup(void **state)
{
	(void)state;
	vfio_rig_open(&rig, 5);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vfio_rig_close(&rig);
	return 0;
}

/* The machine of a function that @change made different. */
static int reopen(void (*change)(void))
{
	struct vfio_pci_config cfg = { 0 };

	vfio_rig_close(&rig);
	vfio_rig_init(&rig, 1);
	vfio_kernel_endpoint(&rig.kernel, 0, 5);
	change();
	assert_int_equal(vfio_rig_space(&rig, VFIO_API_GROUP), 0);
	cfg.fd = vfio_kernel_group(&rig.kernel, 0);
	int r = vfio_rig_add(&rig, 0, &cfg);
	return r < 0 ? r : vfio_rig_start(&rig);
}

static unsigned find(unsigned id)
{
	unsigned at = vfio_rig_get(&rig, PCI_CAPABILITY_LIST, 1);

	for (unsigned n = 0; at && n < 48; n++) {
		if (vfio_rig_get(&rig, at, 1) == id)
			return at;
		at = vfio_rig_get(&rig, at + 1, 1);
	}
	assert_int_equal(at, 0);
	return 0;
}

static void identity_is_the_hosts(void **state)
{
	(void)state;
	assert_int_equal(vfio_rig_get(&rig, PCI_VENDOR_ID, 4), 0x233010de);
	assert_int_equal(vfio_rig_get(&rig, PCI_CLASS_REVISION, 4), 0x030200a1);
	assert_int_equal(vfio_rig_get(&rig, PCI_SUBSYSTEM_VENDOR_ID, 4),
			 0x22221111);
	assert_int_equal(vfio_rig_get(&rig, PCI_HEADER_TYPE, 1), 0);
	assert_int_equal(vfio_rig_get(&rig, PCI_INTERRUPT_PIN, 1), 1);
	vfio_rig_put(&rig, PCI_VENDOR_ID, 0, 4);
	assert_int_equal(vfio_rig_get(&rig, PCI_VENDOR_ID, 4), 0x233010de);
	vfio_rig_put(&rig, PCI_INTERRUPT_LINE, 0xb, 1);
	assert_int_equal(vfio_rig_get(&rig, PCI_INTERRUPT_LINE, 1), 0xb);
	assert_int_equal(fn->config[PCI_INTERRUPT_LINE], 0);
}

static void capabilities_stay_in_place(void **state)
{
	(void)state;
	assert_int_equal(find(PCI_CAP_ID_PM), RIG_PM);
	assert_int_equal(find(PCI_CAP_ID_MSI), RIG_MSI);
	assert_int_equal(find(PCI_CAP_ID_MSIX), RIG_MSIX);
	assert_int_equal(find(PCI_CAP_ID_EXP), RIG_EXP);
	assert_int_equal(find(PCI_CAP_ID_VNDR), RIG_VNDR);
	assert_int_equal(vfio_rig_get(&rig, RIG_VNDR + 4, 4), 0xfeedface);
	assert_int_equal(vfio_rig_get(&rig, RIG_PM + PCI_PM_PMC, 2), 3);
}

static void hide_two(void)
{
	vfio_kernel_set(&rig.kernel, 0, RIG_PM, PCI_CAP_ID_HT, 1);
	vfio_kernel_set(&rig.kernel, 0, RIG_EXP, PCI_CAP_ID_EA, 1);
}

static void others_are_not_listed(void **state)
{
	(void)state;
	assert_int_equal(reopen(hide_two), 0);
	assert_int_equal(vfio_rig_get(&rig, PCI_CAPABILITY_LIST, 1), RIG_MSI);
	assert_int_equal(vfio_rig_get(&rig, RIG_PM, 2), 0);
	assert_int_equal(find(PCI_CAP_ID_VNDR), RIG_VNDR);
	assert_int_equal(find(PCI_CAP_ID_EA), 0);
	/* Without PCI Express there is nothing beyond 256 bytes. */
	assert_int_equal(vfio_rig_get(&rig, 0x100, 4), 0);
	vfio_rig_put(&rig, 0x204, 1, 4);
	assert_int_equal(fn->config[0x204], 0xef);
}

static void loop_list(void)
{
	vfio_kernel_set(&rig.kernel, 0, RIG_VNDR + 1, RIG_MSI, 1);
}

static void loop_on_itself(void)
{
	vfio_kernel_set(&rig.kernel, 0, RIG_PM + 1, RIG_PM, 1);
}

static void into_the_header(void)
{
	vfio_kernel_set(&rig.kernel, 0, RIG_PM + 1, 0x10, 1);
}

static void lists_that_loop_end(void **state)
{
	(void)state;
	assert_int_equal(reopen(loop_list), 0);
	assert_int_equal(find(PCI_CAP_ID_VNDR), RIG_VNDR);
	assert_int_equal(vfio_rig_get(&rig, RIG_VNDR + 1, 1), 0);
	assert_int_equal(reopen(loop_on_itself), 0);
	assert_int_equal(vfio_rig_get(&rig, RIG_PM + 1, 1), 0);
	assert_int_equal(reopen(into_the_header), 0);
	assert_int_equal(vfio_rig_get(&rig, RIG_PM + 1, 1), 0);
}

/* At the very end, where it cannot fit; a vendor's longer than the page. */
static void at_the_end(void)
{
	vfio_kernel_set(&rig.kernel, 0, RIG_PM + 1, 0xfc, 1);
	vfio_kernel_set(&rig.kernel, 0, 0xfc, PCI_CAP_ID_MSIX | 0xf8 << 8, 2);
	vfio_kernel_set(&rig.kernel, 0, 0xf8,
			PCI_CAP_ID_VNDR | 0xf4 << 8 | 0xff << 16, 4);
	vfio_kernel_set(&rig.kernel, 0, 0xf4, PCI_CAP_ID_AF, 2);
}

static void overlapping(void)
{
	vfio_kernel_set(&rig.kernel, 0, RIG_PM + 1, RIG_MSI, 1);
	vfio_kernel_set(&rig.kernel, 0, RIG_MSI + 1, RIG_MSI + 8, 1);
	vfio_kernel_set(&rig.kernel, 0, RIG_MSI + 8,
			PCI_CAP_ID_VPD | RIG_MSIX << 8, 2);
}

static void truncated_and_overlapping_ones_are_left_out(void **state)
{
	(void)state;
	assert_int_equal(reopen(at_the_end), 0);
	assert_int_equal(find(PCI_CAP_ID_MSIX), 0);
	assert_int_equal(find(PCI_CAP_ID_VNDR), 0);
	assert_int_equal(find(PCI_CAP_ID_AF), 0xf4);
	assert_int_equal(reopen(overlapping), 0);
	assert_int_equal(find(PCI_CAP_ID_VPD), 0);
	assert_int_equal(find(PCI_CAP_ID_MSIX), RIG_MSIX);
	/* The message's address is still ours. */
	vfio_rig_put(&rig, RIG_MSI + PCI_MSI_ADDRESS_LO, 0xfee00000, 4);
	assert_int_equal(vfio_rig_get(&rig, RIG_MSI + PCI_MSI_ADDRESS_LO, 4),
			 0xfee00000);
}

static void table_nowhere(void)
{
	vfio_kernel_set(&rig.kernel, 0, RIG_MSIX + PCI_MSIX_TABLE, 0xfff0, 4);
}

static void table_in_ports(void)
{
	vfio_kernel_set(&rig.kernel, 0, RIG_MSIX + PCI_MSIX_TABLE, 4, 4);
}

static void table_in_bar_7(void)
{
	vfio_kernel_set(&rig.kernel, 0, RIG_MSIX + PCI_MSIX_PBA, 7, 4);
}

static void msix_outside_its_bar_is_left_out(void **state)
{
	(void)state;
	assert_int_equal(reopen(table_nowhere), 0);
	assert_int_equal(find(PCI_CAP_ID_MSIX), 0);
	assert_int_equal(reopen(table_in_ports), 0);
	assert_int_equal(find(PCI_CAP_ID_MSIX), 0);
	assert_int_equal(reopen(table_in_bar_7), 0);
	assert_int_equal(find(PCI_CAP_ID_MSIX), 0);
}

/* Whatever bytes a device has there, opening it ends, and the guest's too. */
static void garbage(void)
{
	static uint32_t seed = 1;

	for (unsigned i = 0x34; i < sizeof(fn->config); i++) {
		seed = seed * 1103515245 + 12345;
		fn->config[i] = (unsigned char)(seed >> 16);
	}
	fn->config[PCI_STATUS] = PCI_STATUS_CAP_LIST;
}

static void garbage_is_survived(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		assert_int_equal(reopen(garbage), 0);
		for (unsigned id = 0; id < 256; id++)
			(void)find(id);
	}
}

static void a_bridge(void)
{
	vfio_kernel_set(&rig.kernel, 0, PCI_HEADER_TYPE, 0x81, 1);
}

static void bridges_are_refused(void **state)
{
	(void)state;
	assert_int_equal(reopen(a_bridge), -ENOTSUP);
	assert_non_null(strstr(rig.err.msg, "0000:01:00.0 is a bridge"));
}

static void on_a_root_bus_it_has_no_link(void **state)
{
	(void)state;
	uint32_t flags = vfio_rig_get(&rig, RIG_EXP + PCI_EXP_FLAGS, 2);
	assert_int_equal((flags & PCI_EXP_FLAGS_TYPE) >> 4,
			 PCI_EXP_TYPE_RC_END);
	assert_int_equal(flags & PCI_EXP_FLAGS_VERS, 2);
	assert_int_equal(vfio_rig_get(&rig, RIG_EXP + PCI_EXP_LNKCAP, 4), 0);
	assert_int_equal(vfio_rig_get(&rig, RIG_EXP + PCI_EXP_LNKSTA, 2), 0);
	assert_int_equal(vfio_rig_get(&rig, RIG_EXP + PCI_EXP_DEVCAP, 4),
			 PCI_EXP_DEVCAP_FLR);
}

static void open_below_a_port(unsigned type)
{
	struct vfio_pci_config cfg = { .below_port = true };
	unsigned root;

	vfio_rig_close(&rig);
	vfio_rig_init(&rig, 1);
	vfio_kernel_endpoint(&rig.kernel, 0, 5);
	vfio_kernel_set(&rig.kernel, 0, RIG_EXP + PCI_EXP_FLAGS, 2 | type << 4,
			2);
	assert_int_equal(vfio_rig_space(&rig, VFIO_API_GROUP), 0);
	assert_int_equal(pci_root_bus(&rig.pci.host, -1, &root, NULL), 0);
	assert_int_equal(
		pci_port(&rig.pci.host, root, PCI_ROOT_PORT, &cfg.bus, NULL),
		0);
	cfg.fd = vfio_kernel_group(&rig.kernel, 0);
	assert_int_equal(vfio_rig_add(&rig, 0, &cfg), 0);
	assert_int_equal(vfio_rig_start(&rig), 0);
}

static uint32_t get_below(unsigned reg, unsigned len)
{
	return pci_rig_get(&rig.pci, 1, 0, reg, len);
}

static void below_a_port_it_has_one(void **state)
{
	(void)state;
	open_below_a_port(PCI_EXP_TYPE_ENDPOINT);
	assert_int_equal(get_below(RIG_EXP + PCI_EXP_FLAGS, 2), 2);
	assert_int_equal(get_below(RIG_EXP + PCI_EXP_LNKCAP, 4), 0x104);
	assert_int_equal(get_below(RIG_EXP + PCI_EXP_LNKSTA, 2), 0x1104);
	/* One that has none on the host gets the slowest. */
	open_below_a_port(PCI_EXP_TYPE_RC_END);
	assert_int_equal(get_below(RIG_EXP + PCI_EXP_FLAGS, 2), 2);
	assert_int_equal(get_below(RIG_EXP + PCI_EXP_LNKCAP, 4), 0x11);
	assert_int_equal(get_below(RIG_EXP + PCI_EXP_LNKSTA, 2), 0x11);
}

static void flr_goes_to_the_host(void **state)
{
	(void)state;
	vfio_rig_put(&rig, RIG_EXP + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR, 2);
	assert_int_equal(fn->last_reg, RIG_EXP + PCI_EXP_DEVCTL);
	assert_int_equal(fn->last_value, PCI_EXP_DEVCTL_BCR_FLR);
}

static void extended_ones_are_chosen(void **state)
{
	(void)state;
	/* AER links to the serial number; SR-IOV between is not there. */
	assert_int_equal(vfio_rig_get(&rig, 0x100, 4),
			 PCI_EXT_CAP_ID_ERR | 2 << 16 | 0x20000000);
	assert_int_equal(vfio_rig_get(&rig, 0x150, 4), 0);
	assert_int_equal(vfio_rig_get(&rig, 0x200, 4),
			 PCI_EXT_CAP_ID_DSN | 1 << 16);
	assert_int_equal(vfio_rig_get(&rig, 0x204, 4), 0x89abcdef);
	vfio_rig_put(&rig, 0x104, 0x12345678, 4);
	assert_int_equal(fn->last_reg, 0x104);
	assert_int_equal(fn->last_value, 0x12345678);
	vfio_rig_put(&rig, 0x100, UINT32_MAX, 4);
	assert_int_equal(fn->last_reg, 0x104);
}

static void first_is_hidden(void)
{
	vfio_kernel_set(&rig.kernel, 0, 0x100,
			PCI_EXT_CAP_ID_ATS | 1 << 16 | UINT32_C(0x200) << 20,
			4);
	vfio_kernel_set(&rig.kernel, 0, 0x200,
			PCI_EXT_CAP_ID_DSN | 1 << 16 | UINT32_C(0x200) << 20,
			4);
}

static void all_are_hidden(void)
{
	vfio_kernel_set(&rig.kernel, 0, 0x100,
			PCI_EXT_CAP_ID_PASID | 1 << 16 | UINT32_C(0xffc) << 20,
			4);
	vfio_kernel_set(&rig.kernel, 0, 0xffc,
			PCI_EXT_CAP_ID_PRI | 1 << 16 | UINT32_C(0x40) << 20, 4);
}

static void the_list_begins_though_the_first_is_hidden(void **state)
{
	(void)state;
	assert_int_equal(reopen(first_is_hidden), 0);
	assert_int_equal(vfio_rig_get(&rig, 0x100, 4), 0x20000000);
	assert_int_equal(vfio_rig_get(&rig, 0x200, 4),
			 PCI_EXT_CAP_ID_DSN | 1 << 16);
	assert_int_equal(reopen(all_are_hidden), 0);
	assert_int_equal(vfio_rig_get(&rig, 0x100, 4), 0);
	assert_int_equal(vfio_rig_get(&rig, 0xffc, 4), 0);
}

static void memory_stays_on_for_the_host(void **state)
{
	(void)state;
	assert_int_equal(fn->config[PCI_COMMAND], PCI_COMMAND_MEMORY);
	vfio_rig_enable(&rig);
	assert_int_equal(vfio_rig_get(&rig, PCI_COMMAND, 2),
			 PCI_COMMAND_IO | PCI_COMMAND_MEMORY |
				 PCI_COMMAND_MASTER);
	assert_int_equal(fn->config[PCI_COMMAND], 7);
	vfio_rig_put(&rig, PCI_COMMAND, 0, 2);
	assert_int_equal(vfio_rig_get(&rig, PCI_COMMAND, 2), 0);
	assert_int_equal(fn->config[PCI_COMMAND], PCI_COMMAND_MEMORY);
	vfio_rig_put(&rig, PCI_COMMAND, 0xffff, 2);
	assert_int_equal(vfio_rig_get(&rig, PCI_COMMAND, 2), 0x407);
	assert_int_equal(fn->config[PCI_COMMAND + 1], 4); /* INTx Disable */
}

static void errors_are_forgotten_by_the_host(void **state)
{
	(void)state;
	vfio_kernel_set(&rig.kernel, 0, PCI_STATUS, 0xf018, 2);
	assert_int_equal(vfio_rig_get(&rig, PCI_STATUS, 2), 0xf018);
	/* In one write with the command, which is ours. */
	vfio_rig_put(&rig, PCI_COMMAND, 0xf0000002, 4);
	assert_int_equal(fn->config[PCI_STATUS + 1], 0xf0);
	assert_int_equal(fn->config[PCI_COMMAND], PCI_COMMAND_MEMORY);
}

static void every_size_and_alignment(void **state)
{
	(void)state;
	for (unsigned reg = 0; reg < 4096; reg++)
		for (unsigned len = 1; len <= 8 && reg + len <= 4096;
		     len *= 2) {
			uint64_t at = pci_rig_ecam(0, RIG_SLOT, reg);
			uint64_t v = pci_rig_read(&rig.pci, at, len);

			for (unsigned i = 0; i < len; i++)
				assert_int_equal(
					v >> (8 * i) & 0xff,
					vfio_rig_get(&rig, reg + i, 1));
			/* The kernel asserts that it gets natural pieces. */
			pci_rig_write(&rig.pci, at, UINT64_MAX, len);
			pci_rig_write(&rig.pci, at, 0, len);
		}
}

/* BAR registers show sizes, and the host's never hear of it. */
static void bars_tell_their_size(void **state)
{
	(void)state;
	for (unsigned reg = PCI_BASE_ADDRESS_0; reg <= PCI_BASE_ADDRESS_5;
	     reg += 4)
		vfio_rig_put(&rig, reg, UINT32_MAX, 4);
	assert_int_equal(vfio_rig_get(&rig, PCI_BASE_ADDRESS_0, 4), 0xffff000c);
	assert_int_equal(vfio_rig_get(&rig, PCI_BASE_ADDRESS_1, 4), UINT32_MAX);
	assert_int_equal(vfio_rig_get(&rig, PCI_BASE_ADDRESS_2, 4), 0xffffff00);
	assert_int_equal(vfio_rig_get(&rig, PCI_BASE_ADDRESS_3, 4), 0);
	assert_int_equal(vfio_rig_get(&rig, PCI_BASE_ADDRESS_4, 4), 0xffffffe1);
	assert_int_equal(vfio_rig_get(&rig, PCI_ROM_ADDRESS, 4), 0);
	assert_int_equal(fn->config[PCI_BASE_ADDRESS_0 + 3], 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(identity_is_the_hosts),
		TEST(capabilities_stay_in_place),
		TEST(others_are_not_listed),
		TEST(lists_that_loop_end),
		TEST(truncated_and_overlapping_ones_are_left_out),
		TEST(msix_outside_its_bar_is_left_out),
		TEST(garbage_is_survived),
		TEST(bridges_are_refused),
		TEST(on_a_root_bus_it_has_no_link),
		TEST(below_a_port_it_has_one),
		TEST(flr_goes_to_the_host),
		TEST(extended_ones_are_chosen),
		TEST(the_list_begins_though_the_first_is_hidden),
		TEST(memory_stays_on_for_the_host),
		TEST(errors_are_forgotten_by_the_host),
		TEST(every_size_and_alignment),
		TEST(bars_tell_their_size),
	};

	return cmocka_run_group_tests_name("vfio_config", tests, NULL, NULL);
}
