/* SPDX-License-Identifier: Apache-2.0 */
/* Every reason for which a VM does not get a function, in its sentence. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "tests/harness/host_world.h"

static void a_free_function_is_given(void **state)
{
	struct world *w = *state;

	fake_host_add(&w->h, &world_gpu);
	fake_host_add(&w->h, &world_disk);
	assert_int_equal(world_check(w, GPU, DISK), 0);
	assert_int_equal(w->set.nr, 2);
	/* Asked for twice is asked for once. */
	assert_int_equal(world_check(w, GPU, GPU), 0);
	assert_int_equal(w->set.nr, 1);
}

static void no_iommu_names_the_switch(void **state)
{
	struct world *w = *state;
	struct fake_function f = world_gpu;

	f.group = 0;
	fake_host_add(&w->h, &f);
	world_refused(w, GPU, -ENOTSUP, "no IOMMU group",
		      "IOMMU on in the firmware");
	fake_host_file(&w->h, "vendor_id : GenuineIntel\n", "proc/cpuinfo");
	world_refused(w, GPU, -ENOTSUP, "no IOMMU group",
		      "boot with 'intel_iommu=on'");
	fake_host_file(&w->h, "quiet intel_iommu=on\n", "proc/cmdline");
	world_refused(w, GPU, -ENOTSUP, "no IOMMU group",
		      "'intel_iommu=on' is there, so switch VT-d on");
	fake_host_file(&w->h, "vendor_id : AuthenticAMD\n", "proc/cpuinfo");
	world_refused(w, GPU, -ENOTSUP, "no IOMMU group", "AMD-Vi");
	fake_host_file(&w->h, "amd_iommu=off\n", "proc/cmdline");
	world_refused(w, GPU, -ENOTSUP, "no IOMMU group",
		      "without 'amd_iommu=off'");
}

static void unmapped_interrupts_are_a_risk_to_take(void **state)
{
	struct world *w = *state;

	fake_host_add(&w->h, &world_disk);
	fake_host_file(&w->h,
		       "      CPU0\n 4: 1 IR-IO-APIC 4-edge ttyS0\n"
		       " 24: 0 IR-PCI-MSI 1-edge nvme0q0\n",
		       "proc/interrupts");
	assert_int_equal(hostdev_remapping(&w->h.sys), HOSTDEV_REMAP_ON);
	assert_int_equal(world_check(w, DISK, NULL), 0);

	fake_host_file(&w->h, "      CPU0\n 4: 1 IO-APIC 4-edge ttyS0\n",
		       "proc/interrupts");
	assert_int_equal(world_check(w, DISK, NULL), -EPERM);
	assert_non_null(strstr(w->err.msg, "does not remap interrupts"));
	assert_non_null(strstr(w->err.msg, "allow_unsafe_interrupts"));
	fake_host_file(&w->h, "Y\n",
		       "sys/module/vfio_iommu_type1/parameters/"
		       "allow_unsafe_interrupts");
	assert_int_equal(world_check(w, DISK, NULL), 0);
}

static void a_shared_group_names_its_members(void **state)
{
	struct world *w = *state;
	struct fake_function net = { .bdf = "0000:05:00.0",
				     .above = "pci0000:00/0000:00:05.0",
				     .vendor = 0x8086,
				     .device = 0x10d3,
				     .class = 0x020000,
				     .driver = "e1000e",
				     .group = 13,
				     .reset = "flr\n" };
	struct fake_function port = { .bdf = PORT,
				      .vendor = 0x1b36,
				      .device = 0x000c,
				      .class = 0x060400,
				      .driver = "pcieport",
				      .group = 13 };
	struct fake_function bare = net;

	/* Bridges and what has no driver are not in the way. */
	bare.bdf = "0000:06:00.0";
	bare.driver = NULL;
	fake_host_add(&w->h, &world_disk);
	fake_host_add(&w->h, &port);
	fake_host_add(&w->h, &bare);
	assert_int_equal(world_check(w, DISK, NULL), 0);
	fake_host_add(&w->h, &net);
	world_refused(
		w, DISK, -EBUSY,
		"shares IOMMU group 13 with 0000:05:00.0 (8086:10d3, driver "
		"e1000e)",
		"belljar gpu bind");
	assert_int_equal(world_check(w, DISK, "0000:05:00.0"), 0);
	world_refused(w, PORT, -EINVAL, "is a bridge", "gpu ls --all");
}

static void functions_of_a_slot_go_together(void **state)
{
	struct world *w = *state;

	fake_host_add(&w->h, &world_gpu);
	fake_host_add(&w->h, &world_audio);
	assert_int_equal(world_check(w, GPU, NULL), 0);
	assert_int_equal(w->set.nr, 2);
	assert_string_equal(w->set.dev[1]->bdf, AUDIO);
	assert_true(w->set.companion[1]);
	assert_false(w->set.companion[0]);
	/* Asked for as well, it is no companion. */
	assert_int_equal(world_check(w, GPU, AUDIO), 0);
	assert_int_equal(w->set.nr, 2);
	assert_false(w->set.companion[1]);
}

