/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of a made-up host: what they are, their names, where they hang. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/harness/fake_sysfs.h"

#define GPU   "0000:01:00.0"
#define AUDIO "0000:01:00.1"

static int setup(void **state)
{
	static struct fake_host h;

	fake_host_init(&h);
	*state = &h;
	return 0;
}

static int teardown(void **state)
{
	fake_host_done(*state);
	return 0;
}

static void add_gpu(struct fake_host *h, const char *bdf, const char *above)
{
	fake_host_add(h, &(struct fake_function){
				 .bdf = bdf,
				 .above = above,
				 .vendor = 0x10de,
				 .device = 0x2330,
				 .class = 0x030200,
				 .driver = "nvidia",
				 .group = 12,
				 .reset = "flr bus\n",
			 });
}

static void addresses_are_written_one_way(void **state)
{
	static const char *const bad[] = {
		"",	     "01:00",	 "01:00.8",    "01:20.0",
		"1:2:3:4.0", "01:00.0x", "-1:00.0",    " 01:00.0",
		"GPU-12",    "01:00.0 ", "0000:01:00", "00000000001:00.0",
	};
	char bdf[BDF_MAX];
	struct err err;

	(void)state;
	assert_int_equal(bdf_parse("01:00.0", bdf, &err), 0);
	assert_string_equal(bdf, GPU);
	assert_int_equal(bdf_parse("0000:C1:1F.7", bdf, &err), 0);
	assert_string_equal(bdf, "0000:c1:1f.7");
	assert_int_equal(bdf_parse("10000:e1:00.0", bdf, &err), 0);
	assert_string_equal(bdf, "10000:e1:00.0");
	assert_int_equal(bdf_parse("ffffffff:ff:1f.7", bdf, &err), 0);
	assert_string_equal(bdf, "ffffffff:ff:1f.7");
	assert_int_equal(bdf_key("0001:02:03.4"), 0x1021c);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (bdf_parse(bad[i], bdf, &err) != -EINVAL)
			fail_msg("'%s' was taken as %s", bad[i], bdf);
}

static void a_function_is_read_whole(void **state)
{
	struct fake_host *h = *state;
	struct hostdev d;

	add_gpu(h, GPU, NULL);
	fake_host_file(h, "1\n", "sys/bus/pci/devices/" GPU "/numa_node");
	fake_host_file(h, "1\n", "sys/bus/pci/devices/" GPU "/boot_vga");
	fake_host_file(h, "8\n", "sys/bus/pci/devices/" GPU "/sriov_totalvfs");
	fake_host_file(h,
		       "0x00000000fd000000 0x00000000fdffffff 0x40200\n"
		       "0x0000000000000000 0x0000000000000000 0x0\n"
		       "0x0000380000000000 0x0000381fffffffff 0x14220c\n"
		       "0x0000000000000000 0x0000000000000000 0x0\n"
		       "0x0000000000000000 0x0000000000000000 0x0\n"
		       "0x000000000000e000 0x000000000000e07f 0x40101\n"
		       "0x00000000000c0000 0x00000000000dffff 0x212\n",
		       "sys/bus/pci/devices/" GPU "/resource");
	assert_int_equal(hostdev_read(&h->sys, GPU, &d, NULL), 0);
	assert_int_equal(d.vendor, 0x10de);
	assert_int_equal(d.device, 0x2330);
	assert_int_equal(d.class, 0x030200);
	assert_int_equal(d.group, 12);
	assert_int_equal(d.node, 1);
	assert_int_equal(d.total_vfs, 8);
	assert_true(d.boot_vga);
	assert_false(d.bridge);
	assert_true(hostdev_is_gpu(&d));
	assert_string_equal(d.driver, "nvidia");
	assert_string_equal(d.override, "");
	assert_string_equal(d.reset, "flr bus");
	assert_string_equal(d.name, "10de:2330");
	assert_int_equal(d.bar[0].size, 16 << 20);
	assert_false(d.bar[0].wide);
	assert_int_equal(d.bar[1].size, 0);
	assert_true(d.bar[2].size == (uint64_t)128 << 30);
	assert_true(d.bar[2].wide && d.bar[2].prefetch && !d.bar[2].io);
	assert_true(d.bar[5].io && d.bar[5].size == 128);
	assert_int_equal(d.bar[HOSTDEV_ROM].size, 128 << 10);
}

