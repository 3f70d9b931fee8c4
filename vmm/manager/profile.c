/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile.c - the profiles there are.  `untrusted` is for a container that is
 * taken to be an attacker: every wall or no VM, nothing to write to but its own
 * memory, nobody to talk to, and a limit for all that it takes.
 *
 * Memory has no number here: the default of every VM is 2 GiB at most
 * (spec.c), and half of a small host's.
 */
#include "vmm/manager/profile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/manager/run_options.h"

struct profile {
	const char *name;
	unsigned cpus;
	uint64_t timeout;
	uint64_t log_max;
	struct limit_options limits;
};

static const struct profile profiles[] = {
	{
		.name = "untrusted",
		.cpus = PROFILE_CPUS,
		.timeout = PROFILE_TIMEOUT,
		.log_max = PROFILE_LOG_MAX,
		.limits = { .cpu = PROFILE_CPU,
			    .disk_bps = PROFILE_DISK_BPS,
			    .disk_iops = PROFILE_DISK_IOPS,
			    .net_bps = PROFILE_NET_BPS,
			    .net_pps = PROFILE_NET_PPS,
			    .console_bps = PROFILE_CONSOLE_BPS },
	},
};

#define NR_PROFILES (sizeof(profiles) / sizeof(profiles[0]))

static const struct profile *find(const char *name)
{
	for (size_t i = 0; i < NR_PROFILES; i++)
		if (strcmp(profiles[i].name, name) == 0)
			return &profiles[i];
	return NULL;
}

static int unknown(const char *name, struct err *err)
{
	char names[128] = "";
	size_t len = 0;

	for (size_t i = 0; i < NR_PROFILES; i++) {
		int n = snprintf(names + len, sizeof(names) - len, "%s%s",
				 i ? ", " : "", profiles[i].name);
		if (n > 0 && (size_t)n < sizeof(names) - len)
			len += (size_t)n;
	}
	return err_say(err, EINVAL,
		       "--profile: there is no profile '%s'; these exist: %s",
		       name, names);
}

/* Anything that would open what the profile closes. */
static int check(const struct profile *p, const struct run_options *o,
		 struct err *err)
{
	if (o->jail_given && o->jail != JAIL_REQUIRED)
		return err_say(err, EINVAL,
			       "--jail %s contradicts --profile %s, which "
			       "requires every wall; leave it out",
			       jail_mode_name(o->jail), p->name);
	if (o->publish.n)
		return err_say(err, EINVAL,
			       "-p %s contradicts --profile %s, which lets "
			       "nobody reach the guest; leave it out",
			       o->publish.v[0], p->name);
	/* Its server would be one more program of the host in reach. */
	if (o->shares.n)
		return err_say(err, EINVAL,
			       "%s %s contradicts --profile %s, which shares "
			       "nothing of the host, not even to read; put it "
			       "into the image",
			       o->shares.v[0].option, o->shares.v[0].source,
			       p->name);
	if (o->allow.n)
		return 0;
	if (o->network.given && o->network.kind != NETWORK_NONE)
		return err_say(err, EINVAL,
			       "--network %s contradicts --profile %s, which "
			       "opens single doors only; name them with "
			       "--allow HOST:PORT",
			       network_options_mode(&o->network), p->name);
	if (o->limits.net_bps || o->limits.net_pps)
		return err_say(
			err, EINVAL,
			"%s: a VM of --profile %s has no network without "
			"--allow HOST:PORT; add that or leave this out",
			o->limits.net_bps ? "--net-bps" : "--net-pps", p->name);
	return 0;
}

static void fill(uint64_t *value, uint64_t dflt)
{
	if (*value == 0)
		*value = dflt;
}

static void fill_limits(const struct limit_options *from, struct run_options *o)
{
	struct limit_options *l = &o->limits;

	fill(&l->disk_bps, from->disk_bps);
	fill(&l->disk_iops, from->disk_iops);
	/* A rate for what the VM has not would be a mistake. */
	if (o->network.kind != NETWORK_NONE) {
		fill(&l->net_bps, from->net_bps);
		fill(&l->net_pps, from->net_pps);
	}
	if (o->serial)
		fill(&l->console_bps, from->console_bps);
}

int profile_apply(struct run_options *o, struct err *err)
{
	if (!o->profile)
		return 0;
	const struct profile *p = find(o->profile);
	if (!p)
		return unknown(o->profile, err);
	int r = check(p, o, err);
	if (r < 0)
		return r;

	o->jail = JAIL_REQUIRED;
	o->read_only = true;
	if (o->allow.n == 0)
		o->network.kind = NETWORK_NONE;
	/* --cpus gives both numbers. */
	if (o->cpus == 0) {
		o->cpus = p->cpus;
		o->limits.cpu = p->limits.cpu;
	}
	fill(&o->timeout, p->timeout);
	fill(&o->log_max, p->log_max);
	fill_limits(&p->limits, o);
	return 0;
}
