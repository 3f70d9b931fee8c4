/* SPDX-License-Identifier: Apache-2.0 */
/* What `gpu ls` and `doctor` say of a made-up host. */
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
#include "vmm/manager/checks_vfio.h"
#include "vmm/manager/gpu.h"
#include "vmm/manager/vmdir.h"

static struct manager manager_of(struct world *w)
{
	return (struct manager){ .data = w->data,
				 .run = w->data,
				 .sys = w->h.sys };
}

static void state_is(struct world *w, const char *bdf, enum gpu_state want,
		     const char *why)
{
	struct manager mgr = manager_of(w);
	char text[300];

	world_list(w);
	const struct hostdev *d = hostdev_find(&w->all, bdf, NULL);
	assert_non_null(d);
	enum gpu_state got = gpu_state(&mgr, &w->all, d, text, sizeof(text));
	if (got != want || strcmp(text, why) != 0)
		fail_msg("%s: %d '%s' and not %d '%s'", bdf, got, text, want,
			 why);
}

static void who_has_it_is_said(void **state)
{
	struct world *w = *state;
	struct manager mgr = manager_of(w);
	struct hostdev_hold hold = { .nr = 0 };
	struct vmdir vm;

	state_is(w, GPU, GPU_FREE, "");
	assert_int_equal(vmdir_create(&mgr, "aabbccddeeff", "train", &vm, NULL),
			 0);
	assert_int_equal(world_take(w, vm.id, GPU, &hold), 0);
	state_is(w, GPU, GPU_VM, "train");
	state_is(w, AUDIO, GPU_VM, "train");
	vmdir_close(&vm);
	assert_int_equal(world_give_back(w, &hold), 0);
	state_is(w, GPU, GPU_FREE, "");
}

static void what_hinders_is_said(void **state)
{
	struct world *w = *state;
	struct fake_function f = { .bdf = "0000:09:00.0",
				   .class = 0x020000,
				   .driver = "e1000e",
				   .group = 12,
				   .reset = "flr\n" };

	fake_host_file(&w->h, "Xorg\n", "proc/79/comm");
	fake_host_link(&w->h, "/dev/dri/card0", "proc/79/fd/5");
	fake_host_file(&w->h, "DEVNAME=dri/card0\n",
		       "sys/bus/pci/devices/" GPU "/drm/card0/uevent");
	state_is(w, GPU, GPU_HOST,
		 "process 79 (Xorg) has '/dev/dri/card0' open");
	fake_host_remove(&w->h, "proc/79");
	fake_host_add(&w->h, &f);
	state_is(w, GPU, GPU_UNFIT, "0000:09:00.0 (e1000e) is in its group");
	fake_host_remove(&w->h, "sys/bus/pci/devices/0000:09:00.0");
	fake_host_file(&w->h, "4\n",
		       "sys/bus/pci/devices/" GPU "/sriov_numvfs");
	state_is(w, GPU, GPU_UNFIT, "4 SR-IOV functions are on");
	fake_host_file(&w->h, " 4: 1 IO-APIC 4-edge ttyS0\n",
		       "proc/interrupts");
	state_is(w, DISK, GPU_UNFIT, "interrupts are not remapped");
	fake_host_remove(&w->h, "sys/bus/pci/devices/" DISK "/iommu_group");
	state_is(w, DISK, GPU_UNFIT, "no IOMMU");
}

static void says(void (*ask)(const struct manager *mgr, struct check *ret),
		 struct world *w, enum check_level level, const char *fact,
		 const char *remedy)
{
	struct manager mgr = manager_of(w);
	struct check c = { .fact = "" };

	ask(&mgr, &c);
	if (c.level != level || !strstr(c.fact, fact) ||
	    !strstr(c.remedy, remedy) || (!remedy[0] && c.remedy[0]))
		fail_msg("%d '%s'; '%s'", c.level, c.fact, c.remedy);
}

