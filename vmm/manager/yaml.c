/* SPDX-License-Identifier: Apache-2.0 */
/* yaml.c - libyaml's events become json-c objects. */
#include "vmm/manager/yaml.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "vmm/lib/json.h"

struct level {
	struct json_object *obj; /* owned by the level above */
	char *key; /* of a mapping, waiting for its value */
};

struct builder {
	const char *what;
	struct err *err;
	struct level level[YAML_DEPTH_MAX];
	unsigned depth;
	unsigned nodes;
	unsigned documents;
	struct json_object *root; /* owned */
};

static int refuse(struct builder *b, const yaml_event_t *ev, const char *why)
{
	return err_say(b->err, EINVAL, "%s, line %zu: %s", b->what,
		       ev->start_mark.line + 1, why);
}

static bool one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(text, *words) == 0)
			return true;
	return false;
}

/* Decimal and within 64 bits: anything else stays a string. */
static bool is_integer(const char *text, int64_t *ret)
{
	const char *digits = text + (*text == '-' || *text == '+');
	size_t len = strspn(digits, "0123456789");
	char *end = NULL;

	if (len == 0 || len > 19 || digits[len])
		return false;
	errno = 0;
	*ret = strtoll(text, &end, 10);
	return errno == 0;
}

/* By the core schema.  False when memory has run out. */
static bool scalar(const yaml_event_t *ev, struct json_object **ret)
{
	static const char *const nulls[] = { "",     "~",    "null",
					     "Null", "NULL", NULL };
	static const char *const yes[] = { "true", "True", "TRUE", NULL };
	static const char *const no[] = { "false", "False", "FALSE", NULL };
	const char *text = (const char *)ev->data.scalar.value;
	size_t len = ev->data.scalar.length;
	int64_t n;

	*ret = NULL;
	if (ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
		if (one_of(text, nulls))
			return true;
		if (one_of(text, yes) || one_of(text, no))
			*ret = json_object_new_boolean(one_of(text, yes));
		else if (is_integer(text, &n))
			*ret = json_object_new_int64(n);
	}
	if (!*ret && len <= INT32_MAX)
		*ret = json_object_new_string_len(text, (int)len);
	return *ret != NULL;
}

/* Take @obj, which may be NULL for null, to where it belongs. */
static int place(struct builder *b, const yaml_event_t *ev,
		 struct json_object *obj)
{
	struct level *at = b->depth ? &b->level[b->depth - 1] : NULL;
	int r;

	if (!at) {
		b->root = obj;
		return 0;
	}
	if (json_object_is_type(at->obj, json_type_array)) {
		r = json_object_array_add(at->obj, obj);
	} else if (json_object_object_get_ex(at->obj, at->key, NULL)) {
		json_object_put(obj);
		return refuse(b, ev, "a key that is there already");
	} else {
		r = json_object_object_add(at->obj, at->key, obj);
		free(at->key);
		at->key = NULL;
	}
	if (r < 0) {
		json_object_put(obj);
		return err_set(b->err, ENOMEM, "read %s", b->what);
	}
	return 0;
}

/* Whether the next thing is a mapping's key and not a value. */
static bool wants_key(const struct builder *b)
{
	const struct level *at = b->depth ? &b->level[b->depth - 1] : NULL;

	return at && !at->key && json_object_is_type(at->obj, json_type_object);
}

static int on_scalar(struct builder *b, const yaml_event_t *ev)
{
	const char *text = (const char *)ev->data.scalar.value;
	struct json_object *obj;

	if (strlen(text) != ev->data.scalar.length)
		return refuse(b, ev, "a string with a zero byte");
	if (wants_key(b)) {
		char *key = strdup(text);

		b->level[b->depth - 1].key = key;
		return key ? 0 : err_set(b->err, ENOMEM, "read %s", b->what);
	}
	if (!scalar(ev, &obj))
		return err_set(b->err, ENOMEM, "read %s", b->what);
	return place(b, ev, obj);
}

static int on_open(struct builder *b, const yaml_event_t *ev,
		   struct json_object *obj)
{
	if (!obj)
		return err_set(b->err, ENOMEM, "read %s", b->what);
	if (wants_key(b)) {
		json_object_put(obj);
		return refuse(b, ev, "a key that is not a word");
	}
	if (b->depth == YAML_DEPTH_MAX) {
		json_object_put(obj);
		return refuse(b, ev, "more than 32 levels");
	}
	int r = place(b, ev, obj);
	if (r == 0)
		b->level[b->depth++] = (struct level){ .obj = obj };
	return r;
}

/* 1: the stream has ended. */
static int on_event(struct builder *b, const yaml_event_t *ev)
{
	if (++b->nodes > YAML_NODES_MAX)
		return refuse(b, ev, "too many values");
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		return on_scalar(b, ev);
	case YAML_SEQUENCE_START_EVENT:
		return on_open(b, ev, json_object_new_array());
	case YAML_MAPPING_START_EVENT:
		return on_open(b, ev, json_object_new_object());
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		b->depth--;
		return 0;
	case YAML_ALIAS_EVENT:
		return refuse(b, ev, "aliases are not read here");
	case YAML_DOCUMENT_START_EVENT:
		return b->documents++ ? refuse(b, ev, "a second document") : 0;
	case YAML_STREAM_END_EVENT:
		return 1;
	default:
		return 0;
	}
}

static int parse_all(struct builder *b, yaml_parser_t *parser)
{
	int r = 0;

	while (r == 0) {
		yaml_event_t ev;

		if (!yaml_parser_parse(parser, &ev))
			return err_say(b->err, EINVAL, "%s, line %zu: %s",
				       b->what, parser->problem_mark.line + 1,
				       parser->problem ? parser->problem
						       : "no memory");
		r = on_event(b, &ev);
		yaml_event_delete(&ev);
	}
	return r < 0 ? r : 0;
}

int yaml_parse(const char *text, size_t len, const char *what,
	       struct json_object **ret, struct err *err)
{
	struct builder b = { .what = what, .err = err };
	yaml_parser_t parser;

	if (!yaml_parser_initialize(&parser))
		return err_set(err, ENOMEM, "read %s", what);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	int r = parse_all(&b, &parser);
	yaml_parser_delete(&parser);
	for (unsigned i = 0; i < YAML_DEPTH_MAX; i++)
		free(b.level[i].key);
	if (r == 0 && !b.root)
		r = err_say(err, EINVAL, "%s is empty", what);
	if (r < 0) {
		json_object_put(b.root);
		return r;
	}
	*ret = b.root;
	return 0;
}
