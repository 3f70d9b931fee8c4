/* SPDX-License-Identifier: Apache-2.0 */
/* imagebuild.c - container images made in memory. */
#include "tests/harness/imagebuild.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "vmm/lib/auto.h"
#include "vmm/manager/digest.h"
#include "vmm/manager/oci.h"

void blob_done(struct blob *blob)
{
	free(blob->data);
	*blob = (struct blob){ 0 };
}

void blob_add(struct blob *blob, const void *data, size_t len)
{
	if (blob->len + len + 1 > blob->room) {
		blob->room = (blob->len + len + 1) * 2;
		blob->data = realloc(blob->data, blob->room);
		assert_non_null(blob->data);
	}
	memcpy(blob->data + blob->len, data, len);
	blob->len += len;
	blob->data[blob->len] = '\0';
}

static la_ssize_t to_blob(struct archive *a, void *arg, const void *buf,
			  size_t len)
{
	(void)a;
	blob_add(arg, buf, len);
	return (la_ssize_t)len;
}

static void begin(struct tarball *tar, enum packing packing, bool raw)
{
	*tar = (struct tarball){ .archive = archive_write_new() };
	assert_non_null(tar->archive);
	int r = raw ? archive_write_set_format_raw(tar->archive)
		    : archive_write_set_format_pax(tar->archive);
	assert_int_equal(r, ARCHIVE_OK);
	if (!raw)
		r = archive_write_set_format_option(tar->archive, "pax",
						    "hdrcharset", "BINARY");
	assert_int_equal(r, ARCHIVE_OK);
	if (packing == GZIP)
		r = archive_write_add_filter_gzip(tar->archive);
	else if (packing == ZSTD)
		r = archive_write_add_filter_zstd(tar->archive);
	assert_int_equal(r, ARCHIVE_OK);
	(void)archive_write_set_bytes_in_last_block(tar->archive, 1);
	r = archive_write_open(tar->archive, &tar->blob, NULL, to_blob, NULL);
	assert_int_equal(r, ARCHIVE_OK);
}

void tar_begin(struct tarball *tar, enum packing packing)
{
	begin(tar, packing, false);
}

struct blob tar_end(struct tarball *tar)
{
	assert_int_equal(archive_write_close(tar->archive), ARCHIVE_OK);
	assert_int_equal(archive_write_free(tar->archive), ARCHIVE_OK);
	return tar->blob;
}

void tar_entry(struct tarball *tar, struct archive_entry *entry,
	       const void *data)
{
	size_t len = (size_t)archive_entry_size(entry);

	assert_int_equal(archive_write_header(tar->archive, entry), ARCHIVE_OK);
	if (data && len > 0)
		assert_int_equal(archive_write_data(tar->archive, data, len),
				 len);
	archive_entry_free(entry);
}

static struct archive_entry *entry_of(const char *path, unsigned type,
				      unsigned mode)
{
	struct archive_entry *e = archive_entry_new();

	assert_non_null(e);
	archive_entry_copy_pathname(e, path);
	archive_entry_set_filetype(e, type);
	archive_entry_set_perm(e, mode);
	archive_entry_set_size(e, 0);
	return e;
}

void tar_file(struct tarball *tar, const char *path, const void *data,
	      size_t len)
{
	struct archive_entry *e = entry_of(path, AE_IFREG, 0644);

	archive_entry_set_size(e, (la_int64_t)len);
	tar_entry(tar, e, data);
}

void tar_text(struct tarball *tar, const char *path, const char *text)
{
	tar_file(tar, path, text, strlen(text));
}

void tar_dir(struct tarball *tar, const char *path, unsigned mode)
{
	tar_entry(tar, entry_of(path, AE_IFDIR, mode), NULL);
}

void tar_symlink(struct tarball *tar, const char *path, const char *target)
{
	struct archive_entry *e = entry_of(path, AE_IFLNK, 0777);

	archive_entry_copy_symlink(e, target);
	tar_entry(tar, e, NULL);
}

void tar_link(struct tarball *tar, const char *path, const char *target)
{
	struct archive_entry *e = entry_of(path, AE_IFREG, 0644);

	archive_entry_copy_hardlink(e, target);
	tar_entry(tar, e, NULL);
}

void sha256_hex(const void *data, size_t len, char hex[65])
{
	AUTO_DIGEST struct digest *d = digest_new();

	assert_non_null(d);
	digest_add(d, data, len);
	digest_finish(d, hex);
}

void test_image_add(struct test_image *img, struct blob plain,
		    enum packing packing)
{
	struct test_layer *l = &img->layer[img->nr++];

