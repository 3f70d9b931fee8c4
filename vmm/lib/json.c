/* SPDX-License-Identifier: Apache-2.0 */
/* json.c - typed get and put over json-c. */
#include "vmm/lib/json.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

int json_parse(const char *text, size_t len, const char *what,
	       struct json_object **ret, struct err *err)
{
	if (len > INT_MAX)
		return err_say(err, EFBIG, "%s is too large", what);

	struct json_tokener *tok = json_tokener_new_ex(32);
	if (!tok)
		return err_set(err, ENOMEM, "parse %s", what);

	struct json_object *obj = json_tokener_parse_ex(tok, text, (int)len);
	enum json_tokener_error why = json_tokener_get_error(tok);
	size_t end = json_tokener_get_parse_end(tok);
	json_tokener_free(tok);

	while (end < len && (text[end] == '\n' || text[end] == ' ' ||
			     text[end] == '\r' || text[end] == '\t'))
		end++;
	if (why != json_tokener_success || end != len || !obj) {
		json_object_put(obj);
		return err_say(err, EINVAL, "%s is not valid JSON (%s)", what,
			       why == json_tokener_success
				       ? "it goes on after its end"
			       : why == json_tokener_continue
				       ? "it ends too early"
				       : json_tokener_error_desc(why));
	}
	*ret = obj;
	return 0;
}

int json_read(const char *path, size_t max, struct json_object **ret,
	      struct err *err)
{
	AUTO_FREE char *text = NULL;
	int r = io_read_file(path, max, &text, err);

	return r < 0 ? r : json_parse(text, strlen(text), path, ret, err);
}

static int get(struct json_object *obj, const char *key, json_type type,
	       struct json_object **ret, struct err *err)
{
	struct json_object *v = NULL;

	if (!json_object_is_type(obj, json_type_object) ||
	    !json_object_object_get_ex(obj, key, &v) || !v)
		return err_say(err, ENOENT, "'%s' is missing", key);
	if (!json_object_is_type(v, type))
		return err_say(err, EINVAL, "'%s' is not of type %s", key,
			       json_type_to_name(type));
	*ret = v;
	return 0;
}

int json_get_str(struct json_object *obj, const char *key, const char **ret,
		 struct err *err)
{
	struct json_object *v = NULL;
	int r = get(obj, key, json_type_string, &v, err);

	if (r == 0)
		*ret = json_object_get_string(v);
	return r;
}

int json_get_i64(struct json_object *obj, const char *key, int64_t *ret,
		 struct err *err)
{
	struct json_object *v = NULL;
	int r = get(obj, key, json_type_int, &v, err);

	if (r == 0)
		*ret = json_object_get_int64(v);
	return r;
}

int json_get_array(struct json_object *obj, const char *key,
		   struct json_object **ret, struct err *err)
{
	return get(obj, key, json_type_array, ret, err);
}

int json_get_obj(struct json_object *obj, const char *key,
		 struct json_object **ret, struct err *err)
{
	return get(obj, key, json_type_object, ret, err);
}

const char *json_str_or(struct json_object *obj, const char *key,
			const char *dflt)
{
	const char *v = dflt;

	(void)json_get_str(obj, key, &v, NULL);
	return v;
}

void json_put_str(struct json_object *obj, const char *key, const char *v)
{
	if (v)
		(void)json_object_object_add(obj, key,
					     json_object_new_string(v));
}

void json_put_i64(struct json_object *obj, const char *key, int64_t v)
{
	(void)json_object_object_add(obj, key, json_object_new_int64(v));
}

void json_put_u64(struct json_object *obj, const char *key, uint64_t v)
{
	(void)json_object_object_add(obj, key, json_object_new_uint64(v));
}

void json_put_bool(struct json_object *obj, const char *key, bool v)
{
	(void)json_object_object_add(obj, key, json_object_new_boolean(v));
}
