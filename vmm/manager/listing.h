/* SPDX-License-Identifier: Apache-2.0 */
/* What is in the store, as rows: one for each name, one for each nameless. */
#ifndef VMM_MANAGER_LISTING_H
#define VMM_MANAGER_LISTING_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "vmm/lib/err.h"
#include "vmm/manager/digest.h"
#include "vmm/manager/reference.h"
#include "vmm/manager/store.h"

struct listing_row {
	char full[REFERENCE_MAX]; /* "" when the image has no name */
	struct reference ref; /* of full */
	char id[DIGEST_HEX + 1];
	time_t created; /* by the image's author; 0: not said */
	uint64_t size; /* bytes of the squashfs */
};

struct listing {
	struct listing_row *row;
	size_t nr;
};

/*
 * All rows, the image created last first.  The caller holds the store's lock
 * and frees with listing_done(); @ret must be zeroed.
 */
int listing_read(struct store *store, struct listing *ret, struct err *err);
void listing_done(struct listing *listing);

#define AUTO_LISTING __attribute__((cleanup(listing_done)))

/* "3 weeks ago", as docker says it. */
void listing_age(time_t created, time_t now, char *text, size_t size);

/* "182MB": three digits, decimal units, as docker says it. */
void listing_size(uint64_t bytes, char *text, size_t size);

#endif