	assert_true(img->nr <= TEST_LAYERS);
	sha256_hex(plain.data, plain.len, l->diff_id);
	l->file = plain;
	if (packing != PLAIN) {
		struct tarball raw;

		begin(&raw, packing, true);
		tar_file(&raw, "data", plain.data, plain.len);
		l->file = tar_end(&raw);
		blob_done(&plain);
	}
	sha256_hex(l->file.data, l->file.len, l->digest);
}

void test_image_done(struct test_image *img)
{
	for (size_t i = 0; i < img->nr; i++)
		blob_done(&img->layer[i].file);
	*img = (struct test_image){ 0 };
}

__attribute__((format(printf, 2, 3))) static void add(struct blob *text,
						      const char *fmt, ...)
{
	AUTO_FREE char *part = NULL;
	va_list ap;

	va_start(ap, fmt);
	int n = vasprintf(&part, fmt, ap);
	va_end(ap);
	assert_true(n >= 0);
	blob_add(text, part, (size_t)n);
}

static struct blob config_of(struct test_image *img)
{
	struct blob text = { 0 };

	add(&text,
	    "{\"architecture\":\"%s\",\"os\":\"linux\","
	    "\"created\":\"2024-05-01T12:00:00.5Z\","
	    "\"config\":{\"Env\":[\"PATH=/bin\",\"A=b\"],"
	    "\"Entrypoint\":null,\"Cmd\":[\"/bin/true\"],"
	    "\"WorkingDir\":\"/w\",\"User\":\"7:8\",\"StopSignal\":\"SIGINT\","
	    "\"ExposedPorts\":{\"80/tcp\":{}}},"
	    "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[",
	    img->architecture ? img->architecture : oci_architecture());
	for (size_t i = 0; i < img->nr; i++)
		add(&text, "%s\"sha256:%s\"", i ? "," : "",
		    img->layer[i].diff_id);
	add(&text, "]}}");
	sha256_hex(text.data, text.len, img->id);
	return text;
}

static void put_blob(struct tarball *tar, const char *path, struct blob blob)
{
	tar_file(tar, path, blob.data, blob.len);
	blob_done(&blob);
}

struct blob docker_archive(struct test_image *img)
{
	struct blob manifest = { 0 };
	struct tarball tar;
	char path[80];

	tar_begin(&tar, PLAIN);
	put_blob(&tar, "config.json", config_of(img));
	add(&manifest, "[{\"Config\":\"config.json\",\"RepoTags\":");
	if (img->name)
		add(&manifest, "[\"%s\"]", img->name);
	else
		add(&manifest, "null");
	add(&manifest, ",\"Layers\":[");
	for (size_t i = 0; i < img->nr; i++) {
		(void)snprintf(path, sizeof(path), "layer%zu/layer.tar", i);
		add(&manifest, "%s\"%s\"", i ? "," : "", path);
		tar_file(&tar, path, img->layer[i].file.data,
			 img->layer[i].file.len);
	}
	add(&manifest, "]}]");
	/* Last, as docker has it. */
	put_blob(&tar, "manifest.json", manifest);
	return tar_end(&tar);
}

/* Put @blob under its digest, and describe it in @desc. */
static void put_oci(struct tarball *tar, struct blob blob, struct blob *desc)
{
	char hex[65], path[96];

	sha256_hex(blob.data, blob.len, hex);
	(void)snprintf(path, sizeof(path), "blobs/sha256/%s", hex);
	add(desc, "{\"digest\":\"sha256:%s\",\"size\":%zu", hex, blob.len);
	put_blob(tar, path, blob);
}

struct blob oci_archive(struct test_image *img)
{
	struct blob manifest = { 0 }, index = { 0 };
	struct tarball tar;
	char path[96];

	tar_begin(&tar, PLAIN);
	tar_text(&tar, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
	add(&manifest, "{\"schemaVersion\":2,\"config\":");
	put_oci(&tar, config_of(img), &manifest);
	add(&manifest, "},\"layers\":[");
	for (size_t i = 0; i < img->nr; i++) {
		const struct test_layer *l = &img->layer[i];

		(void)snprintf(path, sizeof(path), "blobs/sha256/%s",
			       l->digest);
		tar_file(&tar, path, l->file.data, l->file.len);
		add(&manifest, "%s{\"digest\":\"sha256:%s\",\"size\":%zu}",
		    i ? "," : "", l->digest, l->file.len);
	}
	add(&manifest, "]}");
	add(&index, "{\"schemaVersion\":2,\"manifests\":[");
	put_oci(&tar, manifest, &index);
	if (img->architecture)
		add(&index,
		    ",\"platform\":{\"os\":\"linux\",\"architecture\":\"%s\"}",
		    img->architecture);
	if (img->name)
		add(&index,
		    ",\"annotations\":{"
		    "\"org.opencontainers.image.ref.name\":\"%s\"}",
		    img->name);
	add(&index, "}]}");
	put_blob(&tar, "index.json", index);
	return tar_end(&tar);
}
