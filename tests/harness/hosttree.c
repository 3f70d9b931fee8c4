/* SPDX-License-Identifier: Apache-2.0 */
/* hosttree.c - a made-up /sys and /proc. */
#include "tests/harness/hosttree.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/lib/io.h"

void hosttree_init(struct hosttree *t)
{
	(void)strcpy(t->root, "/tmp/hosttree.XXXXXX");
	assert_non_null(mkdtemp(t->root));
}

void hosttree_done(struct hosttree *t)
{
	assert_int_equal(io_remove_tree(t->root, NULL), 0);
}

void hosttree_put(struct hosttree *t, const char *path, const char *text)
{
	char full[PATH_MAX];

	(void)snprintf(full, sizeof(full), "%s%s", t->root, path);
	char *slash = strrchr(full, '/');
	*slash = '\0';
	assert_int_equal(io_mkdirs(full, 0755, NULL), 0);
	*slash = '/';
	assert_int_equal(io_write_file(full, text, strlen(text), NULL), 0);
}

#define NODES "/sys/devices/system/node/"
#define HUGE  "/sys/kernel/mm/hugepages/hugepages-2048kB/"

void hosttree_two_nodes(struct hosttree *t)
{
	static const struct {
		const char *path, *text;
	} files[] = {
		{ NODES "online", "0,2\n" },
		{ NODES "has_memory", "0,2\n" },
		{ NODES "node0/cpulist", "0-1\n" },
		{ NODES "node2/cpulist", "4-5\n" },
		{ NODES "node0/distance", "10 32\n" },
		{ NODES "node2/distance", "31 10\n" },
		{ NODES "node0/meminfo", "Node 0 MemFree:  524288 kB\n"
					 "Node 0 Active(file): 131072 kB\n"
					 "Node 0 Inactive(file): 262144 kB\n"
					 "Node 0 SReclaimable: 131072 kB\n" },
		{ NODES "node2/meminfo", "Node 2 MemFree:  65536 kB\n" },
		{ NODES "node0/hugepages/hugepages-2048kB/free_hugepages",
		  "512\n" },
		{ NODES "node0/hugepages/hugepages-2048kB/nr_hugepages",
		  "512\n" },
		{ NODES "node2/hugepages/hugepages-2048kB/free_hugepages",
		  "16\n" },
		{ NODES "node2/hugepages/hugepages-2048kB/nr_hugepages",
		  "20\n" },
		{ HUGE "free_hugepages", "528\n" },
		{ HUGE "nr_hugepages", "532\n" },
		{ HUGE "resv_hugepages", "8\n" },
		{ HUGE "surplus_hugepages", "0\n" },
		{ HUGE "nr_overcommit_hugepages", "0\n" },
		{ "/proc/meminfo", "MemTotal: 2097152 kB\n"
				   "MemFree: 589824 kB\n"
				   "MemAvailable: 1114112 kB\n" },
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		hosttree_put(t, files[i].path, files[i].text);
}
