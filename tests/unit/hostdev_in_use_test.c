/* SPDX-License-Identifier: Apache-2.0 */
/* What the host uses itself: disks, interfaces, open nodes, the console. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/harness/host_world.h"

static void add_disk_node(struct fake_host *h)
{
	fake_host_add(h, &world_disk);
	fake_host_file(h, "MAJOR=259\nMINOR=0\nDEVNAME=nvme0n1\nDEVTYPE=disk\n",
		       BELOW "/nvme/nvme0/nvme0n1/uevent");
	fake_host_link(h, "../../../../../class/block",
		       BELOW "/nvme/nvme0/nvme0n1/subsystem");
	fake_host_file(h,
		       "MAJOR=259\nMINOR=1\nDEVNAME=nvme0n1p1\n"
		       "DEVTYPE=partition\n",
		       BELOW "/nvme/nvme0/nvme0n1/nvme0n1p1/uevent");
	fake_host_link(h, "../../../../../../class/block",
		       BELOW "/nvme/nvme0/nvme0n1/nvme0n1p1/subsystem");
}

static void a_mounted_disk_is_in_use(void **state)
{
	struct world *w = *state;

	add_disk_node(&w->h);
	fake_host_file(&w->h, "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n",
		       "proc/self/mountinfo");
	assert_int_equal(world_check(w, DISK, NULL), 0);
	fake_host_file(&w->h,
		       "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
		       "36 22 259:1 / /data rw shared:1 - ext4 /dev/x rw\n",
		       "proc/self/mountinfo");
	world_refused(w, DISK, -EBUSY, "disk nvme0n1p1 is mounted on '/data'",
		      "unmount it");
	/* btrfs has a number of its own. */
	fake_host_file(&w->h,
		       "36 22 0:44 / /b rw shared:1 - btrfs /dev/nvme0n1 rw\n",
		       "proc/self/mountinfo");
	world_refused(w, DISK, -EBUSY, "disk nvme0n1 is mounted on '/b'",
		      "unmount it");
}

static void a_disk_that_is_swap_or_held_is_in_use(void **state)
{
	struct world *w = *state;

	add_disk_node(&w->h);
	fake_host_file(&w->h,
		       "Filename Type Size\n/dev/nvme0n1p1 partition 1 0 -2\n",
		       "proc/swaps");
	world_refused(w, DISK, -EBUSY, "nvme0n1p1 is swap", "swapoff");
	fake_host_remove(&w->h, "proc/swaps");
	fake_host_file(&w->h, "", BELOW "/nvme/nvme0/nvme0n1/holders/dm-0/x");
	world_refused(w, DISK, -EBUSY, "nvme0n1 is part of dm-0",
		      "stop what holds");
}

static void a_multipath_disk_is_found(void **state)
{
	struct world *w = *state;

	fake_host_add(&w->h, &world_disk);
	fake_host_file(&w->h, "DEVNAME=nvme0\n", BELOW "/nvme/nvme0/uevent");
	fake_host_file(&w->h, "MAJOR=259\nMINOR=4\nDEVNAME=nvme0n1\n",
		       "sys/devices/virtual/nvme-subsystem/nvme-subsys0/"
		       "nvme0n1/uevent");
	fake_host_link(&w->h, "../../../../../class/block",
		       "sys/devices/virtual/nvme-subsystem/nvme-subsys0/"
		       "nvme0n1/subsystem");
	fake_host_link(&w->h,
		       "../../../pci0000:00/" PORT "/" DISK "/nvme/nvme0",
		       "sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0");
	fake_host_link(&w->h,
		       "../../devices/virtual/nvme-subsystem/nvme-subsys0",
		       "sys/class/nvme-subsystem/nvme-subsys0");
	fake_host_file(&w->h, "36 22 259:4 / /m rw - ext4 /dev/x rw\n",
		       "proc/self/mountinfo");
	world_refused(w, DISK, -EBUSY, "nvme0n1 is mounted on '/m'", "unmount");
}

static void an_interface_that_is_up_is_in_use(void **state)
{
	struct world *w = *state;

	fake_host_add(&w->h, &world_disk);
	fake_host_file(&w->h, "INTERFACE=ens1\nIFINDEX=2\n",
		       BELOW "/net/ens1/uevent");
	fake_host_file(&w->h, "0x1002\n", "sys/class/net/ens1/flags");
	assert_int_equal(world_check(w, DISK, NULL), 0);
	fake_host_file(&w->h, "0x1003\n", "sys/class/net/ens1/flags");
	world_refused(w, DISK, -EBUSY, "network interface ens1 is up",
		      "ip link");
}