static void doctor_praises_a_good_host(void **state)
{
	struct world *w = *state;

	fake_host_file(&w->h, " 4: 1 IR-IO-APIC 4-edge ttyS0\n",
		       "proc/interrupts");
	fake_host_file(&w->h, "8\n",
		       "sys/kernel/mm/hugepages/hugepages-1048576kB/"
		       "nr_hugepages");
	fake_host_file(&w->h, "5\n",
		       "sys/kernel/mm/hugepages/hugepages-1048576kB/"
		       "free_hugepages");
	fake_host_file(&w->h, "Name:\tx\nCapEff:\t0000000000004000\n",
		       "proc/self/status");
	says(ask_iommu, w, CHECK_OK, "on, 3 PCI functions in groups", "");
	says(ask_remapping, w, CHECK_OK, "on", "");
	says(ask_groups, w, CHECK_OK, "each GPU has one of its own", "");
	says(ask_vfio, w, CHECK_OK, "loaded", "");
	says(ask_memlock, w, CHECK_OK, "all of the host's memory", "");
	says(ask_reserved, w, CHECK_OK, "8 of 1 GiB (5 free)", "");
	says(ask_gpus, w, CHECK_OK, GPU " (10de:2330) with nouveau", "");
}

static void doctor_warns_who_has_a_gpu(void **state)
{
	struct world *w = *state;
	struct fake_function net = { .bdf = "0000:09:00.0",
				     .class = 0x020000,
				     .driver = "e1000e",
				     .group = 12 };
	struct rlimit old, low;

	fake_host_add(&w->h, &net);
	says(ask_groups, w, CHECK_WARN,
	     "GPU " GPU " shares IOMMU group 12 with 0000:09:00.0", "ACS");
	says(ask_gpus, w, CHECK_WARN, "not usable: 0000:09:00.0 (e1000e)",
	     "belljar gpu ls");
	fake_host_file(&w->h, " 4: 1 IO-APIC 4-edge ttyS0\n",
		       "proc/interrupts");
	says(ask_remapping, w, CHECK_WARN, "off, so VFIO gives no device",
	     "intremap=off");
	fake_host_drop_driver(&w->h, "vfio-pci");
	says(ask_vfio, w, CHECK_WARN, "this kernel has none", "VFIO_PCI");
	says(ask_reserved, w, CHECK_OK, "0 of 2 MiB", "nr_hugepages");

	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &old), 0);
	low = old;
	low.rlim_cur = 64 << 10;
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &low), 0);
	fake_host_file(&w->h, "CapEff:\t0\n", "proc/self/status");
	says(ask_memlock, w, CHECK_WARN, "cannot have all", "ulimit -l");
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &old), 0);

	fake_host_remove(&w->h, "sys/bus/pci/devices/" GPU "/iommu_group");
	fake_host_remove(&w->h, "sys/bus/pci/devices/" AUDIO "/iommu_group");
	fake_host_remove(&w->h, "sys/bus/pci/devices/" DISK "/iommu_group");
	fake_host_remove(&w->h, "sys/bus/pci/devices/0000:09:00.0");
	says(ask_iommu, w, CHECK_WARN, "off, so no device", "firmware");
}

static void doctor_asks_nothing_of_a_host_without_gpus(void **state)
{
	struct world *w = *state;

	fake_host_drop_driver(&w->h, "vfio-pci");
	says(ask_iommu, w, CHECK_OK, "off", "firmware");
	says(ask_remapping, w, CHECK_OK, "not known", "");
	says(ask_groups, w, CHECK_OK, "no GPU", "");
	says(ask_acs, w, CHECK_OK, "no bridge", "");
	says(ask_vfio, w, CHECK_OK, "none", "VFIO_PCI");
	says(ask_gpus, w, CHECK_OK, "none", "");
}

static void acs_is_seen_by_the_groups(void **state)
{
	struct world *w = *state;
	struct fake_function port = {
		.bdf = PORT, .class = 0x060400, .driver = "pcieport", .group = 3
	};

	fake_host_add(&w->h, &port);
	says(ask_acs, w, CHECK_OK, "1 of 1 bridges", "");
	port.group = 13;
	fake_host_add(&w->h, &port);
	says(ask_acs, w, CHECK_WARN, "0 of 1 bridges", "ACS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(who_has_it_is_said),
		WORLD(what_hinders_is_said),
		WORLD(doctor_praises_a_good_host),
		WORLD(doctor_warns_who_has_a_gpu),
		EMPTY_WORLD(doctor_asks_nothing_of_a_host_without_gpus),
		WORLD(acs_is_seen_by_the_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
