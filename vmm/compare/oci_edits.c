/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oci_edits.c - what a CDI file says of a device becomes part of a config.json:
 * device nodes, mounts, variables, hooks, groups.  The files are root's, as
 * docker's and podman's runtimes take them too; still, one that is broken is a
 * sentence and no surprise of the runtime's.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "vmm/compare/gpu.h"
#include "vmm/lib/json.h"

/* As CDI files and config.json both call them. */
static const char *const hook_names[] = { "prestart",	     "createRuntime",
					  "createContainer", "startContainer",
					  "poststart",	     "poststop" };

static int broken(struct err *err, const char *what)
{
	return err_say(err, EINVAL,
		       "a CDI file has %s; let the vendor's tool write it anew",
		       what);
}

/* Member @key of @o, made when it is not there. */
static struct json_object *member(struct json_object *o, const char *key,
				  enum json_type type)
{
	struct json_object *child = NULL;

	if (json_object_object_get_ex(o, key, &child) &&
	    json_object_is_type(child, type))
		return child;
	child = type == json_type_array ? json_object_new_array()
					: json_object_new_object();
	(void)json_object_object_add(o, key, child);
	return child;
}

static void copy(struct json_object *from, const char *key,
		 struct json_object *to)
{
	struct json_object *v = NULL;

	if (json_object_object_get_ex(from, key, &v))
		(void)json_object_object_add(to, key, json_object_get(v));
}

/* Kind and numbers of a node: as said, or as they are on the host. */
static int node_numbers(struct json_object *node, const char *path,
			struct json_object *to, struct err *err)
{
	const char *host = json_str_or(node, "hostPath", path);
	const char *type = json_str_or(node, "type", "");
	int64_t major = 0, minor = 0;
	struct stat st;

	if (type[0] && json_get_i64(node, "major", &major, NULL) == 0 &&
	    json_get_i64(node, "minor", &minor, NULL) == 0) {
		json_put_str(to, "type", type);
	} else {
		if (stat(host, &st) < 0)
			return err_set(err, errno, "the CDI file's device '%s'",
				       host);
		if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
			return broken(err, "a device node that is none");
		json_put_str(to, "type", S_ISCHR(st.st_mode) ? "c" : "b");
		major = major(st.st_rdev);
		minor = minor(st.st_rdev);
	}
	json_put_i64(to, "major", major);
	json_put_i64(to, "minor", minor);
	return 0;
}

static int add_node(struct json_object *doc, struct json_object *node,
		    struct err *err)
{
	struct json_object *l = member(doc, "linux", json_type_object);
	struct json_object *resources =
		member(l, "resources", json_type_object);
	const char *path = json_str_or(node, "path", "");

	if (path[0] != '/')
		return broken(err, "a device node without a path");

	AUTO_JSON struct json_object *made = json_object_new_object();
	AUTO_JSON struct json_object *allowed = json_object_new_object();
	int r = node_numbers(node, path, made, err);
	if (r < 0)
		return r;
	json_put_str(made, "path", path);
	copy(node, "fileMode", made);
	copy(node, "uid", made);
	copy(node, "gid", made);
	json_put_bool(allowed, "allow", true);
	copy(made, "type", allowed);
	copy(made, "major", allowed);
	copy(made, "minor", allowed);
	json_put_str(allowed, "access",
		     json_str_or(node, "permissions", "rwm"));
	(void)json_object_array_add(member(l, "devices", json_type_array),
				    json_object_get(made));
	(void)json_object_array_add(
		member(resources, "devices", json_type_array),
		json_object_get(allowed));
	return 0;
}

static bool has_word(struct json_object *list, const char *word)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (json_object_is_type(o, json_type_string) &&
		    strcmp(json_object_get_string(o), word) == 0)
			return true;
	}
	return false;
}

static int add_mount(struct json_object *doc, struct json_object *mount,
		     struct err *err)
{
	const char *from = json_str_or(mount, "hostPath", "");
	const char *to = json_str_or(mount, "containerPath", "");
	struct json_object *said = NULL;

