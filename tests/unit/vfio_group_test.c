/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfio_group_test.c - getting at functions of the host, both ways, and each
 * refusal with its sentence; DMA maps and resets.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/vfio/abi.h"
#include "devices/vfio/priv.h"
#include "tests/harness/vfio_rig.h"

static struct vfio_rig rig;
static struct vfio_kernel *k = &rig.kernel;

static int setup(void **state)
{
	(void)state;
	vfio_rig_init(&rig, 2);
	vfio_kernel_endpoint(k, 0, 5);
	vfio_kernel_endpoint(k, 1, 5);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vfio_rig_close(&rig);
	return 0;
}

static int add_group(unsigned i)
{
	struct vfio_pci_config cfg = { 0 };

	cfg.fd = vfio_kernel_group(k, i);
	return vfio_rig_add(&rig, i, &cfg);
}

static int add_node(unsigned i)
{
	struct vfio_pci_config cfg = { 0 };

	cfg.fd = vfio_kernel_node(k, i);
	return vfio_rig_add(&rig, i, &cfg);
}

static void refuse(unsigned long request, int with)
{
	k->fail_request = request;
	k->fail_with = with;
	k->fail_times = 1;
}

static void says(const char *what)
{
	if (!strstr(rig.err.msg, what))
		fail_msg("'%s' does not say '%s'", rig.err.msg, what);
}

static void groups_share_a_container(void **state)
{
	(void)state;
	assert_int_equal(vfio_rig_space(&rig, VFIO_API_GROUP), 0);
	assert_int_equal(add_group(0), 0);
	assert_int_equal(add_group(1), 0);
	assert_true(k->in_container[0] && k->in_container[1]);
	assert_int_equal(vfio_rig_start(&rig), 0);
	/* RAM once, whole, at the guest's own address. */
	assert_int_equal(k->map_calls, 1);
	const struct fake_map *map = vfio_kernel_map(k, 0);
	assert_non_null(map);
	assert_int_equal(map->size, RIG_RAM);
	assert_ptr_equal(map->host, gmem_ptr(&rig.gm, 0, RIG_RAM));
	assert_int_equal(k->fn[0].resets, 1);
	assert_int_equal(k->fn[1].resets, 1);
}

static void two_functions_of_one_group(void **state)
{
	struct vfio_pci_config cfg = { 0 };

	(void)state;
	k->fn[1].group = 0;
	assert_int_equal(vfio_rig_space(&rig, VFIO_API_GROUP), 0);
	cfg.fd = vfio_kernel_group(k, 0);
	assert_int_equal(vfio_rig_add(&rig, 0, &cfg), 0);
	assert_int_equal(vfio_rig_add(&rig, 1, &cfg), 0);
	assert_int_equal(rig.vfio->nr_groups, 1);
	assert_int_equal(rig.vfio->group[0].users, 2);
}

static void the_second_of_a_group_fails(void **state)
{
	struct vfio_pci_config cfg = { 0 };

	(void)state;
	k->fn[1].group = 0;
	k->fn[1].bound = false;
	assert_int_equal(vfio_rig_space(&rig, VFIO_API_GROUP), 0);
	cfg.fd = vfio_kernel_group(k, 0);
	assert_int_equal(vfio_rig_add(&rig, 0, &cfg), 0);
	assert_int_equal(vfio_rig_add(&rig, 1, &cfg), -ENODEV);
	says("0000:02:00.0 is not bound to vfio-pci");
	assert_int_equal(rig.vfio->group[0].users, 1);
	assert_true(k->in_container[0]);
}

static void not_a_container(void **state)
{
	(void)state;
	refuse(VFIO_GET_API_VERSION, -ENOTTY);
	assert_int_equal(vfio_rig_space(&rig, VFIO_API_GROUP), -ENOTTY);
	says("not a VFIO container");
	refuse(VFIO_GET_API_VERSION, 7);
	assert_int_equal(vfio_rig_space(&rig, VFIO_API_GROUP), -ENOTSUP);
	says("version 7");
	refuse(VFIO_CHECK_EXTENSION, 0);
	assert_int_equal(vfio_rig_space(&rig, VFIO_API_GROUP), -ENOTSUP);
	says("vfio_iommu_type1");
	refuse(ABI_IOAS_ALLOC, -ENOTTY);
	assert_int_equal(vfio_rig_space(&rig, VFIO_API_CDEV), -ENOTTY);
	says("/dev/iommu");
}

