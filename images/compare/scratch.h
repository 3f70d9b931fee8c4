/* SPDX-License-Identifier: Apache-2.0 */
/* scratch.h - a file without a name: it is gone however this program ends. */
#ifndef IMAGES_COMPARE_SCRATCH_H
#define IMAGES_COMPARE_SCRATCH_H

#include <stddef.h>
#include <stdint.h>

#include "vmm/lib/err.h"

/* A new file in @dir, open for reading and writing.  A descriptor or -errno. */
int scratch_open(const char *dir, struct err *err);

/* Fill @len bytes with what neither compresses nor repeats. */
void scratch_noise(void *buf, size_t len, uint64_t *seed);

#endif
