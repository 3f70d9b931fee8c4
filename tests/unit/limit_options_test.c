/* SPDX-License-Identifier: Apache-2.0 */
/* What a person writes for limits, and the numbers that become of it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/lib/json.h"
#include "vmm/manager/devices.h"
#include "vmm/manager/limits.h"
#include "vmm/manager/run_values.h"

#define MIB (1ULL << 20)

static struct err err;

static int set(int key, const char *text, struct limit_options *o)
{
	return limit_option(key, text, o, &err);
}

static void refused(int key, const char *text, const char *why)
{
	struct limit_options o = { .cpu = 0 };
	const struct limit_options none = { .cpu = 0 };

	assert_true(set(key, text, &o) < 0);
	if (!strstr(err.msg, why))
		fail_msg("'%s' has not '%s'", err.msg, why);
	assert_memory_equal(&o, &none, sizeof(o));
}

static void values_are_understood(void **state)
{
	struct limit_options o = { .cpu = 0 };

	(void)state;
	assert_int_equal(set('c', "2", &o), 0);
	assert_int_equal(o.cpu_shares, 2);
	assert_int_equal(set('c', "0", &o), 0);
	assert_int_equal(o.cpu_shares, 0);
	assert_int_equal(set(LIMIT_KEY_BLKIO_WEIGHT, "1000", &o), 0);
	assert_int_equal(o.blkio_weight, 1000);
	assert_int_equal(set(LIMIT_KEY_DISK_BPS, "1.5m", &o), 0);
	assert_int_equal(o.disk_bps, 3 * MIB / 2);
	assert_int_equal(set(LIMIT_KEY_DISK_IOPS, "7", &o), 0);
	assert_int_equal(o.disk_iops, 7);
	assert_int_equal(set(LIMIT_KEY_NET_BPS, "10k", &o), 0);
	assert_int_equal(set(LIMIT_KEY_NET_PPS, "1", &o), 0);
	assert_int_equal(set(LIMIT_KEY_CONSOLE_BPS, "1", &o), 0);
	assert_int_equal(o.net_bps, 10240);
	assert_int_equal(o.net_pps, 1);
	assert_int_equal(o.console_bps, 1);
	assert_int_equal(set(LIMIT_KEY_CGROUP_PARENT, "//a/..b/c.", &o), 0);
	assert_string_equal(o.cgroup_parent, "a/..b/c.");
	assert_int_equal(set('m', "1", &o), -ENOSYS);
}

static void bad_values_are_named(void **state)
{
	(void)state;
	refused('c', "1", "--cpu-shares: 1 is outside 2..262144");
	refused('c', "262145", "--cpu-shares");
	refused('c', "-1", "--cpu-shares: '-1' is not a whole number");
	refused(LIMIT_KEY_BLKIO_WEIGHT, "9", "--blkio-weight: 9 is outside");
	refused(LIMIT_KEY_BLKIO_WEIGHT, "1001", "--blkio-weight");
	refused(LIMIT_KEY_DISK_BPS, "1k", "--disk-bps: '1k' is too little");
	refused(LIMIT_KEY_DISK_BPS, "", "--disk-bps: '' is not a size");
	refused(LIMIT_KEY_DISK_IOPS, "0", "--disk-iops: 0 is outside");
	refused(LIMIT_KEY_NET_BPS, "0", "--net-bps");
	refused(LIMIT_KEY_NET_PPS, "1k", "--net-pps: '1k' is not");
	refused(LIMIT_KEY_CONSOLE_BPS, "0", "--console-bps");
	refused(LIMIT_KEY_CGROUP_PARENT, "/", "not the path of a cgroup");
	refused(LIMIT_KEY_CGROUP_PARENT, "a/../b", "leads back");
	refused(LIMIT_KEY_CGROUP_PARENT, "./a", "leads back");
	refused(LIMIT_KEY_CGROUP_PARENT, "a/..", "leads back");
}

static void a_rate_needs_its_device(void **state)
{
	struct limit_options o = { .console_bps = 1 };

	(void)state;
	assert_int_equal(limit_options_check(&o, true, false, &err), 0);
	assert_int_equal(limit_options_check(&o, false, true, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "--console-bps needs --serial"));
	o = (struct limit_options){ .net_pps = 1 };
	assert_int_equal(limit_options_check(&o, false, true, &err), 0);
	assert_int_equal(limit_options_check(&o, false, false, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "--net-pps needs a network"));
}

static void processors_in_thousandths(void **state)
{
	unsigned cpus = 0, milli = 0;

	(void)state;
	assert_int_equal(run_value_cpus("1.5", &cpus, &milli, &err), 0);
	assert_int_equal(cpus, 2);
	assert_int_equal(milli, 1500);
	assert_int_equal(run_value_cpus("0.29", &cpus, &milli, &err), 0);
	assert_int_equal(cpus, 1);
	assert_int_equal(milli, 290);
	assert_int_equal(run_value_cpus("64", &cpus, &milli, &err), 0);
	assert_int_equal(milli, 64000);
	/* Not nothing, which would be no limit. */
	assert_int_equal(run_value_cpus("0.0001", &cpus, &milli, &err), 0);
	assert_int_equal(milli, 1);
}

