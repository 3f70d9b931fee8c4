/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec.h - what will run: the user's options, completed by the image's
 * configuration and our defaults.  Kept as spec.json in the VM's folder.
 */
#ifndef VMM_MANAGER_SPEC_H
#define VMM_MANAGER_SPEC_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/lib/err.h"
#include "vmm/manager/kernel.h"
#include "vmm/manager/run_options.h"
#include "vmm/manager/strv.h"

#define SPEC_LOG_MAX (64ULL << 20) /* of each log, in bytes */

struct allow_list;
struct devices;
struct image;

/* What is known before; all of it borrowed. */
struct spec_parts {
	const struct run_options *options;
	const struct image *image;
	const struct kernel *kernel;
	const struct devices *devices;
	const struct allow_list *allow; /* pinned; NULL: no --allow */
	const char *id; /* the VM's: its default host name */
	uint64_t host_memory; /* bytes */
	const char *record; /* absolute path, NULL: none */
};

struct spec {
	const struct run_options *options; /* borrowed */
	const char *image_name; /* borrowed from the image, as is image_id */
	const char *image_id;
	struct strv args;
	struct strv env;
	const char *cwd; /* borrowed from options or image */
	const char *user; /* the same; NULL: root */
	char hostname[64];
	unsigned cpus;
	uint64_t memory; /* bytes, whole MiB */
	uint64_t memory_max; /* ... with what is plugged in; 0: none is */
	uint64_t log_max; /* bytes of each log */
	const char *record; /* borrowed; NULL: none is written */
	struct kernel kernel;
	const struct devices *devices; /* borrowed */
	const struct allow_list *allow; /* borrowed; NULL: no --allow */
};

/* Bytes of memory without -m, on a host with @host of them. */
uint64_t spec_default_memory(uint64_t host);

/*
 * Merge as docker does: COMMAND replaces CMD, ENTRYPOINT stays in front unless
 * --entrypoint replaces it (which drops CMD too); the environment is image,
 * CDI files, --env-file, -e, in that order.  @ret ends with spec_done() in
 * every case.
 */
int spec_make(const struct spec_parts *parts, struct spec *ret,
	      struct err *err);
void spec_done(struct spec *s);

/* As a JSON object that the caller owns; NULL when memory has run out. */
struct json_object *spec_to_json(const struct spec *s);

#endif
