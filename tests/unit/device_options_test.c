/* SPDX-License-Identifier: Apache-2.0 */
/* --gpus means what docker's means; --device, --numa, --hugepages. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/manager/device_options.h"

static struct device_asks asks;
static struct err err;

static int gpus(const char *text)
{
	asks.n = 0;
	return device_parse_gpus(text, &asks, &err);
}

static int device(const char *text)
{
	asks.n = 0;
	return device_parse_device(text, &asks, &err);
}

static void gpus_are_counted(void **state)
{
	static const struct {
		const char *text;
		unsigned count;
	} cases[] = {
		{ "all", DEVICE_ALL },
		{ "1", 1 },
		{ "16", 16 },
		{ "count=2", 2 },
		{ "count=all", DEVICE_ALL },
		{ "\"3\"", 3 },
		{ "2,capabilities=compute", 2 },
		{ "count=1,\"capabilities=compute,utility\"", 1 },
		{ "capabilities=all", 1 }, /* as docker: one */
		{ "all,driver=nvidia", DEVICE_ALL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (gpus(cases[i].text) != 0)
			fail_msg("'%s': %s", cases[i].text, err.msg);
		assert_int_equal(asks.n, 1);
		assert_int_equal(asks.v[0].kind, ASK_GPUS);
		assert_int_equal(asks.v[0].count, cases[i].count);
	}
}

static void gpus_are_named(void **state)
{
	(void)state;
	assert_int_equal(gpus("device=1"), 0);
	assert_int_equal(asks.n, 1);
	assert_int_equal(asks.v[0].kind, ASK_GPU_INDEX);
	assert_int_equal(asks.v[0].count, 1);

	assert_int_equal(gpus("\"device=0,GPU-3a2,81:00.0\""), 0);
	assert_int_equal(asks.n, 3);
	assert_int_equal(asks.v[0].kind, ASK_GPU_INDEX);
	assert_int_equal(asks.v[1].kind, ASK_GPU_UUID);
	assert_string_equal(asks.v[1].name, "GPU-3a2");
	assert_int_equal(asks.v[2].kind, ASK_GPU_BDF);
	assert_string_equal(asks.v[2].name, "0000:81:00.0");

	assert_int_equal(gpus("\"device=0,2\",\"capabilities=utility,gpu\""),
			 0);
	assert_int_equal(asks.n, 2);
	assert_int_equal(gpus("device=all"), 0);
	assert_int_equal(asks.v[0].kind, ASK_GPUS);
	assert_int_equal(asks.v[0].count, DEVICE_ALL);
}

static void mistakes_in_gpus_are_one_sentence(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{ "", "give 'all'" },
		{ "0", "neither 'all' nor a number" },
		{ "-1", "neither 'all' nor a number" },
		{ "17", "from 1 to 16" },
		{ "one", "neither 'all' nor a number" },
		{ "1x", "neither 'all' nor a number" },
		{ "device=0,2", "both count and device" },
		{ "device=0,1,2", "'\"device=0,2\"'" },
		{ "count=1,count=2", "only once" },
		{ "device=1,device=2", "only once" },
		{ "count=1,device=2", "both count and device" },
		{ "\"device=0,2", "not closed" },
		{ "\"device=0\"x", "not closed" },
		{ "\"device=0\"\"", "not closed" },
		{ "dev\"ice=0\"", "not closed" },
		{ "1,", "only once" },
		{ "device=", "is no GPU's number" },
		{ "device=5000", "is no GPU's number" },
		{ "device=none", "is no GPU's number" },
		{ "device=1:2:3", "--gpus" },
		{ "device=MIG-42", "a slice of a GPU" },
		{ "capabilities=root", "not a capability" },
		{ "colour=red", "not a key" },
	};
	char longer[2000];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (gpus(cases[i].text) >= 0 ||
		    !strstr(err.msg, cases[i].said) || strchr(err.msg, '\n'))
			fail_msg("'%s': %s", cases[i].text, err.msg);

	memset(longer, '1', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(gpus(longer), -EINVAL);
	memcpy(longer, "device=", 7);
	longer[1000] = '\0';
	assert_int_equal(gpus(longer), -EINVAL);
}

