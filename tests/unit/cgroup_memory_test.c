/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_memory_test.c - another memory limit for a group in use, on hosts of
 * files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness/fake_cgroups.h"
#include "vmm/lib/json.h"
#include "vmm/manager/cgroup.h"

#define ID  "0123456789ab"
#define MIB ((uint64_t)1 << 20)

static const struct cgroup_limits some = { .memory = 100 << 20 };
static struct fake_cgroups f;
static struct cgroup cg;
static struct err err;

/* As `belljar update` finds it: by what its file says. */
static void find(void)
{
	struct cgroup made;

	assert_int_equal(cgroup_place(&f.sys, NULL, ID, &made), 0);
	cgroup_make(&made, &some);
	AUTO_JSON struct json_object *o = cgroup_to_json(&made);
	assert_int_equal(cgroup_from_json(&f.sys, o, ID, &cg), 0);
	cgroup_done(&made);
}

static void done(void)
{
	cgroup_done(&cg);
	fake_cgroups_done(&f);
}

static void v2_follows_unless_more_is_in_use(void **state)
{
	const char *max = CG "/belljar/" ID "/memory.max";

	(void)state;
	fake_cgroups_v2(&f, "0::/\n");
	find();
	const char *dir = cg.dirs.v[0];
	fake_cgroups_put(&f, dir, "memory.current", "157286400\n");
	fake_cgroups_put(&f, dir, "memory.stat",
			 "anon 1048576\nfile 104857600\nfile_mapped 9\n"
			 "shmem 52428800\n");
	assert_int_equal(cgroup_set_memory(&cg, 200 * MIB, &err), 0);
	fake_cgroups_is(&f, max, "209715200");
	/* 150 MiB in use, but 50 of them are files that can be dropped. */
	assert_int_equal(cgroup_set_memory(&cg, 100 * MIB, &err), 0);
	fake_cgroups_is(&f, max, "104857600");
	assert_int_equal(cgroup_set_memory(&cg, 99 * MIB, &err), -EBUSY);
	assert_non_null(strstr(err.msg, "more in use than the 99 MiB"));
	fake_cgroups_is(&f, max, "104857600");
	done();
}

static void v1_is_asked(void **state)
{
	(void)state;
	fake_cgroups_v1(&f);
	find();
	assert_int_equal(cgroup_set_memory(&cg, 200 * MIB, &err), 0);
	fake_cgroups_is(
		&f, CG "/memory/user/me/belljar/" ID "/memory.limit_in_bytes",
		"209715200");
	done();
}

static void without_a_limit_there_is_none(void **state)
{
	(void)state;
	fake_cgroups_init(&f, "", "");
	cgroup_init(&cg);
	assert_int_equal(cgroup_set_memory(&cg, MIB, &err), -ENOTSUP);
	done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(v2_follows_unless_more_is_in_use),
		cmocka_unit_test(v1_is_asked),
		cmocka_unit_test(without_a_limit_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
