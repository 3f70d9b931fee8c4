/* SPDX-License-Identifier: Apache-2.0 */
/* modtree.c - modules.dep, modules.alias, modules.softdep, modules.builtin. */
#include "vmm/lib/modtree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/lib/auto.h"

/* Soft dependencies and aliases may lead to each other, even in circles. */
#define DEPTH_MAX 4

void modlist_done(struct modlist *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->v[i]);
	free(list->v);
	*list = (struct modlist){ 0 };
}

bool modlist_has(const struct modlist *list, const char *text)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i], text) == 0)
			return true;
	return false;
}

int modlist_add(struct modlist *list, const char *text)
{
	char **v = realloc(list->v, (list->n + 1) * sizeof(*v));

	if (!v)
		return -ENOMEM;
	list->v = v;
	v[list->n] = strdup(text);
	if (!v[list->n])
		return -ENOMEM;
	list->n++;
	return 0;
}

void modtree_normalize(char *alias)
{
	for (char *c = alias; *c; c++) {
		if (*c == '-')
			*c = '_';
		else if (*c == '[')
			while (c[1] && c[1] != ']')
				c++;
	}
}

void modtree_name(const char *path, char ret[MODTREE_NAME_MAX])
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;

	/* No module has a dot in its name. */
	(void)snprintf(ret, MODTREE_NAME_MAX, "%.*s", (int)strcspn(base, "."),
		       base);
	modtree_normalize(ret);
}

const char *modtree_packed(const char *path)
{
	static const char *const ends[] = { ".xz", ".gz", ".zst" };
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < sizeof(ends) / sizeof(ends[0]); i++)
		if (strcmp(dot, ends[i]) == 0)
			return dot;
	return NULL;
}

/*
 * Is @c in the set that begins behind its '['?  Moves *@set behind its end;
 * nothing is in a set that has none.
 */
static bool in_set(const char **set, char c)
{
	bool not = **set == '!' || **set == '^';
	const char *p = *set + not ;
	const char *end = *p ? strchr(p + 1, ']') : NULL;
	bool in = false;

	if (!end)
		return false;
	*set = end + 1;
	for (; p < end; p++) {
		bool range = p + 2 < end && p[1] == '-';

		in |= c >= p[0] && c <= (range ? p[2] : p[0]);
		p += range ? 2 : 0;
	}
	return in != not ;
}

/*
 * As fnmatch(3), whose tables of wide characters would make init a third
 * larger.  Only the last star seen is ever tried again, so the time is at most
 * the product of both lengths.
 */
bool modtree_match(const char *pattern, const char *alias)
{
	const char *star = NULL, *again = NULL;

	for (;;) {
		const char *next = pattern + 1;

		if (*pattern == '*') {
			star = next;
			again = alias;
			pattern = next;
			continue;
		}
		if (!*alias && !*pattern)
			return true;
		bool same = *pattern && *alias &&
			    (*pattern == '?' || *pattern == *alias);
		if (*pattern == '[' && *alias)
			same = in_set(&next, *alias);
		if (same) {
			pattern = next;
			alias++;
		} else if (star && *again) {
			pattern = star;
			alias = ++again;
		} else {
			return false;
		}
	}
}

/*
 * Call @fn with each line of the index @file, its line break cut off, until
 * it returns other than 0.  -ENOENT: there is no such file.
 */
