/* SPDX-License-Identifier: Apache-2.0 */
/* strv.h - a growing list of owned strings, always ended by NULL. */
#ifndef VMM_MANAGER_STRV_H
#define VMM_MANAGER_STRV_H

#include <stddef.h>

struct strv {
	char **v; /* NULL while empty; else v[n] is NULL */
	size_t n;
};

/* Append the formatted text.  0 or -ENOMEM. */
int strv_add(struct strv *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Append copies of @from, which NULL ends and which may be NULL. */
int strv_add_all(struct strv *s, char *const *from);

/*
 * NAME=VALUE replaces the entry of the same NAME or is appended; NAME alone
 * removes the entry.
 */
int strv_set_env(struct strv *s, const char *entry);

/* The value of @name, or NULL. */
const char *strv_get_env(const struct strv *s, const char *name);

void strv_done(struct strv *s);

#endif