	if (from[0] != '/' || to[0] != '/')
		return broken(err, "a mount without both of its paths");

	AUTO_JSON struct json_object *m = json_object_new_object();
	struct json_object *options = member(m, "options", json_type_array);
	json_put_str(m, "destination", to);
	json_put_str(m, "source", from);
	json_put_str(m, "type", json_str_or(mount, "type", "bind"));
	if (json_get_array(mount, "options", &said, NULL) == 0)
		for (size_t i = 0; i < json_object_array_length(said); i++)
			(void)json_object_array_add(
				options,
				json_object_get(
					json_object_array_get_idx(said, i)));
	/* What a runtime goes by, whatever the type says. */
	if (strcmp(json_str_or(m, "type", ""), "bind") == 0 &&
	    !has_word(options, "bind") && !has_word(options, "rbind"))
		(void)json_object_array_add(options,
					    json_object_new_string("rbind"));
	(void)json_object_array_add(member(doc, "mounts", json_type_array),
				    json_object_get(m));
	return 0;
}

static int add_env(struct json_object *doc, struct json_object *entry,
		   struct err *err)
{
	struct json_object *env =
		member(member(doc, "process", json_type_object), "env",
		       json_type_array);
	const char *text = json_object_is_type(entry, json_type_string)
				   ? json_object_get_string(entry)
				   : "";
	size_t len = strcspn(text, "=");
	size_t n = json_object_array_length(env), i = 0;

	if (len == 0 || text[len] == '\0')
		return broken(err, "a variable that is not NAME=VALUE");
	while (i < n && strncmp(json_object_get_string(
					json_object_array_get_idx(env, i)),
				text, len + 1) != 0)
		i++;
	(void)json_object_array_put_idx(env, i, json_object_get(entry));
	return 0;
}

static int add_hook(struct json_object *doc, struct json_object *hook,
		    struct err *err)
{
	const char *name = json_str_or(hook, "hookName", "");
	const char *path = json_str_or(hook, "path", "");
	size_t i = 0;

	while (i < sizeof(hook_names) / sizeof(hook_names[0]) &&
	       strcmp(hook_names[i], name) != 0)
		i++;
	if (i == sizeof(hook_names) / sizeof(hook_names[0]) || path[0] != '/')
		return broken(err, "a hook without a known name and a path");

	AUTO_JSON struct json_object *h = json_object_new_object();
	json_put_str(h, "path", path);
	copy(hook, "args", h);
	copy(hook, "env", h);
	copy(hook, "timeout", h);
	(void)json_object_array_add(
		member(member(doc, "hooks", json_type_object), hook_names[i],
		       json_type_array),
		json_object_get(h));
	return 0;
}

static int add_group(struct json_object *doc, struct json_object *gid,
		     struct err *err)
{
	struct json_object *user =
		member(member(doc, "process", json_type_object), "user",
		       json_type_object);

	if (!json_object_is_type(gid, json_type_int))
		return broken(err, "a group that is no number");
	(void)json_object_array_add(
		member(user, "additionalGids", json_type_array),
		json_object_get(gid));
	return 0;
}

static const struct {
	const char *key;
	int (*add)(struct json_object *doc, struct json_object *one,
		   struct err *err);
} kinds[] = {
	{ "deviceNodes", add_node },
	{ "mounts", add_mount },
	{ "env", add_env },
	{ "hooks", add_hook },
	{ "additionalGids", add_group },
};

int oci_edits_apply(struct json_object *doc, struct json_object *edits,
		    struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < json_object_array_length(edits); i++)
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
			struct json_object *list = NULL;

			if (json_get_array(json_object_array_get_idx(edits, i),
					   kinds[k].key, &list, NULL) < 0)
				continue;
			for (size_t j = 0;
			     r == 0 && j < json_object_array_length(list); j++)
				r = kinds[k].add(
					doc, json_object_array_get_idx(list, j),
					err);
		}
	return r;
}
