/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control groups of VMs on hosts of files: where they are made, what is
 * written there, what is said when that is not possible, and their removal.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/harness/fake_cgroups.h"
#include "vmm/lib/io.h"
#include "vmm/lib/json.h"
#include "vmm/manager/cgroup.h"

#define ID   "0123456789ab"
#define MS   2000
#define MS_0 20

static const struct cgroup_limits some = {
	.memory = 100 << 20,
	.huge = 1 << 20,
	.cpu = 1500,
	.shares = 512,
	.pids = 40,
	.io_weight = 500,
};

static void make(struct fake_cgroups *f, const char *parent,
		 const struct cgroup_limits *l, struct cgroup *cg)
{
	assert_int_equal(cgroup_place(&f->sys, parent, ID, cg), 0);
	cgroup_make(cg, l);
}

static void said(const struct cgroup *cg, const char *what, const char *why)
{
	struct err err = { 0 };

	assert_int_equal(cgroup_check(cg, &err), -ENOTSUP);
	if (!strstr(err.msg, what) || !strstr(err.msg, why))
		fail_msg("'%s' has not '%s' and '%s'", err.msg, what, why);
}

static void v2_root_has_a_group_at_the_top(void **state)
{
	struct cgroup cg;
	struct fake_cgroups f;
	struct err err;

	(void)state;
	fake_cgroups_v2(&f, "0::/user.slice/session-1.scope\n");
	make(&f, NULL, &some, &cg);
	assert_int_equal(cg.version, 2);
	assert_int_equal(cgroup_check(&cg, &err), 0);
	assert_true(cg.fd >= 0);
	fake_cgroups_is(&f, CG "/belljar/" ID "/memory.max", "104857600");
	fake_cgroups_is(&f, CG "/belljar/" ID "/memory.oom.group", "1");
	fake_cgroups_is(&f, CG "/belljar/" ID "/cpu.max", "150000 100000");
	fake_cgroups_is(&f, CG "/belljar/" ID "/cpu.weight", "20");
	fake_cgroups_is(&f, CG "/belljar/" ID "/pids.max", "40");
	fake_cgroups_is(&f, CG "/belljar/" ID "/io.weight", "4950");
	/* Files of the host that keep only what was written last. */
	fake_cgroups_is(&f, CG "/cgroup.subtree_control", "+io");
	fake_cgroups_is(&f, CG "/belljar/cgroup.subtree_control", "+io");
	assert_int_equal(cgroup_add(&cg, 4711, &err), 0);
	fake_cgroups_is(&f, CG "/belljar/" ID "/cgroup.procs", "4711");
	assert_int_equal(cgroup_remove(&cg, MS, &err), 0);
	assert_false(fake_cgroups_there(&f, CG "/belljar"));
	cgroup_done(&cg);
	fake_cgroups_done(&f);
}

static void huge_pages_count_where_the_host_counts_them(void **state)
{
	struct cgroup cg;
	struct fake_cgroups f;

	(void)state;
	fake_cgroups_v2(&f, "0::/\n");
	hosttree_put(&f.t, "/proc/self/mountinfo",
		     "25 22 0:26 / " CG " rw - cgroup2 cgroup2 "
		     "rw,nsdelegate,memory_hugetlb_accounting\n");
	make(&f, NULL, &some, &cg);
	fake_cgroups_is(&f, CG "/belljar/" ID "/memory.max", "105906176");
	cgroup_done(&cg);
	fake_cgroups_done(&f);
}

static void v2_user_is_beside_himself(void **state)
{
	const struct cgroup_limits l = { .memory = 1 << 20, .pids = 9 };
	struct cgroup cg;
	struct fake_cgroups f;
	struct err err;

	(void)state;
	fake_cgroups_v2(&f, "0::/user.slice/app.slice/run-7.scope\n");
	hosttree_put(&f.t, CG "/user.slice/app.slice/cgroup.controllers",
		     "memory pids\n");
	f.sys.uid = 1000;
	f.delegated = "memory pids\n";
	make(&f, NULL, &l, &cg);
	assert_int_equal(cgroup_check(&cg, &err), 0);
	fake_cgroups_is(&f, CG "/user.slice/app.slice/" ID "/memory.max",
			"1048576");
	assert_int_equal(cgroup_remove(&cg, MS, &err), 0);
	assert_true(fake_cgroups_there(&f, CG "/user.slice/app.slice"));
	cgroup_done(&cg);

	make(&f, NULL, &some, &cg);
	said(&cg, "limits the VM's processes in: processor time, disk time",
	     "controller 'cpu' is not on in '");
	said(&cg, "could use up the host's", "systemd-run --user --scope");
	assert_int_equal(cg.lack[CGROUP_MEMORY].why, CGROUP_FINE);
	fake_cgroups_is(&f, CG "/user.slice/app.slice/" ID "/pids.max", "40");
	cgroup_done(&cg);
	fake_cgroups_done(&f);
}

