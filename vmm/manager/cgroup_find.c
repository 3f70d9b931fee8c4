/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_find.c - which hierarchies are mounted, and where in them we are. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/lib/auto.h"
#include "vmm/manager/cgroup_priv.h"

const char *cgroup_name(int version, enum cgroup_kind kind)
{
	static const char *const names[NR_CGROUP_KINDS] = {
		[CGROUP_MEMORY] = "memory",   [CGROUP_CPU] = "cpu",
		[CGROUP_PIDS] = "pids",	      [CGROUP_IO] = "io",
		[CGROUP_CPUACCT] = "cpuacct",
	};

	return version == 1 && kind == CGROUP_IO ? "blkio" : names[kind];
}

bool cgroup_has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; (p = strstr(p, word)) != NULL; p += len)
		if ((p == list || strchr(" ,", p[-1])) &&
		    strchr(" ,\n", p[len]))
			return true;
	return false;
}

/* The fields of a line of mountinfo, proc(5), that matter here. */
struct mount_line {
	char *root, *point, *type, *options;
};

static bool parse_mount(char *line, struct mount_line *ret)
{
	char *field[6] = { NULL };
	char *rest = line;

	for (int i = 0; i < 6; i++)
		field[i] = strsep(&rest, " ");
	/* Optional fields, as many as there are, end at the dash. */
	for (const char *tag = ""; tag && strcmp(tag, "-") != 0;)
		tag = strsep(&rest, " ");
	if (!rest)
		return false;
	*ret = (struct mount_line){ .root = field[3], .point = field[4] };
	ret->type = strsep(&rest, " ");
	(void)strsep(&rest, " ");
	ret->options = rest;
	if (!rest)
		return false;
	rest[strcspn(rest, "\n")] = '\0';
	return true;
}

/* Only the first of several mounts of a hierarchy. */
static int take_tree(const struct cgroup_sys *sys, const struct mount_line *m,
		     struct cgroup_tree *ret)
{
	if (ret->mount)
		return 0;
	if (asprintf(&ret->mount, "%s%s", sys->root, m->point) < 0) {
		ret->mount = NULL;
		return -ENOMEM;
	}
	/* What of our path is above the mount; replaced by read_own(). */
	ret->own = strdup(m->root);
	return ret->own ? 0 : -ENOMEM;
}

static int take_mount(const struct cgroup_sys *sys, const struct mount_line *m,
		      struct cgroup_trees *t)
{
	int r = 0;

	if (strcmp(m->type, "cgroup2") == 0) {
		t->huge_charged = cgroup_has_word(m->options,
						  "memory_hugetlb_accounting");
		return take_tree(sys, m, &t->v2);
	}
	if (strcmp(m->type, "cgroup") != 0)
		return 0;
	for (enum cgroup_kind k = 0; r == 0 && k < NR_CGROUP_KINDS; k++)
		if (cgroup_has_word(m->options, cgroup_name(1, k)))
			r = take_tree(sys, m, &t->v1[k]);
	return r;
}

static FILE *open_proc(const struct cgroup_sys *sys, const char *name)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/proc/self/%s", sys->root, name);
	return fopen(path, "re");
}

static int read_mounts(const struct cgroup_sys *sys, struct cgroup_trees *t)
{
	AUTO_FCLOSE FILE *f = open_proc(sys, "mountinfo");
	AUTO_FREE char *line = NULL;
	struct mount_line m;
	size_t size = 0;
	int r = 0;

	while (f && r == 0 && getline(&line, &size, f) > 0)
		if (parse_mount(line, &m))
			r = take_mount(sys, &m, t);
	return r;
}

/* @path is from the hierarchy's root on; the mount may begin further down. */
static int set_own(struct cgroup_tree *t, const char *path)
{
	size_t len = t->mount ? strlen(t->own) : 0;

	if (!t->mount)
		return 0;
	if (len > 1 && strncmp(path, t->own, len) == 0 &&
	    (path[len] == '/' || path[len] == '\0'))
		path += len;
	char *own = strdup(path[0] ? path : "/");
	if (!own)
		return -ENOMEM;
	free(t->own);
	t->own = own;
	return 0;
}

static int read_own(const struct cgroup_sys *sys, struct cgroup_trees *t)
{
	AUTO_FCLOSE FILE *f = open_proc(sys, "cgroup");
	AUTO_FREE char *line = NULL;
	size_t size = 0;
	int r = 0;

	while (f && r == 0 && getline(&line, &size, f) > 0) {
		char *path = line;

		line[strcspn(line, "\n")] = '\0';
		const char *number = strsep(&path, ":");
		const char *list = path ? strsep(&path, ":") : NULL;
		if (!path)
			continue;
		if (strcmp(number, "0") == 0)
			r = set_own(&t->v2, path);
		for (enum cgroup_kind k = 0; r == 0 && k < NR_CGROUP_KINDS; k++)
			if (cgroup_has_word(list, cgroup_name(1, k)))
				r = set_own(&t->v1[k], path);
	}
	return r;
}

int cgroup_find(const struct cgroup_sys *sys, struct cgroup_trees *ret)
{
	struct cgroup_trees t = { .huge_charged = false };
	int r = read_mounts(sys, &t);

	if (r == 0)
		r = read_own(sys, &t);
	if (r < 0)
		cgroup_trees_done(&t);
	else
		*ret = t;
	return r;
}

static void tree_done(struct cgroup_tree *t)
{
	free(t->mount);
	free(t->own);
}

void cgroup_trees_done(struct cgroup_trees *t)
{
	tree_done(&t->v2);
	for (enum cgroup_kind k = 0; k < NR_CGROUP_KINDS; k++)
		tree_done(&t->v1[k]);
}
