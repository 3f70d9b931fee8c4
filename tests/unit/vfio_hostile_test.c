/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfio_hostile_test.c - what neither a guest nor a device may do through VFIO:
 * write what outlives the VM, cost the host time before it is refused, keep
 * what the host wants back.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/vfio/priv.h"
#include "tests/harness/vfio_rig.h"
#include "vmm/lib/auto.h"

static struct vfio_rig rig;
static struct fake_function *fn = &rig.kernel.fn[0];

static int teardown(void **state)
{
	(void)state;
	vfio_rig_close(&rig);
	return 0;
}

/* A function that @change made different; not started. */
static void open_changed(void (*change)(void))
{
	struct vfio_pci_config cfg = { 0 };

	vfio_rig_init(&rig, 1);
	vfio_kernel_endpoint(&rig.kernel, 0, 5);
	if (change)
		change();
	assert_int_equal(vfio_rig_space(&rig, VFIO_API_GROUP), 0);
	cfg.fd = vfio_kernel_group(&rig.kernel, 0);
	assert_int_equal(vfio_rig_add(&rig, 0, &cfg), 0);
}

/* 2 GiB, 32 bits wide: more than there is below 4 GiB. */
static void much_too_large(void)
{
	fn->region[2].size = UINT64_C(1) << 31;
	fn->region[2].no_mmap = true;
}

/* Locking hundreds of GiB only to say no would take minutes. */
static void a_bar_without_room_costs_nothing(void **state)
{
	(void)state;
	open_changed(much_too_large);
	assert_int_equal(vfio_rig_start(&rig), -ENOSPC);
	assert_non_null(strstr(rig.err.msg, "0000:01:00.0"));
	assert_int_equal(rig.kernel.map_calls, 0);
	assert_int_equal(fn->resets, 0);
	assert_int_equal(fn->mode, -1);
}

static void start_changed(void (*change)(void))
{
	open_changed(change);
	assert_int_equal(vfio_rig_start(&rig), 0);
}

#define VPD 0xd0

static void with_vpd(void)
{
	vfio_kernel_set(&rig.kernel, 0, RIG_VNDR + 1, VPD, 1);
	vfio_kernel_set(&rig.kernel, 0, VPD, PCI_CAP_ID_VPD, 2);
}

/* Bit 15 of the address has it written into the device's flash. */
static void product_data_is_not_written(void **state)
{
	static const struct {
		unsigned reg, value, len;
	} tries[] = {
		{ VPD + PCI_VPD_ADDR, 0x8010, 2 },
		{ VPD + PCI_VPD_ADDR + 1, 0x80, 1 },
		{ VPD, 0x80100003, 4 },
		{ VPD + PCI_VPD_ADDR - 1, 0x801000, 4 },
	};

	(void)state;
	start_changed(with_vpd);
	for (unsigned i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		vfio_rig_put(&rig, VPD + PCI_VPD_DATA, 0xdead, 4);
		vfio_rig_put(&rig, tries[i].reg, tries[i].value, tries[i].len);
		assert_int_equal(fn->config[VPD + PCI_VPD_ADDR + 1] & 0x80, 0);
	}
	uint64_t both = UINT64_C(0x0000beef80200003);
	pci_rig_put(&rig.pci, 0, RIG_SLOT, VPD, both, 8);
	assert_int_equal(fn->config[VPD + PCI_VPD_ADDR + 1] & 0x80, 0);
	/* Reading goes on as it did. */
	vfio_rig_put(&rig, VPD + PCI_VPD_ADDR, 0x30, 2);
	assert_int_equal(fn->config[VPD + PCI_VPD_ADDR], 0x30);
	fn->config[VPD + PCI_VPD_ADDR + 1] = 0x80;
	fn->config[VPD + PCI_VPD_DATA] = 0x5a;
	assert_int_equal(vfio_rig_get(&rig, VPD + PCI_VPD_ADDR, 2), 0x8030);
	assert_int_equal(vfio_rig_get(&rig, VPD + PCI_VPD_DATA, 1), 0x5a);
}

/* A second VPD, and a second PM that would let it sleep behind our back. */
static void twice(void)
{
	with_vpd();
	vfio_kernel_set(&rig.kernel, 0, VPD + 1, 0xe0, 1);
	vfio_kernel_set(&rig.kernel, 0, 0xe0, PCI_CAP_ID_VPD | 0xf0 << 8, 2);
	vfio_kernel_set(&rig.kernel, 0, 0xf0, PCI_CAP_ID_PM, 2);
}

