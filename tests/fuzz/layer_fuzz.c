/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer_fuzz.c - layers laid upon each other and written out as one archive
 * (layer.c, archive.c, tree.c, merge.c).  In the place of tar2sqfs stands a
 * reader of the same archive: no name in it may lead out of the image.
 *
 *   how     1 byte: bit 7: one layer, all the rest of the input as it is;
 *           else how many layers less one, each a tarlet
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/tarlet.h"
#include "vmm/lib/auto.h"
#include "vmm/manager/merge.h"
#include "vmm/manager/squashfs.h"

#define LAYERS 4

static struct blob written;

static la_ssize_t keep(struct archive *a, void *arg, const void *buf,
		       size_t len)
{
	(void)a;
	(void)arg;
	blob_add(&written, buf, len);
	return (la_ssize_t)len;
}

/* Instead of squashfs.c: the same format, into memory. */
int squashfs_begin(struct squashfs *s, const char *path, struct err *err)
{
	(void)path;
	(void)err;
	s->out = archive_write_new();
	MUST(s->out);
	(void)archive_write_set_format_pax(s->out);
	(void)archive_write_set_format_option(s->out, "pax", "hdrcharset",
					      "BINARY");
	MUST(archive_write_open(s->out, NULL, NULL, keep, NULL) == ARCHIVE_OK);
	return 0;
}

int squashfs_broken(struct squashfs *s, struct err *err)
{
	return err_say(err, EIO, "%s", archive_error_string(s->out));
}

int squashfs_end(struct squashfs *s, int r, struct err *err)
{
	(void)err;
	if (r == 0)
		MUST(archive_write_close(s->out) == ARCHIVE_OK);
	return r;
}

void squashfs_stop(struct squashfs *s)
{
	(void)archive_write_free(s->out);
	s->out = NULL;
}

static void check_name(const char *name)
{
	MUST(strncmp(name, "./", 2) == 0);
	for (const char *p = name + 2; p; p = strchr(p, '/')) {
		p += *p == '/';
		MUST(strncmp(p, "../", 3) != 0 && strcmp(p, "..") != 0);
		MUST(*p != '/');
	}
}

/* What a reader of the result sees. */
static void check_written(void)
{
	AUTO_ARCHIVE_READ struct archive *a = archive_read_new();
	struct archive_entry *e;
	int r;

	MUST(a);
	(void)archive_read_support_format_tar(a);
	(void)archive_read_support_format_empty(a);
	MUST(archive_read_open_memory(a, written.data, written.len) ==
	     ARCHIVE_OK);
	while ((r = archive_read_next_header(a, &e)) == ARCHIVE_OK ||
	       r == ARCHIVE_WARN) {
		const char *name = archive_entry_pathname(e);
		const char *hard = archive_entry_hardlink(e);

		MUST(name);
		check_name(name);
		if (hard)
			check_name(hard);
	}
	MUST(r == ARCHIVE_EOF);
}

static void put_layer(struct oci_layer *l, unsigned i, const void *data,
		      size_t len)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "layer%u", i);
	input_put(name, data, len);
	*l = (struct oci_layer){ .size = -1 };
	l->file = strdup(name);
	MUST(l->file);
	sha256_hex(data, len, l->diff_id);
	memcpy(l->digest, l->diff_id, sizeof(l->digest));
}

static void merge(struct oci_layer *layer, unsigned nr)
{
	AUTO_BUNDLE struct bundle *bundle = NULL;
	const struct oci_image image = { .layers = layer, .nr_layers = nr };
	struct progress progress;
	struct err err = { 0 };

	progress_init(&progress, true);
	input_put("index.json", "{}", 2);
	MUST(bundle_from_dir(input_dir(), &bundle, &err) == 0);
	int r = merge_layers(bundle, &image, "unused", &progress, &err);
	MUST(r == 0 || (r < 0 && err.msg[0] && !strchr(err.msg, '\n')));
	if (r == 0) {
		AUTO_ARCHIVE_BYTES struct archive_bytes bytes = { 0 };

		MUST(archive_bytes_begin(&bytes, NULL) == 0);
		check_written();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct oci_layer layer[LAYERS];
	uint8_t how = input_u8(&in);
	unsigned nr = 1;

	input_begin();
	if (how & 0x80) {
		put_layer(&layer[0], 0, in.at, in.left);
	} else {
		nr = 1 + how % LAYERS;
		for (unsigned i = 0; i < nr; i++) {
			struct blob tar = tarlet(&in);

			put_layer(&layer[i], i, tar.data, tar.len);
			blob_done(&tar);
		}
	}
	merge(layer, nr);
	for (unsigned i = 0; i < nr; i++)
		free(layer[i].file);
	blob_done(&written);
	written = (struct blob){ 0 };
	return 0;
}
