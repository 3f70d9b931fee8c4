/* SPDX-License-Identifier: Apache-2.0 */
/* io.c - reads, writes and files that do what was asked or say why not. */
#include "vmm/lib/io.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/parse.h"

ssize_t io_read_full(int fd, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, (char *)buf + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int io_write_full(int fd, const void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(fd, (const char *)buf + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

ssize_t io_pread_full(int fd, void *buf, size_t len, off_t off)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, (char *)buf + done, len - done,
				  off + (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int io_read_line(int at, const char *path, char *buf, size_t size)
{
	buf[0] = '\0';
	AUTO_CLOSE int fd = openat(at, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	ssize_t n = io_read_full(fd, buf, size - 1);
	buf[n < 0 ? 0 : n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return n < 0 ? (int)n : 0;
}

int io_read_file(const char *path, size_t max, char **ret, struct err *err)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_set(err, errno, "open '%s'", path);

	AUTO_FREE char *text = malloc(max + 1);
	if (!text)
		return err_set(err, ENOMEM, "read '%s'", path);

	ssize_t n = io_read_full(fd, text, max + 1);
	if (n < 0)
		return err_set(err, (int)-n, "read '%s'", path);
	if ((size_t)n > max)
		return err_say(err, EFBIG, "'%s' is larger than %zu bytes",
			       path, max);
	text[n] = '\0';
	*ret = TAKE_PTR(text);
	return 0;
}

int io_write_file(const char *path, const void *data, size_t len,
		  struct err *err)
{
	char tmp[PATH_MAX];

	if (snprintf(tmp, sizeof(tmp), "%s.XXXXXX", path) >= (int)sizeof(tmp))
		return err_set(err, ENAMETOOLONG, "write '%s'", path);

	AUTO_CLOSE int fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "create '%s'", tmp);

	int r = io_write_full(fd, data, len);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && rename(tmp, path) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlink(tmp);
		return err_set(err, -r, "write '%s'", path);
	}
	return 0;
}

int io_mkdirs(const char *path, mode_t mode, struct err *err)
{
	char part[PATH_MAX];

	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
		return err_set(err, ENAMETOOLONG, "make directory '%s'", path);

	for (char *p = part + 1;; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return err_set(err, errno, "make directory '%s'", part);
		*p = c;
		if (c == '\0')
			return 0;
	}
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

int io_remove_tree(const char *path, struct err *err)
{
	if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) < 0 &&
	    errno != ENOENT)
		return err_set(err, errno, "remove '%s'", path);
	return 0;
}

int io_set_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

int io_set_cloexec(int fd, bool on)
{
	return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) < 0 ? -errno : 0;
}

int io_inherit(const char *arg, const char *name, int *ret, struct err *err)
{
	uint64_t fd = 0;

	if (strncmp(arg, "fd:", 3) != 0)
		return err_say(err, EINVAL,
			       "%s: '%s' is not an inherited descriptor such "
			       "as fd:3",
			       name, arg);
	int r = parse_u64(arg + 3, name, 0, INT32_MAX, &fd, err);
	if (r < 0)
		return r;
	*ret = (int)fd;
	r = io_set_cloexec(*ret, true);
	return r < 0 ? err_set(err, -r, "%s: '%s'", name, arg) : 0;
}