static void without_reset_only_on_request(void **state)
{
	struct world *w = *state;
	struct fake_function f = world_disk;
	struct fake_function other = world_disk;

	/* Alone on its bus, the bus can be reset. */
	f.reset = NULL;
	fake_host_add(&w->h, &f);
	assert_int_equal(world_check(w, DISK, NULL), 0);
	/* With another on it, it can't; one group or not. */
	other.bdf = "0000:02:01.0";
	other.driver = NULL;
	fake_host_add(&w->h, &other);
	world_refused(w, DISK, -ENOTSUP, "cannot be reset",
		      "vfio=" DISK ",reset=off");
	w->set.no_reset[0] = true;
	assert_int_equal(hostdev_check(&w->h.sys, &w->all, &w->set, &w->err),
			 0);
}

static void on_the_root_bus_there_is_no_bus_reset(void **state)
{
	struct world *w = *state;
	struct fake_function f = world_disk;

	f.reset = NULL;
	f.above = NULL;
	fake_host_add(&w->h, &f);
	world_refused(w, DISK, -ENOTSUP, "cannot be reset", "reset=off");
}

static void a_parent_of_virtual_functions_stays(void **state)
{
	struct world *w = *state;
	struct fake_function vf = world_disk;

	fake_host_add(&w->h, &world_disk);
	vf.bdf = "0000:02:00.1";
	vf.group = 14;
	fake_host_add(&w->h, &vf);
	fake_host_link(&w->h, "../" DISK, BELOW "/../0000:02:00.1/physfn");
	fake_host_file(&w->h, "1\n", BELOW "/sriov_numvfs");
	world_refused(w, DISK, -EBUSY, "has 1 SR-IOV functions",
		      "echo 0 > /sys/bus/pci/devices/" DISK "/sriov_numvfs");
	assert_int_equal(world_check(w, "0000:02:00.1", NULL), 0);
	assert_string_equal(w->set.dev[0]->physfn, DISK);
}

static void vfio_pci_is_loaded_or_missed(void **state)
{
	struct world *w = *state;

	fake_host_add(&w->h, &world_disk);
	fake_host_drop_driver(&w->h, "vfio-pci");
	assert_int_equal(world_check(w, DISK, NULL), -ENOENT);
	assert_non_null(strstr(w->err.msg, "vfio-pci is not there"));
	w->h.loadable = "vfio-pci";
	assert_int_equal(world_check(w, DISK, NULL), 0);
}

static void the_sentence_for_a_closed_group(void **state)
{
	struct world *w = *state;
	struct hostdev d = { .bdf = DISK, .group = 13 };

	assert_int_equal(hostdev_say_group(&d, EACCES, &w->err), -EACCES);
	assert_non_null(strstr(w->err.msg, "'/dev/vfio/13'"));
	assert_non_null(strstr(w->err.msg, "udev rule"));
	assert_int_equal(hostdev_open_group(&w->h.sys, &d, &w->err), -ENOENT);
	assert_non_null(strstr(w->err.msg, "No such file"));
	assert_int_equal(hostdev_open_cdev(&w->h.sys, &d, &w->err), -ENOENT);
}

static void memlock_is_checked_unless_we_may(void **state)
{
	struct world *w = *state;
	struct rlimit old, low;

	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &old), 0);
	low = old;
	low.rlim_cur = 64 << 10;
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &low), 0);
	fake_host_file(&w->h, "Name:\tx\nCapEff:\t0000000000000000\n",
		       "proc/self/status");
	assert_int_equal(hostdev_check_memlock(&w->h.sys, 64 << 10, &w->err),
			 0);
	assert_int_equal(hostdev_check_memlock(&w->h.sys, 1 << 30, &w->err),
			 -EPERM);
	assert_non_null(strstr(w->err.msg, "1024 MiB"));
	assert_non_null(strstr(w->err.msg, "ulimit -l"));
	fake_host_file(&w->h, "Name:\tx\nCapEff:\t0000000000004000\n",
		       "proc/self/status");
	assert_int_equal(hostdev_check_memlock(&w->h.sys, 1 << 30, &w->err), 0);
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &old), 0);
}

static void too_many_functions_are_refused(void **state)
{
	struct world *w = *state;
	char bdf[BDF_MAX];
	int r = 0;

	for (unsigned i = 0; i < 20; i++) {
		struct fake_function f = world_disk;

		(void)snprintf(bdf, sizeof(bdf), "0000:%02x:00.0", i + 0x10);
		f.bdf = bdf;
		f.group = (int)i + 1;
		fake_host_add(&w->h, &f);
	}
	assert_int_equal(hostdev_list(&w->h.sys, &w->all, NULL), 0);
	for (size_t i = 0; i < 20 && r == 0; i++)
		r = hostdev_set_add(&w->set, &w->all, &w->all.dev[i], false,
				    &w->err);
	assert_int_equal(r, -E2BIG);
	assert_int_equal(w->set.nr, HOSTDEV_TAKE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EMPTY_WORLD(a_free_function_is_given),
		EMPTY_WORLD(no_iommu_names_the_switch),
		EMPTY_WORLD(unmapped_interrupts_are_a_risk_to_take),
		EMPTY_WORLD(a_shared_group_names_its_members),
		EMPTY_WORLD(functions_of_a_slot_go_together),
		EMPTY_WORLD(without_reset_only_on_request),
		EMPTY_WORLD(on_the_root_bus_there_is_no_bus_reset),
		EMPTY_WORLD(a_parent_of_virtual_functions_stays),
		EMPTY_WORLD(vfio_pci_is_loaded_or_missed),
		EMPTY_WORLD(the_sentence_for_a_closed_group),
		EMPTY_WORLD(memlock_is_checked_unless_we_may),
		EMPTY_WORLD(too_many_functions_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
