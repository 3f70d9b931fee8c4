/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer.c - one layer of an image as a stream of checked entries.
 *
 *   file --sha256--> packed: gzip, zstd, none --sha256--> tar: entries
 *        (digest)                             (diff_id)
 */
#include "vmm/manager/layer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/manager/cancel.h"

#define CHUNK (256u << 10)

struct layer {
	const struct oci_layer *what;
	struct progress *progress;
	int fd;
	uint64_t size; /* of the file */
	struct digest *packed_sum, *tar_sum;
	struct archive *packed, *tar;
	bool cancelled;
	bool empty; /* a file of no bytes holds no entry */
	char chunk[CHUNK];
};

void layer_free(struct layer *l)
{
	if (!l)
		return;
	(void)archive_read_free(l->tar);
	(void)archive_read_free(l->packed);
	digest_free(l->packed_sum);
	digest_free(l->tar_sum);
	if (l->fd >= 0)
		(void)close(l->fd);
	free(l);
}

static ssize_t read_file(struct layer *l)
{
	ssize_t n = io_read_full(l->fd, l->chunk, CHUNK);

	if (n > 0)
		digest_add(l->packed_sum, l->chunk, (size_t)n);
	return n;
}

static la_ssize_t read_packed(struct archive *a, void *arg, const void **buf)
{
	struct layer *l = arg;

	if (cancel_check(NULL) < 0) {
		l->cancelled = true;
		archive_set_error(a, EINTR, "interrupted");
		return ARCHIVE_FATAL;
	}
	ssize_t n = read_file(l);
	if (n < 0) {
		archive_set_error(a, (int)-n, "%s", strerrordesc_np((int)-n));
		return ARCHIVE_FATAL;
	}
	progress_add(l->progress, (uint64_t)n);
	*buf = l->chunk;
	return n;
}

/* The next piece of the tar inside; 0 at its end. */
static la_ssize_t read_tar(struct archive *a, void *arg, const void **buf)
{
	struct layer *l = arg;
	size_t len = 0;
	la_int64_t off;
	int r;

	if (l->empty)
		return 0;
	/* An empty piece in the middle would look like the end. */
	do
		r = archive_read_data_block(l->packed, buf, &len, &off);
	while (r == ARCHIVE_OK && len == 0);
	if (r == ARCHIVE_EOF)
		return 0;
	if (r != ARCHIVE_OK) {
		archive_set_error(a, archive_errno(l->packed), "%s",
				  archive_error_string(l->packed));
		return ARCHIVE_FATAL;
	}
	digest_add(l->tar_sum, *buf, len);
	return (la_ssize_t)len;
}

/* @text by libarchive may be NULL. */
static const char *reason(struct archive *a)
{
	const char *text = archive_error_string(a);

	return text ? text : "its format is unknown";
}

/* What the file's bytes say, when they have all been read: 0 or -EBADMSG. */
static int check_file(struct layer *l, struct err *err)
{
	char sum[DIGEST_HEX + 1];
	ssize_t n;

	while ((n = read_file(l)) > 0)
		;
	if (n < 0)
		return err_set(err, (int)-n, "read the layer");
	if (l->what->size >= 0 && (uint64_t)l->what->size != l->size)
		return err_say(
			err, EBADMSG, "it has %llu bytes instead of %lld",
			(unsigned long long)l->size, (long long)l->what->size);
	digest_finish(l->packed_sum, sum);
	if (l->what->digest[0] && strcmp(sum, l->what->digest) != 0)
		return err_say(
			err, EBADMSG,
			"its digest should be sha256:%s but is sha256:%s",
			l->what->digest, sum);
	return 0;
}

/*
 * Reading failed.  When the file isn't the one that was promised, that is
 * the reason to tell; what libarchive stumbled over is only a consequence.
 */
static int damaged(struct layer *l, struct archive *a, struct err *err)
{
	if (l->cancelled)
		return cancel_check(err);
	int r = check_file(l, err);
	return r < 0 ? r
		     : err_say(err, EBADMSG, "it is damaged or cut short: %s",
			       reason(a));
}

static int open_archives(struct layer *l, struct err *err)
{
	struct archive_entry *e;

	l->packed = archive_read_new();
	l->tar = archive_read_new();
	if (!l->packed || !l->tar)
		return err_set(err, ENOMEM, "read the layer");
	(void)archive_read_support_filter_gzip(l->packed);
	(void)archive_read_support_filter_zstd(l->packed);
	(void)archive_read_support_format_raw(l->packed);
	(void)archive_read_support_format_empty(l->packed);
	(void)archive_read_support_format_tar(l->tar);
	(void)archive_read_support_format_empty(l->tar);

	if (archive_read_open(l->packed, l, NULL, read_packed, NULL) !=
	    ARCHIVE_OK)
		return damaged(l, l->packed, err);
	int r = archive_read_next_header(l->packed, &e);
	if (r != ARCHIVE_OK && r != ARCHIVE_EOF)
		return damaged(l, l->packed, err);
	l->empty = r == ARCHIVE_EOF;
	if (archive_read_open(l->tar, l, NULL, read_tar, NULL) != ARCHIVE_OK)
		return damaged(l, l->tar, err);
	return 0;
}

int layer_open(struct bundle *bundle, const struct oci_layer *what,
	       struct progress *progress, struct layer **ret, struct err *err)
{
	AUTO_LAYER struct layer *l = calloc(1, sizeof(*l));

	if (!l)
		return err_set(err, ENOMEM, "read the layer");
	l->fd = -1;
	l->what = what;
	l->progress = progress;
	l->packed_sum = digest_new();
	l->tar_sum = digest_new();
	if (!l->packed_sum || !l->tar_sum)
		return err_set(err, ENOMEM, "read the layer");
	int r = bundle_open(bundle, what->file, &l->fd, &l->size, err);
	if (r == 0)
		r = open_archives(l, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(l);
	return 0;
}

/* Past the last entry: read what is left, for the sums cover everything. */
static int finish(struct layer *l, struct err *err)
{
	char sum[DIGEST_HEX + 1];
	const void *buf;
	la_ssize_t n;

	while ((n = read_tar(l->tar, l, &buf)) > 0)
		;
	if (n < 0)
		return damaged(l, l->packed, err);
	int r = check_file(l, err);
	if (r < 0)
		return r;
	digest_finish(l->tar_sum, sum);
	if (strcmp(sum, l->what->diff_id) != 0)
		return err_say(err, EBADMSG,
			       "its diff_id should be sha256:%s but is "
			       "sha256:%s",
			       l->what->diff_id, sum);
	return 0;
}

int layer_next(struct layer *l, struct archive_entry **ret, struct err *err)
{
	int r = archive_read_next_header(l->tar, ret);

	if (r == ARCHIVE_EOF)
		return finish(l, err);
	/* A warning: a name is not ASCII, and was handed over as it is. */
	if (r == ARCHIVE_OK || r == ARCHIVE_WARN)
		return 1;
	return damaged(l, l->tar, err);
}

ssize_t layer_read(struct layer *l, void *buf, size_t len, struct err *err)
{
	la_ssize_t n = archive_read_data(l->tar, buf, len);

	return n < 0 ? damaged(l, l->tar, err) : n;
}
