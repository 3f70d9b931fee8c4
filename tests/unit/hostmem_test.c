/* SPDX-License-Identifier: Apache-2.0 */
/* hostmem_test.c - the host's memory, out of made-up and of real files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "tests/harness/hosttree.h"
#include "vmm/core/gmem.h"
#include "vmm/lib/hostmem.h"

static struct hosttree tree;
static struct err err;

static int setup(void **state)
{
	(void)state;
	hosttree_init(&tree);
	hosttree_two_nodes(&tree);
	err = (struct err){ 0 };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	hosttree_done(&tree);
	return 0;
}

static void lists_are_read_whole_or_not(void **state)
{
	static const struct {
		const char *text;
		int r;
		unsigned nr, last;
	} cases[] = {
		{ "", 0, 0, 0 },
		{ "\n", 0, 0, 0 },
		{ "0\n", 0, 1, 0 },
		{ "0-3,8,8\n", 0, 5, 8 },
		{ "8191", 0, 1, 8191 },
		{ "8192", -EINVAL, 0, 0 },
		{ "99999999999999999999", -EINVAL, 0, 0 },
		{ "3-1", -EINVAL, 0, 0 },
		{ "1-", -EINVAL, 0, 0 },
		{ "-1", -EINVAL, 0, 0 },
		{ "0;1", -EINVAL, 0, 0 },
		{ "zwei", -EINVAL, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct host_set s = { .nr = 77 };

		assert_int_equal(host_set_parse(cases[i].text, &s), cases[i].r);
		assert_int_equal(s.nr, cases[i].r < 0 ? 77 : cases[i].nr);
		if (cases[i].r == 0 && cases[i].nr > 0) {
			assert_true(host_set_has(&s, cases[i].last));
			assert_false(host_set_has(&s, cases[i].last + 1));
		}
	}
}

static void nodes_may_have_gaps(void **state)
{
	static const unsigned to[] = { 2, 0, 2 };
	struct host_set s;
	uint8_t d[3] = { 0 };

	(void)state;
	assert_int_equal(host_nodes(tree.root, &s, &err), 0);
	assert_int_equal(s.nr, 2);
	assert_true(host_set_has(&s, 2) && !host_set_has(&s, 1));
	assert_int_equal(host_node_cpus(tree.root, 2, &s, &err), 0);
	assert_int_equal(s.nr, 2);
	assert_true(host_set_has(&s, 4) && host_set_has(&s, 5));
	assert_int_equal(host_distances(tree.root, 0, to, 3, d, &err), 0);
	assert_int_equal(d[0], 32);
	assert_int_equal(d[1], 10);
	assert_int_equal(d[2], 32);
}

static void distances_that_make_no_sense_are_refused(void **state)
{
	static const char *const bad[] = { "10\n", "10 9\n", "10 256\n",
					   "10 far\n", "" };
	static const unsigned to[] = { 0, 2 };
	uint8_t d[2];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		hosttree_put(&tree, "/sys/devices/system/node/node0/distance",
			     bad[i]);
		assert_int_equal(host_distances(tree.root, 0, to, 2, d, &err),
				 -EINVAL);
		assert_non_null(strstr(err.msg, "node0/distance'"));
	}
}

static void huge_pages_are_free_or_reserved(void **state)
{
	uint64_t n;

	(void)state;
	assert_int_equal(host_huge_pages(tree.root, -1, GMEM_PAGE_2M, &n, &err),
			 0);
	assert_int_equal(n, 528 - 8);
	assert_int_equal(host_huge_pages(tree.root, 2, GMEM_PAGE_2M, &n, &err),
			 0);
	assert_int_equal(n, 16);
	/* Those that the host would make when asked. */
	hosttree_put(&tree,
		     "/sys/kernel/mm/hugepages/hugepages-2048kB/"
		     "nr_overcommit_hugepages",
		     "100\n");
	assert_int_equal(host_huge_pages(tree.root, -1, GMEM_PAGE_2M, &n, &err),
			 0);
	assert_int_equal(n, 620);
	/* 20 are there, 16 of them free. */
	assert_int_equal(
		host_check_huge_pages(tree.root, 2, GMEM_PAGE_2M, 116, &err),
		0);
	assert_int_equal(
		host_check_huge_pages(tree.root, 2, GMEM_PAGE_2M, 117, &err),
		-ENOMEM);
	assert_non_null(strstr(err.msg, "needs 117 huge pages of 2 MiB on node "
					"2, and 116 are free"));
	assert_non_null(strstr(err.msg, "(as root: echo 21 >"));
	assert_non_null(strstr(
		err.msg, "node2/hugepages/hugepages-2048kB/nr_hugepages)"));
	assert_int_equal(host_huge_pages(tree.root, -1, GMEM_PAGE_1G, &n, &err),
			 -ENOTSUP);
	assert_non_null(strstr(err.msg, "no huge pages of 1024 MiB (there is"));
	assert_non_null(strstr(err.msg, "hugepages-1048576kB'"));
	assert_non_null(strstr(err.msg, "boot it with hugepagesz=1024M"));
}