static void what_a_vm_may_take(void **state)
{
	struct devices devices = { .nr_numa = 0 };
	struct run_options o = { .limits.cpu = 1500, .limits.cpu_shares = 9 };
	struct spec spec = {
		.options = &o,
		.devices = &devices,
		.memory = 1024 * MIB,
		.cpus = 2,
	};
	struct cgroup_limits l;

	(void)state;
	limits_of(&spec, &l);
	assert_int_equal(l.memory, (1024 + 64 + 2 + 16) * MIB);
	assert_int_equal(l.huge, 0);
	assert_int_equal(l.cpu, 1500);
	assert_int_equal(l.shares, 9);
	assert_int_equal(l.pids, 32 + 3 * 6 + 16);
	assert_int_equal(l.io_weight, 0);

	/* Huge pages are counted elsewhere. */
	o.hugepages = 2 * MIB;
	limits_of(&spec, &l);
	assert_int_equal(l.memory, (64 + 2 + 16) * MIB);
	assert_int_equal(l.huge, 1024 * MIB);

	spec.cpus = 64;
	devices.nr_numa = 2;
	limits_of(&spec, &l);
	assert_int_equal(l.pids, 32 + 3 * 6 + 64);
	devices.nr_numa = 8;
	limits_of(&spec, &l);
	assert_int_equal(l.pids, 32 + 3 * 6 + 128);
}

static void devices_share_a_rate(void **state)
{
	(void)state;
	assert_int_equal(limits_share(10, 3), 3);
	assert_int_equal(limits_share(1, 3), 1);
	assert_int_equal(limits_share(0, 3), 0);
	assert_int_equal(limits_share(5, 1), 5);
}

static void all_of_it_is_in_the_plan(void **state)
{
	struct run_options o = {
		.limits = { .cpu = 500,
			    .cgroup_parent = "a",
			    .disk_bps = 1,
			    .disk_iops = 2,
			    .net_bps = 3,
			    .net_pps = 4,
			    .console_bps = 5 },
	};
	struct spec spec = { .options = &o, .memory = 64 * MIB, .cpus = 1 };

	(void)state;
	AUTO_JSON struct json_object *j = limits_to_json(&spec);
	assert_string_equal(
		json_object_to_json_string_ext(j, JSON_C_TO_STRING_PLAIN),
		"{\"memory\":136314880,\"pids\":66,\"cpus\":0.5,"
		"\"cgroup_parent\":\"a\",\"disk_bps\":1,\"disk_iops\":2,"
		"\"net_bps\":3,\"net_pps\":4,\"console_bps\":5}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_understood),
		cmocka_unit_test(bad_values_are_named),
		cmocka_unit_test(a_rate_needs_its_device),
		cmocka_unit_test(processors_in_thousandths),
		cmocka_unit_test(what_a_vm_may_take),
		cmocka_unit_test(devices_share_a_rate),
		cmocka_unit_test(all_of_it_is_in_the_plan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
