/* SPDX-License-Identifier: Apache-2.0 */
/* lookup.c - what a person means by a name or the first digits of an id. */
#include "vmm/manager/lookup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/lib/json.h"
#include "vmm/manager/names.h"

#define PREFIX_MIN   2 /* digits; fewer are a slip of the finger */
#define SHORT_ID     12 /* digits that docker shows */
#define LOCALHOST    "localhost/"
#define IN_DOCKER_IO "docker.io/library/"

struct prefix {
	const char *text;
	char id[DIGEST_HEX + 1];
	unsigned matches;
};

static int match(void *arg, const char *id)
{
	struct prefix *p = arg;

	if (strncmp(id, p->text, strlen(p->text)) == 0) {
		memcpy(p->id, id, sizeof(p->id));
		p->matches++;
	}
	return 0;
}

static int by_id(struct store *store, const char *text, struct lookup *ret,
		 struct err *err)
{
	struct prefix p = { .text = text };

	if (strncmp(text, "sha256:", 7) == 0)
		p.text += 7;
	if (!digest_is_hex(p.text, PREFIX_MIN))
		return -ENOENT;
	int r = store_each(store, match, &p, err);
	if (r < 0)
		return r;
	if (p.matches == 0)
		return -ENOENT;
	if (p.matches > 1)
		return err_say(err, EINVAL,
			       "%u images have an id that begins with '%s'; "
			       "give more of it",
			       p.matches, p.text);
	memcpy(ret->id, p.id, sizeof(p.id));
	(void)snprintf(ret->name, sizeof(ret->name), "%.*s", SHORT_ID, p.id);
	ret->full[0] = '\0';
	return 0;
}

static bool by_full_name(struct json_object *names, const struct reference *ref,
			 struct lookup *ret)
{
	reference_full(ref, ret->full);
	const char *id = names_get(names, ret->full);

	if (!id || !digest_is_hex(id, DIGEST_HEX))
		return false;
	memcpy(ret->id, id, DIGEST_HEX + 1);
	reference_short(ref, ret->name);
	return true;
}

static int by_name(struct store *store, const char *text, struct lookup *ret,
		   struct err *err)
{
	AUTO_JSON struct json_object *names = NULL;
	struct reference ref, local;

	if (reference_parse(text, &ref, NULL) < 0)
		return -ENOENT;
	int r = names_read(store, &names, err);
	if (r < 0)
		return r;
	if (by_full_name(names, &ref, ret))
		return 0;
	if (strncmp(ref.repo, IN_DOCKER_IO, strlen(IN_DOCKER_IO)) != 0)
		return -ENOENT;
	/* It only gets shorter. */
	local = ref;
	memcpy(local.repo, LOCALHOST, strlen(LOCALHOST));
	memmove(local.repo + strlen(LOCALHOST), ref.repo + strlen(IN_DOCKER_IO),
		strlen(ref.repo + strlen(IN_DOCKER_IO)) + 1);
	return by_full_name(names, &local, ret) ? 0 : -ENOENT;
}

int lookup_image(struct store *store, const char *text, struct lookup *ret,
		 struct err *err)
{
	struct reference ref;
	struct lookup found;
	struct err why = { 0 };
	int r = by_name(store, text, &found, &why);

	if (r == -ENOENT && !why.code)
		r = by_id(store, text, &found, &why);
	if (r == -ENOENT && !why.code && !digest_is_hex(text, PREFIX_MIN))
		r = reference_parse(text, &ref, &why) < 0 ? -EINVAL : -ENOENT;
	if (r == -ENOENT && !why.code)
		r = err_say(&why, ENOENT,
			    "no image '%.120s' in the store; load one with "
			    "'belljar load' or 'belljar pull %.120s'",
			    text, text);
	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	*ret = found;
	return 0;
}
