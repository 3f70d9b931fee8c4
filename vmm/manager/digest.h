/* SPDX-License-Identifier: Apache-2.0 */
/* sha256 by libcrypto, and the way OCI writes it: "sha256:<64 hex digits>". */
#ifndef VMM_MANAGER_DIGEST_H
#define VMM_MANAGER_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "vmm/lib/err.h"

#define DIGEST_HEX 64

struct digest; /* a sum under way */

/* NULL when memory has run out. */
struct digest *digest_new(void);
void digest_free(struct digest *d); /* accepts NULL */
void digest_add(struct digest *d, const void *data, size_t len);
/* The sum in lower-case hex; the struct may only be freed after this. */
void digest_finish(struct digest *d, char hex[DIGEST_HEX + 1]);

/*
 * Take the hex digits out of @text; @what names it in the sentence.  Other
 * algorithms and upper case are refused (OCI image-spec, descriptor.md).
 */
int digest_parse(const char *text, const char *what, char hex[DIGEST_HEX + 1],
		 struct err *err);

/* Whether @text is at least @min and at most 64 lower-case hex digits. */
bool digest_is_hex(const char *text, size_t min);

static inline void digest_auto_free(struct digest **d)
{
	digest_free(*d);
}

#define AUTO_DIGEST __attribute__((cleanup(digest_auto_free)))

#endif
