/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_rmi.c - `belljar rmi`: take names, and images, out of the store. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/json.h"
#include "vmm/manager/cli.h"
#include "vmm/manager/cmd.h"
#include "vmm/manager/lookup.h"
#include "vmm/manager/names.h"
#include "vmm/manager/store.h"

struct options {
	bool force;
	int first; /* image, in argv; 0: none */
};

static const struct argp_option options[] = {
	{ "force", 'f', NULL, 0,
	  "Remove an image given by its id though it has several names", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	(void)arg;
	switch (key) {
	case 'f':
		o->force = true;
		return 0;
	case ARGP_KEY_ARG:
		o->first = state->next - 1;
		state->next = state->argc;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static unsigned count_names(struct json_object *names, const char *id)
{
	unsigned n = 0;

	json_object_object_foreach(names, full, value)
	{
		const char *to = json_object_get_string(value);

		(void)full;
		n += to && strcmp(to, id) == 0;
	}
	return n;
}

static void say_untagged(const char *full)
{
	struct reference ref;
	char text[REFERENCE_MAX];

	if (reference_parse(full, &ref, NULL) < 0)
		return;
	reference_short(&ref, text);
	(void)printf("Untagged: %s\n", text);
}

/* @names without @full, or, when that is "", without any name of @id. */
static int without(struct json_object *names, const char *id, const char *full,
		   struct json_object **ret, struct err *err)
{
	AUTO_JSON struct json_object *rest = json_object_new_object();

	if (!rest)
		return err_set(err, ENOMEM, "remove '%s'", id);
	json_object_object_foreach(names, name, value)
	{
		const char *to = json_object_get_string(value);
		bool goes = full[0] ? strcmp(name, full) == 0
				    : to && strcmp(to, id) == 0;

		if (!goes && json_object_object_add(rest, name,
						    json_object_get(value)) < 0)
			return err_set(err, ENOMEM, "remove '%s'", id);
	}
	*ret = TAKE_PTR(rest);
	return 0;
}

static int untag(struct store *store, struct json_object *names,
		 const struct lookup *found, struct err *err)
{
	AUTO_JSON struct json_object *rest = NULL;
	int r = without(names, found->id, found->full, &rest, err);

	if (r == 0)
		r = names_write(store, rest, err);
	if (r < 0)
		return r;
	json_object_object_foreach(names, name, value)
	{
		(void)value;
		if (!names_get(rest, name))
			say_untagged(name);
	}
	return 0;
}

static int remove_one(struct store *store, const char *text, bool force,
		      struct err *err)
{
	AUTO_CLOSE int lock = -1;
	AUTO_JSON struct json_object *names = NULL;
	struct lookup found = { 0 };

	int r = store_lock(store, STORE_WRITE, true, &lock, err);
	if (r == 0)
		r = lookup_image(store, text, &found, err);
	if (r == 0)
		r = names_read(store, &names, err);
	if (r < 0)
		return r;

	unsigned nr = count_names(names, found.id);
	bool last = !found.full[0] || nr == 1;
	if (!found.full[0] && nr > 1 && !force)
		return err_say(err, EBUSY,
			       "image '%s' has %u names; remove them one by "
			       "one, or all with 'belljar rmi -f %s'",
			       text, nr, text);
	if (last && store_in_use(store, found.id))
		return err_say(err, EBUSY,
			       "image '%s' is in use by a running VM; stop "
			       "that first",
			       text);
	/* Names first: a crash in between leaves an image without a name. */
	if (nr > 0)
		r = untag(store, names, &found, err);
	/* But no names can be written to a full disk before there is room. */
	bool full = r == -ENOSPC || r == -EDQUOT;
	if (last && (r == 0 || full))
		r = store_remove(store, found.id, err);
	if (last && r == 0 && full)
		r = untag(store, names, &found, err);
	if (r == 0 && last)
		(void)printf("Deleted: sha256:%s\n", found.id);
	return r;
}

int cmd_rmi(struct manager *mgr, int argc, char **argv)
{
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "IMAGE...",
		.doc = "Remove images, by name or id, from the store.",
	};
	AUTO_STORE struct store *store = NULL;
	struct options o = { 0 };
	struct err err = { 0 };
	int status = 0;

	int r = cli_parse(&argp, "belljar rmi", argc, argv, &o, &err);
	if (r == CLI_HELPED)
		return 0;
	if (r == 0 && o.first == 0)
		r = err_say(&err, EINVAL,
			    "no image given; see 'belljar rmi --help'");
	if (r == 0)
		r = store_open(mgr->data, &store, &err);
	if (r < 0)
		return cmd_fail(&err);
	for (int i = o.first; i < argc; i++)
		if (remove_one(store, argv[i], o.force, &err) < 0)
			status = cmd_fail(&err);
	return status;
}
