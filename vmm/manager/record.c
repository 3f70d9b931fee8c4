/* SPDX-License-Identifier: Apache-2.0 */
/* record.c - the record of a run: made, written, completed. */
#include "vmm/manager/record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/lib/json.h"
#include "vmm/manager/devices.h"
#include "vmm/manager/limits.h"
#include "vmm/manager/pin.h"

#define RECORD_MAX (4U << 20)
#define KILLED                                                                 \
	"the keeper of the VM was killed; 'finished' is when that was seen"

/* In the order of enum jail_wall's bits. */
static const char *const walls[JAIL_WALLS] = {
	"user namespace",   "pid namespace",	  "empty root",
	"other namespaces", "user id of its own", "landlock",
};

int record_path(const struct manager *mgr, const struct run_options *o,
		const char *id, char ret[PATH_MAX], struct err *err)
{
	char cwd[PATH_MAX];
	int n = 0;

	ret[0] = '\0';
	if (o->record && o->record[0] == '/') {
		n = snprintf(ret, PATH_MAX, "%s", o->record);
	} else if (o->record) {
		if (!getcwd(cwd, sizeof(cwd)))
			return err_set(err, errno, "--record %s", o->record);
		n = snprintf(ret, PATH_MAX, "%s/%s", cwd, o->record);
	} else if (o->profile) {
		n = snprintf(ret, PATH_MAX, "%s/records/%s.json", mgr->data,
			     id);
	}
	return n >= PATH_MAX ? err_set(err, ENAMETOOLONG, "the record") : 0;
}

struct json_object *record_time(time_t t)
{
	char text[32] = "";
	struct tm tm;

	if (!gmtime_r(&t, &tm) ||
	    !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return NULL;
	return json_object_new_string(text);
}

static void put(struct json_object *o, const char *key, struct json_object *v)
{
	(void)json_object_object_add(o, key, v);
}

static struct json_object *text(const char *s)
{
	return s ? json_object_new_string(s) : NULL;
}

static struct json_object *list(const struct strv *from)
{
	struct json_object *a = json_object_new_array();

	for (size_t i = 0; i < from->n; i++)
		(void)json_object_array_add(a, text(from->v[i]));
	return a;
}

/* Values may be secrets; which there were is worth knowing. */
static struct json_object *names(const struct strv *env)
{
	struct json_object *a = json_object_new_array();

	for (size_t i = 0; i < env->n; i++) {
		size_t len = strcspn(env->v[i], "=");

		(void)json_object_array_add(
			a, json_object_new_string_len(env->v[i], (int)len));
	}
	return a;
}

static struct json_object *image(const struct spec *s)
{
	struct json_object *o = json_object_new_object();
	char digest[96];

	(void)snprintf(digest, sizeof(digest), "sha256:%s", s->image_id);
	put(o, "name", text(s->image_name));
	put(o, "digest", text(digest));
	return o;
}

static struct json_object *kernel(const struct kernel *k)
{
	struct json_object *o = json_object_new_object();

	put(o, "flavour", text(k->flavour));
	put(o, "version", text(k->version[0] ? k->version : NULL));
	put(o, "path", text(k->image));
	return o;
}

static struct json_object *jail(const struct spec *s,
				const struct record_end *end)
{
	struct json_object *o = json_object_new_object();
	struct json_object *missing = NULL;

	if (end) {
		missing = json_object_new_array();
		for (unsigned i = 0; i < JAIL_WALLS; i++)
			if (end->missing & 1U << i)
				(void)json_object_array_add(missing,
							    text(walls[i]));
	}
	put(o, "mode", text(jail_mode_name(s->options->jail)));
	put(o, "missing", missing);
	return o;
}

static struct json_object *network(const struct spec *s)
{
	const struct run_options *opt = s->options;
	struct json_object *o = json_object_new_object();
	bool listed = s->allow && s->allow->n;

