/* SPDX-License-Identifier: Apache-2.0 */
/* oci_config.c - the settings in an image's configuration (config.md). */
#include <errno.h>
#include <string.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/json.h"
#include "vmm/manager/oci.h"

#define STRING_MAX (128u << 10) /* one argument of execve() in Linux */

#if defined(__x86_64__)
#define ARCHITECTURE "amd64"
#elif defined(__aarch64__)
#define ARCHITECTURE "arm64"
#endif

const char *oci_architecture(void)
{
	return ARCHITECTURE;
}

static void free_strings(char **list)
{
	for (char **s = list; s && *s; s++)
		free(*s);
	free(list);
}

void oci_config_done(struct image_config *c)
{
	free_strings(c->env);
	free_strings(c->entrypoint);
	free_strings(c->cmd);
	free_strings(c->ports);
	free(c->working_dir);
	free(c->user);
	free(c->stop_signal);
	free(c->architecture);
	*c = (struct image_config){ 0 };
}

/* A member that is absent or null is the same: Go writes both. */
static struct json_object *member(struct json_object *obj, const char *key)
{
	struct json_object *v = NULL;

	if (json_object_is_type(obj, json_type_object))
		(void)json_object_object_get_ex(obj, key, &v);
	return v;
}

static int check_string(const char *text, size_t len, const char *key,
			struct err *err)
{
	if (memchr(text, '\0', len))
		return err_say(err, EINVAL, "'%s' contains a NUL byte", key);
	if (len >= STRING_MAX)
		return err_say(err, EINVAL, "'%s' is longer than 128 KiB", key);
	return 0;
}

static int copy_string(struct json_object *v, const char *key, char **ret,
		       struct err *err)
{
	if (!json_object_is_type(v, json_type_string))
		return err_say(err, EINVAL, "'%s' is not made of strings", key);
	const char *text = json_object_get_string(v);
	size_t len = (size_t)json_object_get_string_len(v);
	int r = check_string(text, len, key, err);
	if (r < 0)
		return r;
	*ret = strdup(text);
	return *ret ? 0 : err_set(err, ENOMEM, "read '%s'", key);
}

static int get_string(struct json_object *obj, const char *key, char **ret,
		      struct err *err)
{
	struct json_object *v = member(obj, key);

	if (!v || (json_object_is_type(v, json_type_string) &&
		   json_object_get_string_len(v) == 0))
		return 0;
	return copy_string(v, key, ret, err);
}

static int get_list(struct json_object *obj, const char *key, char ***ret,
		    struct err *err)
{
	struct json_object *v = member(obj, key);
	size_t nr = 0;

	if (v && !json_object_is_type(v, json_type_array))
		return err_say(err, EINVAL, "'%s' is not a list", key);
	if (v)
		nr = json_object_array_length(v);
	if (nr > OCI_STRINGS)
		return err_say(err, EINVAL, "'%s' has over %d elements", key,
			       OCI_STRINGS);
	*ret = calloc(nr + 1, sizeof(**ret));
	if (!*ret)
		return err_set(err, ENOMEM, "read '%s'", key);
	for (size_t i = 0; i < nr; i++) {
		int r = copy_string(json_object_array_get_idx(v, i), key,
				    &(*ret)[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ExposedPorts is a Go set: an object whose keys are what counts. */
static int get_keys(struct json_object *obj, const char *key, char ***ret,
		    struct err *err)
{
	struct json_object *v = member(obj, key);
	size_t nr = 0;

	if (v && !json_object_is_type(v, json_type_object))
		return err_say(err, EINVAL, "'%s' is not an object", key);
	if (v)
		nr = (size_t)json_object_object_length(v);
	if (nr > OCI_STRINGS)
		return err_say(err, EINVAL, "'%s' has over %d members", key,
			       OCI_STRINGS);
	*ret = calloc(nr + 1, sizeof(**ret));
	if (!*ret)
		return err_set(err, ENOMEM, "read '%s'", key);
	if (nr == 0)
		return 0;

	char **next = *ret;
	json_object_object_foreach(v, name, value)
	{
		(void)value;
		*next = strdup(name);
		if (!*next++)
			return err_set(err, ENOMEM, "read '%s'", key);
	}
	return 0;
}

static int read_settings(struct json_object *doc, struct image_config *c,
			 struct err *err)
{
	struct json_object *obj = member(doc, "config");

	if (obj && !json_object_is_type(obj, json_type_object))
		return err_say(err, EINVAL, "'config' is not an object");

	int r = get_list(obj, "Env", &c->env, err);
	if (r == 0)
		r = get_list(obj, "Entrypoint", &c->entrypoint, err);
	if (r == 0)
		r = get_list(obj, "Cmd", &c->cmd, err);
	if (r == 0)
		r = get_keys(obj, "ExposedPorts", &c->ports, err);
	if (r == 0)
		r = get_string(obj, "WorkingDir", &c->working_dir, err);
	if (r == 0)
		r = get_string(obj, "User", &c->user, err);
	if (r == 0)
		r = get_string(obj, "StopSignal", &c->stop_signal, err);
	if (r == 0)
		r = get_string(doc, "architecture", &c->architecture, err);
	return r;
}

int oci_parse_config(const char *text, size_t len, struct image_config *ret,
		     struct err *err)
{
	AUTO_JSON struct json_object *doc = NULL;
	struct image_config config = { 0 };
	int r = json_parse(text, len, "the image's configuration", &doc, err);

	if (r < 0)
		return r;
	r = read_settings(doc, &config, err);
	if (r < 0) {
		oci_config_done(&config);
		return err_wrap(err, "the image's configuration");
	}
	*ret = config;
	return 0;
}
