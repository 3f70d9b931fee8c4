/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image.h - an image of the store, as the verbs that start a VM see it: a
 * root file system to hand to the monitor, and the settings that the image's
 * author chose for the container.
 */
#ifndef VMM_MANAGER_IMAGE_H
#define VMM_MANAGER_IMAGE_H

#include <stdint.h>

#include "vmm/lib/err.h"

struct store;

#define IMAGE_ID_LEN 64 /* hex digits of a sha256 */

/*
 * The "config" object of the OCI image configuration.  Arrays end with NULL
 * and are never NULL themselves; strings are NULL when the image says nothing.
 * No string contains a NUL byte; beyond that they are the image author's
 * words: check them before use (OCI image-spec, config.md).
 */
struct image_config {
	char **env; /* NAME=VALUE */
	char **entrypoint;
	char **cmd;
	char **ports; /* "80/tcp", "53/udp", "8080" */
	char *working_dir;
	char *user; /* user[:group], names or numbers */
	char *stop_signal; /* "SIGTERM" or a number */
	char *architecture; /* as Go writes it: "amd64", "arm64" */
};

struct image {
	char id[IMAGE_ID_LEN + 1]; /* sha256 of the configuration, hex */
	char *name; /* "pytorch-train:latest"; the id's start when untagged */
	/*
	 * The squashfs, O_RDONLY | O_CLOEXEC, with a shared flock.  The lock
	 * belongs to the open file: it lasts until every copy of the
	 * descriptor (dup, fork, SCM_RIGHTS) is closed, and as long as it
	 * lasts `belljar rmi` refuses to remove the image.  So the descriptor
	 * that the monitor inherits is all that keeps an image in place.
	 * TAKE_FD moves it out of the struct.
	 */
	int rootfs;
	uint64_t rootfs_size; /* bytes, a multiple of 4096 */
	struct image_config config;
};

/*
 * The image that @name means: "name[:tag]", "host/name:tag", "name@sha256:..."
 * or the first digits of an id.  -ENOENT with a sentence that says how to get
 * one.  Takes the store's lock for the time of the call.  The caller frees
 * *@ret with image_free(), which closes the descriptor if it is still there.
 */
int image_find(struct store *store, const char *name, struct image **ret,
	       struct err *err);

/* Accepts NULL. */
void image_free(struct image *img);

static inline void image_auto_free(struct image **img)
{
	image_free(*img);
}

#define AUTO_IMAGE __attribute__((cleanup(image_auto_free)))

#endif
