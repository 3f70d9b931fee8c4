/* SPDX-License-Identifier: Apache-2.0 */
/* Which functions of the host --gpus and --device stand for. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/harness/host_world.h"
#include "vmm/manager/devices.h"

/* Four GPUs: two below one switch of node 1, two alone, all can be had. */
#define SWITCH "pci0000:80/0000:80:01.0/0000:81:00.0/"
#define ALONE  "0000:41:00.0"
#define LEFT   "0000:83:00.0"
#define RIGHT  "0000:84:00.0"
#define VGA    "0000:05:00.0"

static const struct fake_function gpus[] = {
	{ .bdf = ALONE,
	  .above = "pci0000:40/0000:40:01.0",
	  .vendor = 0x10de,
	  .device = 1,
	  .class = 0x030200,
	  .group = 41,
	  .reset = "flr\n" },
	{ .bdf = LEFT,
	  .above = SWITCH "0000:82:00.0",
	  .vendor = 0x10de,
	  .device = 1,
	  .class = 0x030200,
	  .group = 83,
	  .reset = "flr\n" },
	{ .bdf = RIGHT,
	  .above = SWITCH "0000:82:01.0",
	  .vendor = 0x10de,
	  .device = 1,
	  .class = 0x030200,
	  .group = 84,
	  .reset = "flr\n" },
};

struct fixture {
	struct world *w;
	struct manager mgr;
	struct run_options o;
	struct devices d;
};

static struct fixture f;

static void node(const char *bdf, const char *text)
{
	fake_host_file(&f.w->h, text, "sys/bus/pci/devices/%s/numa_node", bdf);
}

static int setup(void **state)
{
	(void)world_setup(state);
	f = (struct fixture){ .w = *state };
	for (size_t i = 0; i < sizeof(gpus) / sizeof(gpus[0]); i++)
		fake_host_add(&f.w->h, &gpus[i]);
	node(GPU, "0\n");
	node(ALONE, "1\n");
	node(LEFT, "1\n");
	node(RIGHT, "1\n");
	f.mgr.data = f.w->data;
	f.mgr.sys = f.w->h.sys;
	return 0;
}

static int teardown(void **state)
{
	devices_done(&f.d);
	strv_done(&f.o.cdi_dirs);
	return world_teardown(state);
}

/* What follows is asked for, NULL at the end: "g:..." --gpus, "d:..." */
static int choose(const char *first, ...)
{
	va_list ap;
	int r = 0;

	f.o.devices.n = 0;
	devices_done(&f.d);
	va_start(ap, first);
	for (const char *s = first; r == 0 && s; s = va_arg(ap, const char *))
		r = s[0] == 'g'
			    ? device_parse_gpus(s + 2, &f.o.devices, &f.w->err)
			    : device_parse_device(s + 2, &f.o.devices,
						  &f.w->err);
	va_end(ap);
	return r < 0 ? r : devices_choose(&f.mgr, &f.o, &f.d, &f.w->err);
}

static void got(size_t i, const char *bdf)
{
	assert_true(i < f.d.set.nr);
	assert_string_equal(f.d.set.dev[i]->bdf, bdf);
	assert_false(f.d.set.companion[i]);
}

static void said(int r, const char *text)
{
	if (r >= 0 || !strstr(f.w->err.msg, text) || strchr(f.w->err.msg, '\n'))
		fail_msg("%d: '%s' without '%s'", r, f.w->err.msg, text);
}

static void one_option_is_one_function(void **state)
{
	(void)state;
	assert_int_equal(choose("d:vfio=02:00.0,rom=on", NULL), 0);
	assert_int_equal(f.d.set.nr, 1);
	got(0, DISK);
	assert_true(f.d.rom[0]);
	assert_int_equal(f.d.port[0], -1);
	assert_int_equal(f.d.node[0], -1);
	assert_int_equal(devices_given(&f.d), 1);
	/* Asked for twice: once. */
	assert_int_equal(choose("d:vfio=02:00.0", "d:vfio=02:00.0", NULL), 0);
	assert_int_equal(f.d.set.nr, 1);
	assert_int_equal(choose(NULL), 0);
	assert_int_equal(f.d.set.nr, 0);
}

