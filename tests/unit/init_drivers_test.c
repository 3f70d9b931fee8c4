/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init_drivers_test.c - which modules devices ask for, and the device nodes of
 * NVIDIA's driver, out of a made-up /sys and /proc.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/init/coldplug.h"
#include "images/init/nodes.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

static char dir[64];
static struct err err;

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/belljar-drivers.XXXXXX");
	return !mkdtemp(dir) || chdir(dir) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	return chdir("/") < 0 ? -1 : io_remove_tree(dir, NULL);
}

/* The file @path and the directories it lies in. */
static void put(const char *path, const char *text)
{
	char parent[256];

	(void)snprintf(parent, sizeof(parent), "%s/%s", dir, path);
	*strrchr(parent, '/') = '\0';
	assert_int_equal(io_mkdirs(parent, 0755, &err), 0);
	assert_int_equal(io_write_file(path, text, strlen(text), &err), 0);
}

static void make_tree(void)
{
	put("tree/modules.alias",
	    "alias pci:v000010DEd*sv*sd*bc03sc[0-9]*i00* nouveau\n"
	    "alias pci:v000010DEd*sv*sd*bc03sc00i00* nvidia\n"
	    "alias pci:v000010DEd*sv*sd*bc03sc00i00* nvidia\n"
	    "alias virtio:d00000004v* virtio-rng\n"
	    "alias cpu:type:x86* kvm_amd\n");
}

#define GPU "sys/bus/pci/devices/0000:00:05.0/"

static void make_devices(void)
{
	put(GPU "modalias",
	    "pci:v000010DEd00002204sv00001458sd0000403Bbc03sc00i00\n");
	put("sys/bus/pci/devices/0000:00:06.0/modalias",
	    "pci:v00008086d00000001sv0sd0bc02sc00i00\n");
	put("sys/bus/pci/devices/0000:00:07.0/class", "0x020000\n");
	put("sys/bus/virtio/devices/virtio0/modalias",
	    "virtio:d00000004v00001AF4\n");
	put("sys/bus/cpu/devices/cpu0/modalias", "cpu:type:x86,ven0000\n");
}

static struct coldplug_device *find(struct modlist *known)
{
	char sys[128], path[128];
	struct coldplug_device *list = NULL;

	(void)snprintf(sys, sizeof(sys), "%s/sys", dir);
	(void)snprintf(path, sizeof(path), "%s/tree", dir);
	AUTO_CLOSE int tree = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(tree >= 0);
	assert_int_equal(coldplug_find(sys, tree, known, &list, &err), 0);
	return list;
}

static const struct coldplug_device *named(const struct coldplug_device *list,
					   const char *name)
{
	while (list && strcmp(list->name, name) != 0)
		list = list->next;
	return list;
}

static void devices_find_their_modules(void **state)
{
	AUTO_MODLIST struct modlist known = { 0 };

	(void)state;
	make_tree();
	make_devices();
	struct coldplug_device *list = find(&known);
	const struct coldplug_device *gpu = named(list, "pci/0000:00:05.0");
	assert_non_null(gpu);
	assert_int_equal(gpu->modules.n, 2);
	assert_string_equal(gpu->modules.v[0], "nouveau");
	assert_string_equal(gpu->modules.v[1], "nvidia");

	const struct coldplug_device *rng = named(list, "virtio/virtio0");
	assert_non_null(rng);
	assert_int_equal(rng->modules.n, 1);
	assert_string_equal(rng->modules.v[0], "virtio_rng");

	const struct coldplug_device *other = named(list, "pci/0000:00:06.0");
	assert_non_null(other);
	assert_int_equal(other->modules.n, 0);
	assert_null(named(list, "pci/0000:00:07.0"));
	assert_null(named(list, "cpu/cpu0"));
	coldplug_free(list);
}

static void a_device_is_asked_once(void **state)
{
	AUTO_MODLIST struct modlist known = { 0 };

	(void)state;
	make_tree();
	make_devices();
	coldplug_free(find(&known));
	assert_null(find(&known));
	/* What came behind one of them is new. */
	put("sys/bus/virtio/devices/virtio1/modalias",
	    "virtio:d00000004v00001AF4\n");
	struct coldplug_device *list = find(&known);
	assert_non_null(list);
	assert_string_equal(list->name, "virtio/virtio1");
	assert_null(list->next);
	coldplug_free(list);
}

static void a_device_with_a_driver_needs_none(void **state)
{
	AUTO_MODLIST struct modlist known = { 0 };

	(void)state;
	make_tree();
	make_devices();
	assert_int_equal(symlink(dir, GPU "driver"), 0);
	struct coldplug_device *list = find(&known);
	assert_null(named(list, "pci/0000:00:05.0"));
	assert_non_null(named(list, "virtio/virtio0"));
	coldplug_free(list);
}

