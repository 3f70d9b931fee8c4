/* SPDX-License-Identifier: Apache-2.0 */
/* oci_test.c - what a bundle may say about itself, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/imagebuild.h"
#include "vmm/lib/auto.h"
#include "vmm/manager/oci.h"

static struct test_store ts;
static struct tarball tar;
static char msg[512];

static int setup(void **state)
{
	(void)state;
	test_store_begin(&ts);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_store_end(&ts);
	return 0;
}

/* The archive in tar is refused with @because, and nothing is left. */
static void refused(const char *because)
{
	struct blob archive = tar_end(&tar);
	int r = test_store_load(&ts, &archive, msg);

	blob_done(&archive);
	if (r >= 0)
		fail_msg("taken, instead of: %s", because);
	if (!strstr(msg, because))
		fail_msg("'%s' lacks '%s'", msg, because);
	assert_true(test_store_is_empty(&ts));
}

static void manifest_refused(const char *manifest, const char *because)
{
	tar_begin(&tar, PLAIN);
	tar_text(&tar, "c.json", "{\"rootfs\":{\"diff_ids\":[]}}");
	tar_text(&tar, "n.json", "[]");
	tar_text(&tar, "manifest.json", manifest);
	refused(because);
}

static void other_archives_are_refused(void **state)
{
	static char noise[4096];
	struct blob junk = { .data = noise, .len = sizeof(noise) };
	struct blob nothing = { .data = noise };

	(void)state;
	tar_begin(&tar, PLAIN);
	tar_text(&tar, "etc/passwd", "x");
	refused("'test.tar' is not an image archive: it has neither");

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)(i * i * 2654435761u >> 13);
	assert_true(test_store_load(&ts, &junk, msg) < 0);
	assert_non_null(strstr(msg, "'test.tar' is not an image archive"));
	assert_true(test_store_load(&ts, &nothing, msg) < 0);
	assert_true(test_store_is_empty(&ts));
}

static void outer_paths_are_checked(void **state)
{
	(void)state;
	tar_begin(&tar, PLAIN);
	tar_text(&tar, "../evil", "x");
	refused("'test.tar': the entry '../evil' climbs out");
	tar_begin(&tar, PLAIN);
	tar_text(&tar, "/evil", "x");
	refused("'test.tar': the entry '/evil' has an absolute path");
	tar_begin(&tar, PLAIN);
	tar_symlink(&tar, "manifest.json", "../../etc/passwd");
	refused("points out of the archive");
	/* To itself: there is no manifest at its end. */
	tar_begin(&tar, PLAIN);
	tar_symlink(&tar, "manifest.json", "manifest.json");
	refused("it has neither");
}

static void docker_manifests_of_wrong_shape(void **state)
{
	(void)state;
	manifest_refused("", "manifest.json is not valid JSON");
	manifest_refused("{}", "manifest.json is not a list");
	manifest_refused("[]", "holds no image");
	manifest_refused("[7]", "'Config' is missing");
	manifest_refused("[{\"Config\":7,\"Layers\":[]}]", "'Config' is not");
	manifest_refused("[{\"Config\":\"c.json\"}]", "'Layers' is missing");
	manifest_refused("[{\"Config\":\"c.json\",\"Layers\":{}}]",
			 "'Layers' is not");
	manifest_refused("[{\"Config\":\"c.json\",\"Layers\":[null]}]",
			 "lacks layer 1 of 1");
	manifest_refused("[{\"Config\":\"c.json\",\"Layers\":[\"no.tar\"]}]",
			 "lacks layer 1 of 1, 'no.tar'");
	manifest_refused("[{\"Config\":\"no.json\",\"Layers\":[]}]",
			 "holds no file 'no.json'");
	manifest_refused("[{\"Config\":\"../../c\",\"Layers\":[]}]",
			 "holds no file");
	manifest_refused("[{\"Config\":\"n.json\",\"Layers\":[]}]",
			 "'rootfs' is missing");
	manifest_refused("[{\"Config\":\"c.json\",\"Layers\":[\"c.json\"]}]",
			 "lists 0 layers, the manifest 1");
	manifest_refused("[{\"Config\":\"c.json\",\"Layers\":[],"
			 "\"RepoTags\":[\"Bad Name\"]}]",
			 "'Bad Name' is not an image name");
}

