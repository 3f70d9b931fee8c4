/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capped.h - a log file that a guest can fill only so far: what comes after
 * the limit is dropped, and one line says so.
 */
#ifndef VMM_MANAGER_CAPPED_H
#define VMM_MANAGER_CAPPED_H

#include <stddef.h>
#include <stdint.h>

#include "vmm/lib/err.h"

struct capped {
	int fd; /* -1: nothing is kept */
	uint64_t left; /* bytes that may still come */
};

/* Create @path (mode 0600), for @max bytes and the note. */
int capped_open(struct capped *c, const char *path, uint64_t max,
		struct err *err);
void capped_close(struct capped *c);

/* A failed write (a full disk) ends the log, not the VM. */
void capped_write(struct capped *c, const void *data, size_t len);

#endif