static void what_is_left_out_is_not_reached(void **state)
{
	(void)state;
	start_changed(twice);
	vfio_rig_enable(&rig);
	unsigned writes = fn->config_writes;
	vfio_rig_put(&rig, 0xe0 + PCI_VPD_ADDR, 0x8000, 2);
	vfio_rig_put(&rig, 0xe0 + PCI_VPD_DATA, 0xdead, 4);
	vfio_rig_put(&rig, 0xf0 + PCI_PM_CTRL, 3, 2);
	assert_int_equal(fn->config_writes, writes);
	assert_int_equal(vfio_rig_get(&rig, 0xe0, 4), 0);
	assert_int_equal(vfio_rig_get(&rig, 0xf0, 4), 0);
}

/* Mappings of the device's memory in our address space. */
static unsigned count_mappings(void)
{
	AUTO_FCLOSE FILE *f = fopen("/proc/self/maps", "re");
	char line[512];
	unsigned n = 0;

	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, "memfd:device") != NULL;
	return n;
}

/* The host waits for the last mapping of a device, not only for its files. */
static void a_lost_device_is_let_go_whatever_kvm_says(void **state)
{
	struct slots *slots = &rig.pci.slots;
	uint64_t one = 1;

	(void)state;
	start_changed(NULL);
	vfio_rig_enable(&rig);
	assert_int_equal(count_mappings(), 2);
	/* No VM's descriptor: every request fails. */
	slots->vm_fd = rig.kernel.container;
	assert_int_equal(write(fn->on_request, &one, sizeof(one)), sizeof(one));
	assert_int_equal(loop_once(&rig.loop, 0), 1);
	assert_int_equal(rig.lost, 1);
	assert_int_equal(count_mappings(), 0);
	slots->vm_fd = -1;
	for (unsigned i = 0; i < slots->nr; i++)
		if (slots->slot[i].host && slots->slot[i].gpa >> 32)
			assert_int_equal(slots_remove(slots, i), 0);
}

static uint64_t slot0(void)
{
	return vfio_rig_slot(&rig, vfio_rig_bar(&rig, 0));
}

/* KVM_RUN says EFAULT: the device has fallen off its bus, or it has not. */
static void a_dead_device_is_taken_from_the_guest(void **state)
{
	unsigned char alive[sizeof(fn->config)];

	(void)state;
	start_changed(NULL);
	vfio_rig_enable(&rig);
	assert_int_equal(slot0(), 0x2000);
	assert_false(vfio_fault(rig.vfio));
	assert_int_equal(slot0(), 0x2000);

	memcpy(alive, fn->config, sizeof(alive));
	memset(fn->config, 0xff, sizeof(fn->config));
	assert_true(vfio_fault(rig.vfio));
	assert_int_equal(slot0(), 0);
	/* Another vCPU was in it as well. */
	assert_true(vfio_fault(rig.vfio));
	/* Each access comes to us, and the kernel refuses it. */
	assert_int_equal(pci_rig_read(&rig.pci, vfio_rig_bar(&rig, 0), 4),
			 UINT32_MAX);

	/* It came back, and the driver begins anew. */
	memcpy(fn->config, alive, sizeof(alive));
	assert_false(vfio_fault(rig.vfio));
	vfio_rig_put(&rig, PCI_COMMAND, 0, 2);
	vfio_rig_enable(&rig);
	assert_int_equal(slot0(), 0x2000);
}

/* Asleep, but not by the register that we watch. */
static void a_sleeper_is_taken_from_the_guest(void **state)
{
	(void)state;
	start_changed(NULL);
	vfio_rig_enable(&rig);
	fn->config[RIG_PM + PCI_PM_CTRL] = 3;
	assert_true(vfio_fault(rig.vfio));
	assert_int_equal(slot0(), 0);
	fn->config[RIG_PM + PCI_PM_CTRL] = 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_bar_without_room_costs_nothing),
		TEST(product_data_is_not_written),
		TEST(what_is_left_out_is_not_reached),
		TEST(a_lost_device_is_let_go_whatever_kvm_says),
		TEST(a_dead_device_is_taken_from_the_guest),
		TEST(a_sleeper_is_taken_from_the_guest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
