/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpuset_test.c - lists of processors as a person writes them, against what a
 * host has; groups of made-up hosts and processes of this one confined.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness/fake_cgroups.h"
#include "vmm/lib/io.h"
#include "vmm/lib/json.h"
#include "vmm/manager/cpuset.h"

#define ID    "0123456789ab"
#define GROUP CG "/belljar/" ID

static struct err err;

static void says(const char *text)
{
	if (!strstr(err.msg, text))
		fail_msg("'%s' is not in '%s'", text, err.msg);
}

static void lists_of_processors(void **state)
{
	static const char *const bad[] = { "",	   ",",	  "0,",	     ",0",
					   "0,,1", "3-1", "1-",	     "a",
					   "0 1",  "0\n", "0-3:2/4", "8192",
					   "-1",   "0x1", "1.5" };
	static const struct {
		const char *text;
		unsigned nr;
		const char *again;
	} good[] = { { "0", 1, "0" },
		     { "0-3,5", 5, "0-3,5" },
		     { "5,1,0", 3, "0-1,5" },
		     { "7,7-8", 2, "7-8" },
		     { "8191", 1, "8191" } };
	char text[CPUSET_TEXT_MAX + 2];
	struct host_set set = { .nr = 77 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(cpuset_parse(bad[i], &set, &err), -EINVAL);
		says("is not a list of processors such as 0-3,5");
		assert_int_equal(set.nr, 77);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(cpuset_parse(good[i].text, &set, &err), 0);
		assert_int_equal(set.nr, good[i].nr);
		host_set_format(&set, text, sizeof(text));
		assert_string_equal(text, good[i].again);
	}
	memset(text, '1', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(cpuset_parse(text, &set, &err), -EINVAL);
}

static void lists_are_cut_to_what_fits(void **state)
{
	struct host_set set;
	char text[6];

	(void)state;
	assert_int_equal(cpuset_parse("100,200,300-400", &set, &err), 0);
	host_set_format(&set, text, sizeof(text));
	assert_string_equal(text, "100,2");
}

static void processors_that_are_not_there(void **state)
{
	struct hosttree t;

	(void)state;
	hosttree_init(&t);
	hosttree_put(&t, "/sys/devices/system/cpu/online", "0-2,4-5\n");
	assert_int_equal(cpuset_check(t.root, "0-2,5", &err), 0);
	assert_int_equal(cpuset_check(t.root, "0-5", &err), -EINVAL);
	says("--cpuset-cpus 0-5: this host has no processor 3 that is online; "
	     "it has 0-2,4-5");
	assert_null(strchr(err.msg, '\n'));
	assert_int_equal(cpuset_check(t.root, "9", &err), -EINVAL);
	hosttree_put(&t, "/sys/devices/system/cpu/online", "zwei\n");
	assert_int_equal(cpuset_check(t.root, "0", &err), -EIO);
	hosttree_done(&t);
}

static void processors_of_other_nodes(void **state)
{
	const unsigned nodes[] = { 0, 2 };
	struct hosttree t;

	(void)state;
	hosttree_init(&t);
	hosttree_two_nodes(&t);
	assert_int_equal(cpuset_check_nodes(t.root, "1,4", nodes, 2, &err), 0);
	assert_int_equal(cpuset_check_nodes(t.root, "0-1", nodes, 1, &err), 0);
	assert_int_equal(cpuset_check_nodes(t.root, "0-1", nodes, 2, &err),
			 -EINVAL);
	says("--cpuset-cpus 0-1: none of these is on node 2 of --numa, which "
	     "has 4-5; give some of each node");
	assert_int_equal(cpuset_check_nodes(t.root, "0-1", nodes, 0, &err), 0);
	hosttree_done(&t);
}

static void make(struct fake_cgroups *f, const char *controllers,
		 struct cgroup *cg)
{
	const struct cgroup_limits l = { .pids = 9 };

	fake_cgroups_v2(f, "0::/\n");
	f->delegated = controllers;
	assert_int_equal(cgroup_place(&f->sys, NULL, ID, cg), 0);
	cgroup_make(cg, &l);
	assert_int_equal(cgroup_check(cg, &err), 0);
	hosttree_put(&f->t, GROUP "/cpuset.cpus", "\n");
	hosttree_put(&f->t, GROUP "/cpuset.cpus.effective", "0-3\n");
}

static void a_group_has_processors(void **state)
{
	struct fake_cgroups f;
	struct cgroup cg, later;

	(void)state;
	make(&f, "cpuset cpu io memory pids\n", &cg);
	assert_int_equal(cpuset_confine(&cg, 0, "1-2", &err), 0);
	fake_cgroups_is(&f, GROUP "/cpuset.cpus", "1-2");
	/* Another process, by what the VM's folder says. */
	AUTO_JSON struct json_object *o = cgroup_to_json(&cg);
	assert_int_equal(cgroup_from_json(&f.sys, o, ID, &later), 0);
	assert_int_equal(cpuset_confine(&later, 0, "3", &err), 0);
	fake_cgroups_is(&f, GROUP "/cpuset.cpus", "3");
	/* The kernel gives what the group above has when none is in both. */
	assert_int_equal(cpuset_confine(&later, 0, "8-9", &err), -EINVAL);
	says("--cpuset-cpus 8-9: none of these is for this VM: the cgroup "
	     "above its own has 0-3; choose among those");
	fake_cgroups_is(&f, GROUP "/cpuset.cpus", "3");
	cgroup_done(&later);
	cgroup_done(&cg);
	fake_cgroups_done(&f);
}

static void a_group_cannot(void **state)
{
	struct fake_cgroups f;
	struct cgroup cg, later;

	(void)state;
	/* It is tried: another VM may have needed it first. */
	make(&f, "cpu io memory pids\n", &cg);
	assert_int_equal(cgroup_set_cpus(&cg, "0", &err), -ENOTSUP);
	fake_cgroups_is(&f, CG "/cgroup.subtree_control", "+cpuset");
	fake_cgroups_is(&f, CG "/belljar/cgroup.subtree_control", "+cpuset");
	fake_cgroups_is(&f, GROUP "/cgroup.subtree_control", "");
	fake_cgroups_is(&f, GROUP "/cpuset.cpus", "");
	/* A file that lies about where the hierarchy is leads nowhere. */
	AUTO_JSON struct json_object *o = cgroup_to_json(&cg);
	json_object_object_add(o, "mount", json_object_new_string("/etc"));
	assert_int_equal(cgroup_from_json(&f.sys, o, ID, &later), 0);
	assert_null(later.mount);
	assert_int_equal(cgroup_set_cpus(&later, "0", &err), -ENOTSUP);
	cgroup_done(&later);
	cgroup_done(&cg);
	fake_cgroups_done(&f);
	fake_cgroups_v1(&f);
	assert_int_equal(cgroup_place(&f.sys, NULL, ID, &cg), 0);
	assert_int_equal(cgroup_set_cpus(&cg, "0", &err), -ENOTSUP);
	cgroup_done(&cg);
	fake_cgroups_done(&f);
}

static void *idle(void *arg)
{
	(void)arg;
	for (;;)
		(void)pause();
	return NULL;
}

/* A process with a thread and a child, which says that both are there. */
static pid_t family(pid_t *ret_child)
{
	pthread_t thread;
	int p[2];

	assert_int_equal(pipe(p), 0);
	pid_t pid = fork();
	if (pid == 0) {
		pid_t child = fork();

		if (child == 0)
			(void)idle(NULL);
		if (pthread_create(&thread, NULL, idle, NULL) != 0)
			_exit(1);
		(void)!write(p[1], &child, sizeof(child));
		(void)idle(NULL);
	}
	assert_int_equal(read(p[0], ret_child, sizeof(*ret_child)),
			 sizeof(*ret_child));
	(void)close(p[0]);
	(void)close(p[1]);
	return pid;
}

/* All threads of @pid have @want, a line of /proc. */
static void bound(pid_t pid, const char *want, unsigned threads)
{
	char command[256];

	(void)snprintf(command, sizeof(command),
		       "test \"$(grep -hx 'Cpus_allowed_list:\t%s' "
		       "/proc/%d/task/*/status | wc -l)\" = %u",
		       want, (int)pid, threads);
	assert_int_equal(system(command), 0);
}

static void processes_where_no_group_can(void **state)
{
	struct cgroup none;
	cpu_set_t ours;
	pid_t child = 0;
	char want[16];
	unsigned first = 0;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(ours), &ours), 0);
	while (!CPU_ISSET(first, &ours))
		first++;
	(void)snprintf(want, sizeof(want), "%u", first);
	cgroup_init(&none);
	pid_t pid = family(&child);
	assert_int_equal(cpuset_confine(&none, pid, want, &err), 0);
	bound(pid, want, 2);
	bound(child, want, 1);
	assert_int_equal(cpuset_confine(&none, pid, "8191", &err), -EINVAL);
	says("--cpuset-cpus 8191: none of these is for us");
	bound(pid, want, 2);
	(void)kill(child, SIGKILL);
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	/* Gone meanwhile: there is nothing to confine. */
	assert_int_equal(cpuset_confine(&none, pid, want, &err), 0);
}

static void oneself(void **state)
{
	struct cgroup none;
	cpu_set_t set;
	unsigned first = 0;
	int status = 0;
	char want[16];

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	while (!CPU_ISSET(first, &set))
		first++;
	(void)snprintf(want, sizeof(want), "%u", first);
	cgroup_init(&none);
	pid_t pid = fork();
	if (pid == 0) {
		if (cpuset_confine(&none, 0, want, &err) < 0 ||
		    sched_getaffinity(0, sizeof(set), &set) < 0)
			_exit(1);
		_exit(CPU_COUNT(&set) == 1 && CPU_ISSET(first, &set) ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_of_processors),
		cmocka_unit_test(lists_are_cut_to_what_fits),
		cmocka_unit_test(processors_that_are_not_there),
		cmocka_unit_test(processors_of_other_nodes),
		cmocka_unit_test(a_group_has_processors),
		cmocka_unit_test(a_group_cannot),
		cmocka_unit_test(processes_where_no_group_can),
		cmocka_unit_test(oneself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
