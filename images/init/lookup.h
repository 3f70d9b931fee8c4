/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lookup.h - the file that a command's name means, and the status and the
 * sentence when there is none: 127 not found, 126 found but not executable.
 */
#ifndef IMAGES_INIT_LOOKUP_H
#define IMAGES_INIT_LOOKUP_H

#include <stddef.h>

#include "vmm/lib/err.h"

/*
 * Find @name in the directories of @path, or as it is when it has a '/'.
 * Relative to the working directory.  Returns 0 and the file in @ret, or the
 * exit status, with the sentence in @err.
 */
int lookup_command(const char *name, const char *path, char *ret, size_t size,
		   struct err *err);

/* The status and the sentence for execve(@file) having failed with @errnum. */
int lookup_exec_failed(const char *file, int errnum, struct err *err);

#endif