static void a_vendor_s_module_comes_first_and_fbdev_last(void **state)
{
	(void)state;
	assert_int_equal(coldplug_rank("updates/dkms/nvidia.ko"), 0);
	assert_int_equal(coldplug_rank("nvidia.ko"), 0);
	assert_int_equal(
		coldplug_rank("kernel/drivers/gpu/drm/nouveau/nouveau.ko"), 1);
	assert_int_equal(
		coldplug_rank("kernel/drivers/video/fbdev/nvidiafb.ko"), 2);
}

/* Nodes as text: "nvidia0 195:0 666\n". */
static char made[2048];

static int note(void *arg, const char *path, unsigned major, unsigned minor,
		mode_t mode)
{
	size_t len = strlen(made);

	assert_null(arg);
	(void)snprintf(made + len, sizeof(made) - len, "%s %u:%u %o\n", path,
		       major, minor, mode);
	return 0;
}

static const char *nodes(void)
{
	char proc[128];

	(void)snprintf(proc, sizeof(proc), "%s/proc", dir);
	made[0] = '\0';
	assert_int_equal(nodes_nvidia(proc, note, NULL), 0);
	return made;
}

static void make_nvidia(const char *devices)
{
	put("proc/devices", devices);
	put("proc/driver/nvidia/gpus/0000:01:00.0/information",
	    "Model: \t\t NVIDIA GeForce RTX 3090\nIRQ:   \t\t 42\n"
	    "Device Minor: \t 0\nGPU Excluded:\t No\n");
}

static void driver_s_nodes_have_its_numbers(void **state)
{
	(void)state;
	make_nvidia("Character devices:\n  1 mem\n195 nvidia-frontend\n"
		    "236 nvidia-uvm\n\nBlock devices:\n195 nvidia-uvm\n");
	assert_string_equal(nodes(), "nvidia0 195:0 666\n"
				     "nvidiactl 195:255 666\n"
				     "nvidia-modeset 195:254 666\n"
				     "nvidia-uvm 236:0 666\n"
				     "nvidia-uvm-tools 236:1 666\n");
}

static void newer_driver_s_name_works_too(void **state)
{
	(void)state;
	make_nvidia("Character devices:\n195 nvidia\n195 nvidiactl\n");
	assert_string_equal(nodes(), "nvidia0 195:0 666\n"
				     "nvidiactl 195:255 666\n"
				     "nvidia-modeset 195:254 666\n");
}

static void capabilities_have_their_own_modes(void **state)
{
	(void)state;
	put("proc/devices", "Character devices:\n237 nvidia-caps\n");
	put("proc/driver/nvidia/capabilities/mig/config",
	    "DeviceFileMinor: 1\nDeviceFileMode: 256\nDeviceFileModify: 1\n");
	assert_string_equal(nodes(), "nvidia-caps/nvidia-cap1 237:1 400\n");
	put("proc/driver/nvidia/capabilities/gpu0/mig/gi1/ci0/access",
	    "DeviceFileMinor: 12\nDeviceFileMode: 292\n");
	assert_non_null(strstr(nodes(), "nvidia-caps/nvidia-cap12 237:12 444"));
}

static void without_the_driver_there_are_no_nodes(void **state)
{
	(void)state;
	assert_string_equal(nodes(), "");
	put("proc/devices", "Character devices:\n  1 mem\n195 \nx nvidia\n");
	assert_string_equal(nodes(), "");
}

static void nodes_are_made_and_made_again(void **state)
{
	char proc[128], dev[128];
	struct stat st;

	(void)state;
	if (geteuid() != 0)
		skip();
	(void)snprintf(proc, sizeof(proc), "%s/proc", dir);
	(void)snprintf(dev, sizeof(dev), "%s/dev", dir);
	make_nvidia("Character devices:\n195 nvidia\n237 nvidia-caps\n");
	put("proc/driver/nvidia/capabilities/mig/config",
	    "DeviceFileMinor: 1\nDeviceFileMode: 256\n");
	put("dev/nvidia0", "a file of that name goes");
	put("dev/dri/renderD128", "");
	put("dev/dri/card0", "");
	assert_int_equal(chmod("dev/dri/card0", 0600), 0);
	assert_int_equal(chmod("dev/dri/renderD128", 0600), 0);
	for (int i = 0; i < 2; i++) {
		if (nodes_make(proc, dev, &err) == -EPERM)
			skip(); /* a container without mknod */
		assert_int_equal(stat("dev/nvidia0", &st), 0);
		assert_true(S_ISCHR(st.st_mode));
		assert_int_equal(st.st_mode & 0777, 0666);
		assert_int_equal(st.st_rdev, 195 << 8);
	}
	assert_int_equal(stat("dev/nvidia-caps/nvidia-cap1", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0400);
	assert_int_equal(stat("dev/dri/renderD128", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
	assert_int_equal(stat("dev/dri/card0", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(devices_find_their_modules),
		T(a_device_is_asked_once),
		T(a_device_with_a_driver_needs_none),
		T(a_vendor_s_module_comes_first_and_fbdev_last),
		T(driver_s_nodes_have_its_numbers),
		T(newer_driver_s_name_works_too),
		T(capabilities_have_their_own_modes),
		T(without_the_driver_there_are_no_nodes),
		T(nodes_are_made_and_made_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