static void missing_files_are_no_error(void **state)
{
	struct fake_host *h = *state;
	struct hostdev d;

	fake_host_file(h, "0x1234\n", "sys/bus/pci/devices/" GPU "/vendor");
	assert_int_equal(hostdev_read(&h->sys, GPU, &d, NULL), 0);
	assert_int_equal(d.group, -1);
	assert_int_equal(d.node, -1);
	assert_string_equal(d.driver, "");
	assert_string_equal(d.reset, "");
}

static void a_group_without_iommu_is_none(void **state)
{
	struct fake_host *h = *state;
	struct hostdev d;

	add_gpu(h, GPU, NULL);
	fake_host_file(h, "vfio-noiommu\n", "sys/kernel/iommu_groups/12/name");
	assert_int_equal(hostdev_read(&h->sys, GPU, &d, NULL), 0);
	assert_int_equal(d.group, -1);
}

static const char ids[] = "# a comment\n"
			  "\n"
			  "1002  AMD\n"
			  "\t2330  Not this one\n"
			  "10de  NVIDIA Corporation\n"
			  "\t2330  GH100 [H100 SXM5 80GB]\n"
			  "\t\t10de 16c0  H100 on a board\n"
			  "\t2331  GH\x1b[31m100\n"
			  "C 03  Display controller\n"
			  "\t02  3D controller\n";

static void names_come_from_the_database(void **state)
{
	struct fake_host *h = *state;
	AUTO_HOSTDEV_LIST struct hostdev_list all = { 0 };

	add_gpu(h, "0000:02:00.0", NULL);
	add_gpu(h, GPU, NULL);
	fake_host_add(h, &(struct fake_function){ .bdf = "0000:03:00.0",
						  .vendor = 0x10de,
						  .device = 0x2331 });
	fake_host_add(h, &(struct fake_function){ .bdf = "0000:04:00.0",
						  .vendor = 0x10de,
						  .device = 0x9999 });
	fake_host_add(h, &(struct fake_function){ .bdf = "0000:05:00.0",
						  .vendor = 0x0c03,
						  .device = 0x0002 });
	fake_host_file(h, ids, "usr/share/misc/pci.ids");
	assert_int_equal(hostdev_list(&h->sys, &all, NULL), 0);
	assert_int_equal(all.nr, 5);
	assert_string_equal(all.dev[0].bdf, GPU);
	assert_string_equal(all.dev[0].name,
			    "NVIDIA Corporation GH100 [H100 SXM5 80GB]");
	assert_string_equal(all.dev[1].name, all.dev[0].name);
	/* The terminal gets no escape from a file. */
	assert_string_equal(all.dev[2].name, "NVIDIA Corporation GH?[31m100");
	assert_string_equal(all.dev[3].name, "NVIDIA Corporation device 9999");
	assert_string_equal(all.dev[4].name, "0c03:0002");
}

static void a_host_without_pci_has_no_functions(void **state)
{
	struct fake_host *h = *state;
	AUTO_HOSTDEV_LIST struct hostdev_list all = { 0 };

	fake_host_remove(h, "sys/bus");
	assert_int_equal(hostdev_list(&h->sys, &all, NULL), 0);
	assert_int_equal(all.nr, 0);
}

static void an_unknown_function_gets_neighbours(void **state)
{
	struct fake_host *h = *state;
	struct hostdev d;
	struct err err;

	add_gpu(h, GPU, NULL);
	add_gpu(h, "0000:02:00.0", NULL);
	add_gpu(h, "0000:f1:00.0", NULL);
	add_gpu(h, "0000:f2:00.0", NULL);
	assert_int_equal(hostdev_read(&h->sys, "0000:f1:00.1", &d, &err),
			 -ENODEV);
	assert_non_null(strstr(err.msg, "no PCI function 0000:f1:00.1"));
	assert_non_null(strstr(err.msg, "near it are 0000:f1:00.0 ("));
	assert_non_null(strstr(err.msg, "0000:f2:00.0 ("));
	assert_non_null(strstr(err.msg, "0000:02:00.0 ("));
	assert_null(strstr(err.msg, GPU));
	assert_non_null(strstr(err.msg, "gpu ls --all"));
}

