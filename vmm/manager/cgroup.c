/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup.c - a VM's control group, whatever version the host has: made, said
 * what does not hold, used, removed.
 */
#include "vmm/manager/cgroup.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/json.h"
#include "vmm/manager/cgroup_priv.h"
#include "vmm/manager/timing.h"

#define NS_MS 1000000ULL

struct cgroup_sys cgroup_host(void)
{
	return (struct cgroup_sys){ .root = "", .uid = geteuid() };
}

void cgroup_init(struct cgroup *cg)
{
	*cg = (struct cgroup){ .fd = -1 };
	for (int k = 0; k < NR_CGROUP_KINDS; k++)
		cg->of[k] = -1;
}

void cgroup_done(struct cgroup *cg)
{
	if (cg->fd >= 0)
		(void)close(cg->fd);
	strv_done(&cg->dirs);
	free(cg->mount);
	cgroup_init(cg);
}

/* 2 when it has a controller that we use, or there is nothing else. */
static int choose_version(const struct cgroup_trees *t)
{
	char list[256] = "";
	bool v1 = false;

	if (t->v2.mount)
		cgroup_line(t->v2.mount, "cgroup.controllers", list,
			    sizeof(list));
	for (enum cgroup_kind k = 0; k < NR_CGROUP_LIMITS; k++) {
		v1 |= t->v1[k].mount != NULL;
		if (cgroup_has_word(list, cgroup_name(2, k)))
			return 2;
	}
	if (v1)
		return 1;
	return t->v2.mount ? 2 : 0;
}

int cgroup_place(const struct cgroup_sys *sys, const char *parent,
		 const char *id, struct cgroup *ret)
{
	struct cgroup_trees t;
	struct cgroup cg;
	int r = cgroup_find(sys, &t);

	if (r < 0)
		return r;
	cgroup_init(&cg);
	cg.sys = *sys;
	cg.version = choose_version(&t);
	if (cg.version == 2)
		r = cgroup_v2_place(&t, parent, id, &cg);
	else if (cg.version == 1)
		r = cgroup_v1_place(&t, parent, id, &cg);
	cgroup_trees_done(&t);
	if (r < 0)
		cgroup_done(&cg);
	else
		*ret = cg;
	return r;
}

const char *cgroup_dir(const struct cgroup *cg, enum cgroup_kind kind)
{
	return cg->of[kind] < 0 ? NULL : cg->dirs.v[cg->of[kind]];
}

int cgroup_mkdir(const struct cgroup *cg, const char *path)
{
	const struct cgroup_ops *ops = cg->sys.ops;
	int r;

	if (ops)
		r = ops->mkdir(ops->arg, path);
	else
		r = mkdir(path, 0755) < 0 ? -errno : 0;
	return r == -EEXIST ? 0 : r;
}

static int remove_dir(const struct cgroup *cg, const char *path)
{
	const struct cgroup_ops *ops = cg->sys.ops;

	if (ops)
		return ops->rmdir(ops->arg, path);
	return rmdir(path) < 0 ? -errno : 0;
}

static bool asked(const struct cgroup_limits *l, enum cgroup_kind kind)
{
	switch (kind) {
	case CGROUP_MEMORY:
		return l->memory != 0;
	case CGROUP_CPU:
		return l->cpu || l->shares;
	case CGROUP_PIDS:
		return l->pids != 0;
	case CGROUP_IO:
		return l->io_weight != 0;
	default:
		return false;
	}
}

void cgroup_lack(struct cgroup *cg, const struct cgroup_limits *limits,
		 enum cgroup_kind kind, enum cgroup_why why, int code)
{
	if (!asked(limits, kind))
		return;
	cg->lack[kind].why = why;
	cg->lack[kind].code = code;
}

void cgroup_lack_all(struct cgroup *cg, const struct cgroup_limits *limits,
		     enum cgroup_why why, int code)
{
	for (enum cgroup_kind k = 0; k < NR_CGROUP_LIMITS; k++)
		cgroup_lack(cg, limits, k, why, code);
}

void cgroup_make(struct cgroup *cg, const struct cgroup_limits *limits)
{
	if (cg->version == 2)
		cgroup_v2_make(cg, limits);
	else if (cg->version == 1)
		cgroup_v1_make(cg, limits);
	else
		cgroup_lack_all(cg, limits, CGROUP_NOT_MOUNTED, 0);
}

bool cgroup_there(const struct cgroup *cg)
{
	for (size_t i = 0; i < cg->dirs.n; i++)
		if (access(cg->dirs.v[i], F_OK) == 0)
			return true;
	return false;
}

