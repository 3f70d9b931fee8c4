/* SPDX-License-Identifier: Apache-2.0 */
/* result.c - a result in memory, and written to a file; see result.h. */
#include "vmm/compare/result.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/compare/text.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/lib/json.h"

#define VERSION 1

struct result *result_new(void)
{
	return calloc(1, sizeof(struct result));
}

void result_free(struct result *res)
{
	if (!res)
		return;
	for (enum row row = 0; row < NR_ROWS; row++) {
		for (size_t p = 0; p < RESULT_PEERS_MAX; p++)
			free(res->samples[row][p].v);
	}
	json_object_put(res->machine);
	free(res);
}

int result_peer(const struct result *res, const char *name)
{
	for (size_t p = 0; p < res->nr_peers; p++) {
		if (strcmp(res->peers[p].name, name) == 0)
			return (int)p;
	}
	return -1;
}

int result_add(struct result *res, enum row row, size_t peer, double value)
{
	struct samples *s = &res->samples[row][peer];

	if (!isfinite(value))
		return -EINVAL;
	if (s->n >= RESULT_SAMPLES_MAX)
		return -E2BIG;
	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 16;
		double *v = realloc(s->v, room * sizeof(*v));

		if (!v)
			return -ENOMEM;
		s->v = v;
		s->room = room;
	}
	s->v[s->n++] = value;
	return 0;
}

void result_fail(struct result *res, enum row row, size_t peer, const char *fmt,
		 ...)
{
	struct samples *s = &res->samples[row][peer];

	if (s->failed[0])
		return;

	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(s->failed, sizeof(s->failed), fmt, ap);
	va_end(ap);
	if (!s->failed[0])
		(void)snprintf(s->failed, sizeof(s->failed),
			       "no reason was given");
}

bool result_has(const struct result *res, enum row row)
{
	enum row of = row_info(row)->of;

	if (res->empty[row][0] || res->empty[of][0])
		return true;
	for (size_t p = 0; p < res->nr_peers; p++) {
		const struct samples *s = &res->samples[of][p];

		if (s->n || s->failed[0])
			return true;
	}
	return false;
}

/*
 * @obj[@key] = @value, which is consumed in any case; false when memory has run
 * out, also before, in making @value.
 */
static bool put(struct json_object *obj, const char *key,
		struct json_object *value)
{
	if (value && json_object_object_add(obj, key, value) == 0)
		return true;
	json_object_put(value);
	return false;
}

static bool put_text(struct json_object *obj, const char *key, const char *text)
{
	char clean[4 * RESULT_TEXT_MAX];

	/* Words of a command may be any bytes, JSON is UTF-8. */
	text_clean(text, clean, sizeof(clean));
	return put(obj, key, json_object_new_string(clean));
}

/* The fewest digits that read back as the same number. */
static struct json_object *number(double v)
{
	char text[32];

	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	return json_object_new_double_s(v, text);
}

static struct json_object *sample_array(const struct samples *s)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; list && i < s->n; i++) {
		struct json_object *v = number(s->v[i]);

		if (!v || json_object_array_add(list, v)) {
			json_object_put(v);
			json_object_put(list);
			return NULL;
		}
	}
	return list;
}

static bool fill_row(struct json_object *obj, const struct result *res,
		     enum row row)
{
	const struct row_info *info = row_info(row);
	AUTO_JSON struct json_object *samples = json_object_new_object();
	AUTO_JSON struct json_object *failed = json_object_new_object();

	if (!samples || !failed || !put_text(obj, "name", info->name) ||
	    !put_text(obj, "group", info->group) ||
	    !put_text(obj, "title", info->title) ||
	    !put_text(obj, "unit", info->unit) ||
	    !put_text(obj, "better", info->higher ? "higher" : "lower"))
		return false;
	for (size_t p = 0; p < res->nr_peers; p++) {
		const struct samples *s = &res->samples[row][p];
		const char *name = res->peers[p].name;

		if (s->n && !put(samples, name, sample_array(s)))
			return false;
		if (s->failed[0] && !put_text(failed, name, s->failed))
			return false;
	}
	if (json_object_object_length(failed) &&
	    !put(obj, "failed", TAKE_PTR(failed)))
		return false;
	if (res->empty[row][0] && !put_text(obj, "empty", res->empty[row]))
		return false;
	return put(obj, "samples", TAKE_PTR(samples));
}