static int each_line(int tree, const char *file, int (*fn)(void *, char *),
		     void *arg)
{
	AUTO_CLOSE int fd = openat(tree, file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	AUTO_FCLOSE FILE *f = fdopen(fd, "r");
	if (!f)
		return -errno;
	(void)TAKE_FD(fd);

	AUTO_FREE char *line = NULL;
	size_t size = 0;
	int r = 0;
	while (r == 0 && getline(&line, &size, f) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		r = fn(arg, line);
	}
	return r == 0 && ferror(f) ? -EIO : r;
}

struct aliases {
	int (*fn)(void *arg, const char *pattern, const char *module);
	void *arg;
};

/* "alias PATTERN MODULE" */
static int alias_line(void *arg, char *line)
{
	const struct aliases *a = arg;
	char *module = strrchr(line, ' ');

	if (strncmp(line, "alias ", 6) != 0 || module <= line + 6)
		return 0;
	*module++ = '\0';
	modtree_normalize(line + 6);
	modtree_normalize(module);
	return a->fn(a->arg, line + 6, module);
}

int modtree_aliases(int tree,
		    int (*fn)(void *arg, const char *pattern,
			      const char *module),
		    void *arg)
{
	struct aliases a = { fn, arg };
	int r = each_line(tree, "modules.alias", alias_line, &a);

	return r == -ENOENT ? 0 : r;
}

/* A module that is looked for, and the line that is about it. */
struct find {
	const char *name;
	char *line;
};

/* Does @text begin with @name, which is normalized? */
static bool same_name(const char *text, const char *name)
{
	for (; *name; name++, text++)
		if (*text != *name && !(*text == '-' && *name == '_'))
			return false;
	return true;
}

/* Is "PATH: ..." about @name?  modtree_name() for each line costs more. */
static bool is_of(const char *line, const char *name)
{
	const char *base = line;

	for (const char *c = line; *c && *c != ':'; c++)
		if (*c == '/')
			base = c + 1;
	return same_name(base, name) &&
	       strncmp(base + strlen(name), ".ko", 3) == 0;
}

static int is_name(void *arg, char *line)
{
	struct find *find = arg;

	if (!is_of(line, find->name))
		return 0;
	find->line = strdup(line);
	return find->line ? 1 : -ENOMEM;
}

static bool is_builtin(int tree, const char *name)
{
	struct find find = { .name = name };
	int r = each_line(tree, "modules.builtin", is_name, &find);

	free(find.line);
	return r == 1;
}

struct resolve {
	int tree;
	struct modlist *list;
	unsigned depth;
};

static int add_name(struct resolve *r, const char *name);

/* The words of a softdep line between "@which:" and the next such mark. */
static int add_soft(struct resolve *r, const char *line, const char *which)
{
	AUTO_FREE char *copy = strdup(line);
	bool on = false;
	char *save;

	if (!copy)
		return -ENOMEM;
	for (char *w = strtok_r(copy, " ", &save); w;
	     w = strtok_r(NULL, " ", &save)) {
		if (w[strlen(w) - 1] == ':') {
			on = strcmp(w, which) == 0;
			continue;
		}
		/* What is only wished for may be missing. */
		if (on && add_name(r, w) == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

static int softdep_line(void *arg, char *line)
{
	struct find *find = arg;
	static const char mark[] = "softdep ";
	const char *name = line + sizeof(mark) - 1;
	size_t len = strlen(find->name);

	if (strncmp(line, mark, sizeof(mark) - 1) != 0 ||
	    !same_name(name, find->name) || name[len] != ' ')
		return 0;
	find->line = strdup(line);
	return find->line ? 1 : -ENOMEM;
}

static int add_path(struct resolve *r, const char *path)
{
	char name[MODTREE_NAME_MAX];

	if (modlist_has(r->list, path))
		return 0;
	modtree_name(path, name);
	struct find find = { .name = name };
	int ret = each_line(r->tree, "modules.softdep", softdep_line, &find);
	AUTO_FREE char *soft = find.line;

	if (ret == -ENOMEM)
		return ret;
	ret = soft ? add_soft(r, soft, "pre:") : 0;
	if (ret == 0 && !modlist_has(r->list, path))
		ret = modlist_add(r->list, path);
	if (ret == 0 && soft)
		ret = add_soft(r, soft, "post:");
	return ret;
}

/* "PATH: DEP DEP": each DEP may need those behind it. */
static int add_line(struct resolve *r, char *line)
{
	char *deps = strchr(line, ':');
	int ret = 0;

	if (!deps)
		return add_path(r, line);
	*deps++ = '\0';
	for (char *last; ret == 0 && (last = strrchr(deps, ' ')); *last = '\0')
		if (last[1])
			ret = add_path(r, last + 1);
	return ret == 0 ? add_path(r, line) : ret;
}

struct named {
	struct resolve *r;
	const char *alias;
	bool found;
};

static int add_alias(void *arg, const char *pattern, const char *module)
{
	struct named *n = arg;

	if (!modtree_match(pattern, n->alias))
		return 0;
	int r = add_name(n->r, module);
	n->found |= r == 0;
	return r == -ENOMEM ? r : 0;
}

/* 0, -ENOENT or -ENOMEM, or what reading the indexes gave. */
static int add_name(struct resolve *r, const char *wanted)
{
	char name[MODTREE_NAME_MAX];

	if (r->depth == DEPTH_MAX ||
	    snprintf(name, sizeof(name), "%s", wanted) >= (int)sizeof(name))
		return -ENOENT;
	modtree_normalize(name);

	struct find find = { .name = name };
	int ret = each_line(r->tree, "modules.dep", is_name, &find);
	AUTO_FREE char *line = find.line;

	if (ret < 0)
		return ret;
	if (!line && is_builtin(r->tree, name))
		return 0;
	struct named named = { r, name, line != NULL };
	r->depth++;
	ret = line ? add_line(r, line)
		   : modtree_aliases(r->tree, add_alias, &named);
	r->depth--;
	return ret < 0 || named.found ? ret : -ENOENT;
}

struct between {
	const char *begin, *end;
	char *ret;
};

static int is_between(void *arg, char *line)
{
	const struct between *b = arg;
	char name[MODTREE_NAME_MAX];

	line[strcspn(line, ":")] = '\0';
	modtree_name(line, name);
	size_t len = strlen(name), end = strlen(b->end);
	if (strncmp(name, b->begin, strlen(b->begin)) != 0 || len < end ||
	    strcmp(name + len - end, b->end) != 0)
		return 0;
	memcpy(b->ret, name, sizeof(name));
	return 1;
}

int modtree_find(int tree, const char *begin, const char *end,
		 char ret[MODTREE_NAME_MAX])
{
	struct between b = { begin, end, ret };
	int r = each_line(tree, "modules.dep", is_between, &b);

	return r == 1 ? 0 : r == 0 ? -ENOENT : r;
}

int modtree_resolve(int tree, const char *name, struct modlist *list,
		    struct err *err)
{
	struct resolve r = { .tree = tree, .list = list };
	int ret = add_name(&r, name);

	if (ret == -ENOENT)
		return err_say(err, ENOENT, "there is no module '%s'", name);
	return ret < 0 ? err_set(err, -ret, "find the module '%s'", name) : 0;
}
