/* SPDX-License-Identifier: Apache-2.0 */
/* cdi.c - find a CDI name in the vendors' files and read what it says. */
#include "vmm/manager/cdi.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/lib/json.h"
#include "vmm/manager/yaml.h"

#define SPEC_MAX (1U << 20)

struct search {
	const struct hostdev_sys *sys;
	const struct hostdev_list *all;
	const struct hostdev *function; /* whose name is sought; or NULL */
	const char *name; /* vendor.com/class=name, whole */
	char kind[128]; /* vendor.com/class */
	const char *device; /* name */
	struct json_object *spec; /* owned: the file that has it */
	struct json_object *found; /* in spec */
	char file[PATH_MAX];
	struct err broken; /* the first file that could not be read */
	char others[200]; /* names of the same kind */
};

/* Of a node on the host. */
static const char *node_path(struct json_object *node)
{
	return json_str_or(node, "hostPath", json_str_or(node, "path", ""));
}

static bool ends_with(const char *text, const char *end)
{
	size_t a = strlen(text), b = strlen(end);

	return a > b && strcmp(text + a - b, end) == 0;
}

static int read_spec(const char *path, struct json_object **ret,
		     struct err *err)
{
	AUTO_FREE char *text = NULL;
	struct stat st;

	/* Opening a pipe waits for whoever writes to it. */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return err_say(err, EINVAL, "'%s' is not a file", path);
	int r = io_read_file(path, SPEC_MAX, &text, err);
	if (r < 0)
		return r;
	return ends_with(path, ".json")
		       ? json_parse(text, strlen(text), path, ret, err)
		       : yaml_parse(text, strlen(text), path, ret, err);
}

/* For a sentence: no control bytes for the user's terminal. */
static void remember(struct search *s, const char *name)
{
	size_t len = strlen(s->others);

	for (const char *c = name; *c; c++)
		if (*c < '!' || *c > '~')
			return;
	(void)snprintf(s->others + len, sizeof(s->others) - len, "%s%s=%s",
		       len ? ", " : "", s->kind, name);
}

/* Does the device @o of a file lead to our function, and to no other? */
static bool leads_there(const struct search *s, struct json_object *o)
{
	struct json_object *edits = NULL, *list = NULL;
	const struct hostdev *dev[HOSTDEV_TAKE_MAX];
	bool there = false;

	if (json_get_obj(o, "containerEdits", &edits, NULL) < 0 ||
	    json_get_array(edits, "deviceNodes", &list, NULL) < 0)
		return false;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		size_t n = cdi_node_functions(
			s->sys, s->all,
			node_path(json_object_array_get_idx(list, i)), dev,
			HOSTDEV_TAKE_MAX);

		for (size_t j = 0; j < n; j++)
			if (dev[j] != s->function)
				return false;
		there |= n > 0;
	}
	return there;
}

/* The entry of `devices` with our name, or function. */
static struct json_object *find_entry(struct search *s,
				      struct json_object *spec)
{
	struct json_object *list = NULL;

	if ((!s->function &&
	     strcmp(json_str_or(spec, "kind", ""), s->kind) != 0) ||
	    json_get_array(spec, "devices", &list, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *name = json_str_or(o, "name", "");

		if (s->function ? leads_there(s, o)
				: strcmp(name, s->device) == 0)
			return o;
		if (!s->function)
			remember(s, name);
	}
	return NULL;
}

/*
 * -EEXIST: another file of this directory has the name already, and none of
 * the two is the right one.
 */
static int look_into(struct search *s, const char *path, bool first,
		     struct err *err)
{
	AUTO_JSON struct json_object *spec = NULL;
	struct err why = { 0 };

