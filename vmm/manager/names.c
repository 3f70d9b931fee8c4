/* SPDX-License-Identifier: Apache-2.0 */
/* names.c - repositories.json: which name means which image. */
#include "vmm/manager/names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

#define NAMES_MAX (16u << 20) /* bytes of the file */

static void file_of(struct store *store, char path[STORE_PATH_MAX])
{
	(void)snprintf(path, STORE_PATH_MAX, "%s/repositories.json",
		       store_path(store));
}

int names_read(struct store *store, struct json_object **ret, struct err *err)
{
	char path[STORE_PATH_MAX];
	struct stat st;

	file_of(store, path);
	if (stat(path, &st) < 0 && errno == ENOENT) {
		*ret = json_object_new_object();
		return *ret ? 0 : err_set(err, ENOMEM, "read '%s'", path);
	}

	AUTO_JSON struct json_object *doc = NULL;
	struct json_object *names = NULL;
	int r = json_read(path, NAMES_MAX, &doc, err);
	if (r == 0)
		r = json_get_obj(doc, "names", &names, err);
	if (r == -EINVAL || r == -ENOENT)
		return err_say(
			err, EIO,
			"the names of images in '%s' are damaged; remove "
			"this file, then load or pull the images again",
			path);
	if (r < 0)
		return r;
	*ret = json_object_get(names);
	return 0;
}

int names_write(struct store *store, struct json_object *names, struct err *err)
{
	char path[STORE_PATH_MAX];
	AUTO_JSON struct json_object *doc = json_object_new_object();

	file_of(store, path);
	if (!doc ||
	    json_object_object_add(doc, "names", json_object_get(names)) < 0)
		return err_set(err, ENOMEM, "write '%s'", path);
	const char *text = json_object_to_json_string_ext(
		doc, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
	int r = io_write_file(path, text, strlen(text), err);
	return store_explain(store, r, err);
}

int names_set(struct store *store, const struct reference *ref, const char *id,
	      struct err *err)
{
	char full[REFERENCE_MAX];
	AUTO_JSON struct json_object *names = NULL;
	int r = names_read(store, &names, err);

	if (r < 0)
		return r;
	reference_full(ref, full);
	struct json_object *value = json_object_new_string(id);
	if (!value || json_object_object_add(names, full, value) < 0) {
		json_object_put(value);
		return err_set(err, ENOMEM, "name '%s'", full);
	}
	return names_write(store, names, err);
}

const char *names_get(struct json_object *names, const char *full)
{
	return json_str_or(names, full, NULL);
}
