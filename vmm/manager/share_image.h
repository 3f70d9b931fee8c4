/* SPDX-License-Identifier: Apache-2.0 */
/*
 * share_image.h - what a file is that a guest is to mount: by its content, not
 * by its name.
 *
 * squashfs 4.0, EROFS and ext2 to ext4, as Linux documents their first block
 * (Documentation/filesystems/{squashfs,erofs,ext4}).  The file is a user's, and
 * nothing here trusts it: it is only asked what the guest's kernel would say
 * later, in words that help nobody.
 */
#ifndef VMM_MANAGER_SHARE_IMAGE_H
#define VMM_MANAGER_SHARE_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/lib/err.h"

struct share_image {
	const char *fs; /* the guest kernel's name of it */
	const char *compression; /* of squashfs; NULL: none */
	uint64_t size; /* bytes that it has, as it says itself */
	bool plain; /* its files are there as they are, in pages of 4 KiB */
};

/*
 * Look at the open file @fd; @path is for sentences.  -EINVAL: none of them,
 * cut off, or an ext4 that was not unmounted.
 */
int share_image_probe(int fd, const char *path, struct share_image *ret,
		      struct err *err);

/*
 * Can a kernel of @flavour ("minimal", "stock" or a path) read it?  -ENOTSUP
 * with a sentence; of a kernel that is not ours nothing is known.
 */
int share_image_check(const struct share_image *image, const char *path,
		      const char *flavour, struct err *err);

/*
 * Can a kernel have its files in memory (DAX) that a virtio-pmem shows it?
 * -ENOTSUP with a sentence.
 */
int share_image_check_dax(const struct share_image *image, const char *path,
			  struct err *err);

#endif
