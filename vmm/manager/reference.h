/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Image names as docker reads them: [host[:port]/]path[:tag][@sha256:...].
 * Without a host it is docker.io, there without a '/' library/, and without
 * tag and digest the tag is latest.
 */
#ifndef VMM_MANAGER_REFERENCE_H
#define VMM_MANAGER_REFERENCE_H

#include "vmm/lib/err.h"
#include "vmm/manager/digest.h"

#define REFERENCE_NAME_MAX 255 /* bytes of host and path together */
#define REFERENCE_TAG_MAX  128
#define REFERENCE_MAX	   512 /* room for any of them, written out */

struct reference {
	char repo[REFERENCE_NAME_MAX + 1]; /* "docker.io/library/debian" */
	char tag[REFERENCE_TAG_MAX + 1]; /* "" when there is a digest */
	char digest[DIGEST_HEX + 1]; /* hex, "" when there is none */
};

/* A tag beside a digest is dropped, as docker does.  -EINVAL: a sentence. */
int reference_parse(const char *text, struct reference *ret, struct err *err);

/* In full: "docker.io/library/debian:latest", the key in the store. */
void reference_full(const struct reference *ref, char text[REFERENCE_MAX]);

/* As people write it: "debian:latest". */
void reference_short(const struct reference *ref, char text[REFERENCE_MAX]);

/* "debian": the part of @ref before the tag, as people write it. */
const char *reference_short_repo(const struct reference *ref);

#endif