static void deep_nesting_is_refused(void **state)
{
	char text[100001];

	(void)state;
	memset(text, '[', 100000);
	text[100000] = '\0';
	manifest_refused(text, "nesting");
}

static void large_documents_are_refused(void **state)
{
	AUTO_FREE char *text = malloc(OCI_DOC_MAX + 2);

	(void)state;
	memset(text, ' ', OCI_DOC_MAX + 1);
	text[OCI_DOC_MAX + 1] = '\0';
	manifest_refused(text, "is larger than 4194304 bytes");
}

static void index_blobs_are_verified(void **state)
{
	char hex[65], path[96], index[400];
	const char *blob = "{}";

	(void)state;
	sha256_hex("other", 5, hex);
	(void)snprintf(path, sizeof(path), "blobs/sha256/%s", hex);
	for (int i = 0; i < 4; i++) {
		tar_begin(&tar, PLAIN);
		if (i < 3)
			tar_text(&tar, path, blob);
		(void)snprintf(index, sizeof(index),
			       "{\"manifests\":[{\"digest\":\"%s%s\","
			       "\"size\":%d}]}",
			       i == 0 ? "sha512:" : "sha256:", hex,
			       i == 1 ? 7 : 2);
		tar_text(&tar, "index.json", index);
		refused(i == 0	 ? "the only kind that belljar checks"
			: i == 1 ? "has 2 bytes instead of 7"
			: i == 2 ? "is damaged: its digest is sha256:"
				 : "holds no file 'blobs/sha256/");
	}
}

static void other_platforms_are_refused(void **state)
{
	struct test_image img = { .architecture = "s390x" };
	struct blob archive;

	(void)state;
	archive = oci_archive(&img);
	assert_true(test_store_load(&ts, &archive, msg) < 0);
	assert_non_null(strstr(msg, "has no image for linux/"));
	assert_non_null(strstr(msg, "only for linux/s390x"));
	blob_done(&archive);

	archive = docker_archive(&img);
	assert_true(test_store_load(&ts, &archive, msg) < 0);
	assert_non_null(strstr(msg, "the image is for linux/s390x"));
	blob_done(&archive);
	assert_true(test_store_is_empty(&ts));
}

static void config_refused(const char *config, const char *because)
{
	struct image_config c;
	struct err err = { 0 };

	if (oci_parse_config(config, strlen(config), &c, &err) >= 0)
		fail_msg("taken: %s", config);
	if (!strstr(err.msg, because))
		fail_msg("'%s' lacks '%s'", err.msg, because);
}

static void settings_of_wrong_type_are_refused(void **state)
{
	(void)state;
	config_refused("{\"config\":[]}", "'config' is not an object");
	config_refused("{\"config\":{\"Env\":{}}}", "'Env' is not a list");
	config_refused("{\"config\":{\"Env\":[1]}}", "not made of strings");
	config_refused("{\"config\":{\"Cmd\":\"x\"}}", "'Cmd' is not a list");
	config_refused("{\"config\":{\"Cmd\":[\"a\\u0000b\"]}}", "NUL");
	config_refused("{\"config\":{\"User\":7}}", "not made of strings");
	config_refused("{\"config\":{\"ExposedPorts\":[]}}", "not an object");
	config_refused("{", "is not valid JSON");
}

static void absent_settings_are_empty(void **state)
{
	const char *text = "{\"config\":{\"Env\":null,\"User\":\"\"}}";
	struct image_config c;

	(void)state;
	assert_int_equal(oci_parse_config(text, strlen(text), &c, NULL), 0);
	assert_null(c.env[0]);
	assert_null(c.cmd[0]);
	assert_null(c.entrypoint[0]);
	assert_null(c.ports[0]);
	assert_null(c.user);
	assert_null(c.working_dir);
	oci_config_done(&c);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(other_archives_are_refused),
		T(outer_paths_are_checked),
		T(docker_manifests_of_wrong_shape),
		T(deep_nesting_is_refused),
		T(large_documents_are_refused),
		T(index_blobs_are_verified),
		T(other_platforms_are_refused),
		cmocka_unit_test(settings_of_wrong_type_are_refused),
		cmocka_unit_test(absent_settings_are_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
