/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imagebuild.h - container images made in memory, good ones and broken ones,
 * and a store in a temporary directory to load them into.  Calls end the
 * test when they can't do their work.
 */
#ifndef TESTS_HARNESS_IMAGEBUILD_H
#define TESTS_HARNESS_IMAGEBUILD_H

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>
#include <stddef.h>

/* A piece of memory that grows. */
struct blob {
	char *data;
	size_t len, room;
};

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

/* A store below a new temporary directory. */
struct test_store {
	char dir[64];
	struct store *store;
};

void test_store_begin(struct test_store *ts);
void test_store_end(struct test_store *ts);

/*
 * Load @archive.  0 or what load_bundle() says; @msg, of 512 bytes, gets the
 * sentence.
 */
int test_store_load(struct test_store *ts, const struct blob *archive,
		    char *msg);

/* Whether tmp/ and images/ hold nothing. */
bool test_store_is_empty(struct test_store *ts);

/*
 * The squashfs of @id as rdsquashfs describes it, a line for each file:
 * "file a/b 0644 0 0".  The caller frees it.
 */
char *squashfs_list(struct test_store *ts, const char *id);

/* What is in one file, its xattrs, its inode as text; freed by the caller. */
char *squashfs_cat(struct test_store *ts, const char *id, const char *path);
char *squashfs_xattrs(struct test_store *ts, const char *id, const char *path);
char *squashfs_stat(struct test_store *ts, const char *id, const char *path);

#endif