static void devices_are_functions_or_cdi_names(void **state)
{
	(void)state;
	assert_int_equal(device("vfio=0000:01:00.0"), 0);
	assert_int_equal(asks.v[0].kind, ASK_BDF);
	assert_string_equal(asks.v[0].name, "0000:01:00.0");
	assert_false(asks.v[0].rom || asks.v[0].no_reset);
	assert_int_equal(device("vfio=1a:00.1,rom=on,reset=off"), 0);
	assert_string_equal(asks.v[0].name, "0000:1a:00.1");
	assert_true(asks.v[0].rom && asks.v[0].no_reset);
	assert_int_equal(device("vfio=1a:00.1,rom=off,reset=on"), 0);
	assert_false(asks.v[0].rom || asks.v[0].no_reset);
	assert_int_equal(device("nvidia.com/gpu=0"), 0);
	assert_int_equal(asks.v[0].kind, ASK_CDI);
	assert_string_equal(asks.v[0].name, "nvidia.com/gpu=0");
	assert_int_equal(device("a-b.c/d_e=GPU:1.x-y"), 0);
}

static void mistakes_in_devices_are_one_sentence(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{ "", "neither vfio=ADDRESS" },
		{ "01:00.0", "neither vfio=ADDRESS" },
		{ "/dev/nvidia0", "a kernel of its own" },
		{ "/dev/fuse:/dev/fuse:rwm", "a kernel of its own" },
		{ "vfio=", "--device vfio=" },
		{ "vfio=99", "--device vfio=" },
		{ "vfio=01:00.0,rom", "neither rom= nor reset=" },
		{ "vfio=01:00.0,rom=1", "neither 'on' nor 'off'" },
		{ "vfio=01:00.0,x=on", "neither rom= nor reset=" },
		{ "nvidia.com/gpu", "neither vfio=ADDRESS" },
		{ "nvidia.com/gpu=", "neither vfio=ADDRESS" },
		{ "/gpu=0", "a kernel of its own" },
		{ "1x/gpu=0", "neither vfio=ADDRESS" },
		{ "x/gpu=a/b", "neither vfio=ADDRESS" },
		{ "x/y/gpu=0", "neither vfio=ADDRESS" },
		{ "x/gpu=0-", "neither vfio=ADDRESS" },
	};
	char longer[300];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (device(cases[i].text) >= 0 ||
		    !strstr(err.msg, cases[i].said) || strchr(err.msg, '\n'))
			fail_msg("'%s': %s", cases[i].text, err.msg);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(device(longer), -EINVAL);
}

static void too_many_devices_are_refused(void **state)
{
	int r = 0;

	(void)state;
	asks.n = 0;
	for (int i = 0; i < DEVICE_ASKS_MAX; i++)
		r |= device_parse_gpus("1", &asks, &err);
	assert_int_equal(r, 0);
	assert_int_equal(device_parse_gpus("1", &asks, &err), -E2BIG);
}

static void nodes_and_pages_are_understood(void **state)
{
	static const char *const bad[] = { "",	     "x",
					   "0,",     "1,1",
					   "1-2",    "9999999",
					   "auto,1", "0,1,2,3,4,5,6,7,8" };
	struct device_numa n = { .nr = 0 };
	uint64_t page = 0;

	(void)state;
	assert_int_equal(device_parse_numa("auto", &n, &err), 0);
	assert_true(n.given && n.nr == 0);
	assert_int_equal(device_parse_numa("3,0", &n, &err), 0);
	assert_int_equal(n.nr, 2);
	assert_int_equal(n.node[0], 3);
	assert_int_equal(n.node[1], 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(device_parse_numa(bad[i], &n, &err) < 0);

	assert_int_equal(device_parse_hugepages("2M", &page, &err), 0);
	assert_int_equal(page, 2 << 20);
	assert_int_equal(device_parse_hugepages("1g", &page, &err), 0);
	assert_int_equal(page, 1 << 30);
	assert_int_equal(device_parse_hugepages("4M", &page, &err), -EINVAL);
	assert_int_equal(device_parse_hugepages("x", &page, &err), -EINVAL);
	assert_int_equal(page, 1 << 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gpus_are_counted),
		cmocka_unit_test(gpus_are_named),
		cmocka_unit_test(mistakes_in_gpus_are_one_sentence),
		cmocka_unit_test(devices_are_functions_or_cdi_names),
		cmocka_unit_test(mistakes_in_devices_are_one_sentence),
		cmocka_unit_test(too_many_devices_are_refused),
		cmocka_unit_test(nodes_and_pages_are_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
