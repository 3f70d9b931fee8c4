/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_now_test.c - what a group takes, read by a later process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/harness/fake_cgroups.h"
#include "vmm/lib/json.h"

#define ID "0123456789ab"

static const struct cgroup_limits some = { .memory = 100 << 20, .pids = 40 };

/* Made by one process, found by its record in another. */
static void make(struct fake_cgroups *f, struct cgroup *later)
{
	struct cgroup cg;

	assert_int_equal(cgroup_place(&f->sys, NULL, ID, &cg), 0);
	cgroup_make(&cg, &some);
	AUTO_JSON struct json_object *o = cgroup_to_json(&cg);
	assert_int_equal(cgroup_from_json(&f->sys, o, ID, later), 0);
	cgroup_done(&cg);
}

static void version_2(void **state)
{
	struct fake_cgroups f;
	struct cgroup_now now;
	struct cgroup cg;

	(void)state;
	fake_cgroups_v2(&f, "0::/\n");
	make(&f, &cg);
	cgroup_now(&cg, &now);
	assert_int_equal(now.cpu_usec, -1);
	assert_int_equal(now.memory, -1);
	assert_int_equal(now.memory_max, 100 << 20);
	assert_int_equal(now.pids, -1);

	fake_cgroups_put(&f, cg.dirs.v[0], "cpu.stat",
			 "usage_usec 1234\nuser_usec 4\n");
	fake_cgroups_put(&f, cg.dirs.v[0], "memory.current", "5000\n");
	fake_cgroups_put(&f, cg.dirs.v[0], "memory.stat",
			 "anon 1\ninactive_file 1000\n");
	fake_cgroups_put(&f, cg.dirs.v[0], "pids.current", "7\n");
	cgroup_now(&cg, &now);
	assert_int_equal(now.cpu_usec, 1234);
	assert_int_equal(now.memory, 4000);
	assert_int_equal(now.pids, 7);
	/* Read at two moments: there may be more cache than memory. */
	fake_cgroups_put(&f, cg.dirs.v[0], "memory.current", "500\n");
	fake_cgroups_put(&f, cg.dirs.v[0], "memory.max", "max\n");
	cgroup_now(&cg, &now);
	assert_int_equal(now.memory, 0);
	assert_int_equal(now.memory_max, -1);
	cgroup_done(&cg);
	fake_cgroups_done(&f);
}

static void version_1(void **state)
{
	struct fake_cgroups f;
	struct cgroup_now now;
	struct cgroup cg;

	(void)state;
	fake_cgroups_v1(&f);
	make(&f, &cg);
	hosttree_put(&f.t, CG "/cpu,cpuacct/belljar/" ID "/cpuacct.usage",
		     "5000999\n");
	hosttree_put(&f.t,
		     CG "/memory/user/me/belljar/" ID "/memory.usage_in_bytes",
		     "9000\n");
	hosttree_put(&f.t, CG "/memory/user/me/belljar/" ID "/memory.stat",
		     "inactive_file 1\ntotal_inactive_file 2000\n");
	hosttree_put(&f.t, CG "/pids/belljar/" ID "/pids.current", "3\n");
	cgroup_now(&cg, &now);
	assert_int_equal(now.cpu_usec, 5000);
	assert_int_equal(now.memory, 7000);
	assert_int_equal(now.memory_max, 100 << 20);
	assert_int_equal(now.pids, 3);
	hosttree_put(&f.t,
		     CG "/memory/user/me/belljar/" ID "/memory.limit_in_bytes",
		     "9223372036854771712\n");
	cgroup_now(&cg, &now);
	assert_int_equal(now.memory_max, -1);
	cgroup_done(&cg);
	fake_cgroups_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_2),
		cmocka_unit_test(version_1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