static void refusals_of_a_group(void **state)
{
	(void)state;
	assert_int_equal(vfio_rig_space(&rig, VFIO_API_GROUP), 0);
	k->viable[0] = false;
	assert_int_equal(add_group(0), -EPERM);
	says("0000:01:00.0: its IOMMU group is not viable");
	k->viable[0] = true;
	k->taken[0] = true;
	assert_int_equal(add_group(0), -EBUSY);
	says("in use by another VM");
	k->taken[0] = false;
	refuse(VFIO_GROUP_GET_STATUS, -ENOTTY);
	assert_int_equal(add_group(0), -ENOTTY);
	says("not an IOMMU group");
	refuse(VFIO_GROUP_SET_CONTAINER, -EBUSY);
	assert_int_equal(add_group(0), -EBUSY);
	refuse(VFIO_SET_IOMMU, -EPERM);
	assert_int_equal(add_group(0), -EPERM);
	says("does not remap interrupts");
	says("allow_unsafe_interrupts=1 of vfio_iommu_type1");
	assert_false(k->in_container[0]);
	refuse(VFIO_SET_IOMMU, -ENODEV);
	assert_int_equal(add_group(0), -ENODEV);
	says("behind no IOMMU");
	refuse(VFIO_GROUP_GET_DEVICE_FD, -EBUSY);
	assert_int_equal(add_group(0), -EBUSY);
	says("in use by another VM");
	assert_false(k->in_container[0]);
	/* After all that it works, and the next has its own sentence. */
	assert_int_equal(add_group(0), 0);
	refuse(VFIO_GROUP_SET_CONTAINER, -EPERM);
	assert_int_equal(add_group(1), -EPERM);
	says("does not remap interrupts");
}

/* Whatever the device's requests answer, nothing is left behind. */
static void refusals_of_a_device(void **state)
{
	static const unsigned long request[] = {
		VFIO_DEVICE_GET_INFO,
		VFIO_DEVICE_GET_REGION_INFO,
		VFIO_DEVICE_GET_IRQ_INFO,
	};

	(void)state;
	assert_int_equal(vfio_rig_space(&rig, VFIO_API_GROUP), 0);
	for (unsigned i = 0; i < sizeof(request) / sizeof(*request); i++) {
		refuse(request[i], -EIO);
		assert_int_equal(add_group(0), -EIO);
		says("0000:01:00.0");
		assert_false(k->in_container[0]);
	}
	k->fn[0].region[VFIO_PCI_CONFIG_REGION_INDEX].size = 64;
	assert_int_equal(add_group(0), -EIO);
	k->fn[0].region[VFIO_PCI_CONFIG_REGION_INDEX].size = 4096;
	k->fn[0].region[2].size = UINT64_C(1) << 40;
	assert_int_equal(add_group(0), -ERANGE);
	says("BAR 2");
	assert_int_equal(rig.vfio->nr_devs, 0);
}

static void device_nodes_share_an_address_space(void **state)
{
	(void)state;
	assert_int_equal(vfio_rig_space(&rig, VFIO_API_CDEV), 0);
	assert_int_equal(add_node(0), 0);
	assert_int_equal(add_node(1), 0);
	k->nr_ranges = 2;
	k->range[0] = (struct vfio_iova_range){ 0, 0xfedfffff };
	k->range[1] = (struct vfio_iova_range){ 0xfef00000, UINT64_MAX };
	assert_int_equal(vfio_rig_start(&rig), 0);
	assert_int_equal(k->map_calls, 1);
	assert_non_null(vfio_kernel_map(k, 0));
}

static void refusals_of_a_node(void **state)
{
	(void)state;
	assert_int_equal(vfio_rig_space(&rig, VFIO_API_CDEV), 0);
	k->taken[0] = true;
	assert_int_equal(add_node(0), -EBUSY);
	says("in use by another VM");
	k->taken[0] = false;
	k->viable[0] = false;
	assert_int_equal(add_node(0), -EBUSY);
	says("another function of its IOMMU group");
	k->viable[0] = true;
	refuse(ABI_DEVICE_BIND, -EPERM);
	assert_int_equal(add_node(0), -EPERM);
	says("allow_unsafe_interrupts=1 of iommufd");
	refuse(ABI_DEVICE_BIND, -ENOTTY);
	assert_int_equal(add_node(0), -ENOTTY);
	says("not a device node of VFIO");
}

static void start_with_ranges(unsigned nr, uint64_t last, const char *what)
{
	assert_int_equal(vfio_rig_space(&rig, VFIO_API_GROUP), 0);
	assert_int_equal(add_group(0), 0);
	k->nr_ranges = nr;
	k->range[0] = (struct vfio_iova_range){ 0, last };
	k->range[1] = (struct vfio_iova_range){ last + 0x1000, UINT64_MAX };
	int r = vfio_rig_start(&rig);
	assert_int_equal(r, what ? -ERANGE : 0);
	if (what)
		says(what);
}

static void ram_over_a_reserved_range(void **state)
{
	(void)state;
	start_with_ranges(2, 0x7fffff, "reserves addresses from 0x800000 on");
	says("8m less");
	assert_int_equal(k->map_calls, 0);
}

