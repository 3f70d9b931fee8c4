/* SPDX-License-Identifier: Apache-2.0 */
/* settings.c - the keeper's settings, checked and kept. */
#include "images/init/settings.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/lib/auto.h"

/* As Linux's __NEW_UTS_LEN. */
#define HOSTNAME_MAX 64

static void strv_done(struct strv *sv)
{
	for (size_t i = 0; i < sv->n; i++)
		free(sv->v[i]);
	free(sv->v);
	*sv = (struct strv){ 0 };
}

/* Takes @text over, also on failure.  NULL counts as out of memory. */
static int strv_add(struct strv *sv, char *text)
{
	AUTO_FREE char *owned = text;
	if (!owned)
		return -ENOMEM;

	char **v = realloc(sv->v, (sv->n + 2) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	sv->v = v;
	v[sv->n++] = TAKE_PTR(owned);
	v[sv->n] = NULL;
	return 0;
}

void settings_done(struct settings *s)
{
	struct strv *all[] = { &s->args, &s->env,   &s->addrs,	 &s->gateways,
			       &s->dns,	 &s->hosts, &s->modules, &s->shares };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		strv_done(all[i]);
	free(s->cwd);
	free(s->user);
	free(s->hostname);
	free(s->module_place);
	*s = (struct settings){ 0 };
}

/* The slot of @env that holds NAME of @assignment, or NULL. */
static char **env_slot(const struct strv *env, const char *name, size_t len)
{
	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], name, len) == 0 && env->v[i][len] == '=')
			return &env->v[i];
	return NULL;
}

static int add_env(struct settings *s, char *text, struct err *err)
{
	AUTO_FREE char *owned = text;
	const char *eq = strchr(owned, '=');
	if (!eq || eq == owned)
		return err_say(err, EPROTO,
			       "environment entry '%.64s' is not NAME=VALUE",
			       owned);

	char **slot = env_slot(&s->env, owned, (size_t)(eq - owned));
	if (!slot)
		return strv_add(&s->env, TAKE_PTR(owned));
	free(*slot);
	*slot = TAKE_PTR(owned);
	return 0;
}

static int set_text(char **slot, char *text)
{
	free(*slot);
	*slot = text;
	return 0;
}

static int add_text(struct settings *s, uint32_t type, char *text,
		    struct err *err)
{
	switch (type) {
	case AGENT_ARG:
		return strv_add(&s->args, text);
	case AGENT_ENV:
		return add_env(s, text, err);
	case AGENT_ADDR:
		return strv_add(&s->addrs, text);
	case AGENT_GATEWAY:
		return strv_add(&s->gateways, text);
	case AGENT_DNS:
		return strv_add(&s->dns, text);
	case AGENT_HOSTS:
		return strv_add(&s->hosts, text);
	case AGENT_MODULE:
		return strv_add(&s->modules, text);
	case AGENT_SHARE:
		return strv_add(&s->shares, text);
	case AGENT_MODULES:
		return set_text(&s->module_place, text);
	case AGENT_CWD:
		return set_text(&s->cwd, text);
	case AGENT_USER:
		return set_text(&s->user, text);
	default:
		return set_text(&s->hostname, text);
	}
}

/* NULL with a sentence when it is not acceptable, or memory has run out. */
static char *copy_text(const struct record *rec, struct err *err)
{
	bool lines = rec->type == AGENT_ARG || rec->type == AGENT_ENV;

	if (memchr(rec->data, '\0', rec->len) ||
	    (!lines && memchr(rec->data, '\n', rec->len))) {
		(void)err_say(err, EPROTO,
			      "setting %u holds a character it must not",
			      rec->type);
		return NULL;
	}

	char *text = malloc((size_t)rec->len + 1);
	if (!text) {
		(void)err_set(err, ENOMEM, "setting %u", rec->type);
		return NULL;
	}
	memcpy(text, rec->data, rec->len);
	text[rec->len] = '\0';
	return text;
}

static int read_u64(const struct record *rec, uint64_t *ret, struct err *err)
{
	uint64_t value;

	if (rec->len != sizeof(value))
		return err_say(err, EPROTO, "setting %u has %u bytes, not 8",
			       rec->type, rec->len);
	memcpy(&value, rec->data, sizeof(value));
	*ret = le64toh(value);
	return 0;
}

