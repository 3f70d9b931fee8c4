/* SPDX-License-Identifier: Apache-2.0 */
/* hostmem.c - the host's memory, read from /sys and /proc. */
#include "vmm/lib/hostmem.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/sysfs.h"

#define NODES "/sys/devices/system/node"

static void set_add(struct host_set *s, unsigned n)
{
	if (!CPU_ISSET_S(n, sizeof(s->set), s->set))
		s->nr++;
	CPU_SET_S(n, sizeof(s->set), s->set);
}

/* A number below HOST_MAX_CPUS at *@text, which moves behind it. */
static bool take_number(const char **text, unsigned *ret)
{
	char *end;

	if (!isdigit((unsigned char)**text))
		return false;
	unsigned long n = strtoul(*text, &end, 10);
	if (n >= HOST_MAX_CPUS)
		return false;
	*ret = (unsigned)n;
	*text = end;
	return true;
}

int host_set_parse(const char *text, struct host_set *ret)
{
	struct host_set s = { 0 };

	while (*text && *text != '\n') {
		unsigned first;
		unsigned last;

		if (!take_number(&text, &first))
			return -EINVAL;
		last = first;
		if (*text == '-') {
			text++;
			if (!take_number(&text, &last) || last < first)
				return -EINVAL;
		}
		for (unsigned n = first; n <= last; n++)
			set_add(&s, n);
		if (*text == ',')
			text++;
		else if (*text && *text != '\n')
			return -EINVAL;
	}
	*ret = s;
	return 0;
}

bool host_set_has(const struct host_set *s, unsigned n)
{
	return n < HOST_MAX_CPUS && CPU_ISSET_S(n, sizeof(s->set), s->set);
}

void host_set_cut(struct host_set *a, const struct host_set *b)
{
	CPU_AND_S(sizeof(a->set), a->set, a->set, b->set);
	a->nr = (unsigned)CPU_COUNT_S(sizeof(a->set), a->set);
}

bool host_set_meet(const struct host_set *a, const struct host_set *b)
{
	struct host_set both = *a;

	host_set_cut(&both, b);
	return both.nr > 0;
}

void host_set_format(const struct host_set *s, char *ret, size_t size)
{
	size_t at = 0;

	ret[0] = '\0';
	for (unsigned n = 0; n < HOST_MAX_CPUS && at < size; n++) {
		unsigned last = n;

		if (!host_set_has(s, n))
			continue;
		while (host_set_has(s, last + 1))
			last++;
		at += (size_t)snprintf(ret + at, size - at, "%s%u",
				       at ? "," : "", n);
		if (last > n && at < size)
			at += (size_t)snprintf(ret + at, size - at, "-%u",
					       last);
		n = last;
	}
}

int host_nodes(const char *root, struct host_set *ret, struct err *err)
{
	AUTO_FREE char *text = NULL;
	int r = sysfs_read(root, &text, err, NODES "/has_memory");

	if (r == -ENOENT)
		return err_say(err, ENOTSUP,
			       "this host's kernel knows no NUMA nodes (there "
			       "is no '" NODES "'); leave --numa out");
	if (r < 0)
		return r;
	if (host_set_parse(text, ret) < 0)
		return err_say(err, EINVAL,
			       "'" NODES "/has_memory' is not a list of nodes");
	return 0;
}

int host_check_nodes(const char *root, const unsigned *node, unsigned nr,
		     struct err *err)
{
	struct host_set have;
	int r = host_nodes(root, &have, err);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < nr; i++)
		if (!host_set_has(&have, node[i]))
			return err_say(err, EINVAL,
				       "this host has no NUMA node %u with "
				       "memory; those it has are in '" NODES
				       "/has_memory'",
				       node[i]);
	return 0;
}

int host_node_cpus(const char *root, unsigned node, struct host_set *ret,
		   struct err *err)
{
	AUTO_FREE char *text = NULL;
	int r = sysfs_read(root, &text, err, NODES "/node%u/cpulist", node);

