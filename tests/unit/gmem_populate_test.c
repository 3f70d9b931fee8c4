/* SPDX-License-Identifier: Apache-2.0 */
/* gmem_populate_test.c - shares of nodes, huge pages, all of it allocated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness/hosttree.h"
#include "vmm/core/gmem.h"
#include "vmm/core/gmem_priv.h"
#include "vmm/core/layout.h"
#include "vmm/lib/hostmem.h"

#define MIB UINT64_C(0x100000)
#define GIB UINT64_C(0x40000000)

static struct hosttree tree;
static struct gmem gm;
static struct err err;

static int setup(void **state)
{
	(void)state;
	hosttree_init(&tree);
	hosttree_two_nodes(&tree);
	gm = (struct gmem){ .fd = -1 };
	err = (struct err){ 0 };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gmem_done(&gm);
	hosttree_done(&tree);
	return 0;
}

static unsigned threads_now(void)
{
	DIR *d = opendir("/proc/self/task");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n - 2;
}

/* A thread that was joined stays in /proc until the kernel has buried it. */
static void threads_become(unsigned nr)
{
	time_t end = time(NULL) + 60;

	while (threads_now() != nr) {
		assert_true(time(NULL) < end);
		(void)sched_yield();
	}
}

static uint64_t allocated(void)
{
	struct stat st;

	assert_int_equal(fstat(gm.fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

/* What two nodes get of @size; node 1's share begins at @second. */
static void shares(uint64_t size, unsigned nr, unsigned ranges, gpa_t second)
{
	struct gmem_config cfg = { .size = size, .nr_nodes = nr };
	struct gmem plan = {
		.fd = -1, .size = size, .root = "", .page = GMEM_PAGE_4K
	};
	uint64_t low = size < LAYOUT_LOW_RAM_END ? size : LAYOUT_LOW_RAM_END;
	uint64_t sum = 0;

	plan.region[plan.nr++] = (struct gmem_region){ .size = low };
	if (size > low)
		plan.region[plan.nr++] =
			(struct gmem_region){ .gpa = LAYOUT_HIGH_RAM,
					      .size = size - low,
					      .offset = low };
	plan.root = tree.root;
	cfg.node[1] = 2;
	assert_int_equal(gmem_plan(&plan, &cfg, &err), 0);
	assert_int_equal(plan.nr_ranges, ranges);
	for (unsigned i = 0; i < ranges; i++) {
		sum += plan.range[i].size;
		if (i > 0 && plan.range[i].node == 1 &&
		    plan.range[i - 1].node == 0)
			assert_int_equal(plan.range[i].gpa, second);
		assert_int_equal(plan.range[i].host_node,
				 nr ? (int)cfg.node[plan.range[i].node] : -1);
	}
	assert_int_equal(sum, size);
}

static void shares_are_even_and_cross_the_hole(void **state)
{
	(void)state;
	shares(64 * MIB, 0, 1, 0);
	shares(8 * GIB, 0, 2, 0);
	shares(64 * MIB, 2, 2, 32 * MIB);
	/* Whole huge pages; what is left over is the last one's. */
	shares(66 * MIB, 2, 2, 32 * MIB);
	shares(63 * MIB, 2, 2, 30 * MIB);
	/* Node 0 has all below the hole and 1 GiB above it. */
	shares(8 * GIB, 2, 3, LAYOUT_HIGH_RAM + GIB);
	/* Node 1 has 1 GiB below the hole and 1 above. */
	shares(4 * GIB, 2, 3, 2 * GIB);
}

static void populating_allocates_all_and_keeps_what_is_there(void **state)
{
	const struct gmem_config cfg = { .size = 130 * MIB, .threads = 4 };
	struct gmem_report report;
	struct gmem_report again;
	char text[8] = "";

	(void)state;
	assert_int_equal(gmem_init(&gm, &cfg, &err), 0);
	assert_int_equal(gmem_write(&gm, 4096, "a word", 7), 0);
	assert_in_range(allocated(), 4096, 2 * MIB);

	unsigned before = threads_now();
	assert_int_equal(gmem_populate(&gm, &report, &err), 0);
	/* Chunks of 64 MiB: the third has 2. */
	assert_int_equal(report.threads, 3);
	assert_int_equal(report.bytes, 130 * MIB);
	assert_true(report.ns > 0);
	threads_become(before);
	assert_int_equal(allocated(), 130 * MIB);
	assert_int_equal(gmem_read(&gm, 4096, text, 7), 0);
	assert_string_equal(text, "a word");

	assert_int_equal(gmem_populate(&gm, &again, &err), 0);
	assert_memory_equal(&again, &report, sizeof(report));
}

/* Two nodes of the guest on node 0 of this host, which every host has. */
static void nodes_are_bound_and_populated(void **state)
{
	const struct gmem_config cfg = { .size = 64 * MIB, .nr_nodes = 2 };
	struct gmem_report report;
	struct host_set nodes;
	int policy = -1;
	unsigned long mask[16] = { 0 };

	(void)state;
	if (host_nodes("", &nodes, &err) < 0 || !host_set_has(&nodes, 0))
		skip();
	assert_int_equal(gmem_init(&gm, &cfg, &err), 0);
	assert_int_equal(syscall(SYS_get_mempolicy, &policy, mask, 1024,
				 gmem_ptr(&gm, 40 * MIB, 1), 2 /* F_ADDR */),
			 0);
	assert_int_equal(policy, 2 /* MPOL_BIND */);
	assert_int_equal(mask[0], 1);
	assert_int_equal(gmem_populate(&gm, &report, &err), 0);
	assert_int_equal(allocated(), 64 * MIB);
}

static void refuse(const struct gmem_config *cfg, int r, const char *words)
{
	struct gmem_config c = *cfg;

	c.root = tree.root;
	assert_int_equal(gmem_init(&gm, &c, &err), r);
	if (!strstr(err.msg, words))
		fail_msg("'%s' is not in: %s", words, err.msg);
	assert_int_equal(gm.fd, -1);
}

static void what_the_host_lacks_is_said_before(void **state)
{
	(void)state;
	refuse(&(struct gmem_config){ .size = 65 * MIB, .page = GMEM_PAGE_2M },
	       -EINVAL,
	       "65 MiB of guest RAM are not a multiple of its huge pages of "
	       "2 MiB; give the VM 64m or 66m");
	refuse(&(struct gmem_config){ .size = 2 * GIB, .page = GMEM_PAGE_2M },
	       -ENOMEM,
	       "needs 1024 huge pages of 2 MiB, and 520 are free; make more "
	       "(as root: echo 1036 >");
	refuse(&(struct gmem_config){ .size = 2 * GIB, .page = GMEM_PAGE_2M },
	       -ENOMEM, "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_huge");
	refuse(&(struct gmem_config){ .size = 2 * GIB, .page = GMEM_PAGE_1G },
	       -ENOTSUP, "no huge pages of 1024 MiB");
	refuse(&(struct gmem_config){ .size = 128 * MIB,
				      .page = GMEM_PAGE_2M,
				      .nr_nodes = 2,
				      .node = { 0, 2 } },
	       -ENOMEM,
	       "needs 32 huge pages of 2 MiB on node 2, and 16 are free; make "
	       "more (as root: echo 36 >");
	refuse(&(struct gmem_config){ .size = 64 * MIB,
				      .nr_nodes = 2,
				      .node = { 0, 1 } },
	       -EINVAL, "no NUMA node 1 with memory");
	refuse(&(struct gmem_config){ .size = 4 * MIB, .nr_nodes = 3 }, -EINVAL,
	       "4 MiB of guest RAM are too little for 3 NUMA nodes; give the "
	       "VM 6m");
	refuse(&(struct gmem_config){ .size = 64 * MIB, .nr_nodes = 9 }, -E2BIG,
	       "more than 8 NUMA nodes");
}

/* The made-up host has a node that this one has not, or not for us. */
static void a_node_that_cannot_be_bound_is_said(void **state)
{
	struct host_set nodes;

	(void)state;
	if (host_nodes("", &nodes, &err) < 0 || host_set_has(&nodes, 2))
		skip();
	refuse(&(struct gmem_config){ .size = 64 * MIB,
				      .nr_nodes = 2,
				      .node = { 0, 2 } },
	       -EINVAL, "host NUMA node 2 is not for this process");
}

/* The pool shrank after it was counted: the mapping is what decides. */
static void a_pool_that_shrank_is_said(void **state)
{
	uint64_t n;

	(void)state;
	if (host_huge_pages("", -1, GMEM_PAGE_2M, &n, &err) < 0 || n >= 400)
		skip();
	refuse(&(struct gmem_config){ .size = 800 * MIB, .page = GMEM_PAGE_2M },
	       -ENOMEM, "needs 400 huge pages of 2 MiB, and ");
}

static void too_little_memory_is_said_before(void **state)
{
	const struct gmem_config cfg = { .size = 2 * GIB, .root = tree.root };
	struct gmem_report report = { .threads = 77 };

	(void)state;
	assert_int_equal(gmem_init(&gm, &cfg, &err), 0);
	assert_int_equal(gmem_populate(&gm, &report, &err), -ENOMEM);
	assert_non_null(strstr(err.msg, "2048 MiB of guest RAM are to be "
					"allocated now, and this host has 1088 "
					"MiB available; give the VM less"));
	assert_int_equal(report.threads, 77);
	assert_int_equal(allocated(), 0);
}

/* Something else in the place of RAM stands for a host that fails. */
static void a_failure_half_way_is_said(void **state)
{
	const struct gmem_config cfg = { .size = 256 * MIB };
	struct gmem_report report;

	(void)state;
	assert_int_equal(gmem_init(&gm, &cfg, &err), 0);
	assert_int_equal(munmap(gm.region[0].host + 192 * MIB, 64 * MIB), 0);
	unsigned before = threads_now();
	assert_int_equal(gmem_populate(&gm, &report, &err), -ENOMEM);
	assert_non_null(strstr(err.msg, "the host ran out of pages while 256 "
					"MiB of guest RAM were allocated"));
	assert_int_equal(gm.report.bytes, 0);
	threads_become(before);
	/* gmem_done() unmaps by address: nothing is to lie there by then. */
}

static void a_signal_ends_it(void **state)
{
	const struct gmem_config cfg = { .size = 256 * MIB };
	struct gmem_report report;
	struct timespec now = { 0 };
	sigset_t set;
	sigset_t old;

	(void)state;
	assert_int_equal(gmem_init(&gm, &cfg, &err), 0);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	assert_int_equal(sigprocmask(SIG_BLOCK, &set, &old), 0);
	assert_int_equal(kill(getpid(), SIGTERM), 0);
	assert_int_equal(gmem_populate(&gm, &report, &err), -EINTR);
	assert_int_equal(allocated(), 0);
	/* Not taken: whose signal it is sees it. */
	assert_int_equal(sigtimedwait(&set, NULL, &now), SIGTERM);
	assert_int_equal(sigprocmask(SIG_SETMASK, &old, NULL), 0);
}

static void huge_pages_hold_what_is_written(void **state)
{
	const struct gmem_config cfg = { .size = 8 * MIB,
					 .page = GMEM_PAGE_2M };
	struct gmem_report report;
	struct err none;
	char text[8] = "";
	uint64_t n = 0;

	(void)state;
	if (host_huge_pages("", -1, GMEM_PAGE_2M, &n, &none) < 0 || n < 4) {
		print_message("fewer than four free huge pages here\n");
		skip();
	}
	assert_int_equal(gmem_init(&gm, &cfg, &err), 0);
	assert_int_equal(gmem_populate(&gm, &report, &err), 0);
	assert_int_equal(allocated(), 8 * MIB);
	assert_int_equal(gmem_write(&gm, 5 * MIB, "a word", 7), 0);
	assert_int_equal(gmem_read(&gm, 5 * MIB, text, 7), 0);
	assert_string_equal(text, "a word");
	assert_int_equal(gmem_fill(&gm, 0, gm.fd, 0, 4096), -EINVAL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(shares_are_even_and_cross_the_hole),
		TEST(populating_allocates_all_and_keeps_what_is_there),
		TEST(nodes_are_bound_and_populated),
		TEST(what_the_host_lacks_is_said_before),
		TEST(a_node_that_cannot_be_bound_is_said),
		TEST(a_pool_that_shrank_is_said),
		TEST(too_little_memory_is_said_before),
		TEST(a_failure_half_way_is_said),
		TEST(a_signal_ends_it),
		TEST(huge_pages_hold_what_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