static void a_companion_leaves_the_host_and_is_not_given(void **state)
{
	(void)state;
	assert_int_equal(choose("g:device=0", NULL), 0);
	assert_int_equal(f.d.set.nr, 2);
	got(0, GPU);
	assert_string_equal(f.d.set.dev[1]->bdf, AUDIO);
	assert_true(f.d.set.companion[1]);
	assert_int_equal(devices_given(&f.d), 1);
	assert_int_equal(choose("g:device=0", "d:vfio=01:00.1", NULL), 0);
	assert_int_equal(f.d.set.nr, 2);
	got(1, AUDIO);
	assert_int_equal(devices_given(&f.d), 2);
}

static void gpus_have_the_numbers_of_gpu_ls(void **state)
{
	(void)state;
	assert_int_equal(choose("g:\"device=1,3\"", NULL), 0);
	got(0, ALONE);
	got(1, RIGHT);
	said(choose("g:device=4", NULL), "lists 0 to 3");
	said(choose("g:device=02:00.0", NULL), "is not a GPU");
	said(choose("g:device=07:00.0", NULL), "no PCI function 0000:07:00.0");
}

static void all_are_all(void **state)
{
	(void)state;
	assert_int_equal(choose("g:all", NULL), 0);
	assert_int_equal(devices_given(&f.d), 4);
	got(0, GPU);
	got(2, ALONE);
	got(3, LEFT);
	got(4, RIGHT);
}

/* The service processor's display, which shows the console. */
static void all_leaves_the_console_out(void **state)
{
	static const struct fake_function vga = {
		.bdf = VGA,
		.vendor = 0x1a03,
		.device = 0x2000,
		.class = 0x030000,
		.driver = "ast",
	};

	(void)state;
	fake_host_add(&f.w->h, &vga);
	fake_host_file(&f.w->h, "1\n", "sys/bus/pci/devices/%s/boot_vga", VGA);
	assert_int_equal(choose("g:all", NULL), 0);
	assert_int_equal(devices_given(&f.d), 4);
	for (size_t i = 0; i < f.d.set.nr; i++)
		assert_string_not_equal(f.d.set.dev[i]->bdf, VGA);
	/* By its name it is refused, and so says why. */
	said(choose("g:device=05:00.0", NULL), "no IOMMU group");
}

static void some_are_near_each_other(void **state)
{
	(void)state;
	assert_int_equal(choose("g:2", NULL), 0);
	got(0, LEFT);
	got(1, RIGHT);
	/* The switch first, then the node. */
	assert_int_equal(choose("g:3", NULL), 0);
	got(0, ALONE);
	got(1, LEFT);
	got(2, RIGHT);
	/* Those that are named are not chosen again. */
	assert_int_equal(choose("g:1", "g:device=0", NULL), 0);
	got(0, GPU);
	got(2, ALONE);
	said(choose("g:5", NULL), "this host has 4");
}

static void what_another_vm_has_is_not_free(void **state)
{
	struct hostdev_hold hold = { .nr = 0 };

	(void)state;
	world_list(f.w);
	assert_int_equal(world_take(f.w, "vm1", LEFT, &hold), 0);
	assert_int_equal(choose("g:2", NULL), 0);
	got(0, ALONE);
	got(1, RIGHT);
	said(choose("g:4", NULL), "3 of 4 are free: " LEFT);
	said(choose("g:all", NULL), "vm1");
	said(choose("g:device=2", NULL), LEFT " is used by VM vm1");
	assert_int_equal(world_give_back(f.w, &hold), 0);
	assert_int_equal(choose("g:4", NULL), 0);
}

static void a_host_without_gpus_says_so(void **state)
{
	const char *const all[] = { GPU, ALONE, LEFT, RIGHT };

	(void)state;
	for (size_t i = 0; i < 4; i++)
		fake_host_remove(&f.w->h, "sys/bus/pci/devices/%s", all[i]);
	said(choose("g:all", NULL), "no GPU");
	said(choose("g:1", NULL), "no GPU");
	said(choose("g:device=0", NULL), "no GPU");
}

static void the_hosts_topology_is_shown(void **state)
{
	(void)state;
	f.o.host_topology = true;
	assert_int_equal(choose("g:\"device=1,2,3\"", NULL), 0);
	assert_true(f.d.port[0] >= 0 && f.d.port[1] >= 0);
	assert_int_not_equal(f.d.port[0], f.d.port[1]);
	assert_int_equal(f.d.port[1], f.d.port[2]);
}