static void ram_beside_a_reserved_range(void **state)
{
	(void)state;
	start_with_ranges(2, RIG_RAM - 1, NULL);
}

static void ram_beyond_the_end(void **state)
{
	(void)state;
	start_with_ranges(1, 0xfff, "reserves addresses from 0x1000 on");
}

static void information_that_loops(void **state)
{
	(void)state;
	k->looped_info = true;
	start_with_ranges(2, 0x7fffff, NULL);
}

static void limits_on_locked_memory(void **state)
{
	struct rlimit old;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &old), 0);
	struct rlimit low = { 8 << 20, old.rlim_max };
	if (old.rlim_max < low.rlim_cur)
		skip();
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &low), 0);
	assert_int_equal(vfio_rig_space(&rig, VFIO_API_GROUP), 0);
	assert_int_equal(add_group(0), 0);
	refuse(VFIO_IOMMU_MAP_DMA, -ENOMEM);
	int r = vfio_rig_start(&rig);
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &old), 0);
	assert_int_equal(r, -ENOMEM);
	says("all 16 MiB of guest RAM locked");
	says("is 8 MiB");
	says("ulimit -l 81920");
}

static void no_memory_to_lock(void **state)
{
	struct rlimit old;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &old), 0);
	if (old.rlim_cur < RIG_RAM)
		skip();
	assert_int_equal(vfio_rig_space(&rig, VFIO_API_GROUP), 0);
	assert_int_equal(add_group(0), 0);
	refuse(VFIO_IOMMU_MAP_DMA, -ENOMEM);
	assert_int_equal(vfio_rig_start(&rig), -ENOMEM);
	says("not enough free memory");
}

static void a_bus_that_is_all_ours_is_reset(void **state)
{
	(void)state;
	k->fn[0].no_reset = true;
	assert_int_equal(vfio_rig_space(&rig, VFIO_API_GROUP), 0);
	assert_int_equal(add_group(0), 0);
	assert_int_equal(add_group(1), 0);
	assert_int_equal(vfio_rig_start(&rig), 0);
	assert_int_equal(k->fn[0].hot_resets, 1);
	assert_int_equal(k->fn[1].hot_resets, 0);
}

static void a_bus_shared_with_others_is_not(void **state)
{
	(void)state;
	k->fn[0].no_reset = true;
	k->neighbour = true;
	assert_int_equal(vfio_rig_space(&rig, VFIO_API_GROUP), 0);
	assert_int_equal(add_group(0), 0);
	assert_int_equal(vfio_rig_start(&rig), -EPERM);
	says("functions that this VM does not have");
	says("reset=off");
	assert_int_equal(k->fn[0].hot_resets, 0);
}

static void nodes_on_one_bus(void **state)
{
	(void)state;
	k->fn[0].no_reset = true;
	assert_int_equal(vfio_rig_space(&rig, VFIO_API_CDEV), 0);
	assert_int_equal(add_node(0), 0);
	assert_int_equal(vfio_rig_start(&rig), -EPERM);
	assert_int_equal(add_node(1), 0);
	assert_int_equal(vfio_rig_start(&rig), 0);
	assert_int_equal(k->fn[0].hot_resets, 1);
}

static void no_reset_at_all(void **state)
{
	struct vfio_pci_config cfg = { 0 };

	(void)state;
	k->fn[0].no_reset = k->fn[1].no_reset = true;
	assert_int_equal(vfio_rig_space(&rig, VFIO_API_GROUP), 0);
	assert_int_equal(add_group(0), 0);
	refuse(VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, -ENODEV);
	assert_int_equal(vfio_rig_start(&rig), -ENODEV);
	says("0000:01:00.0 cannot be reset");
	says("add reset=off");
	rig.vfio->dev[0]->no_reset = true;
	cfg.no_reset = true;
	cfg.fd = vfio_kernel_group(k, 1);
	assert_int_equal(vfio_rig_add(&rig, 1, &cfg), 0);
	k->neighbour = true;
	assert_int_equal(vfio_rig_start(&rig), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(groups_share_a_container),
		TEST(two_functions_of_one_group),
		TEST(the_second_of_a_group_fails),
		TEST(not_a_container),
		TEST(refusals_of_a_group),
		TEST(refusals_of_a_device),
		TEST(device_nodes_share_an_address_space),
		TEST(refusals_of_a_node),
		TEST(ram_over_a_reserved_range),
		TEST(ram_beside_a_reserved_range),
		TEST(ram_beyond_the_end),
		TEST(information_that_loops),
		TEST(limits_on_locked_memory),
		TEST(no_memory_to_lock),
		TEST(a_bus_that_is_all_ours_is_reset),
		TEST(a_bus_shared_with_others_is_not),
		TEST(nodes_on_one_bus),
		TEST(no_reset_at_all),
	};

	return cmocka_run_group_tests_name("vfio_group", tests, NULL, NULL);
}