/* The group above the first: what is to be writable. */
static void parent_of(const struct cgroup *cg, enum cgroup_kind kind,
		      char ret[PATH_MAX])
{
	const char *dir = cgroup_dir(cg, kind);

	if (!dir)
		dir = cg->dirs.n ? cg->dirs.v[0] : "/";
	(void)snprintf(ret, PATH_MAX, "%.*s", (int)(strrchr(dir, '/') - dir),
		       dir);
}

/* Why, and what would help. */
static void explain(const struct cgroup *cg, enum cgroup_kind kind, char *ret,
		    size_t size)
{
	const char *remedy =
		cg->version == 1 ? "run belljar as root, or boot the host with "
				   "cgroup version 2"
		: cg->sys.uid	 ? "start belljar with 'systemd-run --user "
				   "--scope', or as root"
				 : "give a writable one with --cgroup-parent";
	char parent[PATH_MAX];

	parent_of(cg, kind, parent);
	switch (cg->lack[kind].why) {
	case CGROUP_NOT_MOUNTED:
		(void)snprintf(ret, size,
			       "no cgroups are mounted here; mount cgroup2 at "
			       "/sys/fs/cgroup");
		break;
	case CGROUP_NO_CONTROLLER:
		(void)snprintf(ret, size,
			       "the host's kernel has no controller '%s' for "
			       "that; boot one that has",
			       cgroup_name(cg->version, kind));
		break;
	case CGROUP_NOT_DELEGATED:
		(void)snprintf(ret, size,
			       "controller '%s' is not on in '%.150s'; %s",
			       cgroup_name(cg->version, kind), parent,
			       cg->sys.uid ? remedy
					   : "move the processes in it to a "
					     "group below, or give another "
					     "with --cgroup-parent");
		break;
	case CGROUP_NOT_WRITABLE:
		(void)snprintf(ret, size,
			       "no cgroup can be made in '%.150s' (%s); %s",
			       parent, strerror(cg->lack[kind].code), remedy);
		break;
	default:
		(void)snprintf(ret, size,
			       "the kernel refused the limit in '%.150s' (%s)",
			       parent, strerror(cg->lack[kind].code));
		break;
	}
}

/* "memory, processor time": all that is missing. */
static void name_lacks(const struct cgroup *cg, char *ret, size_t size)
{
	static const char *const what[NR_CGROUP_LIMITS] = {
		[CGROUP_MEMORY] = "memory",
		[CGROUP_CPU] = "processor time",
		[CGROUP_PIDS] = "process numbers",
		[CGROUP_IO] = "disk time",
	};
	size_t n = 0;

	ret[0] = '\0';
	for (int k = 0; k < NR_CGROUP_LIMITS && n < size; k++)
		if (cg->lack[k].why != CGROUP_FINE)
			n += (size_t)snprintf(ret + n, size - n, "%s%s",
					      n ? ", " : "", what[k]);
}

int cgroup_check(const struct cgroup *cg, struct err *err)
{
	char what[80], why[320];
	enum cgroup_kind k = 0;

	while (k < NR_CGROUP_LIMITS && cg->lack[k].why == CGROUP_FINE)
		k++;
	if (k == NR_CGROUP_LIMITS)
		return 0;
	name_lacks(cg, what, sizeof(what));
	explain(cg, k, why, sizeof(why));
	return err_say(err, ENOTSUP,
		       "no cgroup limits the VM's processes in: %s; a guest "
		       "that broke out could use up the host's: %s",
		       what, why);
}

int cgroup_add(const struct cgroup *cg, pid_t pid, struct err *err)
{
	int failed = 0;
	size_t where = 0;

	for (size_t i = 0; i < cg->dirs.n; i++) {
		int r = cgroup_write(cg->dirs.v[i], "cgroup.procs", "%d",
				     (int)pid);

		/* What could not be made has been noted. */
		if (r == 0 || r == -ENOENT)
			continue;
		if (failed == 0)
			where = i;
		failed = failed ? failed : r;
	}
	return failed ? err_set(err, -failed,
				"the VM's limits do not hold for process %d: "
				"it cannot be put into '%s'",
				(int)pid, cg->dirs.v[where])
		      : 0;
}

void cgroup_usage(const struct cgroup *cg, struct cgroup_usage *ret)
{
	*ret = (struct cgroup_usage){ -1, -1, -1, -1, -1, -1 };
	if (cg->dirs.n == 0)
		return;
	if (cg->version == 2)
		cgroup_v2_usage(cg, ret);
	else if (cg->version == 1)
		cgroup_v1_usage(cg, ret);
}

