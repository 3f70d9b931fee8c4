/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings.h - what the keeper wants: the records between HELLO and START,
 * checked and kept.
 */
#ifndef IMAGES_INIT_SETTINGS_H
#define IMAGES_INIT_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "images/init/wire.h"
#include "vmm/lib/err.h"

/* Owned strings, NULL after the last: can be given to execve. */
struct strv {
	char **v; /* NULL while n is 0 */
	size_t n;
};

struct settings {
	struct strv args, env, addrs, gateways, dns, hosts, modules, shares;
	char *cwd, *user, *hostname; /* NULL when absent */
	char *module_place; /* AGENT_MODULES, or NULL */
	struct agent_size size;
	uint64_t shm_size; /* bytes; 0 when absent */
	uint64_t time; /* ns since 1970; 0 when absent */
	bool tty, readonly, with_stdin;
	bool complete; /* START was seen */
	size_t bytes; /* of all payloads so far */
};

/* Accepts zeroed settings. */
void settings_done(struct settings *s);

/* Take one record in.  -EPROTO or -E2BIG with a sentence, or -ENOMEM. */
int settings_add(struct settings *s, const struct record *rec, struct err *err);

/* The hostname when the keeper gives none. */
#define SETTINGS_HOSTNAME "belljar"

/*
 * Read records from a blocking @w until START, and check the whole.  After
 * success there are a hostname and at least one argument.
 */
int settings_read(struct settings *s, struct wire *w, struct err *err);

/* The value of @name, or NULL. */
const char *settings_getenv(const struct settings *s, const char *name);

/* Set @name when the environment does not have it.  0 or -ENOMEM. */
int settings_default_env(struct settings *s, const char *name,
			 const char *value);

#endif
