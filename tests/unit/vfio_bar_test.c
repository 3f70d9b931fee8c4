/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfio_bar_test.c - a real function's BARs: which pieces the guest gets, what
 * is trapped, and that nothing is mapped when the function sleeps or is gone.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/vfio/priv.h"
#include "tests/harness/vfio_rig.h"

#define VECTORS 5

static struct vfio_rig rig;
static struct fake_function *fn = &rig.kernel.fn[0];

/* Two, for BARs are mapped for the DMA of other functions. */
static void open_two(unsigned vectors, void (*change)(void))
{
	struct vfio_pci_config cfg = { .rom = change != NULL };

	vfio_rig_init(&rig, 2);
	vfio_kernel_endpoint(&rig.kernel, 0, vectors);
	vfio_kernel_endpoint(&rig.kernel, 1, vectors);
	if (change)
		change();
	assert_int_equal(vfio_rig_space(&rig, VFIO_API_GROUP), 0);
	for (unsigned i = 0; i < 2; i++) {
		cfg.fd = vfio_kernel_group(&rig.kernel, i);
		assert_int_equal(vfio_rig_add(&rig, i, &cfg), 0);
	}
	assert_int_equal(vfio_rig_start(&rig), 0);
}

static int setup(void **state)
{
	(void)state;
	open_two(VECTORS, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vfio_rig_close(&rig);
	return 0;
}

static void reopen(unsigned vectors, void (*change)(void))
{
	vfio_rig_close(&rig);
	open_two(vectors, change);
}

static uint64_t slot(unsigned bar, uint64_t off)
{
	return vfio_rig_slot(&rig, vfio_rig_bar(&rig, bar) + off);
}

static unsigned nr_slots(void)
{
	unsigned nr = 0;

	for (uint64_t off = 0; off < 0x10000; off += 0x1000)
		nr += slot(0, off) != 0;
	return nr;
}

static uint64_t read0(uint64_t off, unsigned len)
{
	return pci_rig_read(&rig.pci, vfio_rig_bar(&rig, 0) + off, len);
}

static void write0(uint64_t off, uint64_t value, unsigned len)
{
	pci_rig_write(&rig.pci, vfio_rig_bar(&rig, 0) + off, value, len);
}

static void mapped_around_the_table(void **state)
{
	(void)state;
	assert_int_equal(nr_slots(), 0);
	vfio_rig_enable(&rig);
	assert_int_equal(nr_slots(), 2);
	assert_int_equal(slot(0, 0), 0x2000);
	assert_int_equal(slot(0, 0x4000), 0xc000);
	/* The same pieces for the DMA of other functions. */
	const struct fake_map *map =
		vfio_kernel_map(&rig.kernel, vfio_rig_bar(&rig, 0));
	assert_non_null(map);
	assert_int_equal(map->size, 0x2000);
	assert_int_equal(rig.kernel.nr_maps, 1 + 2);
	vfio_rig_put(&rig, PCI_COMMAND, 0, 2);
	assert_int_equal(nr_slots(), 0);
	assert_int_equal(rig.kernel.nr_maps, 1);
}

/* Congruent to the guest's addresses: the kernel can use huge pages. */
static void mappings_are_aligned_as_in_the_guest(void **state)
{
	(void)state;
	vfio_rig_enable(&rig);
	uint64_t at = vfio_rig_bar(&rig, 0);
	uintptr_t host =
		(uintptr_t)vfio_kernel_map(&rig.kernel, at + 0x4000)->host;
	assert_int_equal(host % 0x10000, 0x4000);
	assert_int_equal(at % 0x10000, 0);
}

static void the_guest_moves_it_about(void **state)
{
	(void)state;
	vfio_rig_enable(&rig);
	uint64_t home = vfio_rig_bar(&rig, 0);
	for (unsigned i = 1; i < 50; i++) {
		uint64_t to = home + (i % 7) * 0x10000;

		vfio_rig_put(&rig, PCI_BASE_ADDRESS_0, (uint32_t)to, 4);
		assert_int_equal(nr_slots(), 2);
		assert_int_equal(vfio_rig_slot(&rig, to), 0x2000);
		assert_int_equal(rig.kernel.nr_maps, 3);
	}
	/* Where no window is, nothing. */
	vfio_rig_put(&rig, PCI_BASE_ADDRESS_0, 0, 4);
	vfio_rig_put(&rig, PCI_BASE_ADDRESS_1, 0, 4);
	assert_int_equal(rig.kernel.nr_maps, 1);
	assert_int_equal(vfio_rig_slot(&rig, 0), 0);
}

static void trapped_accesses_reach_the_device(void **state)
{
	uint64_t v;

	(void)state;
	vfio_rig_enable(&rig);
	/* In the page of the table, behind it: the device's own registers. */
	write0(RIG_TABLE + 16 * VECTORS, UINT64_C(0x1122334455667788), 8);
	vfio_kernel_peek(&rig.kernel, 0, 0, RIG_TABLE + 16 * VECTORS, &v, 8);
	assert_int_equal(v, UINT64_C(0x1122334455667788));
	assert_int_equal(read0(RIG_TABLE + 16 * VECTORS + 3, 2), 0x4455);
	/* A small BAR, and ports. */
	uint64_t bar2 = vfio_rig_bar(&rig, 2);
	pci_rig_write(&rig.pci, bar2 + 0xfc, 0xabcd, 4);
	assert_int_equal(pci_rig_read(&rig.pci, bar2 + 0xfc, 4), 0xabcd);
	unsigned port = (unsigned)vfio_rig_bar(&rig, 4);
	pci_rig_out(&rig.pci, port + 4, 0x99, 1);
	assert_int_equal(pci_rig_in(&rig.pci, port + 4, 1), 0x99);
	vfio_kernel_peek(&rig.kernel, 0, 4, 4, &v, 1);
	assert_int_equal(v & 0xff, 0x99);
}

/* Bug class 9: of any size, anywhere, across every border. */
static void odd_accesses(void **state)
{
	static const unsigned border[] = { RIG_TABLE, RIG_TABLE + 16 * VECTORS,
					   RIG_PBA, RIG_PBA + 8, 0x10000 };

	(void)state;
	vfio_rig_enable(&rig);
	for (unsigned b = 0; b < sizeof(border) / sizeof(*border); b++)
		for (int d = -9; d <= 9; d++)
			for (unsigned len = 1; len <= 8; len *= 2) {
				uint64_t off = border[b] + (uint64_t)(int64_t)d;

				(void)read0(off, len);
				write0(off, UINT64_MAX, len);
			}
	/* None of it reached the device's table or pending bits. */
	unsigned char seen[16 * VECTORS];
	unsigned char zero[16 * VECTORS] = { 0 };
	vfio_kernel_peek(&rig.kernel, 0, 0, RIG_TABLE, seen, sizeof(seen));
	assert_memory_equal(seen, zero, sizeof(seen));
	vfio_kernel_peek(&rig.kernel, 0, 0, RIG_PBA, seen, 8);
	assert_memory_equal(seen, zero, 8);
}

static void sparse(void)
{
	struct fake_region *r = &fn->region[0];

	r->nr_areas = 4;
	r->area[0] = (struct vfio_region_sparse_mmap_area){ 0x1000, 0x2000 };
	r->area[1] = (struct vfio_region_sparse_mmap_area){ 0x4800, 0x1000 };
	r->area[2] = (struct vfio_region_sparse_mmap_area){ 0x8000, 0x90000 };
	r->area[3] = (struct vfio_region_sparse_mmap_area){ 0x20000, 0x1000 };
}

static void looped(void)
{
	sparse();
	fn->region[0].looped = true;
}

static void no_mmap(void)
{
	fn->region[0].no_mmap = true;
}

static void only_what_may_be_mapped(void **state)
{
	(void)state;
	reopen(VECTORS, sparse);
	vfio_rig_enable(&rig);
	assert_int_equal(nr_slots(), 2);
	assert_int_equal(slot(0, 0x1000), 0x1000); /* up to the table */
	assert_int_equal(slot(0, 0x8000), 0x8000); /* as far as the BAR goes */
	write0(0x4800, 0x77, 1);
	assert_int_equal(fn->region_writes, 1);
	reopen(VECTORS, looped);
	reopen(VECTORS, no_mmap);
	vfio_rig_enable(&rig);
	assert_int_equal(nr_slots(), 0);
	write0(0, 0x55, 1);
	assert_int_equal(read0(0, 1), 0x55);
}

/* Table and pending bits in different places, and over a page's border. */
static void far_apart(void)
{
	vfio_kernel_set(&rig.kernel, 0, RIG_MSIX + PCI_MSIX_TABLE, 0x1fc0, 4);
	vfio_kernel_set(&rig.kernel, 0, RIG_MSIX + PCI_MSIX_PBA, 0xfff8, 4);
}

static void many(void)
{
	vfio_kernel_set(&rig.kernel, 0, RIG_MSIX + PCI_MSIX_TABLE, 0, 4);
	vfio_kernel_set(&rig.kernel, 0, RIG_MSIX + PCI_MSIX_PBA, 0x8000, 4);
}

static void tables_of_every_shape(void **state)
{
	(void)state;
	reopen(VECTORS, far_apart);
	vfio_rig_enable(&rig);
	assert_int_equal(nr_slots(), 2);
	assert_int_equal(slot(0, 0), 0x1000);
	assert_int_equal(slot(0, 0x3000), 0xc000);
	reopen(2048, many);
	vfio_rig_enable(&rig);
	assert_int_equal(nr_slots(), 1);
	assert_int_equal(slot(0, 0x9000), 0x7000);
}

static void asleep_it_is_nowhere(void **state)
{
	(void)state;
	vfio_rig_enable(&rig);
	vfio_rig_put(&rig, RIG_PM + PCI_PM_CTRL, 3, 2);
	assert_int_equal(fn->config[RIG_PM + PCI_PM_CTRL], 3);
	assert_int_equal(nr_slots(), 0);
	assert_int_equal(rig.kernel.nr_maps, 1);
	assert_int_equal(read0(RIG_TABLE + 16 * VECTORS, 4), UINT32_MAX);
	assert_int_equal(fn->in_vain, 0);
	assert_int_equal(vfio_rig_get(&rig, RIG_PM + PCI_PM_CTRL, 1), 3);
	/* Written as part of a longer access, it wakes up. */
	vfio_rig_put(&rig, RIG_PM + PCI_PM_CTRL, 0, 4);
	assert_int_equal(fn->config[RIG_PM + PCI_PM_CTRL], 0);
	assert_int_equal(nr_slots(), 2);
	/* So it does when it is reset. */
	vfio_rig_put(&rig, RIG_PM + PCI_PM_CTRL, 3, 2);
	assert_int_equal(nr_slots(), 0);
	vfio_kernel_set(&rig.kernel, 0, RIG_PM + PCI_PM_CTRL, 0, 2);
	vfio_rig_put(&rig, RIG_EXP + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR, 2);
	assert_int_equal(nr_slots(), 2);
}

static void with_a_rom(void)
{
	fn->region[VFIO_PCI_ROM_REGION_INDEX].size = 0x1800;
}

static void too_large_a_rom(void)
{
	fn->region[VFIO_PCI_ROM_REGION_INDEX].size = UINT64_C(1) << 32;
}

static void a_rom_is_shown_and_not_written(void **state)
{
	(void)state;
	reopen(VECTORS, with_a_rom);
	vfio_rig_enable(&rig);
	uint32_t at = vfio_rig_get(&rig, PCI_ROM_ADDRESS, 4);
	assert_true(at != 0);
	vfio_rig_put(&rig, PCI_ROM_ADDRESS, at | PCI_ROM_ADDRESS_ENABLE, 4);
	assert_int_equal(pci_rig_read(&rig.pci, at, 8), 0);
	pci_rig_write(&rig.pci, at, 1, 4);
	assert_int_equal(pci_rig_read(&rig.pci, at, 4), 0);
	assert_int_equal(pci_rig_read(&rig.pci, at + 0x1ffc, 4), UINT32_MAX);
	reopen(VECTORS, too_large_a_rom);
	assert_int_equal(vfio_rig_get(&rig, PCI_ROM_ADDRESS, 4), 0);
}

static void raise_fd(int fd)
{
	uint64_t one = 1;

	assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
	assert_int_equal(loop_once(&rig.loop, 0), 1);
}

static void the_host_takes_it_back(void **state)
{
	(void)state;
	vfio_rig_enable(&rig);
	int fd = fn->fd;
	raise_fd(fn->on_request);
	assert_int_equal(rig.lost, 1);
	assert_string_equal(rig.lost_bdf, "0000:01:00.0");
	assert_string_equal(rig.lost_why, "unplug");
	assert_int_equal(nr_slots(), 0);
	assert_int_equal(vfio_rig_get(&rig, PCI_VENDOR_ID, 4), UINT32_MAX);
	vfio_rig_put(&rig, PCI_COMMAND, 7, 2);
	assert_int_equal(read0(0, 4), UINT32_MAX);
	/* Everything of it is closed: device, group. */
	assert_false(rig.kernel.in_container[0]);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), -1);
	assert_int_equal(loop_once(&rig.loop, 0), 0);
}

