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

#include "tests/harness/imagetest.h"
#include "vmm/lib/auto.h"
#include "vmm/manager/oci.h"

/* The archive in t->tar is refused with @because, and nothing is left. */
static void refused(struct imagetest *t, const char *because)
{
	imagetest_refuses(t, tar_end(&t->tar), because);
}

static void manifest_refused(struct imagetest *t, const char *manifest,
			     const char *because)
{
	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, "c.json", "{\"rootfs\":{\"diff_ids\":[]}}");
	tar_text(&t->tar, "n.json", "[]");
	tar_text(&t->tar, "manifest.json", manifest);
	refused(t, because);
}

static void other_archives_are_refused(void **state)
{
	struct imagetest *t = *state;
	static char noise[4096];
	struct blob junk = { 0 }, nothing = { 0 };

	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, "etc/passwd", "x");
	refused(t, "'test.tar' is not an image archive: it has neither");

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)(i * i * 2654435761u >> 13);
	blob_add(&junk, noise, sizeof(noise));
	imagetest_refuses(t, junk, "'test.tar' is not an image archive");
	imagetest_refuses(t, nothing, "'test.tar' is not an image archive");
}

static void outer_paths_are_checked(void **state)
{
	struct imagetest *t = *state;

	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, "../evil", "x");
	refused(t, "'test.tar': the entry '../evil' climbs out");
	tar_begin(&t->tar, PLAIN);
	tar_text(&t->tar, "/evil", "x");
	refused(t, "'test.tar': the entry '/evil' has an absolute path");
	tar_begin(&t->tar, PLAIN);
	tar_symlink(&t->tar, "manifest.json", "../../etc/passwd");
	refused(t, "points out of the archive");
	/* To itself: there is no manifest at its end. */
	tar_begin(&t->tar, PLAIN);
	tar_symlink(&t->tar, "manifest.json", "manifest.json");
	refused(t, "it has neither");
}

static void docker_manifests_of_wrong_shape(void **state)
{
	struct imagetest *t = *state;

	manifest_refused(t, "", "manifest.json is not valid JSON");
	manifest_refused(t, "{}", "manifest.json is not a list");
	manifest_refused(t, "[]", "holds no image");
	manifest_refused(t, "[7]", "'Config' is missing");
	manifest_refused(t, "[{\"Config\":7,\"Layers\":[]}]",
			 "'Config' is not");
	manifest_refused(t, "[{\"Config\":\"c.json\"}]", "'Layers' is missing");
	manifest_refused(t, "[{\"Config\":\"c.json\",\"Layers\":{}}]",
			 "'Layers' is not");
	manifest_refused(t, "[{\"Config\":\"c.json\",\"Layers\":[null]}]",
			 "lacks layer 1 of 1");
	manifest_refused(t, "[{\"Config\":\"c.json\",\"Layers\":[\"no.tar\"]}]",
			 "lacks layer 1 of 1, 'no.tar'");
	manifest_refused(t, "[{\"Config\":\"no.json\",\"Layers\":[]}]",
			 "holds no file 'no.json'");
	manifest_refused(t, "[{\"Config\":\"../../c\",\"Layers\":[]}]",
			 "holds no file");
	manifest_refused(t, "[{\"Config\":\"n.json\",\"Layers\":[]}]",
			 "'rootfs' is missing");
	manifest_refused(t, "[{\"Config\":\"c.json\",\"Layers\":[\"c.json\"]}]",
			 "lists 0 layers, the manifest 1");
	manifest_refused(t,
			 "[{\"Config\":\"c.json\",\"Layers\":[],"
			 "\"RepoTags\":[\"Bad Name\"]}]",
			 "'Bad Name' is not an image name");
}

static void deep_nesting_is_refused(void **state)
{
	struct imagetest *t = *state;
	char text[100001];

	memset(text, '[', 100000);
	text[100000] = '\0';
	manifest_refused(t, text, "nesting");
}

static void large_documents_are_refused(void **state)
{
	struct imagetest *t = *state;
	AUTO_FREE char *text = malloc(OCI_DOC_MAX + 2);

	memset(text, ' ', OCI_DOC_MAX + 1);
	text[OCI_DOC_MAX + 1] = '\0';
	manifest_refused(t, text, "is larger than 4194304 bytes");
}

static void index_blobs_are_verified(void **state)
{
	struct imagetest *t = *state;
	char hex[65], path[96], index[400];
	const char *blob = "{}";

	sha256_hex("other", 5, hex);
	(void)snprintf(path, sizeof(path), "blobs/sha256/%s", hex);
	for (int i = 0; i < 4; i++) {
		tar_begin(&t->tar, PLAIN);
		if (i < 3)
			tar_text(&t->tar, path, blob);
		(void)snprintf(index, sizeof(index),
			       "{\"manifests\":[{\"digest\":\"%s%s\","
			       "\"size\":%d}]}",
			       i == 0 ? "sha512:" : "sha256:", hex,
			       i == 1 ? 7 : 2);
		tar_text(&t->tar, "index.json", index);
		refused(t, i == 0   ? "the only kind that belljar checks"
			   : i == 1 ? "has 2 bytes instead of 7"
			   : i == 2 ? "is damaged: its digest is sha256:"
				    : "holds no file 'blobs/sha256/");
	}
}

static void other_platforms_are_refused(void **state)
{
	struct imagetest *t = *state;

	t->img.architecture = "s390x";
	imagetest_refuses(t, oci_archive(&t->img), "has no image for linux/");
	assert_non_null(strstr(t->err.msg, "only for linux/s390x"));
	imagetest_refuses(t, docker_archive(&t->img),
			  "the image is for linux/s390x");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		IMAGE_TEST(other_archives_are_refused),
		IMAGE_TEST(outer_paths_are_checked),
		IMAGE_TEST(docker_manifests_of_wrong_shape),
		IMAGE_TEST(deep_nesting_is_refused),
		IMAGE_TEST(large_documents_are_refused),
		IMAGE_TEST(index_blobs_are_verified),
		IMAGE_TEST(other_platforms_are_refused),
		cmocka_unit_test(settings_of_wrong_type_are_refused),
		cmocka_unit_test(absent_settings_are_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
