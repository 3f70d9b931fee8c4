/* SPDX-License-Identifier: Apache-2.0 */
/* qemu_initrd.c - a cpio archive more, for the kernel to unpack. */
#include "vmm/compare/qemu_initrd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/compare/qemu_job.h"
#include "vmm/lib/auto.h"
#include "vmm/manager/archive.h"

#define ALIGN 4

static void put_text(FILE *f, const char *text)
{
	(void)fwrite(text, 1, strlen(text) + 1, f);
}

char *qemu_initrd_job(const char *cwd, const struct user *user,
		      const struct strv *args, const struct strv *env,
		      size_t *ret_len)
{
	char *data = NULL;
	FILE *f = open_memstream(&data, ret_len);

	if (!f)
		return NULL;
	put_text(f, cwd);
	(void)fprintf(f, "%u%c%u%c%zu%c", user->uid, 0, user->gid, 0, args->n,
		      0);
	for (size_t i = 0; i < args->n; i++)
		put_text(f, args->v[i]);
	for (size_t i = 0; i < env->n; i++)
		put_text(f, env->v[i]);
	if (fclose(f) != 0) {
		free(data);
		return NULL;
	}
	return data;
}

/* The archive of one file, to @fd, which ends at a multiple of ALIGN. */
static int append(int fd, const char *data, size_t len, const char *path,
		  struct err *err)
{
	AUTO_ARCHIVE_WRITE struct archive *a = archive_write_new();
	AUTO_ENTRY struct archive_entry *e = archive_entry_new();

	if (!a || !e)
		return err_set(err, ENOMEM, "write '%s'", path);
	archive_entry_copy_pathname(e, QEMU_JOB_FILE);
	archive_entry_set_mode(e, S_IFREG | 0600);
	archive_entry_set_nlink(e, 1);
	archive_entry_set_size(e, (la_int64_t)len);
	if (archive_write_set_format_cpio_newc(a) == ARCHIVE_OK &&
	    archive_write_set_bytes_in_last_block(a, 1) == ARCHIVE_OK &&
	    archive_write_open_fd(a, fd) == ARCHIVE_OK &&
	    archive_write_header(a, e) == ARCHIVE_OK &&
	    archive_write_data(a, data, len) == (la_ssize_t)len &&
	    archive_write_close(a) == ARCHIVE_OK)
		return 0;
	return err_say(err, archive_errno(a) > 0 ? archive_errno(a) : EIO,
		       "write '%s': %s", path, archive_error_string(a));
}

static int copy(const char *from, int to, struct err *err)
{
	AUTO_CLOSE int fd = open(from, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, errno, "open '%s'", from);
	if (st.st_size % ALIGN)
		return err_say(err, EINVAL, "'%s' is no initramfs of ours",
			       from);
	for (off_t at = 0; at < st.st_size;) {
		ssize_t n = sendfile(to, fd, &at, (size_t)(st.st_size - at));

		if (n <= 0)
			return err_set(err, n < 0 ? errno : EIO, "copy '%s'",
				       from);
	}
	return 0;
}

static char *make_job(const struct peer_world *w, const struct peer_job *job,
		      size_t *ret_len, struct err *err)
{
	const char *dir = w->image->config.working_dir;
	struct strv args = { 0 }, env = { 0 };
	char *data = NULL;
	int r = peer_args(w, job, &args, err);

	if (r == 0)
		r = peer_env(w, &env, err);
	if (r == 0)
		data = qemu_initrd_job(dir && dir[0] ? dir : "/", &w->user,
				       &args, &env, ret_len);
	if (r == 0 && !data)
		(void)err_set(err, ENOMEM, "prepare a job");
	strv_done(&args);
	strv_done(&env);
	return data;
}

int qemu_initrd(const struct peer_world *w, const struct peer_job *job,
		const char *path, struct err *err)
{
	AUTO_CLOSE int fd =
		open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	char from[PATH_MAX + 32];
	size_t len = 0;

	if (fd < 0)
		return err_set(err, errno, "make '%s'", path);
	AUTO_FREE char *data = make_job(w, job, &len, err);
	if (!data)
		return -err->code;
	if (len > QEMU_JOB_SIZE_MAX)
		return err_say(err, E2BIG,
			       "the command is too long for QEMU's guest");
	(void)snprintf(from, sizeof(from), "%s/compare/qemu.cpio",
		       w->mgr->libdir);
	int r = copy(from, fd, err);
	if (r < 0)
		return r;
	return append(fd, data, len, path, err);
}
