/* SPDX-License-Identifier: Apache-2.0 */
/* Typed get over json-c, with a sentence when something is missing; put. */
#ifndef VMM_LIB_JSON_H
#define VMM_LIB_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/lib/err.h"

static inline void json_auto_put(struct json_object **obj)
{
	json_object_put(*obj);
}

#define AUTO_JSON __attribute__((cleanup(json_auto_put)))

/*
 * Parse @text, the whole of it, nesting at most 32.  @what names the document
 * in messages.  The caller owns *@ret.
 */
int json_parse(const char *text, size_t len, const char *what,
	       struct json_object **ret, struct err *err);

/* The file @path (at most @max bytes), parsed. */
int json_read(const char *path, size_t max, struct json_object **ret,
	      struct err *err);

/*
 * Member @key of @obj.  json_get_* return -ENOENT when it is absent and
 * -EINVAL when it has another type, with a sentence.  Strings and objects
 * stay owned by @obj.
 */
int json_get_str(struct json_object *obj, const char *key, const char **ret,
		 struct err *err);
int json_get_i64(struct json_object *obj, const char *key, int64_t *ret,
		 struct err *err);
int json_get_array(struct json_object *obj, const char *key,
		   struct json_object **ret, struct err *err);
int json_get_obj(struct json_object *obj, const char *key,
		 struct json_object **ret, struct err *err);

/* Member @key when it is a string, else @dflt. */
const char *json_str_or(struct json_object *obj, const char *key,
			const char *dflt);

/* Member @key of @obj; a string that is NULL is none. */
void json_put_str(struct json_object *obj, const char *key, const char *v);
void json_put_i64(struct json_object *obj, const char *key, int64_t v);
void json_put_u64(struct json_object *obj, const char *key, uint64_t v);
void json_put_bool(struct json_object *obj, const char *key, bool v);

#endif
