/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oci_fuzz.c - what an image says of itself: an archive (docker's or OCI's)
 * unpacked, or a layout of documents, read down to the configuration.
 *
 *   how   1 byte: bit 0: an archive, which follows as a tarlet
 *   else  documents, each up to a NUL.  In them '@' stands for the digest of
 *         the one before, '~' for its length.  The last is index.json, or
 *         manifest.json (bit 1); the others are blobs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/tarlet.h"
#include "vmm/lib/auto.h"
#include "vmm/manager/oci.h"

#define BLOBS	"blobs/sha256"
#define DOC_MAX (1U << 16)

/* '@' and '~' in @text replaced; the caller frees it. */
static char *resolve(const char *text, const char *digest, size_t len)
{
	struct blob to = { 0 };
	char number[24];

	(void)snprintf(number, sizeof(number), "%zu", len);
	for (; *text && to.len < DOC_MAX; text++) {
		if (*text == '@')
			blob_add(&to, digest, strlen(digest));
		else if (*text == '~')
			blob_add(&to, number, strlen(number));
		else
			blob_add(&to, text, 1);
	}
	blob_add(&to, "", 1);
	return to.data;
}

static void put_documents(struct input *in, const char *last)
{
	char digest[65] = "";
	char name[128];
	size_t len = 0;

	input_folder(BLOBS);
	while (in->left) {
		AUTO_FREE char *text = input_text(in);
		AUTO_FREE char *doc = resolve(text, digest, len);

		len = strlen(doc);
		if (!in->left) {
			input_put(last, doc, len);
			return;
		}
		sha256_hex(doc, len, digest);
		(void)snprintf(name, sizeof(name), BLOBS "/%s", digest);
		input_put(name, doc, len);
	}
}

static void read_bundle(struct bundle *bundle)
{
	struct oci_images images = { 0 };
	struct err err = { 0 };
	int r = oci_read(bundle, &images, &err);

	MUST(r == 0 || (r < 0 && err.msg[0] && !strchr(err.msg, '\n')));
	MUST(r < 0 || images.nr > 0);
	for (size_t i = 0; r == 0 && i < images.nr; i++) {
		struct image_config config = { 0 };

		if (oci_parse_config(images.image[i].config,
				     images.image[i].config_len, &config,
				     &err) == 0)
			oci_config_done(&config);
	}
	oci_images_done(&images);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct bundle *bundle = NULL;
	struct progress progress;
	char dir[512];
	uint8_t how = input_u8(&in);

	input_begin();
	progress_init(&progress, true);
	input_drop("bundle");
	input_folder("bundle");
	(void)snprintf(dir, sizeof(dir), "%s/bundle", input_dir());
	if (how & 1) {
		struct blob tar = tarlet(&in);
		int fd = input_file(tar.data, tar.len);

		(void)bundle_from_tar(fd, "archive", tar.len, dir, &progress,
				      &bundle, NULL);
		(void)close(fd);
		blob_done(&tar);
	} else {
		input_drop("blobs");
		input_drop("index.json");
		input_drop("manifest.json");
		put_documents(&in, how & 2 ? "manifest.json" : "index.json");
		(void)bundle_from_dir(input_dir(), &bundle, NULL);
	}
	if (bundle)
		read_bundle(bundle);
	bundle_free(bundle);
	return 0;
}
