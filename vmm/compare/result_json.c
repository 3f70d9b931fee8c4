/* SPDX-License-Identifier: Apache-2.0 */
/*
 * result_json.c - a result out of JSON.  Files of results travel: any of them
 * may be damaged, or made to do damage.  Every count has a bound here, every
 * text is cut and cleaned.
 */
#include "vmm/compare/result.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "vmm/compare/text.h"
#include "vmm/lib/json.h"

#define ROWS_MAX    1024 /* those of other versions too */
#define MACHINE_MAX 64

static int get_text(struct json_object *obj, const char *key, char *buf,
		    size_t size, struct err *err)
{
	const char *text = NULL;
	int r = json_get_str(obj, key, &text, err);

	if (r == -ENOENT) { /* every text may be absent */
		buf[0] = '\0';
		return 0;
	}
	if (r == 0)
		text_clean(text, buf, size);
	return r;
}

static int get_count(struct json_object *obj, const char *key, unsigned *ret,
		     struct err *err)
{
	int64_t n = 0;
	int r = json_get_i64(obj, key, &n, err);

	if (r)
		return r;
	if (n < 0 || n > INT_MAX)
		return err_say(err, EINVAL, "'%s' is out of range", key);
	*ret = (unsigned)n;
	return 0;
}

static bool get_flag(struct json_object *obj, const char *key)
{
	struct json_object *v = NULL;

	return json_object_object_get_ex(obj, key, &v) &&
	       json_object_get_boolean(v);
}

/* Only what the writers print: strings, numbers, truths. */
static int read_machine(struct json_object *doc, struct result *res,
			struct err *err)
{
	struct json_object *machine = NULL;
	int r = json_get_obj(doc, "machine", &machine, err);

	if (r)
		return r;
	if (json_object_object_length(machine) > MACHINE_MAX)
		return err_say(err, EINVAL,
			       "'machine' has more than %d members",
			       MACHINE_MAX);
	json_object_object_foreach(machine, key, value)
	{
		(void)key;
		if (json_object_is_type(value, json_type_object) ||
		    json_object_is_type(value, json_type_array))
			return err_say(err, EINVAL,
				       "'machine' has a member that is "
				       "neither text nor number");
	}
	res->machine = json_object_get(machine);
	return 0;
}

static int read_peers(struct json_object *doc, struct result *res,
		      struct err *err)
{
	struct json_object *list = NULL;
	int r = json_get_array(doc, "peers", &list, err);

	if (r)
		return r;

	size_t n = json_object_array_length(list);
	if (n > RESULT_PEERS_MAX)
		return err_say(err, EINVAL, "more than %d peers",
			       RESULT_PEERS_MAX);
	for (size_t i = 0; i < n; i++) {
		struct json_object *obj = json_object_array_get_idx(list, i);
		struct result_peer *peer = &res->peers[i];

		if ((r = get_text(obj, "name", peer->name, sizeof(peer->name),
				  err)) ||
		    (r = get_text(obj, "version", peer->version,
				  sizeof(peer->version), err)) ||
		    (r = get_text(obj, "absent", peer->absent,
				  sizeof(peer->absent), err)))
			return r;
		if (!peer->name[0] || result_peer(res, peer->name) >= 0)
			return err_say(err, EINVAL,
				       "peer %zu has no name of its own",
				       i + 1);
		res->nr_peers = i + 1;
	}
	return 0;
}

static int read_samples(struct json_object *list, struct result *res,
			enum row row, size_t peer, struct err *err)
{
	const char *name = row_info(row)->name;

	if (!json_object_is_type(list, json_type_array))
		return err_say(err, EINVAL, "samples of %s are no array", name);

	size_t n = json_object_array_length(list);
	if (n > RESULT_SAMPLES_MAX)
		return err_say(err, EINVAL, "more than %d samples of %s",
			       RESULT_SAMPLES_MAX, name);
	for (size_t i = 0; i < n; i++) {
		struct json_object *v = json_object_array_get_idx(list, i);

		if (!json_object_is_type(v, json_type_double) &&
		    !json_object_is_type(v, json_type_int))
			return err_say(err, EINVAL,
				       "sample %zu of %s is no number", i + 1,
				       name);

		int r = result_add(res, row, peer, json_object_get_double(v));
		if (r == -ENOMEM)
			return err_set(err, ENOMEM, "read samples of %s", name);
		if (r)
			return err_say(err, EINVAL,
				       "sample %zu of %s is not finite", i + 1,
				       name);
	}
	return 0;
}

static int read_row(struct json_object *obj, struct result *res,
		    struct err *err)
{
	const char *name = NULL;
	struct json_object *samples = NULL, *failed = NULL;
	int r = json_get_str(obj, "name", &name, err);

	if (r)
		return r;

	enum row row = row_find(name);
	if (row == NR_ROWS || row_info(row)->of != row)
		return 0;
	if ((r = get_text(obj, "empty", res->empty[row],
			  sizeof(res->empty[row]), err)))
		return r;
	if ((r = json_get_obj(obj, "samples", &samples, err)) && r != -ENOENT)
		return r;
	if ((r = json_get_obj(obj, "failed", &failed, err)) && r != -ENOENT)
		return r;
	for (size_t p = 0; p < res->nr_peers; p++) {
		struct samples *s = &res->samples[row][p];
		struct json_object *list = NULL;

		if (s->n || s->failed[0])
			return err_say(err, EINVAL, "%s is there twice",
				       row_info(row)->name);
		if (samples &&
		    json_object_object_get_ex(samples, res->peers[p].name,
					      &list) &&
		    (r = read_samples(list, res, row, p, err)))
			return r;
		if (failed && (r = get_text(failed, res->peers[p].name,
					    s->failed, sizeof(s->failed), err)))
			return r;
	}
	return 0;
}

static int read_rows(struct json_object *doc, struct result *res,
		     struct err *err)
{
	struct json_object *list = NULL;
	int r = json_get_array(doc, "rows", &list, err);

	if (r)
		return r;

	size_t n = json_object_array_length(list);
	if (n > ROWS_MAX)
		return err_say(err, EINVAL, "more than %d rows", ROWS_MAX);
	for (size_t i = 0; i < n; i++) {
		r = read_row(json_object_array_get_idx(list, i), res, err);
		if (r) {
			(void)err_wrap(err, "row %zu", i + 1);
			return r;
		}
	}
	return 0;
}

int result_from_json(struct json_object *doc, struct result *res,
		     struct err *err)
{
	int64_t version = 0;
	int r = json_get_i64(doc, "version", &version, err);

	if (r) {
		(void)err_wrap(err, "no result of 'belljar compare'");
		return r;
	}
	/* Later ones only add: what they mean by these members stays. */
	if (version < 1)
		return err_say(err, EINVAL, "'version' is out of range");
	if ((r = get_text(doc, "suite", res->suite, sizeof(res->suite), err)) ||
	    (r = get_text(doc, "image", res->image, sizeof(res->image), err)) ||
	    (r = get_text(doc, "command", res->command, sizeof(res->command),
			  err)) ||
	    (r = get_text(doc, "begun", res->begun, sizeof(res->begun), err)) ||
	    (r = get_count(doc, "runs", &res->runs, err)) ||
	    (r = get_count(doc, "done", &res->done, err)))
		return r;
	res->partial = get_flag(doc, "partial");
	res->emulated = get_flag(doc, "emulated");
	if ((r = read_machine(doc, res, err)) ||
	    (r = read_peers(doc, res, err)) || (r = read_rows(doc, res, err)))
		return r;
	return 0;
}
