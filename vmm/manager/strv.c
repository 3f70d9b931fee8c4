/* SPDX-License-Identifier: Apache-2.0 */
/* strv.c - lists of strings. */
#include "vmm/manager/strv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int strv_add(struct strv *s, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	int len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0)
		return -ENOMEM;

	char **v = reallocarray(s->v, s->n + 2, sizeof(*v));
	if (!v) {
		free(text);
		return -ENOMEM;
	}
	v[s->n++] = text;
	v[s->n] = NULL;
	s->v = v;
	return 0;
}

int strv_add_all(struct strv *s, char *const *from)
{
	for (; from && *from; from++)
		if (strv_add(s, "%s", *from) < 0)
			return -ENOMEM;
	return 0;
}

static size_t find(const struct strv *s, const char *name, size_t len)
{
	size_t i = 0;

	while (i < s->n &&
	       (strncmp(s->v[i], name, len) != 0 || s->v[i][len] != '='))
		i++;
	return i;
}

int strv_set_env(struct strv *s, const char *entry)
{
	size_t len = strcspn(entry, "=");
	size_t i = find(s, entry, len);
	bool unset = entry[len] == '\0';

	if (i == s->n)
		return unset ? 0 : strv_add(s, "%s", entry);
	if (!unset) {
		char *copy = strdup(entry);

		if (!copy)
			return -ENOMEM;
		free(s->v[i]);
		s->v[i] = copy;
		return 0;
	}
	free(s->v[i]);
	memmove(&s->v[i], &s->v[i + 1], (s->n - i) * sizeof(s->v[0]));
	s->n--;
	return 0;
}

const char *strv_get_env(const struct strv *s, const char *name)
{
	size_t len = strlen(name);
	size_t i = find(s, name, len);

	return i < s->n ? s->v[i] + len + 1 : NULL;
}

void strv_done(struct strv *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	s->v = NULL;
	s->n = 0;
}
