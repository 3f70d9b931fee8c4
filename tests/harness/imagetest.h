/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imagetest.h - an image to be made and a store in a temporary directory to
 * load it into, fresh for each test: *state of an IMAGE_TEST().  What can't
 * be done ends the test.
 */
#ifndef TESTS_HARNESS_IMAGETEST_H
#define TESTS_HARNESS_IMAGETEST_H

#include <stdbool.h>

#include "tests/harness/imagebuild.h"
#include "vmm/lib/err.h"

struct imagetest {
	char dir[64];
	struct store *store; /* in dir */
	struct test_image img;
	struct tarball tar; /* its layer, or the archive, being written */
	struct err err; /* of the last load */
};

int imagetest_setup(void **state);
int imagetest_teardown(void **state);

#define IMAGE_TEST(f)                                                          \
	cmocka_unit_test_setup_teardown(f, imagetest_setup, imagetest_teardown)

/* What was written to t->tar becomes the image's next layer. */
void imagetest_layer(struct imagetest *t, enum packing packing);

/* Load @archive, which is taken.  0 or what load_bundle() says. */
int imagetest_load(struct imagetest *t, struct blob archive);
/* The same must fail with @because in its sentence, and leave nothing. */
void imagetest_refuses(struct imagetest *t, struct blob archive,
		       const char *because);
/* Whether the store holds nothing, finished or begun. */
bool imagetest_is_empty(struct imagetest *t);

/*
 * Load the image.  Its squashfs as rdsquashfs describes it, a line for each
 * file: "file a/b 0644 0 0".  The caller frees it.
 */
char *imagetest_list(struct imagetest *t);
/* ... which must be @expect. */
void imagetest_loads_as(struct imagetest *t, const char *expect);

/* What is in a file of the loaded image must be @text. */
void imagetest_holds(struct imagetest *t, const char *path, const char *text);
/* A file's xattrs, its inode as text; freed by the caller. */
char *imagetest_xattrs(struct imagetest *t, const char *path);
char *imagetest_stat(struct imagetest *t, const char *path);

#endif
