/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle.h - the files of an image as it arrives: an OCI layout in a
 * directory, or any tar archive (docker-archive, oci-archive; plain, gzip or
 * zstd), which is unpacked into numbered files first, because a stream can't
 * be read twice and docker puts the list of contents last.
 *
 * No name from the archive ever becomes a name on the host.
 */
#ifndef VMM_MANAGER_BUNDLE_H
#define VMM_MANAGER_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/lib/err.h"
#include "vmm/manager/progress.h"

struct bundle;

/*
 * Unpack the tar stream of @fd (its size is @size bytes, 0: unknown) into
 * the existing directory @dir.  @what names the input in messages.
 */
int bundle_from_tar(int fd, const char *what, uint64_t size, const char *dir,
		    struct progress *progress, struct bundle **ret,
		    struct err *err);

/* The OCI layout in directory @path, left as it is. */
int bundle_from_dir(const char *path, struct bundle **ret, struct err *err);

/* Accepts NULL. */
void bundle_free(struct bundle *bundle);

/* What it is called in messages; owned by the bundle. */
const char *bundle_name(const struct bundle *bundle);

/* Whether there is a file @name. */
bool bundle_has(struct bundle *bundle, const char *name);

/*
 * Open file @name, "blobs/sha256/..." say, for reading; links within the
 * bundle are followed.  -ENOENT with a sentence when it isn't there.
 */
int bundle_open(struct bundle *bundle, const char *name, int *ret_fd,
		uint64_t *ret_size, struct err *err);

/* The same, read as a text of at most @max bytes, which the caller frees. */
int bundle_read(struct bundle *bundle, const char *name, size_t max, char **ret,
		size_t *ret_len, struct err *err);

static inline void bundle_auto_free(struct bundle **b)
{
	bundle_free(*b);
}

#define AUTO_BUNDLE __attribute__((cleanup(bundle_auto_free)))

#endif