static void a_kernel_without_a_controller_is_said(void **state)
{
	struct cgroup cg;
	struct fake_cgroups f;

	(void)state;
	fake_cgroups_v2(&f, "0::/\n");
	hosttree_put(&f.t, CG "/cgroup.controllers", "cpu pids io\n");
	f.delegated = "cpu pids io\n";
	make(&f, NULL, &some, &cg);
	said(&cg, "processes in: memory;", "kernel has no controller 'memory'");
	cgroup_done(&cg);
	fake_cgroups_done(&f);
}

static void nothing_can_be_made(void **state)
{
	struct cgroup_usage u;
	struct cgroup cg;
	struct fake_cgroups f;
	struct err err;

	(void)state;
	fake_cgroups_v2(&f, "0::/user.slice/session-1.scope\n");
	f.sys.uid = 1000;
	f.refuse = EACCES;
	make(&f, NULL, &some, &cg);
	said(&cg, "memory, processor time, process numbers, disk time",
	     "/sys/fs/cgroup/user.slice' (Permission denied); start belljar");
	assert_false(cgroup_there(&cg));
	assert_int_equal(cgroup_add(&cg, 1, &err), 0);
	cgroup_usage(&cg, &u);
	assert_int_equal(u.cpu_usec, -1);
	assert_int_equal(cgroup_remove(&cg, MS, &err), 0);
	cgroup_done(&cg);
	fake_cgroups_done(&f);

	fake_cgroups_init(&f, "22 1 0:20 / /sys rw - sysfs sysfs rw\n", "");
	make(&f, NULL, &some, &cg);
	said(&cg, "memory", "no cgroups are mounted here");
	assert_int_equal(cg.version, 0);
	cgroup_done(&cg);
	fake_cgroups_done(&f);
}

static void v1_has_a_group_in_each_hierarchy(void **state)
{
	struct cgroup cg;
	struct fake_cgroups f;
	struct err err;

	(void)state;
	fake_cgroups_v1(&f);
	make(&f, NULL, &some, &cg);
	assert_int_equal(cg.version, 1);
	assert_int_equal(cg.fd, -1);
	assert_int_equal(cg.dirs.n, 4);
	assert_int_equal(cgroup_check(&cg, &err), 0);
	fake_cgroups_is(
		&f, CG "/memory/user/me/belljar/" ID "/memory.limit_in_bytes",
		"104857600");
	fake_cgroups_is(&f, CG "/cpu,cpuacct/belljar/" ID "/cpu.cfs_quota_us",
			"150000");
	fake_cgroups_is(&f, CG "/cpu,cpuacct/belljar/" ID "/cpu.cfs_period_us",
			"100000");
	fake_cgroups_is(&f, CG "/cpu,cpuacct/belljar/" ID "/cpu.shares", "512");
	fake_cgroups_is(&f, CG "/pids/belljar/" ID "/pids.max", "40");
	fake_cgroups_is(&f, CG "/blkio/belljar/" ID "/blkio.weight", "500");
	assert_int_equal(cgroup_add(&cg, 12, &err), 0);
	fake_cgroups_is(&f, CG "/pids/belljar/" ID "/cgroup.procs", "12");
	fake_cgroups_is(&f, CG "/memory/user/me/belljar/" ID "/cgroup.procs",
			"12");
	assert_int_equal(cgroup_remove(&cg, MS, &err), 0);
	assert_false(fake_cgroups_there(&f, CG "/memory/user/me/belljar"));
	assert_false(fake_cgroups_there(&f, CG "/pids/belljar"));
	cgroup_done(&cg);

	make(&f, "a/b", &some, &cg);
	assert_int_equal(cgroup_check(&cg, &err), 0);
	fake_cgroups_is(&f, CG "/memory/a/b/" ID "/memory.limit_in_bytes",
			"104857600");
	assert_int_equal(cgroup_remove(&cg, MS, &err), 0);
	assert_true(fake_cgroups_there(&f, CG "/memory/a/b"));
	cgroup_done(&cg);

	f.refuse = EROFS;
	make(&f, NULL, &some, &cg);
	said(&cg, "memory", "Read-only file system");
	cgroup_done(&cg);
	fake_cgroups_done(&f);
}