static void nodes_are_those_of_the_devices(void **state)
{
	(void)state;
	f.o.numa = (struct device_numa){ .given = true };
	assert_int_equal(choose("g:\"device=1,0\"", "d:vfio=02:00.0", NULL), 0);
	assert_int_equal(f.d.nr_numa, 2);
	assert_int_equal(f.d.numa[0], 1);
	assert_int_equal(f.d.numa[1], 0);
	assert_int_equal(f.d.node[0], 0); /* ALONE */
	assert_int_equal(f.d.node[1], 1); /* GPU */
	assert_int_equal(f.d.node[3], -1); /* DISK, which does not say */

	f.o.numa =
		(struct device_numa){ .given = true, .nr = 1, .node = { 3 } };
	said(choose("g:device=0", NULL), "--numa");
	fake_host_file(&f.w->h, "0-3\n", "sys/devices/system/node/has_memory");
	assert_int_equal(choose("g:device=0", NULL), 0);
	assert_int_equal(f.d.numa[0], 3);
	assert_int_equal(f.d.node[0], -1);
	f.o.numa.node[0] = 4;
	said(choose("g:device=0", NULL), "no NUMA node 4");
}

static void cdi_adds_functions_and_variables(void **state)
{
	(void)state;
	fake_host_file(&f.w->h,
		       "kind: a.b/c\ndevices:\n- name: d\n  containerEdits:\n"
		       "    deviceNodes: [{path: /dev/vfio/13}]\n"
		       "    env: [X=1]\n    mounts: [{hostPath: /x}]\n",
		       "etc/cdi/a.yaml");
	assert_int_equal(choose("d:a.b/c=d", NULL), 0);
	got(0, DISK);
	assert_string_equal(strv_get_env(&f.d.env, "X"), "1");
	assert_string_equal(f.d.cdi_name, "a.b/c=d");
}

static void the_plan_says_all_of_it(void **state)
{
	(void)state;
	assert_int_equal(choose("d:vfio=01:00.0,reset=off", NULL), 0);
	struct json_object *o = devices_to_json(&f.d);
	const char *text = json_object_to_json_string_ext(
		o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	static const char *const parts[] = {
		"\"device\":\"" GPU "\"", "\"companion\":false",
		"\"group\":12",		  "\"driver\":\"nouveau\"",
		"\"bind\":true",	  "\"reset\":\"off\"",
		"\"host_node\":0",	  "\"device\":\"" AUDIO "\"",
		"\"companion\":true",	  "\"driver\":\"snd_hda_intel\"",
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strstr(text, parts[i]))
			fail_msg("no %s in %s", parts[i], text);
	json_object_put(o);
}

static void memory_must_be_there(void **state)
{
	(void)state;
	fake_host_file(&f.w->h,
		       "MemTotal: 4194304 kB\nMemAvailable: 1048576 kB\n",
		       "proc/meminfo");
	fake_host_file(&f.w->h, "Name:\tx\nCapEff:\t0000000000004000\n",
		       "proc/self/status");
	assert_int_equal(choose("d:vfio=02:00.0", NULL), 0);
	assert_int_equal(
		devices_check_memory(&f.mgr, &f.d, 512ULL << 20, 0, &f.w->err),
		0);
	said(devices_check_memory(&f.mgr, &f.d, 2ULL << 30, 0, &f.w->err),
	     "1024 MiB available");
	/* Without devices the guest touches what it needs. */
	assert_int_equal(choose(NULL), 0);
	assert_int_equal(
		devices_check_memory(&f.mgr, &f.d, 2ULL << 30, 0, &f.w->err),
		0);
	said(devices_check_memory(&f.mgr, &f.d, 2ULL << 30, 2 << 20, &f.w->err),
	     "--hugepages");
}

#define HOST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOST(one_option_is_one_function),
		HOST(a_companion_leaves_the_host_and_is_not_given),
		HOST(gpus_have_the_numbers_of_gpu_ls),
		HOST(all_are_all),
		HOST(all_leaves_the_console_out),
		HOST(some_are_near_each_other),
		HOST(what_another_vm_has_is_not_free),
		HOST(a_host_without_gpus_says_so),
		HOST(the_hosts_topology_is_shown),
		HOST(nodes_are_those_of_the_devices),
		HOST(cdi_adds_functions_and_variables),
		HOST(the_plan_says_all_of_it),
		HOST(memory_must_be_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