static int read_size(const struct record *rec, struct agent_size *ret,
		     struct err *err)
{
	struct agent_size size;

	if (rec->len != sizeof(size))
		return err_say(err, EPROTO, "setting %u has %u bytes, not 4",
			       rec->type, rec->len);
	memcpy(&size, rec->data, sizeof(size));
	ret->rows = le16toh(size.rows);
	ret->cols = le16toh(size.cols);
	return 0;
}

static int set_flag(const struct record *rec, bool *ret, struct err *err)
{
	if (rec->len != 0)
		return err_say(err, EPROTO, "setting %u has %u bytes, not 0",
			       rec->type, rec->len);
	*ret = true;
	return 0;
}

int settings_add(struct settings *s, const struct record *rec, struct err *err)
{
	/* Each record counts, so that empty ones are bounded too. */
	s->bytes += rec->len + sizeof(struct agent_head);
	if (s->bytes > AGENT_SETTINGS)
		return err_say(err, E2BIG,
			       "arguments and environment are longer than %d "
			       "bytes together; pass data in a file",
			       AGENT_SETTINGS);

	switch (rec->type) {
	case AGENT_TTY:
		s->tty = true;
		return read_size(rec, &s->size, err);
	case AGENT_SHM_SIZE:
		return read_u64(rec, &s->shm_size, err);
	case AGENT_TIME:
		return read_u64(rec, &s->time, err);
	case AGENT_READONLY:
		return set_flag(rec, &s->readonly, err);
	case AGENT_STDIN:
		return set_flag(rec, &s->with_stdin, err);
	case AGENT_START:
		return set_flag(rec, &s->complete, err);
	case AGENT_ARG:
	case AGENT_ENV:
	case AGENT_CWD:
	case AGENT_USER:
	case AGENT_HOSTNAME:
	case AGENT_ADDR:
	case AGENT_GATEWAY:
	case AGENT_DNS:
	case AGENT_HOSTS:
	case AGENT_MODULE:
	case AGENT_MODULES:
	case AGENT_SHARE:
		break;
	default:
		return err_say(err, EPROTO,
			       "unknown setting %u; is the keeper "
			       "of another version?",
			       rec->type);
	}

	char *text = copy_text(rec, err);
	return text ? add_text(s, rec->type, text, err) : -err->code;
}

static int settings_check(const struct settings *s, struct err *err)
{
	if (s->args.n == 0)
		return err_say(err, EINVAL,
			       "no command given, and the image has none");
	if (s->cwd && s->cwd[0] != '/')
		return err_say(err, EINVAL,
			       "working directory '%s' is not absolute",
			       s->cwd);
	if (s->hostname && (strlen(s->hostname) > HOSTNAME_MAX ||
			    strpbrk(s->hostname, " \t#/")))
		return err_say(err, EINVAL,
			       "'%s' cannot be a hostname: at most %d "
			       "characters, no spaces",
			       s->hostname, HOSTNAME_MAX);
	return 0;
}

int settings_read(struct settings *s, struct wire *w, struct err *err)
{
	while (!s->complete) {
		struct record rec;
		int r = wire_next(w, &rec);
		if (r < 0)
			return err_set(err, -r, "read the settings");
		if (r == 0) {
			r = wire_fill(w);
			if (r < 0)
				return err_set(err, -r, "read the settings");
			continue;
		}
		r = settings_add(s, &rec, err);
		if (r < 0)
			return r;
	}
	if (!s->hostname || !*s->hostname) {
		free(s->hostname);
		s->hostname = strdup(SETTINGS_HOSTNAME);
		if (!s->hostname)
			return err_set(err, ENOMEM, "read the settings");
	}
	return settings_check(s, err);
}

const char *settings_getenv(const struct settings *s, const char *name)
{
	size_t len = strlen(name);
	char **slot = env_slot(&s->env, name, len);

	return slot ? *slot + len + 1 : NULL;
}

int settings_default_env(struct settings *s, const char *name,
			 const char *value)
{
	char *text;

	if (settings_getenv(s, name))
		return 0;
	if (asprintf(&text, "%s=%s", name, value) < 0)
		return -ENOMEM;
	return strv_add(&s->env, text);
}
