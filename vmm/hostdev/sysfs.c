/* SPDX-License-Identifier: Apache-2.0 */
/* sysfs.c - small files of the host's kernel. */
#include "vmm/hostdev/sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

__attribute__((format(printf, 3, 0))) static void
path_v(const struct hostdev_sys *sys, char ret[PATH_MAX], const char *fmt,
       va_list ap)
{
	int n = snprintf(ret, PATH_MAX, "%s", sys->root ? sys->root : "");

	if (n >= 0 && n < PATH_MAX)
		(void)vsnprintf(ret + n, PATH_MAX - (size_t)n, fmt, ap);
}

void sysfs_path(const struct hostdev_sys *sys, char ret[PATH_MAX],
		const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	path_v(sys, ret, fmt, ap);
	va_end(ap);
}

static int first_line(const char *path, char *buf, size_t size)
{
	buf[0] = '\0';
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	ssize_t n = io_read_full(fd, buf, size - 1);
	if (n < 0) {
		buf[0] = '\0';
		return (int)n;
	}
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

int sysfs_text(const struct hostdev_sys *sys, char *buf, size_t size,
	       const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	path_v(sys, path, fmt, ap);
	va_end(ap);
	return first_line(path, buf, size);
}

int64_t sysfs_number(const struct hostdev_sys *sys, int64_t dflt,
		     const char *fmt, ...)
{
	char path[PATH_MAX], text[32], *end = NULL;
	va_list ap;

	va_start(ap, fmt);
	path_v(sys, path, fmt, ap);
	va_end(ap);
	if (first_line(path, text, sizeof(text)) < 0)
		return dflt;
	int base = strncmp(text, "0x", 2) == 0 ? 16 : 10;
	long long v = strtoll(text, &end, base);
	return end == text || *end ? dflt : v;
}

int sysfs_link(const struct hostdev_sys *sys, char *buf, size_t size,
	       const char *fmt, ...)
{
	char path[PATH_MAX], target[PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	path_v(sys, path, fmt, ap);
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

bool sysfs_there(const struct hostdev_sys *sys, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	path_v(sys, path, fmt, ap);
	va_end(ap);
	return access(path, F_OK) == 0;
}

int sysfs_write(const struct hostdev_sys *sys, const char *text,
		const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	path_v(sys, path, fmt, ap);
	va_end(ap);
	if (sys->ops)
		return sys->ops->write(sys->ops->arg, path, text);

	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}