	put(o, "mode", text(network_options_mode(&opt->network)));
	put(o, "interface", text(network_options_interface(&opt->network)));
	put(o, "allow", listed ? pin_to_json(s->allow) : NULL);
	put(o, "publish", list(&opt->publish));
	return o;
}

static struct json_object *limits(const struct spec *s,
				  const struct record_end *end)
{
	struct json_object *o = limits_to_json(s);

	put(o, "guest_memory", json_object_new_uint64(s->memory));
	put(o, "vcpus", json_object_new_int((int)s->cpus));
	put(o, "timeout",
	    s->options->timeout ? json_object_new_uint64(s->options->timeout)
				: NULL);
	put(o, "log", json_object_new_uint64(s->log_max));
	put(o, "missing", text(end ? end->limits_missing : NULL));
	return o;
}

static void put_end(struct json_object *o, const struct record_end *end)
{
	put(o, "finished", end ? record_time(time(NULL)) : NULL);
	put(o, "status", end ? json_object_new_int(end->status) : NULL);
	put(o, "error", text(end ? end->error : NULL));
	put(o, "timed_out", json_object_new_boolean(end && end->timed_out));
	put(o, "usage",
	    end && end->usage ? cgroup_usage_json(end->usage) : NULL);
}

struct json_object *record_to_json(const struct spec *s, const struct vmdir *vm,
				   time_t started, const struct record_end *end)
{
	struct json_object *o = json_object_new_object();

	if (!o)
		return NULL;
	put(o, "version", json_object_new_int(RECORD_VERSION));
	put(o, "id", text(vm->id));
	put(o, "name", text(vm->name));
	put(o, "profile", text(s->options->profile));
	put(o, "image", image(s));
	put(o, "command", list(&s->args));
	put(o, "user", text(s->user ? s->user : "root"));
	put(o, "cwd", text(s->cwd));
	put(o, "env", names(&s->env));
	put(o, "read_only", json_object_new_boolean(s->options->read_only));
	put(o, "shares",
	    s->options->shares.n ? shares_to_json(&s->options->shares)
				 : json_object_new_array());
	put(o, "kernel", kernel(&s->kernel));
	put(o, "jail", jail(s, end));
	put(o, "network", network(s));
	put(o, "devices",
	    s->devices && s->devices->set.nr ? devices_to_json(s->devices)
					     : json_object_new_array());
	put(o, "limits", limits(s, end));
	put(o, "started", record_time(started));
	put_end(o, end);
	return o;
}

/* A name that stands for a device or a link is not replaced by a file. */
static int check_place(const char *path, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) < 0 || S_ISREG(st.st_mode))
		return 0;
	return err_say(err, EEXIST, "'%s' is there and not a plain file", path);
}

static int store(const char *path, struct json_object *o, struct err *err)
{
	size_t len = 0;
	const char *json = o ? json_object_to_json_string_length(
				       o,
				       JSON_C_TO_STRING_PRETTY |
					       JSON_C_TO_STRING_NOSLASHESCAPE,
				       &len)
			     : NULL;

	if (!json)
		return err_set(err, ENOMEM, "write '%s'", path);
	int r = check_place(path, err);
	return r < 0 ? r : io_write_file(path, json, len, err);
}

/* DATA/records, which is ours to make; the user's directory is not. */
static int make_place(const struct spec *s, struct err *err)
{
	char dir[PATH_MAX];

	if (s->options->record)
		return 0;
	(void)snprintf(dir, sizeof(dir), "%s", s->record);
	*strrchr(dir, '/') = '\0';
	return io_mkdirs(dir, 0700, err);
}

int record_write(const struct spec *s, const struct vmdir *vm, time_t started,
		 const struct record_end *end, struct err *err)
{
	struct err cause = { 0 };

	if (!s->record)
		return 0;
	AUTO_JSON struct json_object *o = record_to_json(s, vm, started, end);
	int r = make_place(s, &cause);
	if (r == 0)
		r = store(s->record, o, &cause);
	if (r == 0)
		return 0;
	return err_say(err, -r,
		       "the record of the run cannot be written (%s); give "
		       "--record a file in a directory that exists, is yours "
		       "and has room",
		       cause.msg);
}

int record_repair(struct json_object *spec, const char *id, struct err *err)
{
	const char *path = json_str_or(spec, "record", NULL);
	const struct record_end end = { .status = EXIT_BELLJAR,
					.error = KILLED };
	AUTO_JSON struct json_object *o = NULL;
	struct json_object *finished = NULL;

	if (!path || json_read(path, RECORD_MAX, &o, NULL) < 0 ||
	    strcmp(json_str_or(o, "id", ""), id) != 0 ||
	    !json_object_object_get_ex(o, "finished", &finished) || finished)
		return 0;
	put_end(o, &end);
	return store(path, o, err);
}
