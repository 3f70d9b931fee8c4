/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image.h - reading the files that a kernel is made of.  They are untrusted:
 * every offset and length goes through these two checks.
 */
#ifndef FIRMWARE_IMAGE_H
#define FIRMWARE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/machine.h"

/* Whether [@off, @off + @len) lies inside the file. */
bool image_has(const struct image *img, uint64_t off, uint64_t len);

/*
 * Copy [@off, @off + @len), which image_has(), into @buf.  0 or -errno with a
 * sentence.
 */
int image_read(const struct image *img, uint64_t off, void *buf, size_t len,
	       struct err *err);

/* The same into guest RAM; the range must lie inside one region (-EFAULT). */
int image_load(const struct image *img, uint64_t off, uint64_t len,
	       const struct gmem *gm, gpa_t gpa, struct err *err);

#endif