static void available_counts_the_page_cache(void **state)
{
	uint64_t n;

	(void)state;
	assert_int_equal(host_available(tree.root, -1, &n, &err), 0);
	assert_int_equal(n, UINT64_C(1088) << 20);
	assert_int_equal(host_available(tree.root, 0, &n, &err), 0);
	assert_int_equal(n, UINT64_C(1) << 30);
	assert_int_equal(host_available(tree.root, 2, &n, &err), 0);
	assert_int_equal(n, UINT64_C(64) << 20);
}

static void a_control_group_is_a_limit(void **state)
{
	uint64_t n;

	(void)state;
	hosttree_put(&tree, "/proc/self/cgroup", "4:memory:/old\n0::/a/b\n");
	hosttree_put(&tree, "/sys/fs/cgroup/a/b/memory.max", "max\n");
	hosttree_put(&tree, "/sys/fs/cgroup/a/b/memory.current", "1000\n");
	hosttree_put(&tree, "/sys/fs/cgroup/a/b/memory.stat", "anon 1\n");
	assert_int_equal(host_available(tree.root, -1, &n, &err), 0);
	assert_int_equal(n, UINT64_C(1088) << 20);

	/* The one above: 100,000 of which 60,000 are used, half as cache. */
	hosttree_put(&tree, "/sys/fs/cgroup/a/memory.max", "100000\n");
	hosttree_put(&tree, "/sys/fs/cgroup/a/memory.current", "60000\n");
	hosttree_put(&tree, "/sys/fs/cgroup/a/memory.stat",
		     "anon 30000\ninactive_file 20000\nactive_file 10000\n");
	assert_int_equal(host_available(tree.root, -1, &n, &err), 0);
	assert_int_equal(n, 70000);
}

static void no_numa_is_said(void **state)
{
	struct hosttree empty;
	struct host_set s;
	uint64_t n;

	(void)state;
	hosttree_init(&empty);
	assert_int_equal(host_nodes(empty.root, &s, &err), -ENOTSUP);
	assert_non_null(strstr(err.msg, "knows no NUMA nodes"));
	assert_int_equal(host_available(empty.root, -1, &n, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "/proc/meminfo'"));
	hosttree_done(&empty);
}

/* This very host, whatever it is. */
static void the_real_files_can_be_read(void **state)
{
	struct host_set nodes;
	struct host_set cpus;
	uint64_t n = 0;
	int r = host_nodes("", &nodes, &err);

	(void)state;
	assert_int_equal(host_available("", -1, &n, &err), 0);
	assert_true(n > 1 << 20);
	if (r == -ENOTSUP)
		skip();
	assert_int_equal(r, 0);
	for (unsigned i = 0; i < HOST_MAX_NODES; i++)
		if (host_set_has(&nodes, i)) {
			uint8_t d = 0;

			assert_int_equal(host_node_cpus("", i, &cpus, &err), 0);
			assert_int_equal(host_distances("", i, &i, 1, &d, &err),
					 0);
			assert_int_equal(d, 10);
			assert_int_equal(host_available("", (int)i, &n, &err),
					 0);
			assert_true(n > 0);
		}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_read_whole_or_not),
		TEST(nodes_may_have_gaps),
		TEST(distances_that_make_no_sense_are_refused),
		TEST(huge_pages_are_free_or_reserved),
		TEST(available_counts_the_page_cache),
		TEST(a_control_group_is_a_limit),
		TEST(no_numa_is_said),
		cmocka_unit_test(the_real_files_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