static void an_error_is_the_end_of_it(void **state)
{
	(void)state;
	raise_fd(fn->on_error);
	assert_int_equal(rig.lost, 1);
	assert_string_equal(rig.lost_why, "error");
}

static bool stop;

static void *pester(void *arg)
{
	uint64_t bar = *(uint64_t *)arg;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		(void)pci_rig_read(&rig.pci, bar + RIG_TABLE + 0x100, 4);
		pci_rig_write(&rig.pci, bar + RIG_TABLE + 12, 0, 4);
		pci_rig_write(&rig.pci, bar + RIG_TABLE + 12, 1, 4);
		vfio_rig_put(&rig, RIG_MSIX + PCI_MSIX_FLAGS,
			     PCI_MSIX_FLAGS_ENABLE, 2);
		vfio_rig_put(&rig, PCI_COMMAND, 7, 2);
		(void)vfio_rig_get(&rig, PCI_STATUS, 2);
		vfio_rig_put(&rig, RIG_MSIX + PCI_MSIX_FLAGS, 0, 2);
	}
	return NULL;
}

/* Two processors use it when it goes: ASan and the kernel's checks watch. */
static void lost_while_it_is_used(void **state)
{
	pthread_t thread[2];

	(void)state;
	for (unsigned round = 0; round < 10; round++) {
		if (round) {
			vfio_rig_close(&rig);
			open_two(VECTORS, NULL);
		}
		vfio_rig_enable(&rig);
		uint64_t bar = vfio_rig_bar(&rig, 0);
		stop = false;
		for (unsigned i = 0; i < 2; i++)
			assert_int_equal(
				pthread_create(&thread[i], NULL, pester, &bar),
				0);
		while (__atomic_load_n(&fn->irq_calls, __ATOMIC_RELAXED) < 200)
			;
		raise_fd(fn->on_request);
		assert_int_equal(vfio_rig_get(&rig, PCI_VENDOR_ID, 4),
				 UINT32_MAX);
		__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
		for (unsigned i = 0; i < 2; i++)
			(void)pthread_join(thread[i], NULL);
		assert_int_equal(rig.lost, 1);
		assert_int_equal(nr_slots(), 0);
	}
}

