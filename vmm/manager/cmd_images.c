/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_images.c - `belljar images`: what the store holds, as docker images. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/json.h"
#include "vmm/manager/cli.h"
#include "vmm/manager/cmd.h"
#include "vmm/manager/listing.h"
#include "vmm/manager/table.h"

#define SHORT_ID 12
#define COLUMNS	 5

struct options {
	const char *name; /* only these; NULL: all */
	bool quiet, full, json;
	struct err *err;
};

enum { KEY_FORMAT = 0x100, KEY_NO_TRUNC };

static const struct argp_option options[] = {
	{ "quiet", 'q', NULL, 0, "Print ids only", 0 },
	{ "format", KEY_FORMAT, "FORMAT", 0,
	  "table, or json: one object a line", 0 },
	{ "no-trunc", KEY_NO_TRUNC, NULL, 0, "Print ids in full", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'q':
		o->quiet = true;
		return 0;
	case KEY_NO_TRUNC:
		o->full = true;
		return 0;
	case KEY_FORMAT:
		return -cli_choose("--format", arg, "table", "json", &o->json,
				   o->err);
	case ARGP_KEY_ARG:
		return -cli_only("images", "NAME", arg, &o->name, o->err);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* One row in words. */
struct words {
	char column[COLUMNS][REFERENCE_MAX];
};

static void in_words(const struct listing_row *row, bool full_id, time_t now,
		     struct words *w)
{
	bool named = row->full[0] != '\0';

	(void)snprintf(w->column[0], sizeof(w->column[0]), "%s",
		       named ? reference_short_repo(&row->ref) : "<none>");
	(void)snprintf(w->column[1], sizeof(w->column[1]), "%s",
		       row->ref.tag[0] ? row->ref.tag : "<none>");
	(void)snprintf(w->column[2], sizeof(w->column[2]), "%s%.*s",
		       full_id ? "sha256:" : "",
		       full_id ? DIGEST_HEX : SHORT_ID, row->id);
	listing_age(row->created, now, w->column[3], sizeof(w->column[3]));
	listing_size(row->size, w->column[4], sizeof(w->column[4]));
}

static int print_json(const struct words *w, const struct listing_row *row,
		      struct err *err)
{
	static const char *const keys[COLUMNS] = { "Repository", "Tag", "ID",
						   "CreatedSince", "Size" };
	AUTO_JSON struct json_object *obj = json_object_new_object();
	char at[64] = "N/A";
	struct tm tm;

	if (row->created && gmtime_r(&row->created, &tm))
		(void)strftime(at, sizeof(at), "%Y-%m-%d %H:%M:%S +0000 UTC",
			       &tm);
	bool ok =
		obj && json_object_object_add(obj, "CreatedAt",
					      json_object_new_string(at)) == 0;
	for (size_t i = 0; i < COLUMNS; i++)
		ok = ok && json_object_object_add(
				   obj, keys[i],
				   json_object_new_string(w->column[i])) == 0;
	if (!ok)
		return err_set(err, ENOMEM, "list the images");
	(void)puts(json_object_to_json_string_ext(
		obj, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	return 0;
}

/* Whether the user asked for this row. */
static bool wanted(const struct options *o, const struct reference *want,
		   const struct listing_row *row)
{
	if (!o->name)
		return true;
	if (!row->full[0] || strcmp(row->ref.repo, want->repo) != 0)
		return false;
	/* A name without a tag means all of its tags. */
	const char *slash = strrchr(o->name, '/');
	return !strpbrk(slash ? slash : o->name, ":@") ||
	       (strcmp(row->ref.tag, want->tag) == 0 &&
		strcmp(row->ref.digest, want->digest) == 0);
}

static int print(const struct options *o, const struct reference *want,
		 const struct listing *list, struct err *err)
{
	static const struct words head = {
		{ "REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE" },
	};
	AUTO_FREE struct words *rows = calloc(list->nr + 1, sizeof(*rows));
	time_t now = time(NULL);
	const char *last = "";
	size_t nr = 0;

	if (!rows)
		return err_set(err, ENOMEM, "list the images");
	rows[nr++] = head;
	for (size_t i = 0; i < list->nr; i++) {
		const struct listing_row *row = &list->row[i];

		if (!wanted(o, want, row))
			continue;
		in_words(row, o->full, now, &rows[nr]);
		if (o->json && !o->quiet) {
			int r = print_json(&rows[nr], row, err);

			if (r < 0)
				return r;
		}
		/* An image of two names is one image. */
		if (o->quiet && strcmp(last, row->id) != 0)
			(void)puts(rows[nr].column[2]);
		last = row->id;
		nr++;
	}
	if (!o->quiet && !o->json)
		table_print((const char *)rows, nr, COLUMNS, REFERENCE_MAX);
	return 0;
}

static int images(struct manager *mgr, const struct options *o, struct err *err)
{
	AUTO_STORE struct store *store = NULL;
	AUTO_LISTING struct listing list = { 0 };
	struct reference want = { 0 };
	AUTO_CLOSE int lock = -1;
	int r = o->name ? reference_parse(o->name, &want, err) : 0;

	if (r == 0)
		r = store_open(mgr->data, &store, err);
	if (r == 0)
		r = store_lock(store, STORE_READ, true, &lock, err);
	if (r == 0)
		r = listing_read(store, &list, err);
	return r < 0 ? r : print(o, &want, &list, err);
}

int cmd_images(struct manager *mgr, int argc, char **argv)
{
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[NAME[:TAG]]",
		.doc = "List the images of the store.",
	};
	struct err err = { 0 };
	struct options o = { .err = &err };

	int r = cli_parse(&argp, "belljar images", argc, argv, &o, &err);
	if (r == CLI_HELPED)
		return 0;
	if (r == 0)
		r = images(mgr, &o, &err);
	return r < 0 ? cmd_fail(&err) : 0;
}