	if (r < 0)
		return r;
	if (host_set_parse(text, ret) < 0)
		return err_say(err, EINVAL,
			       "'" NODES "/node%u/cpulist' is not a list of "
			       "processors",
			       node);
	return 0;
}

/*
 * The file has a column for each node that is online, in the order of their
 * numbers, which need not be without gaps.
 */
int host_distances(const char *root, unsigned from, const unsigned *to,
		   unsigned nr, uint8_t *ret, struct err *err)
{
	AUTO_FREE char *text = NULL;
	AUTO_FREE char *online = NULL;
	struct host_set nodes;

	int r = sysfs_read(root, &online, err, NODES "/online");
	if (r == 0)
		r = sysfs_read(root, &text, err, NODES "/node%u/distance",
			       from);
	if (r != 0)
		return r;
	if (host_set_parse(online, &nodes) < 0)
		return err_say(err, EINVAL,
			       "'" NODES "/online' is not a list of nodes");

	unsigned found = 0;
	char *at = text;
	for (unsigned n = 0; n < HOST_MAX_NODES; n++) {
		if (!host_set_has(&nodes, n))
			continue;
		char *end;
		unsigned long d = strtoul(at, &end, 10);
		if (end == at || d < 10 || d > 255)
			break;
		at = end;
		for (unsigned i = 0; i < nr; i++)
			if (to[i] == n) {
				ret[i] = (uint8_t)d;
				found++;
			}
	}
	if (found < nr)
		return err_say(err, EINVAL,
			       "'" NODES "/node%u/distance' does not say how "
			       "far the other nodes are",
			       from);
	return 0;
}

static int huge_dir(const char *root, int node, uint64_t page, char *path,
		    size_t len)
{
	uint64_t kib = page >> 10;
	int n = node < 0 ? snprintf(path, len,
				    "%s/sys/kernel/mm/hugepages/"
				    "hugepages-%" PRIu64 "kB",
				    root ? root : "", kib)
			 : snprintf(path, len,
				    "%s" NODES "/node%d/hugepages/"
				    "hugepages-%" PRIu64 "kB",
				    root ? root : "", node, kib);

	return n > 0 && (size_t)n < len ? 0 : -ENAMETOOLONG;
}

static int huge_number(const char *dir, const char *name, uint64_t *ret,
		       struct err *err)
{
	AUTO_FREE char *text = NULL;
	int r = sysfs_read(dir, &text, err, "/%s", name);

	if (r == 0)
		*ret = strtoull(text, NULL, 10);
	return r;
}

static int no_huge(const char *dir, uint64_t page, struct err *err)
{
	return err_say(err, ENOTSUP,
		       "this host has no huge pages of %" PRIu64
		       " MiB (there is no '%s'); use another size, or boot it "
		       "with hugepagesz=%" PRIu64 "M",
		       page >> 20, dir, page >> 20);
}

int host_huge_pages(const char *root, int node, uint64_t page, uint64_t *ret,
		    struct err *err)
{
	char all[256];
	char dir[256];
	uint64_t free = 0;
	uint64_t reserved = 0;
	uint64_t more = 0;
	uint64_t surplus = 0;

	if (huge_dir(root, -1, page, all, sizeof(all)) < 0 ||
	    huge_dir(root, node, page, dir, sizeof(dir)) < 0)
		return err_set(err, ENAMETOOLONG, "'%s'", root);
	int r = huge_number(dir, "free_hugepages", &free, err);
	if (r == -ENOENT)
		return no_huge(dir, page, err);
	if (r == 0)
		r = huge_number(all, "nr_overcommit_hugepages", &more, err);
	if (r == 0)
		r = huge_number(all, "surplus_hugepages", &surplus, err);
	/* What is reserved is reserved on no particular node. */
	if (r == 0 && node < 0)
		r = huge_number(all, "resv_hugepages", &reserved, err);
	if (r < 0)
		return r;
	*ret = free > reserved ? free - reserved : 0;
	*ret += more > surplus ? more - surplus : 0;
	return 0;
}

