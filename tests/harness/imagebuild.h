/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imagebuild.h - container images made in memory, good ones and broken ones.
 * Calls end the test when they can't do their work.
 */
#ifndef TESTS_HARNESS_IMAGEBUILD_H
#define TESTS_HARNESS_IMAGEBUILD_H

#include <archive.h>
#include <archive_entry.h>
#include <stddef.h>

/* A piece of memory that grows. */
struct blob {
	char *data;
	size_t len, room;
};

void blob_add(struct blob *blob, const void *data, size_t len);
void blob_done(struct blob *blob);

/* A tar archive being written: a layer, or what docker save writes. */
struct tarball {
	struct archive *archive;
	struct blob blob;
};

enum packing { PLAIN, GZIP, ZSTD };

void tar_begin(struct tarball *tar, enum packing packing);
struct blob tar_end(struct tarball *tar); /* the caller frees it */

void tar_file(struct tarball *tar, const char *path, const void *data,
	      size_t len);
void tar_text(struct tarball *tar, const char *path, const char *text);
void tar_dir(struct tarball *tar, const char *path, unsigned mode);
void tar_symlink(struct tarball *tar, const char *path, const char *target);
void tar_link(struct tarball *tar, const char *path, const char *target);
/* Anything else; @entry is freed. */
void tar_entry(struct tarball *tar, struct archive_entry *entry,
	       const void *data);

void sha256_hex(const void *data, size_t len, char hex[65]);

/* An image: layers as they are stored, and the sums that are claimed. */
struct test_layer {
	struct blob file;
	char digest[65], diff_id[65];
};

#define TEST_LAYERS 8

struct test_image {
	struct test_layer layer[TEST_LAYERS];
	size_t nr;
	const char *architecture; /* NULL: this machine's */
	const char *name; /* NULL: none */
	char id[65]; /* set when it is written out */
};

/* Add @plain as the next layer, stored as @packing; takes the blob. */
void test_image_add(struct test_image *img, struct blob plain,
		    enum packing packing);
void test_image_done(struct test_image *img);

/* Written as `docker save` did, and as an OCI layout in a tar. */
struct blob docker_archive(struct test_image *img);
struct blob oci_archive(struct test_image *img);

#endif
