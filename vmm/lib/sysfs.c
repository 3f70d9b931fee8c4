/* SPDX-License-Identifier: Apache-2.0 */
/* sysfs.c - paths below a root, and what the files there say. */
#include "vmm/lib/sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/lib/io.h"

#define FILE_MAX (64U << 10)

__attribute__((format(printf, 3, 0))) static void
path_v(const char *root, char ret[PATH_MAX], const char *fmt, va_list ap)
{
	int n = snprintf(ret, PATH_MAX, "%s", root ? root : "");

	if (n >= 0 && n < PATH_MAX)
		(void)vsnprintf(ret + n, PATH_MAX - (size_t)n, fmt, ap);
}

void sysfs_path(const char *root, char ret[PATH_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	path_v(root, ret, fmt, ap);
	va_end(ap);
}

int sysfs_text(const char *root, char *buf, size_t size, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	path_v(root, path, fmt, ap);
	va_end(ap);
	return io_read_line(AT_FDCWD, path, buf, size);
}

int64_t sysfs_number(const char *root, int64_t dflt, const char *fmt, ...)
{
	char path[PATH_MAX], text[32], *end = NULL;
	va_list ap;

	va_start(ap, fmt);
	path_v(root, path, fmt, ap);
	va_end(ap);
	if (io_read_line(AT_FDCWD, path, text, sizeof(text)) < 0)
		return dflt;
	int base = strncmp(text, "0x", 2) == 0 ? 16 : 10;
	long long v = strtoll(text, &end, base);
	return end == text || *end ? dflt : v;
}

int sysfs_read(const char *root, char **ret, struct err *err, const char *fmt,
	       ...)
{
	char path[PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	path_v(root, path, fmt, ap);
	va_end(ap);
	return io_read_file(path, FILE_MAX, ret, err);
}

int sysfs_link(const char *root, char *buf, size_t size, const char *fmt, ...)
{
	char path[PATH_MAX], target[PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	path_v(root, path, fmt, ap);
	va_end(ap);
	buf[0] = '\0';
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	const char *slash = strrchr(target, '/');
	(void)snprintf(buf, size, "%s", slash ? slash + 1 : target);
	return 0;
}

bool sysfs_there(const char *root, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	path_v(root, path, fmt, ap);
	va_end(ap);
	return access(path, F_OK) == 0;
}