static void no_room_for_slots(void **state)
{
	unsigned id;
	static unsigned char page[4096] __attribute__((aligned(4096)));

	(void)state;
	/* Somebody else's memory where the second piece would be. */
	uint64_t at = vfio_rig_bar(&rig, 0) + 0x5000;
	assert_int_equal(
		slots_add(&rig.pci.slots, at, 4096, page, 0, &id, NULL), 0);
	vfio_rig_enable(&rig);
	assert_int_equal(slot(0, 0), 0x2000);
	assert_int_equal(slot(0, 0x4000), 0);
	/* Slower, but it works. */
	write0(0x4000, 0x33, 1);
	assert_int_equal(read0(0x4000, 1), 0x33);
	assert_int_equal(slots_remove(&rig.pci.slots, id), 0);
}

/* Alone, it needs no map for others. */
static void one_function_is_not_mapped_for_others(void **state)
{
	(void)state;
	vfio_rig_close(&rig);
	vfio_rig_open(&rig, VECTORS);
	vfio_rig_enable(&rig);
	assert_int_equal(nr_slots(), 2);
	assert_int_equal(rig.kernel.nr_maps, 1);
}

static void others_may_not_reach_it(void **state)
{
	(void)state;
	rig.kernel.fail_request = VFIO_IOMMU_MAP_DMA;
	rig.kernel.fail_with = -EFAULT;
	rig.kernel.fail_times = 1000;
	vfio_rig_enable(&rig);
	assert_int_equal(nr_slots(), 2);
	assert_int_equal(rig.kernel.nr_maps, 1);
	vfio_rig_put(&rig, PCI_COMMAND, 0, 2);
	assert_int_equal(nr_slots(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(mapped_around_the_table),
		TEST(mappings_are_aligned_as_in_the_guest),
		TEST(the_guest_moves_it_about),
		TEST(trapped_accesses_reach_the_device),
		TEST(odd_accesses),
		TEST(only_what_may_be_mapped),
		TEST(tables_of_every_shape),
		TEST(asleep_it_is_nowhere),
		TEST(a_rom_is_shown_and_not_written),
		TEST(the_host_takes_it_back),
		TEST(an_error_is_the_end_of_it),
		TEST(lost_while_it_is_used),
		TEST(no_room_for_slots),
		TEST(one_function_is_not_mapped_for_others),
		TEST(others_may_not_reach_it),
	};

	return cmocka_run_group_tests_name("vfio_bar", tests, NULL, NULL);
}
