/* SPDX-License-Identifier: Apache-2.0 */
/* squashfs.c - a new squashfs out of a stream of archive entries. */
#include "vmm/manager/squashfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/lib/auto.h"

#define BLOCK (256u << 10)
#define PROBE (1 << 20) /* more than tar2sqfs writes at a time */

static la_ssize_t to_tool(struct archive *a, void *arg, const void *buf,
			  size_t len)
{
	int r = tool_write(arg, buf, len);

	if (r < 0) {
		/* Whatever the reason, nobody reads any more. */
		archive_set_error(a, EPIPE, "the reader went away");
		return -1;
	}
	return (la_ssize_t)len;
}

static int open_out(struct squashfs *s, struct err *err)
{
	struct archive *a = s->out;

	if (archive_write_set_format_pax(a) != ARCHIVE_OK ||
	    archive_write_set_format_option(a, "pax", "hdrcharset", "BINARY") !=
		    ARCHIVE_OK ||
	    archive_write_set_format_option(a, "pax", "xattrheader",
					    "SCHILY") != ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(a, (int)BLOCK) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(a, 1) != ARCHIVE_OK ||
	    archive_write_open(a, &s->tool, NULL, to_tool, NULL) != ARCHIVE_OK)
		return err_say(err, EIO, "write the squashfs: %s",
			       archive_error_string(a));
	return 0;
}

int squashfs_begin(struct squashfs *s, const char *path, struct err *err)
{
	const char *const argv[] = {
		"tar2sqfs", "--quiet", "--force", "--no-skip", "-c",
		"zstd",	    "-X",      "level=3", path,	       NULL,
	};

	s->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (s->fd < 0)
		return err_set(err, errno, "write '%s'", path);
	s->out = archive_write_new();
	if (!s->out)
		return err_set(err, ENOMEM, "write '%s'", path);
	int r = tool_start(&s->tool, argv, "squashfs-tools-ng", TOOL_INPUT,
			   err);
	return r < 0 ? r : open_out(s, err);
}

int squashfs_broken(struct squashfs *s, struct err *err)
{
	if (archive_errno(s->out) == EPIPE)
		return -EPIPE;
	return err_say(err, EIO, "cannot pass it on: %s",
		       archive_error_string(s->out));
}

/*
 * tar2sqfs says "I/O error" for whatever went wrong, and removes its file.
 * The file lives on in @fd, so what stopped the one who wrote it stops us.
 */
static int find_reason(int fd, int r, struct err *err)
{
	struct stat st;

	if (r != -EIO || fstat(fd, &st) < 0)
		return r;
	int why = posix_fallocate(fd, st.st_size, PROBE);
	return why == ENOSPC || why == EDQUOT
		       ? err_set(err, why, "write the image")
		       : r;
}

int squashfs_end(struct squashfs *s, int r, struct err *err)
{
	if (r == 0 && archive_write_close(s->out) != ARCHIVE_OK)
		r = squashfs_broken(s, err);
	if (r < 0 && r != -EPIPE)
		return r;
	int told = tool_wait(&s->tool, err);
	if (told == 0 && r < 0)
		return err_say(err, EIO, "'tar2sqfs' ended too early");
	return find_reason(s->fd, told, err);
}

void squashfs_stop(struct squashfs *s)
{
	tool_stop(&s->tool);
	if (s->out)
		(void)archive_write_free(s->out);
	if (s->fd >= 0)
		(void)close(s->fd);
	*s = (struct squashfs)SQUASHFS_NONE;
}