	int r = read_spec(path, &spec, &why);
	if (r == 0 && !json_object_is_type(spec, json_type_object))
		r = err_say(&why, EINVAL, "%s is no CDI file", path);
	if (r < 0) {
		if (!s->broken.code)
			s->broken = why;
		return 0;
	}
	struct json_object *entry = find_entry(s, spec);
	if (!entry || (s->function && !first))
		return 0;
	if (!first)
		return err_say(err, EEXIST,
			       "CDI device '%s' is in both '%s' and '%s'; "
			       "remove one of the files",
			       s->name, s->file, path);
	json_object_put(s->spec);
	s->spec = TAKE_PTR(spec);
	s->found = entry;
	(void)snprintf(s->file, sizeof(s->file), "%s", path);
	return 0;
}

static int is_spec(const struct dirent *e)
{
	return e->d_name[0] != '.' &&
	       (ends_with(e->d_name, ".json") || ends_with(e->d_name, ".yaml"));
}

static int search_dir(struct search *s, const char *dir, struct err *err)
{
	struct json_object *before = s->found;
	struct dirent **list = NULL;
	char path[PATH_MAX];
	int r = 0;

	int n = scandir(dir, &list, is_spec, alphasort);
	for (int i = 0; i < n; i++) {
		int len = snprintf(path, sizeof(path), "%s/%s", dir,
				   list[i]->d_name);

		if (r == 0 && len < (int)sizeof(path))
			r = look_into(s, path, s->found == before, err);
		free(list[i]);
	}
	free(list);
	return r;
}

/* /var/run is /run on most hosts: each directory is read once. */
static int search_defaults(struct search *s, struct err *err)
{
	static const char *const dirs[] = { CDI_DIRS };
	struct stat seen[sizeof(dirs) / sizeof(dirs[0])] = { 0 };
	char path[PATH_MAX];
	int r = 0;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		bool again = false;

		(void)snprintf(path, sizeof(path), "%s%s",
			       s->sys->root ? s->sys->root : "", dirs[i]);
		if (stat(path, &seen[i]) < 0)
			continue;
		for (size_t j = 0; j < i; j++)
			again |= seen[j].st_ino == seen[i].st_ino &&
				 seen[j].st_dev == seen[i].st_dev;
		if (r == 0 && !again)
			r = search_dir(s, path, err);
	}
	return r;
}

static int search_given(struct search *s, const struct strv *dirs,
			struct err *err)
{
	struct stat st;
	int r = 0;

	for (size_t i = 0; r == 0 && i < dirs->n; i++) {
		if (stat(dirs->v[i], &st) < 0)
			return err_set(err, errno, "--cdi-spec-dir '%s'",
				       dirs->v[i]);
		r = search_dir(s, dirs->v[i], err);
	}
	return r;
}

static bool add_function(struct cdi_device *ret, const struct hostdev *dev)
{
	for (size_t i = 0; i < ret->nr; i++)
		if (ret->dev[i] == dev)
			return true;
	if (ret->nr == HOSTDEV_TAKE_MAX)
		return false;
	ret->dev[ret->nr++] = dev;
	return true;
}

static int add_node(const struct search *s, struct json_object *node,
		    struct cdi_device *ret, struct err *err)
{
	const struct hostdev *dev[HOSTDEV_TAKE_MAX];
	const char *path = node_path(node);

	/* One slice of a GPU, and behind it the GPU of everybody. */
	if (strncmp(path, "/dev/nvidia-caps/", 17) == 0)
		return err_say(err, ENOTSUP,
			       "CDI device '%s' is a slice of a GPU, and a VM "
			       "takes a whole one; give the GPU",
			       s->name);
	size_t n =
		cdi_node_functions(s->sys, s->all, path, dev, HOSTDEV_TAKE_MAX);
	for (size_t i = 0; i < n; i++)
		if (!add_function(ret, dev[i]))
			return err_say(err, E2BIG,
				       "CDI device '%s' has more than the %d "
				       "functions that a VM can have; name "
				       "them with --device vfio=ADDRESS",
				       s->name, HOSTDEV_TAKE_MAX);
	return 0;
}

static bool has_items(struct json_object *edits, const char *key)
{
	struct json_object *list = NULL;

	return json_get_array(edits, key, &list, NULL) == 0 &&
	       json_object_array_length(list) > 0;
}

static int add_env(const struct search *s, struct json_object *list,
		   struct strv *ret, struct err *err)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *text = json_object_is_type(o, json_type_string)
					   ? json_object_get_string(o)
					   : "";

		if (text[0] == '\0' || text[0] == '=' || !strchr(text, '='))
			return err_say(err, EINVAL,
				       "CDI device '%s' has a variable in '%s' "
				       "that is not NAME=VALUE",
				       s->name, s->file);
		int r = strv_set_env(ret, text);
		if (r < 0)
			return err_set(err, -r, "read '%s'", s->file);
	}
	return 0;
}

/* One containerEdits: the file's own, or the device's. */
static int apply(const struct search *s, struct json_object *owner,
		 struct cdi_device *ret, struct err *err)
{
	struct json_object *edits = NULL, *list = NULL;
	int r = 0;

