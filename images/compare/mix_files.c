/* SPDX-License-Identifier: Apache-2.0 */
/* mix_files.c - a directory, a file in it, and all that is done with one. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/compare/mix.h"
#include "vmm/lib/auto.h"

static const char text[] = "a line\n";

static int file_write(int at, struct err *err)
{
	AUTO_CLOSE int fd = openat(at, "first",
				   O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	char back[sizeof(text)] = "";
	struct stat st;

	if (fd < 0)
		return err_set(err, errno, "make a file");
	if (write(fd, text, sizeof(text)) != sizeof(text) || fsync(fd) < 0)
		return err_set(err, errno, "write a file");
	if (lseek(fd, 0, SEEK_SET) < 0 ||
	    read(fd, back, sizeof(back)) != sizeof(back))
		return err_set(err, errno, "read a file");
	if (memcmp(back, text, sizeof(text)) != 0)
		return err_say(err, EIO, "a file holds something else");
	if (fstat(fd, &st) < 0 || ftruncate(fd, 1) < 0 || fchmod(fd, 0644) < 0)
		return err_set(err, errno, "change a file");
	return 0;
}

/* 0 when the directory has @name and no other file. */
static int list(int at, const char *name, struct err *err)
{
	AUTO_CLOSE int fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_DIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	unsigned found = 0;

	if (!dir)
		return err_set(err, errno, "open a directory");
	(void)TAKE_FD(fd); /* the DIR's now */
	for (;;) {
		errno = 0;
		/* NOLINTNEXTLINE(concurrency-mt-unsafe): its own DIR */
		const struct dirent *d = readdir(dir);

		if (!d && errno)
			return err_set(err, errno, "list a directory");
		if (!d)
			break;
		if (d->d_name[0] != '.')
			found += strcmp(d->d_name, name) == 0 ? 1 : 2;
	}
	return found == 1 ? 0 : err_say(err, EIO, "a directory lists wrongly");
}

static int files_in(int at, struct err *err)
{
	struct stat st;
	int r = file_write(at, err);
	if (r < 0)
		return r;

	if (renameat(at, "first", at, "second") < 0)
		return err_set(err, errno, "rename a file");
	if (fstatat(at, "second", &st, 0) < 0)
		return err_set(err, errno, "look at a file");
	if (st.st_size != 1)
		return err_say(err, EIO, "a file has another size");
	r = list(at, "second", err);
	if (r == 0 && unlinkat(at, "second", 0) < 0)
		r = err_set(err, errno, "remove a file");
	return r;
}

int mix_files(const char *dir, struct err *err)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/suite-XXXXXX", dir);

	if (n < 0 || (size_t)n >= sizeof(path))
		return err_set(err, ENAMETOOLONG, "make a directory");
	if (!mkdtemp(path))
		return err_set(err, errno, "make a directory in '%s'", dir);

	AUTO_CLOSE int at = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = at < 0 ? err_set(err, errno, "open '%s'", path)
		       : files_in(at, err);

	/* What an early end has left. */
	if (r < 0 && at >= 0) {
		(void)unlinkat(at, "first", 0);
		(void)unlinkat(at, "second", 0);
	}
	if (rmdir(path) < 0 && r == 0)
		r = err_set(err, errno, "remove '%s'", path);
	return r;
}