/* A container without a cgroup namespace: its mount begins further down. */
static void a_mount_may_begin_further_down(void **state)
{
	struct cgroup cg;
	struct fake_cgroups f;

	(void)state;
	fake_cgroups_v2(&f, "0::/docker/abc/x/me\n");
	hosttree_put(&f.t, "/proc/self/mountinfo",
		     "25 22 0:26 /docker/abc " CG " rw - cgroup2 cgroup rw\n");
	f.sys.uid = 1000;
	assert_int_equal(cgroup_place(&f.sys, NULL, ID, &cg), 0);
	assert_string_equal(cg.dirs.v[0] + strlen(f.t.root), CG "/x/" ID);
	cgroup_done(&cg);
	fake_cgroups_done(&f);
}

static void a_refused_limit_is_said(void **state)
{
	struct cgroup cg;
	struct fake_cgroups f;

	(void)state;
	fake_cgroups_v2(&f, "0::/\n");
	make(&f, NULL, &some, &cg);
	cgroup_done(&cg);
	/* No file can be written that is a directory. */
	char path[512];
	(void)snprintf(path, sizeof(path), "%s" CG "/belljar/" ID "/pids.max",
		       f.t.root);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	make(&f, NULL, &some, &cg);
	said(&cg, "processes in: process numbers;", "the kernel refused");
	cgroup_done(&cg);
	fake_cgroups_done(&f);
}

static void a_parent_that_vanishes_is_made_again(void **state)
{
	struct cgroup cg;
	struct fake_cgroups f;
	struct err err;

	(void)state;
	fake_cgroups_v2(&f, "0::/\n");
	f.vanish = 3;
	make(&f, NULL, &some, &cg);
	assert_int_equal(cgroup_check(&cg, &err), 0);
	cgroup_done(&cg);
	f.vanish = 1000;
	make(&f, NULL, &some, &cg);
	said(&cg, "memory", "No such file");
	cgroup_done(&cg);
	fake_cgroups_done(&f);
}

static void removal_waits_and_gives_up(void **state)
{
	struct cgroup cg;
	struct fake_cgroups f;
	struct err err;

	(void)state;
	fake_cgroups_v2(&f, "0::/\n");
	make(&f, NULL, &some, &cg);
	f.busy = 1 << 30;
	assert_int_equal(cgroup_remove(&cg, MS_0, &err), -EBUSY);
	assert_non_null(strstr(err.msg, "remove the cgroup '"));
	fake_cgroups_is(&f, CG "/belljar/" ID "/cgroup.kill", "1");
	f.busy = 3;
	assert_int_equal(cgroup_remove(&cg, MS, &err), 0);
	assert_false(fake_cgroups_there(&f, CG "/belljar"));
	assert_int_equal(cgroup_remove(&cg, MS, &err), 0);
	cgroup_done(&cg);
	fake_cgroups_done(&f);
}

static void removal_kills_what_is_left(void **state)
{
	char pid[16];
	struct cgroup cg;
	struct fake_cgroups f;
	struct err err;
	int status = 0;

	(void)state;
	fake_cgroups_v1(&f);
	make(&f, NULL, &some, &cg);
	f.lives = fork();
	if (f.lives == 0)
		for (;;)
			(void)pause();
	(void)snprintf(pid, sizeof(pid), "%d\n", (int)f.lives);
	hosttree_put(&f.t, CG "/pids/belljar/" ID "/cgroup.procs", pid);
	hosttree_put(&f.t, CG "/memory/user/me/belljar/" ID "/cgroup.procs",
		     pid);
	/* None of the host's processes is in the other hierarchies. */
	hosttree_put(&f.t, CG "/cpu,cpuacct/belljar/" ID "/cgroup.procs", pid);
	hosttree_put(&f.t, CG "/blkio/belljar/" ID "/cgroup.procs", pid);
	assert_int_equal(cgroup_remove(&cg, MS, &err), 0);
	assert_int_equal(waitpid(f.lives, &status, 0), f.lives);
	assert_int_equal(WTERMSIG(status), SIGKILL);
	cgroup_done(&cg);
	fake_cgroups_done(&f);
}