	if (json_get_obj(owner, "containerEdits", &edits, NULL) < 0)
		return 0;
	if (json_get_array(edits, "deviceNodes", &list, NULL) == 0)
		for (size_t i = 0; r == 0 && i < json_object_array_length(list);
		     i++)
			r = add_node(s, json_object_array_get_idx(list, i), ret,
				     err);
	if (r == 0 && json_get_array(edits, "env", &list, NULL) == 0)
		r = add_env(s, list, &ret->env, err);
	ret->left_out |=
		has_items(edits, "mounts") || has_items(edits, "hooks");
	return r;
}

static int not_found(const struct search *s, struct err *err)
{
	if (s->broken.code)
		return err_say(err, ENOENT,
			       "no CDI file has '%s', and one could not be "
			       "read: %.300s",
			       s->name, s->broken.msg);
	if (s->others[0])
		return err_say(err, ENOENT,
			       "no CDI file has '%s'; there are %s", s->name,
			       s->others);
	return err_say(err, ENOENT,
		       "no CDI file below /etc/cdi or /var/run/cdi has '%s'; "
		       "the vendor's tool writes them ('nvidia-ctk cdi "
		       "generate'), --cdi-spec-dir says where they are, and "
		       "--device vfio=ADDRESS needs none",
		       s->name);
}

static int resolve(struct search *s, struct cdi_device *ret, struct err *err)
{
	if (!s->found)
		return not_found(s, err);
	int r = apply(s, s->spec, ret, err);
	if (r == 0)
		r = apply(s, s->found, ret, err);
	if (r == 0 && ret->nr == 0)
		return err_say(err, ENODEV,
			       "CDI device '%s' of '%s' names no file that "
			       "leads to a PCI function now; if its driver has "
			       "gone, give --device vfio=ADDRESS ('belljar gpu "
			       "ls')",
			       s->name, s->file);
	return r;
}

static int search(struct search *s, const struct strv *dirs, struct err *err)
{
	return dirs->n ? search_given(s, dirs, err) : search_defaults(s, err);
}

int cdi_find(const struct hostdev_sys *sys, const struct strv *dirs,
	     const struct hostdev_list *all, const char *name,
	     struct cdi_device *ret, struct err *err)
{
	struct search s = { .sys = sys, .all = all, .name = name };
	const char *equals = strchr(name, '=');

	*ret = (struct cdi_device){ .nr = 0 };
	if (!equals || (size_t)(equals - name) >= sizeof(s.kind))
		return err_say(err, EINVAL, "'%s' is no CDI name", name);
	memcpy(s.kind, name, (size_t)(equals - name));
	s.device = equals + 1;

	int r = search(&s, dirs, err);
	if (r == 0)
		r = resolve(&s, ret, err);
	json_object_put(s.spec);
	return r;
}

void cdi_device_done(struct cdi_device *dev)
{
	strv_done(&dev->env);
}

static int put_edits(struct json_object *owner, struct json_object *list,
		     struct err *err)
{
	struct json_object *edits = NULL;

	if (json_get_obj(owner, "containerEdits", &edits, NULL) < 0 ||
	    json_object_array_add(list, json_object_get(edits)) == 0)
		return 0;
	json_object_put(edits);
	return err_set(err, ENOMEM, "read CDI files");
}

int cdi_edits(const struct hostdev_sys *sys, const struct strv *dirs,
	      const struct hostdev_list *all, const struct hostdev *function,
	      struct json_object **ret, struct err *err)
{
	struct search s = { .sys = sys,
			    .all = all,
			    .function = function,
			    .name = "",
			    .device = "" };
	AUTO_JSON struct json_object *list = json_object_new_array();

	if (!list)
		return err_set(err, ENOMEM, "read CDI files");
	int r = search(&s, dirs, err);
	if (r == 0 && !s.found)
		r = err_say(err, ENOENT,
			    "no CDI file says how a container gets %s%s%.200s; "
			    "the vendor's tool writes them ('nvidia-ctk cdi "
			    "generate'), --cdi-spec-dir says where they are",
			    function->bdf,
			    s.broken.code ? ", and one could not be read: "
					  : "",
			    s.broken.code ? s.broken.msg : "");
	if (r == 0)
		r = put_edits(s.spec, list, err);
	if (r == 0)
		r = put_edits(s.found, list, err);
	if (r == 0)
		*ret = TAKE_PTR(list);
	json_object_put(s.spec);
	return r;
}
