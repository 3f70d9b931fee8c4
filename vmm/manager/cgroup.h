/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup.h - a control group for each VM: what its processes may take of the
 * host together, what they took, and that none of them is left.
 *
 * Version 2 where its controllers are, else version 1, in which a VM has a
 * group in each hierarchy.  Where:
 *
 *   with a parent   PARENT/ID, from the root of the hierarchy (of our cgroup
 *                   namespace) on; PARENT is made when it is not there
 *   v2, root        /belljar/ID
 *   v2, others      a sibling of our own group: its parent is what systemd's
 *                   user manager delegates
 *   v1              belljar/ID below our own group, so that limits that hold
 *                   for us hold for the VM too (v2 has no groups below one
 *                   with processes)
 *
 * A limit that cannot be set is no failure of these functions: it is noted,
 * and cgroup_check() says it.  Semantics of the files: cgroup-v2.rst and
 * cgroup-v1/ of the kernel's documentation.
 */
#ifndef VMM_MANAGER_CGROUP_H
#define VMM_MANAGER_CGROUP_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "vmm/lib/err.h"
#include "vmm/manager/strv.h"

/* What to ask of the kernel by other means than files; for made-up hosts. */
struct cgroup_ops {
	/* As the system calls: 0 or -errno. */
	int (*mkdir)(void *arg, const char *path);
	int (*rmdir)(void *arg, const char *path);
	void *arg;
};

struct cgroup_sys {
	const char *root; /* in front of /proc and /sys; "": this host */
	uid_t uid; /* whose groups these will be */
	const struct cgroup_ops *ops; /* NULL: the system calls */
};

/* This host, as who we are. */
struct cgroup_sys cgroup_host(void);

enum cgroup_kind {
	CGROUP_MEMORY,
	CGROUP_CPU,
	CGROUP_PIDS,
	CGROUP_IO,
	NR_CGROUP_LIMITS,
	CGROUP_CPUACCT = NR_CGROUP_LIMITS, /* v1: counts, limits nothing */
	NR_CGROUP_KINDS,
};

/* 0 is no limit, or the kernel's default. */
struct cgroup_limits {
	uint64_t memory; /* bytes */
	uint64_t huge; /* bytes in huge pages, if the host counts them too */
	unsigned cpu; /* thousandths of a processor */
	unsigned shares; /* of processor time, 2 to 262144, default 1024 */
	unsigned pids; /* processes and threads */
	unsigned io_weight; /* 10 to 1000, default 500 */
};

enum cgroup_why {
	CGROUP_FINE,
	CGROUP_NOT_MOUNTED, /* no file system of cgroups */
	CGROUP_NO_CONTROLLER, /* this kernel has it not */
	CGROUP_NOT_DELEGATED, /* it has, but not where we may be */
	CGROUP_NOT_WRITABLE, /* no group can be made there */
	CGROUP_REFUSED, /* the group is there, the limit was refused */
};

struct cgroup {
	struct cgroup_sys sys;
	int version; /* 0: there are none here */
	int fd; /* of the directory, O_PATH, for clone3(); -1 on v1 */
	struct strv dirs; /* its directories, each once */
	int of[NR_CGROUP_KINDS]; /* in which of them a controller is, -1: none
				  */
	char *mount; /* v2: where the hierarchy is */
	bool huge_charged; /* huge pages count as memory */
	struct {
		enum cgroup_why why;
		int code; /* positive errno */
	} lack[NR_CGROUP_LIMITS]; /* of what was asked for */
};

/* Make @cg safe for cgroup_done(). */
void cgroup_init(struct cgroup *cg);
/* Free; the group stays. */
void cgroup_done(struct cgroup *cg);

/*
 * Find out where the group of VM @id would be; nothing is made.  @parent NULL:
 * the default.  A host without cgroups gives version 0.  -ENOMEM.
 */
int cgroup_place(const struct cgroup_sys *sys, const char *parent,
		 const char *id, struct cgroup *ret);

/*
 * Make it, enable its controllers in the groups above where we may, set the
 * limits.  What is not possible is in @cg->lack.
 */
void cgroup_make(struct cgroup *cg, const struct cgroup_limits *limits);

/*
 * Its processes may run on the processors @cpus (cpuset(7)) and on no others.
 * -ENOTSUP without a sentence when this host has no such group (only version 2
 * is used for it, and somebody may have to delegate it); -errno with one.
 */
int cgroup_set_cpus(const struct cgroup *cg, const char *cpus, struct err *err);

/*
 * Its processes may have @bytes of memory from now on.  -ENOTSUP without a
 * sentence when no memory limit holds for it; -EBUSY with one when they have
 * more than that which the kernel cannot take back: then nothing changes; other
 * -errno with one.
 */
int cgroup_set_memory(const struct cgroup *cg, uint64_t bytes, struct err *err);

/* Was a group made? */
bool cgroup_there(const struct cgroup *cg);

/*
 * 0, or -ENOTSUP with a sentence: which of the asked limits do not hold, what
 * is unprotected by that, and the remedy.
 */
int cgroup_check(const struct cgroup *cg, struct err *err);

/* Put process @pid in, with all its threads.  -errno: at least one refused. */
int cgroup_add(const struct cgroup *cg, pid_t pid, struct err *err);

/* -1: the host does not say. */
struct cgroup_usage {
	int64_t cpu_usec;
	int64_t memory_peak; /* bytes */
	int64_t io_read, io_written; /* bytes of block devices */
	int64_t oom_kills; /* processes killed for want of memory */
	int64_t limit_hits; /* that often its own memory limit was the reason */
};

void cgroup_usage(const struct cgroup *cg, struct cgroup_usage *ret);
/* The same for people and programs, unknown is null; the caller owns it. */
struct json_object *cgroup_usage_json(const struct cgroup_usage *u);

/* Of this moment; -1: the host does not say. */
struct cgroup_now {
	int64_t cpu_usec; /* since it was made */
	int64_t memory; /* bytes, without files that are only cached */
	int64_t memory_max; /* bytes; -1 also for no limit */
	int64_t pids; /* processes and threads */
};

void cgroup_now(const struct cgroup *cg, struct cgroup_now *ret);

/*
 * Kill what is in it and remove it, and the group "belljar" above it with the
 * last one.  Waits for processes that die, at most @ms.  A group that is not
 * there is removed.  -errno with a sentence, -EBUSY when something does not
 * die.
 */
int cgroup_remove(const struct cgroup *cg, unsigned ms, struct err *err);

/*
 * What a later process needs to remove it, or to set its processors; the
 * caller owns it.  And back:
 * -EINVAL when it is not that of VM @id.
 */
struct json_object *cgroup_to_json(const struct cgroup *cg);
int cgroup_from_json(const struct cgroup_sys *sys, struct json_object *o,
		     const char *id, struct cgroup *ret);

#endif