static void v2_usage(void **state)
{
	struct cgroup_usage u;
	struct cgroup cg;
	struct fake_cgroups f;

	(void)state;
	fake_cgroups_v2(&f, "0::/\n");
	make(&f, NULL, &some, &cg);
	fake_cgroups_put(&f, cg.dirs.v[0], "cpu.stat",
			 "usage_usec 1234\nuser_usec 4\n");
	fake_cgroups_put(&f, cg.dirs.v[0], "memory.events",
			 "low 0\nmax 7\noom 1\noom_kill 2\noom_group_kill 1\n");
	fake_cgroups_put(
		&f, cg.dirs.v[0], "io.stat",
		"8:0 rbytes=10 wbytes=5 rios=1\n8:16 rbytes=1 wbytes=2 rios=0\n");
	cgroup_usage(&cg, &u);
	assert_int_equal(u.cpu_usec, 1234);
	assert_int_equal(u.oom_kills, 2);
	assert_int_equal(u.limit_hits, 1);
	assert_int_equal(u.io_read, 11);
	assert_int_equal(u.io_written, 7);
	/* Linux before 5.19 has no memory.peak. */
	assert_int_equal(u.memory_peak, -1);
	AUTO_JSON struct json_object *o = cgroup_usage_json(&u);
	assert_string_equal(
		json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN),
		"{\"cpu_usec\":1234,\"memory_peak\":null,\"io_read\":11,"
		"\"io_written\":7,\"oom_kills\":2}");
	cgroup_done(&cg);
	fake_cgroups_done(&f);
}

static void v1_usage(void **state)
{
	struct cgroup_usage u;
	struct cgroup cg;
	struct fake_cgroups f;

	(void)state;
	fake_cgroups_v1(&f);
	make(&f, NULL, &some, &cg);
	hosttree_put(&f.t, CG "/cpu,cpuacct/belljar/" ID "/cpuacct.usage",
		     "5000999\n");
	hosttree_put(&f.t, CG "/memory/user/me/belljar/" ID "/memory.failcnt",
		     "3\n");
	hosttree_put(&f.t,
		     CG "/memory/user/me/belljar/" ID
			"/memory.max_usage_in_bytes",
		     "4096\n");
	hosttree_put(&f.t,
		     CG "/memory/user/me/belljar/" ID "/memory.oom_control",
		     "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
	hosttree_put(&f.t,
		     CG "/blkio/belljar/" ID "/blkio.throttle.io_service_bytes",
		     "8:0 Read 5\n8:0 Write 6\n8:0 Total 11\n8:1 Read 1\n"
		     "Total 12\n");
	cgroup_usage(&cg, &u);
	assert_int_equal(u.cpu_usec, 5000);
	assert_int_equal(u.memory_peak, 4096);
	assert_int_equal(u.oom_kills, 1);
	assert_int_equal(u.limit_hits, 3);
	assert_int_equal(u.io_read, 6);
	assert_int_equal(u.io_written, 6);
	cgroup_done(&cg);
	fake_cgroups_done(&f);
}

static void a_later_process_can_remove_it(void **state)
{
	struct cgroup cg, later;
	struct fake_cgroups f;

	(void)state;
	fake_cgroups_v1(&f);
	make(&f, NULL, &some, &cg);
	AUTO_JSON struct json_object *o = cgroup_to_json(&cg);
	assert_int_equal(cgroup_from_json(&f.sys, o, "ba9876543210", &later),
			 -EINVAL);
	assert_int_equal(cgroup_from_json(&f.sys, o, ID, &later), 0);
	assert_int_equal(later.dirs.n, 4);
	assert_int_equal(cgroup_remove(&later, MS, NULL), 0);
	assert_false(cgroup_there(&cg));
	cgroup_done(&later);
	cgroup_done(&cg);

	AUTO_JSON struct json_object *bad = json_tokener_parse(
		"{\"version\":2,\"dirs\":[\"/x/../etc/" ID "\"]}");
	assert_int_equal(cgroup_from_json(&f.sys, bad, ID, &later), -EINVAL);
	fake_cgroups_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(v2_root_has_a_group_at_the_top),
		cmocka_unit_test(huge_pages_count_where_the_host_counts_them),
		cmocka_unit_test(v2_user_is_beside_himself),
		cmocka_unit_test(a_kernel_without_a_controller_is_said),
		cmocka_unit_test(nothing_can_be_made),
		cmocka_unit_test(v1_has_a_group_in_each_hierarchy),
		cmocka_unit_test(a_mount_may_begin_further_down),
		cmocka_unit_test(a_refused_limit_is_said),
		cmocka_unit_test(a_parent_that_vanishes_is_made_again),
		cmocka_unit_test(removal_waits_and_gives_up),
		cmocka_unit_test(removal_kills_what_is_left),
		cmocka_unit_test(v2_usage),
		cmocka_unit_test(v1_usage),
		cmocka_unit_test(a_later_process_can_remove_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