static void an_open_node_names_its_process(void **state)
{
	struct world *w = *state;

	fake_host_add(&w->h, &world_gpu);
	fake_host_file(&w->h, "MAJOR=226\nMINOR=0\nDEVNAME=dri/card0\n",
		       "sys/bus/pci/devices/" GPU "/drm/card0/uevent");
	fake_host_file(&w->h, "(udev-worker)\n", "proc/77/comm");
	fake_host_link(&w->h, "/dev/dri/card0", "proc/77/fd/5");
	fake_host_file(&w->h, "bash\n", "proc/78/comm");
	fake_host_link(&w->h, "/dev/dri/card00", "proc/78/fd/5");
	assert_int_equal(world_check(w, GPU, NULL), 0);
	fake_host_file(&w->h, "Xorg\n", "proc/79/comm");
	fake_host_link(&w->h, "/dev/dri/card0", "proc/79/fd/5");
	world_refused(w, GPU, -EBUSY,
		      "process 79 (Xorg) has '/dev/dri/card0' open",
		      "end that process");
}

static void nvidias_node_is_found_by_its_minor(void **state)
{
	struct world *w = *state;

	fake_host_add(&w->h, &world_gpu);
	fake_host_file(&w->h, "GPU UUID: GPU-1\nDevice Minor: \t 3\n",
		       "proc/driver/nvidia/gpus/" GPU "/information");
	fake_host_file(&w->h, "python3\n", "proc/79/comm");
	fake_host_link(&w->h, "/dev/nvidia2", "proc/79/fd/5");
	assert_int_equal(world_check(w, GPU, NULL), 0);
	fake_host_link(&w->h, "/dev/nvidia3", "proc/79/fd/6");
	world_refused(w, GPU, -EBUSY,
		      "process 79 (python3) has '/dev/nvidia3' open",
		      "end that process");
}

static void the_console_is_in_use(void **state)
{
	struct world *w = *state;

	fake_host_add(&w->h, &world_gpu);
	fake_host_file(&w->h, "1\n", "sys/bus/pci/devices/" GPU "/boot_vga");
	assert_int_equal(world_check(w, GPU, NULL), 0);
	fake_host_file(&w->h, "(S) dummy device\n",
		       "sys/class/vtconsole/vtcon0/name");
	fake_host_file(&w->h, "1\n", "sys/class/vtconsole/vtcon0/bind");
	assert_int_equal(world_check(w, GPU, NULL), 0);
	fake_host_file(&w->h, "(M) frame buffer device\n",
		       "sys/class/vtconsole/vtcon1/name");
	fake_host_file(&w->h, "1\n", "sys/class/vtconsole/vtcon1/bind");
	world_refused(w, GPU, -EBUSY, "shows the host's console",
		      "echo 0 > /sys/class/vtconsole/vtcon1/bind");
	fake_host_file(&w->h, "0\n", "sys/class/vtconsole/vtcon1/bind");
	assert_int_equal(world_check(w, GPU, NULL), 0);
}

static void a_group_that_is_open_is_in_use(void **state)
{
	struct world *w = *state;
	struct fake_function f = world_disk;

	f.driver = "vfio-pci";
	fake_host_add(&w->h, &f);
	assert_int_equal(world_check(w, DISK, NULL), 0);
	fake_host_file(&w->h, "qemu\n", "proc/79/comm");
	fake_host_link(&w->h, "/dev/vfio/13", "proc/79/fd/5");
	world_refused(w, DISK, -EBUSY,
		      "process 79 (qemu) has '/dev/vfio/13' open",
		      "end that process");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EMPTY_WORLD(a_mounted_disk_is_in_use),
		EMPTY_WORLD(a_disk_that_is_swap_or_held_is_in_use),
		EMPTY_WORLD(a_multipath_disk_is_found),
		EMPTY_WORLD(an_interface_that_is_up_is_in_use),
		EMPTY_WORLD(an_open_node_names_its_process),
		EMPTY_WORLD(nvidias_node_is_found_by_its_minor),
		EMPTY_WORLD(the_console_is_in_use),
		EMPTY_WORLD(a_group_that_is_open_is_in_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