/* An object or array in which something could not be put is given up. */
static struct json_object *ok_or_nothing(struct json_object *obj, bool ok)
{
	if (ok)
		return obj;
	json_object_put(obj);
	return NULL;
}

static struct json_object *row_array(const struct result *res)
{
	struct json_object *list = json_object_new_array();
	bool ok = list != NULL;

	for (enum row row = 0; ok && row < NR_ROWS; row++) {
		if (row_info(row)->of != row || !result_has(res, row))
			continue;

		struct json_object *obj = json_object_new_object();

		ok = obj && json_object_array_add(list, obj) == 0;
		if (!ok)
			json_object_put(obj);
		else
			ok = fill_row(obj, res, row);
	}
	return ok_or_nothing(list, ok);
}

static struct json_object *peer_array(const struct result *res)
{
	struct json_object *list = json_object_new_array();
	bool ok = list != NULL;

	for (size_t p = 0; ok && p < res->nr_peers; p++) {
		const struct result_peer *peer = &res->peers[p];
		struct json_object *obj = json_object_new_object();

		ok = obj && json_object_array_add(list, obj) == 0;
		if (!ok) {
			json_object_put(obj);
			break;
		}
		ok = put_text(obj, "name", peer->name) &&
		     (!peer->version[0] ||
		      put_text(obj, "version", peer->version)) &&
		     (!peer->absent[0] ||
		      put_text(obj, "absent", peer->absent));
	}
	return ok_or_nothing(list, ok);
}

struct json_object *result_to_json(const struct result *res)
{
	struct json_object *doc = json_object_new_object();
	bool ok =
		doc && put(doc, "version", json_object_new_int(VERSION)) &&
		put_text(doc, "suite", res->suite) &&
		put_text(doc, "image", res->image) &&
		put_text(doc, "command", res->command) &&
		put_text(doc, "begun", res->begun) &&
		put(doc, "runs", json_object_new_int64(res->runs)) &&
		put(doc, "done", json_object_new_int64(res->done)) &&
		put(doc, "partial", json_object_new_boolean(res->partial)) &&
		put(doc, "emulated", json_object_new_boolean(res->emulated)) &&
		put(doc, "machine",
		    res->machine ? json_object_get(res->machine)
				 : json_object_new_object()) &&
		put(doc, "peers", peer_array(res)) &&
		put(doc, "rows", row_array(res));

	return ok_or_nothing(doc, ok);
}

const char *result_to_text(const struct result *res,
			   struct json_object **ret_doc)
{
	*ret_doc = result_to_json(res);
	return *ret_doc ? json_object_to_json_string_ext(
				  *ret_doc,
				  JSON_C_TO_STRING_PRETTY |
					  JSON_C_TO_STRING_SPACED |
					  JSON_C_TO_STRING_NOSLASHESCAPE)
			: NULL;
}

int result_write(const struct result *res, const char *path, struct err *err)
{
	AUTO_JSON struct json_object *doc = NULL;
	const char *text = result_to_text(res, &doc);

	if (!text)
		return err_set(err, ENOMEM, "write '%s'", path);
	return io_write_file(path, text, strlen(text), err);
}

int result_read(const char *path, struct result *res, struct err *err)
{
	AUTO_JSON struct json_object *doc = NULL;
	int r = json_read(path, RESULT_FILE_MAX, &doc, err);

	if (r == 0 && (r = result_from_json(doc, res, err)) < 0)
		(void)err_wrap(err, "%s", path);
	return r;
}
