/* SPDX-License-Identifier: Apache-2.0 */
/* imagetest.c - images loaded into a store of their own, and looked at. */
#include "tests/harness/imagetest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/manager/load.h"
#include "vmm/manager/store.h"

int imagetest_setup(void **state)
{
	struct imagetest *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	(void)strcpy(t->dir, "/tmp/belljar-test-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	assert_int_equal(store_open(t->dir, &t->store, &t->err), 0);
	*state = t;
	return 0;
}

int imagetest_teardown(void **state)
{
	struct imagetest *t = *state;

	test_image_done(&t->img);
	store_close(t->store);
	assert_int_equal(io_remove_tree(t->dir, NULL), 0);
	free(t);
	return 0;
}

void imagetest_layer(struct imagetest *t, enum packing packing)
{
	test_image_add(&t->img, tar_end(&t->tar), packing);
}

static int load(struct imagetest *t, int fd)
{
	AUTO_STORE_TMP struct store_tmp tmp = STORE_TMP_NONE;
	AUTO_BUNDLE struct bundle *bundle = NULL;
	AUTO_FCLOSE FILE *out = fopen("/dev/null", "we");
	char dir[STORE_PATH_MAX + 8];
	struct progress progress;

	progress_init(&progress, true);
	int r = store_tmp_new(t->store, &tmp, &t->err);
	if (r < 0)
		return r;
	(void)snprintf(dir, sizeof(dir), "%s/spool", tmp.path);
	assert_int_equal(mkdir(dir, 0700), 0);
	r = bundle_from_tar(fd, "test.tar", 0, dir, &progress, &bundle,
			    &t->err);
	if (r < 0)
		return store_explain(t->store, r, &t->err);
	return load_bundle(t->store, bundle, tmp.path, NULL, &progress, out,
			   &t->err);
}

int imagetest_load(struct imagetest *t, struct blob archive)
{
	AUTO_CLOSE int fd = memfd_create("archive", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(io_write_full(fd, archive.data, archive.len), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	blob_done(&archive);
	t->err = (struct err){ 0 };
	int r = load(t, fd);
	/* A failure has a sentence, one line long; a success has none. */
	assert_true((r < 0) == (t->err.msg[0] != '\0'));
	assert_null(strchr(t->err.msg, '\n'));
	return r;
}

void imagetest_refuses(struct imagetest *t, struct blob archive,
		       const char *because)
{
	if (imagetest_load(t, archive) >= 0)
		fail_msg("taken, instead of: %s", because);
	if (!strstr(t->err.msg, because))
		fail_msg("'%s' lacks '%s'", t->err.msg, because);
	assert_true(imagetest_is_empty(t));
}

static int found(void *arg, const char *id)
{
	(void)arg;
	(void)id;
	return 1;
}

bool imagetest_is_empty(struct imagetest *t)
{
	char tmp[80];

	(void)snprintf(tmp, sizeof(tmp), "%s/tmp", t->dir);
	if (store_each(t->store, found, NULL, NULL) != 0)
		return false;
	/* A directory that can be removed is empty. */
	return rmdir(tmp) == 0 && mkdir(tmp, 0700) == 0;
}

/* Run rdsquashfs on the image and keep what it prints. */
static char *rdsquashfs(struct imagetest *t, const char *option,
			const char *path)
{
	struct blob out = { 0 };
	char file[STORE_PATH_MAX];
	AUTO_FREE char *command = NULL;
	char buf[4096];
	size_t n;

	store_image_path(t->store, t->img.id, "rootfs.squashfs", file);
	assert_true(asprintf(&command, "rdsquashfs %s %s%s%s '%s' 2>&1", option,
			     path ? "'" : "", path ? path : "", path ? "'" : "",
			     file) > 0);
	FILE *f = popen(command, "re"); /* NOLINT(cert-env33-c) */
	assert_non_null(f);
	blob_add(&out, "", 0);
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		blob_add(&out, buf, n);
	assert_int_equal(pclose(f), 0);
	return out.data;
}

char *imagetest_list(struct imagetest *t)
{
	if (imagetest_load(t, oci_archive(&t->img)) < 0)
		fail_msg("refused: %s", t->err.msg);
	return rdsquashfs(t, "-d", NULL);
}

void imagetest_loads_as(struct imagetest *t, const char *expect)
{
	AUTO_FREE char *list = imagetest_list(t);

	assert_string_equal(list, expect);
}

void imagetest_holds(struct imagetest *t, const char *path, const char *text)
{
	AUTO_FREE char *data = rdsquashfs(t, "-c", path);

	assert_string_equal(data, text);
}

char *imagetest_xattrs(struct imagetest *t, const char *path)
{
	return rdsquashfs(t, "-x", path);
}

char *imagetest_stat(struct imagetest *t, const char *path)
{
	return rdsquashfs(t, "-s", path);
}
