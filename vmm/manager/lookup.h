/* SPDX-License-Identifier: Apache-2.0 */
/* What a person means by a name or the first digits of an id. */
#ifndef VMM_MANAGER_LOOKUP_H
#define VMM_MANAGER_LOOKUP_H

#include "vmm/lib/err.h"
#include "vmm/manager/digest.h"
#include "vmm/manager/reference.h"
#include "vmm/manager/store.h"

struct lookup {
	char id[DIGEST_HEX + 1];
	char name[REFERENCE_MAX]; /* for people: "debian:latest" or an id */
	char full[REFERENCE_MAX]; /* the name found; "" when it was an id */
};

/*
 * The image that @text means.  A name without a host that docker.io doesn't
 * have here is looked for below localhost/ too, where podman and buildah put
 * what they build.  -ENOENT with a sentence.  The caller holds the store's
 * lock, READ or WRITE.
 */
int lookup_image(struct store *store, const char *text, struct lookup *ret,
		 struct err *err);

#endif