static void paths_follow_the_wiring(void **state)
{
	struct fake_host *h = *state;
	AUTO_HOSTDEV_LIST struct hostdev_list all = { 0 };
	struct hostdev_path p;
	const struct hostdev *dev[4];
	int port[4];

	add_gpu(h, "0000:03:00.0",
		"pci0000:00/0000:00:01.0/0000:01:00.0/0000:02:04.0");
	add_gpu(h, "0000:04:00.0",
		"pci0000:00/0000:00:01.0/0000:01:00.0/0000:02:05.0");
	add_gpu(h, "0000:00:09.0", NULL);
	add_gpu(h, "10000:e1:00.0",
		"pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0");
	assert_int_equal(hostdev_list(&h->sys, &all, NULL), 0);
	assert_int_equal(all.nr, 4);
	for (size_t i = 0; i < 4; i++)
		dev[i] = &all.dev[i];

	assert_int_equal(hostdev_path(&h->sys, dev[1], &p, NULL), 0);
	assert_string_equal(dev[1]->bdf, "0000:03:00.0");
	assert_string_equal(p.root, "0000:00");
	assert_int_equal(p.nr, 3);
	assert_string_equal(p.bridge[0], "0000:00:01.0");
	assert_string_equal(p.bridge[2], "0000:02:04.0");
	assert_int_equal(hostdev_path(&h->sys, dev[3], &p, NULL), 0);
	assert_string_equal(p.root, "10000:e0");
	assert_int_equal(p.nr, 1);
	assert_int_equal(hostdev_ports(&h->sys, dev, 4, port, NULL), 0);
	assert_int_equal(port[0], -1);
	assert_int_equal(port[1], 0);
	assert_int_equal(port[2], 0);
	assert_int_equal(port[3], 1);
}

static void uuids_are_nvidias(void **state)
{
	struct fake_host *h = *state;
	AUTO_HOSTDEV_LIST struct hostdev_list all = { 0 };
	struct err err;

	add_gpu(h, GPU, NULL);
	add_gpu(h, "0000:02:00.0", NULL);
	fake_host_file(h, "Model: \t\t NVIDIA H100\nGPU UUID: \t GPU-12ab\n",
		       "proc/driver/nvidia/gpus/" GPU "/information");
	fake_host_file(h, "GPU UUID: \t GPU-12cd\n",
		       "proc/driver/nvidia/gpus/0000:02:00.0/information");
	assert_int_equal(hostdev_list(&h->sys, &all, NULL), 0);
	assert_ptr_equal(hostdev_by_uuid(&h->sys, &all, "GPU-12ab", &err),
			 &all.dev[0]);
	assert_ptr_equal(hostdev_by_uuid(&h->sys, &all, "GPU-12c", &err),
			 &all.dev[1]);
	assert_null(hostdev_by_uuid(&h->sys, &all, "GPU-12", &err));
	assert_non_null(strstr(err.msg, "several GPUs"));
	assert_null(hostdev_by_uuid(&h->sys, &all, "GPU-99", &err));
	assert_non_null(strstr(err.msg, "no GPU has the UUID 'GPU-99'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_written_one_way),
		cmocka_unit_test_setup_teardown(a_function_is_read_whole, setup,
						teardown),
		cmocka_unit_test_setup_teardown(missing_files_are_no_error,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_group_without_iommu_is_none,
						setup, teardown),
		cmocka_unit_test_setup_teardown(names_come_from_the_database,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_host_without_pci_has_no_functions, setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_unknown_function_gets_neighbours, setup, teardown),
		cmocka_unit_test_setup_teardown(paths_follow_the_wiring, setup,
						teardown),
		cmocka_unit_test_setup_teardown(uuids_are_nvidias, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
