/* SPDX-License-Identifier: Apache-2.0 */
/* tree_walk.c - where a path of a layer leads, inside the tree. */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <string.h>

#include "vmm/manager/archive.h"
#include "vmm/manager/tree_priv.h"

#define SYMLINKS_MAX 40 /* followed in one path, as Linux does */

/* Room for a key whose name is as long as a name may be. */
union key {
	struct tree_node node;
	char room[sizeof(struct tree_node) + ARCHIVE_NAME_MAX + 1];
};

static struct tree_node *find_child(const struct tree *t,
				    struct tree_node *parent, const char *name,
				    size_t len, struct tree_node *key)
{
	key->parent = parent;
	memcpy(key->name, name, len);
	key->name[len] = '\0';
	struct tree_node *const *slot = tfind(key, &t->index, tree_compare);
	return slot ? *slot : NULL;
}

static int refuse(const char *path, const char *why, struct err *err)
{
	char shown[160];

	return err_say(err, EINVAL, "the entry '%s' %s",
		       archive_printable(path, shown, sizeof(shown)), why);
}

/* Go on at the target of the symlink @n, then along the rest. */
static int follow(struct tree_walk *w, struct tree *t,
		  const struct tree_node *n, const char *path, struct err *err)
{
	const char *target = n->inode->target;
	char *to = w->text[w->links % 2];

	if (w->links++ >= SYMLINKS_MAX)
		return refuse(path, "lies behind symbolic links in a loop",
			      err);
	if (snprintf(to, sizeof(w->text[0]), "%s/%s", target, w->rest) >=
	    (int)sizeof(w->text[0]))
		return refuse(path, "lies behind links that are too long", err);
	if (target[0] == '/')
		w->at = t->root;
	w->rest = to;
	return 0;
}

/* Enter the next directory of the path.  1: it is missing. */
static int enter(struct tree_walk *w, struct tree *t, const char *name,
		 size_t len, const char *path, struct err *err)
{
	union key key;

	if (len == 0 || (len == 1 && name[0] == '.'))
		return 0;
	if (len == 2 && name[0] == '.' && name[1] == '.') {
		if (!w->at->parent)
			return refuse(path,
				      "escapes from the image through a "
				      "symbolic link",
				      err);
		w->at = w->at->parent;
		return 0;
	}
	if (len > ARCHIVE_NAME_MAX)
		return refuse(path, "lies behind a name of over 255 bytes",
			      err);
	struct tree_node *n = find_child(t, w->at, name, len, &key.node);
	if (!n && !w->make)
		return 1;
	if (!n)
		return tree_add_implicit(t, w->at, name, len, &w->at, err);
	if (n->inode->kind == TREE_SYMLINK)
		return follow(w, t, n, path, err);
	if (n->inode->kind == TREE_OTHER)
		return refuse(path, "lies below something that is no directory",
			      err);
	w->at = n;
	return 0;
}

int tree_find_parent(struct tree *t, const char *path, bool make,
		     struct tree_node **ret, const char **ret_name,
		     struct err *err)
{
	const char *slash = strrchr(path, '/');
	struct tree_walk *w = &t->walk;

	w->links = 0;
	w->rest = NULL;
	w->make = make;
	w->at = t->root;
	*ret_name = slash ? slash + 1 : path;
	if (slash) {
		memcpy(w->text[1], path, (size_t)(slash - path));
		w->text[1][slash - path] = '\0';
		w->rest = w->text[1];
	}
	while (w->rest && *w->rest) {
		const char *name = w->rest;
		size_t len = strcspn(name, "/");

		w->rest += len;
		w->rest += *w->rest == '/';
		int r = enter(w, t, name, len, path, err);
		if (r != 0)
			return r;
	}
	*ret = w->at;
	return 0;
}

struct tree_node *tree_find(struct tree *t, struct tree_node *parent,
			    const char *name)
{
	union key key;

	return name[0] ? find_child(t, parent, name, strlen(name), &key.node)
		       : t->root;
}