struct json_object *cgroup_usage_json(const struct cgroup_usage *u)
{
	const struct {
		const char *key;
		int64_t v;
	} all[] = {
		{ "cpu_usec", u->cpu_usec },
		{ "memory_peak", u->memory_peak },
		{ "io_read", u->io_read },
		{ "io_written", u->io_written },
		{ "oom_kills", u->oom_kills },
	};
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; o && i < sizeof(all) / sizeof(all[0]); i++)
		(void)json_object_object_add(
			o, all[i].key,
			all[i].v < 0 ? NULL : json_object_new_int64(all[i].v));
	return o;
}

static int remove_one(const struct cgroup *cg, const char *dir, uint64_t until)
{
	int r;

	while ((r = remove_dir(cg, dir)) == -EBUSY) {
		uint64_t now = timing_now();

		if (now >= until)
			return r;
		cgroup_kill(dir);
		cgroup_wait_empty(dir, (unsigned)((until - now) / NS_MS) + 1);
		r = remove_dir(cg, dir);
		if (r != -EBUSY)
			break;
		/* Empty, but the kernel is not done: there is no event. */
		(void)poll(NULL, 0, 1);
	}
	return r == -ENOENT ? 0 : r;
}

/* Another VM in it: then it stays, and goes with that. */
static void remove_parent(const struct cgroup *cg, const char *dir)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(dir, '/');

	(void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - dir), dir);
	slash = strrchr(parent, '/');
	if (slash && strcmp(slash + 1, CGROUP_PARENT) == 0)
		(void)remove_dir(cg, parent);
}

int cgroup_remove(const struct cgroup *cg, unsigned ms, struct err *err)
{
	uint64_t until = timing_now() + ms * NS_MS;
	int r = 0;

	for (size_t i = 0; i < cg->dirs.n; i++) {
		const char *dir = cg->dirs.v[i];
		int one = remove_one(cg, dir, until);

		if (one < 0)
			r = err_set(err, -one, "remove the cgroup '%s'", dir);
		else
			remove_parent(cg, dir);
	}
	return r;
}

struct json_object *cgroup_to_json(const struct cgroup *cg)
{
	struct json_object *o = json_object_new_object();
	struct json_object *dirs = json_object_new_array();

	(void)json_object_object_add(o, "version",
				     json_object_new_int(cg->version));
	for (size_t i = 0; i < cg->dirs.n; i++)
		(void)json_object_array_add(
			dirs, json_object_new_string(cg->dirs.v[i]));
	(void)json_object_object_add(o, "dirs", dirs);
	if (cg->mount)
		json_put_str(o, "mount", cg->mount);
	return o;
}

/* No file makes us remove a directory that is not named for the VM. */
static bool is_of(const char *dir, const char *id)
{
	const char *slash = strrchr(dir, '/');

	return dir[0] == '/' && slash && strcmp(slash + 1, id) == 0 &&
	       !strstr(dir, "/../");
}

/* Where the hierarchy of its one directory is; of no use if it is not above. */
static int read_mount(struct json_object *o, struct cgroup *cg)
{
	const char *mount = json_str_or(o, "mount", "");
	size_t len = strlen(mount);

	if (len == 0 || cg->dirs.n != 1 ||
	    strncmp(cg->dirs.v[0], mount, len) != 0 ||
	    cg->dirs.v[0][len] != '/')
		return 0;
	cg->mount = strdup(mount);
	return cg->mount ? 0 : -ENOMEM;
}

int cgroup_from_json(const struct cgroup_sys *sys, struct json_object *o,
		     const char *id, struct cgroup *ret)
{
	struct json_object *dirs = NULL;
	struct cgroup cg;
	int64_t version = 0;
	int r = json_get_array(o, "dirs", &dirs, NULL);

	if (r < 0 || json_get_i64(o, "version", &version, NULL) < 0)
		return -EINVAL;
	cgroup_init(&cg);
	cg.sys = *sys;
	cg.version = version == 2 ? 2 : 1;
	for (size_t i = 0; r == 0 && i < json_object_array_length(dirs); i++) {
		const char *dir = json_object_get_string(
			json_object_array_get_idx(dirs, i));

		r = dir && is_of(dir, id) ? strv_add(&cg.dirs, "%s", dir)
					  : -EINVAL;
	}
	if (r == 0)
		r = read_mount(o, &cg);
	if (r < 0)
		cgroup_done(&cg);
	else
		*ret = cg;
	return r;
}
