/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer.h - one layer of an image as a stream of checked entries.  Whether it
 * is gzip, zstd or plain tar is seen from its bytes.  Size, digest and
 * diff_id have been verified when layer_next() says that it has ended.
 */
#ifndef VMM_MANAGER_LAYER_H
#define VMM_MANAGER_LAYER_H

#include <sys/types.h>

#include "vmm/manager/archive.h"
#include "vmm/manager/bundle.h"
#include "vmm/manager/oci.h"

struct layer;

/*
 * @bundle, @what and @progress must outlive the layer, which belongs to the
 * caller.  An archive_bytes must exist.
 */
int layer_open(struct bundle *bundle, const struct oci_layer *what,
	       struct progress *progress, struct layer **ret, struct err *err);

/* Accepts NULL. */
void layer_free(struct layer *layer);

/*
 * The next entry, valid until the next call: 1; the verified end: 0.
 * A layer that isn't what the image says it is: -EBADMSG with a sentence.
 */
int layer_next(struct layer *layer, struct archive_entry **ret,
	       struct err *err);

/* Up to @len bytes of the current entry's file; holes read as zeros. */
ssize_t layer_read(struct layer *layer, void *buf, size_t len, struct err *err);

static inline void layer_auto_free(struct layer **l)
{
	layer_free(*l);
}

#define AUTO_LAYER __attribute__((cleanup(layer_auto_free)))

#endif
