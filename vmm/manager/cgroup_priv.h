/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_priv.h - shared by the files cgroup*.c only. */
#ifndef VMM_MANAGER_CGROUP_PRIV_H
#define VMM_MANAGER_CGROUP_PRIV_H

#include "vmm/manager/cgroup.h"

#define CGROUP_PARENT "belljar" /* the group above those of VMs */
#define CGROUP_PERIOD 100000 /* us, of processor time: the kernel's default */
#define CGROUP_TRIES  8 /* the parent may vanish with the last VM in it */

/* One mounted hierarchy. */
struct cgroup_tree {
	char *mount; /* sys->root in front; NULL: not there */
	char *own; /* our own group in it: "/", "/a/b" */
};

struct cgroup_trees {
	struct cgroup_tree v2;
	struct cgroup_tree v1[NR_CGROUP_KINDS];
	bool huge_charged;
};

/* cgroup_find.c: read /proc/self/mountinfo and /proc/self/cgroup.  -ENOMEM. */
int cgroup_find(const struct cgroup_sys *sys, struct cgroup_trees *ret);
void cgroup_trees_done(struct cgroup_trees *t);

/* The name of a controller: "memory"; "io" is "blkio" in version 1. */
const char *cgroup_name(int version, enum cgroup_kind kind);
/* Is @word one of the words of @list? */
bool cgroup_has_word(const char *list, const char *word);

/* cgroup_file.c: the files of a group. */
/* The first line; "" when it cannot be read. */
void cgroup_line(const char *dir, const char *file, char *buf, size_t size);
/* In one write().  0 or -errno.  What is formatted is short. */
int cgroup_put(const char *dir, const char *file, const char *text);
int cgroup_write(const char *dir, const char *file, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A file of one number; -1 when it says something else. */
int64_t cgroup_number(const char *dir, const char *file);
/* The number that @text begins with; 0 when it is none. */
int64_t cgroup_leading(const char *text);
/* The number behind @key in a file of lines "KEY NUMBER"; -1. */
int64_t cgroup_keyed(const char *dir, const char *file, const char *key);
/* SIGKILL for each process in it, again if they fork meanwhile. */
void cgroup_kill(const char *dir);
/* Until no process is in it, or @ms are over. */
void cgroup_wait_empty(const char *dir, unsigned ms);

/* The directory of @kind, or NULL. */
const char *cgroup_dir(const struct cgroup *cg, enum cgroup_kind kind);
/* mkdir, or what a made-up host has for it; being there is no failure. */
int cgroup_mkdir(const struct cgroup *cg, const char *path);
/* Note that @kind does not hold, unless it was not asked for. */
void cgroup_lack(struct cgroup *cg, const struct cgroup_limits *limits,
		 enum cgroup_kind kind, enum cgroup_why why, int code);
/* The same for all that were asked for. */
void cgroup_lack_all(struct cgroup *cg, const struct cgroup_limits *limits,
		     enum cgroup_why why, int code);

/* cgroup_v1.c, cgroup_v2.c: behind the functions of cgroup.h. */
int cgroup_v1_place(const struct cgroup_trees *t, const char *parent,
		    const char *id, struct cgroup *cg);
void cgroup_v1_make(struct cgroup *cg, const struct cgroup_limits *limits);
void cgroup_v1_usage(const struct cgroup *cg, struct cgroup_usage *u);
int cgroup_v2_place(const struct cgroup_trees *t, const char *parent,
		    const char *id, struct cgroup *cg);
void cgroup_v2_make(struct cgroup *cg, const struct cgroup_limits *limits);
void cgroup_v2_usage(const struct cgroup *cg, struct cgroup_usage *u);

#endif
