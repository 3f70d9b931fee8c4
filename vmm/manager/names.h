/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.h - repositories.json of the store: which name means which image.
 * Every call that takes a store expects the caller to hold its lock: READ to
 * read, WRITE to change.
 */
#ifndef VMM_MANAGER_NAMES_H
#define VMM_MANAGER_NAMES_H

#include "vmm/lib/json.h"
#include "vmm/manager/reference.h"
#include "vmm/manager/store.h"

/*
 * All names: an object "docker.io/library/debian:latest" -> id, in the order
 * they were made.  Empty when the store is new.  The caller owns *@ret.
 */
int names_read(struct store *store, struct json_object **ret, struct err *err);

/* Replace the file by @names. */
int names_write(struct store *store, struct json_object *names,
		struct err *err);

/* Let @ref mean the image @id from now on. */
int names_set(struct store *store, const struct reference *ref, const char *id,
	      struct err *err);

/* The id that @full means in @names, or NULL; owned by @names. */
const char *names_get(struct json_object *names, const char *full);

#endif