int host_say_huge_pages(const char *root, int node, uint64_t page,
			uint64_t need, struct err *err)
{
	char where[32] = "";
	char dir[256];
	uint64_t have = 0;
	uint64_t nr = 0;

	int r = host_huge_pages(root, node, page, &have, err);
	if (r == 0)
		r = huge_dir(root, node, page, dir, sizeof(dir));
	if (r == 0)
		r = huge_number(dir, "nr_hugepages", &nr, err);
	if (r < 0)
		return r;
	if (node >= 0)
		(void)snprintf(where, sizeof(where), " on node %d", node);
	return err_say(err, ENOMEM,
		       "the guest's RAM needs %" PRIu64
		       " huge page%s of %" PRIu64 " MiB%s, and %" PRIu64
		       " are free; make more (as root: echo %" PRIu64
		       " >%s/nr_hugepages) or give the VM less memory",
		       need, need == 1 ? "" : "s", page >> 20, where, have,
		       nr + (need > have ? need - have : need), dir);
}

int host_check_huge_pages(const char *root, int node, uint64_t page,
			  uint64_t need, struct err *err)
{
	uint64_t have = 0;
	int r = host_huge_pages(root, node, page, &have, err);

	return r < 0 || need <= have
		       ? r
		       : host_say_huge_pages(root, node, page, need, err);
}

/* The number behind @name; 0 when it is not there. */
static uint64_t number_at(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

/* Nodes have no MemAvailable: free, and what the page cache can give. */
static uint64_t node_available(const char *text)
{
	return number_at(text, "MemFree:") + number_at(text, "Active(file):") +
	       number_at(text, "Inactive(file):") +
	       number_at(text, "SReclaimable:");
}

/* What the control group @path leaves, its page cache given up. */
static uint64_t one_group(const char *root, const char *path)
{
	AUTO_FREE char *max = NULL;
	AUTO_FREE char *now = NULL;
	AUTO_FREE char *stat = NULL;

	if (sysfs_read(root, &max, NULL, "/sys/fs/cgroup%s/memory.max", path) <
		    0 ||
	    sysfs_read(root, &now, NULL, "/sys/fs/cgroup%s/memory.current",
		       path) < 0 ||
	    sysfs_read(root, &stat, NULL, "/sys/fs/cgroup%s/memory.stat",
		       path) < 0 ||
	    !isdigit((unsigned char)max[0]))
		return UINT64_MAX;

	uint64_t limit = strtoull(max, NULL, 10);
	uint64_t used = strtoull(now, NULL, 10);
	uint64_t cache = number_at(stat, "\nactive_file ") +
			 number_at(stat, "\ninactive_file ");

	used = used > cache ? used - cache : 0;
	return limit > used ? limit - used : 0;
}

/*
 * The least that ours and those above it leave (cgroup v2: "0::/path").  Not
 * being able to tell is no limit.
 */
static uint64_t group_available(const char *root)
{
	AUTO_FREE char *group = NULL;
	uint64_t least = UINT64_MAX;

	if (sysfs_read(root, &group, NULL, "/proc/self/cgroup") < 0)
		return least;
	char *path = strstr(group, "0::/");
	if (!path)
		return least;
	path += 3;
	path[strcspn(path, "\n")] = '\0';
	for (char *slash; (slash = strrchr(path, '/')); *slash = '\0') {
		uint64_t left = one_group(root, path);

		if (left < least)
			least = left;
	}
	return least;
}

int host_available(const char *root, int node, uint64_t *ret, struct err *err)
{
	AUTO_FREE char *text = NULL;
	int r = node < 0 ? sysfs_read(root, &text, err, "/proc/meminfo")
			 : sysfs_read(root, &text, err, NODES "/node%d/meminfo",
				      node);

	if (r < 0)
		return r;
	if (node >= 0) {
		*ret = node_available(text) << 10;
		return 0;
	}
	uint64_t left = group_available(root);
	*ret = number_at(text, "MemAvailable:") << 10;
	if (*ret > left)
		*ret = left;
	return 0;
}
