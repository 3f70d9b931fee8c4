/* SPDX-License-Identifier: Apache-2.0 */
/* limit_options.c - what a person writes for limits, and what is wrong. */
#include "vmm/manager/limit_options.h"

#include <errno.h>
#include <string.h>

#include "vmm/lib/parse.h"
#include "vmm/manager/cpuset.h"

#define SHARES_MIN 2 /* the kernel's, of version 1 */
#define SHARES_MAX 262144
#define WEIGHT_MIN 10 /* docker's, of --blkio-weight */
#define WEIGHT_MAX 1000
#define DISK_BPS_MIN                                                           \
	(64 << 10) /* less, and no guest boots in a human's time               \
		    */
#define NET_BPS_MIN (4 << 10)
#define COUNT_MAX   1000000000

/* As docker: 0 is the default. */
static int set_number(const char *option, const char *text, unsigned min,
		      unsigned max, unsigned *ret, struct err *err)
{
	uint64_t v = 0;

	if (strcmp(text, "0") != 0) {
		int r = parse_u64(text, option, min, max, &v, err);

		if (r < 0)
			return r;
	}
	*ret = (unsigned)v;
	return 0;
}

static int set_rate(const char *option, const char *text, uint64_t min,
		    uint64_t *ret, struct err *err)
{
	uint64_t v = 0;
	int r = parse_size(text, option, &v, err);

	if (r < 0)
		return r;
	if (v < min)
		return err_say(err, ERANGE,
			       "%s: '%s' is too little to work with; give %llu "
			       "bytes a second or more",
			       option, text, (unsigned long long)min);
	*ret = v;
	return 0;
}

static int set_count(const char *option, const char *text, uint64_t *ret,
		     struct err *err)
{
	return parse_u64(text, option, 1, COUNT_MAX, ret, err);
}

/* A path from the hierarchy's root on, in which nothing leads back. */
static int set_parent(const char *text, const char **ret, struct err *err)
{
	const char *path = text + strspn(text, "/");

	for (const char *p = path; *p; p += strspn(p, "/")) {
		size_t len = strcspn(p, "/");

		/* "." too. */
		if (strncmp(p, "..", len) == 0)
			return err_say(err, EINVAL,
				       "--cgroup-parent: '%s' leads back; "
				       "write the path without '.' and '..'",
				       text);
		p += len;
	}
	if (!*path || strlen(path) > 1024)
		return err_say(err, EINVAL,
			       "--cgroup-parent: '%.40s' is not the path of a "
			       "cgroup, such as /machine/vms",
			       text);
	*ret = path;
	return 0;
}

static int set_cpus(const char *text, const char **ret, struct err *err)
{
	struct host_set set;
	int r = cpuset_parse(text, &set, err);

	if (r == 0)
		*ret = text;
	return r;
}

int limit_option(int key, const char *arg, struct limit_options *ret,
		 struct err *err)
{
	switch (key) {
	case LIMIT_KEY_CPU_SHARES:
		return set_number("--cpu-shares", arg, SHARES_MIN, SHARES_MAX,
				  &ret->cpu_shares, err);
	case LIMIT_KEY_BLKIO_WEIGHT:
		return set_number("--blkio-weight", arg, WEIGHT_MIN, WEIGHT_MAX,
				  &ret->blkio_weight, err);
	case LIMIT_KEY_CGROUP_PARENT:
		return set_parent(arg, &ret->cgroup_parent, err);
	case LIMIT_KEY_CPUSET_CPUS:
		return set_cpus(arg, &ret->cpuset_cpus, err);
	case LIMIT_KEY_DISK_BPS:
		return set_rate("--disk-bps", arg, DISK_BPS_MIN, &ret->disk_bps,
				err);
	case LIMIT_KEY_DISK_IOPS:
		return set_count("--disk-iops", arg, &ret->disk_iops, err);
	case LIMIT_KEY_NET_BPS:
		return set_rate("--net-bps", arg, NET_BPS_MIN, &ret->net_bps,
				err);
	case LIMIT_KEY_NET_PPS:
		return set_count("--net-pps", arg, &ret->net_pps, err);
	case LIMIT_KEY_CONSOLE_BPS:
		return set_rate("--console-bps", arg, 1, &ret->console_bps,
				err);
	default:
		return -ENOSYS;
	}
}

int limit_options_check(const struct limit_options *o, bool serial,
			bool network, struct err *err)
{
	if (o->console_bps && !serial)
		return err_say(err, EINVAL,
			       "--console-bps needs --serial: without it the "
			       "VM has no console");
	if ((o->net_bps || o->net_pps) && !network)
		return err_say(err, EINVAL,
			       "%s needs a network; leave it or --network none "
			       "out",
			       o->net_bps ? "--net-bps" : "--net-pps");
	return 0;
}
