/* SPDX-License-Identifier: Apache-2.0 */
/* archive.c - names out of archives: as bytes, and checked. */
#include "vmm/manager/archive.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int archive_bytes_begin(struct archive_bytes *b, struct err *err)
{
	b->c = newlocale(LC_CTYPE_MASK, "C", (locale_t)0);
	if (!b->c)
		return err_set(err, errno, "select the C locale");
	b->old = uselocale(b->c);
	return 0;
}

void archive_bytes_end(struct archive_bytes *b)
{
	if (!b->c)
		return;
	(void)uselocale(b->old);
	freelocale(b->c);
	b->c = (locale_t)0;
}

const char *archive_printable(const char *name, char *buf, size_t size)
{
	size_t len = strnlen(name, size - 1);

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)name[i];

		buf[i] = (char)(c < 0x20 || c == 0x7f ? '?' : c);
	}
	buf[len] = '\0';
	if (name[len] && size > 4)
		memcpy(buf + size - 4, "...", 4);
	return buf;
}

static int refuse(const char *path, const char *why, struct err *err)
{
	char shown[160];

	return err_say(err, EINVAL, "the entry '%s' %s",
		       archive_printable(path, shown, sizeof(shown)), why);
}

int archive_clean_path(const char *path, char ret[ARCHIVE_PATH_MAX],
		       struct err *err)
{
	size_t used = 0;

	/* "/" alone is how umoci names the root directory. */
	if (path[0] == '/' && path[1] != '\0')
		return refuse(path, "has an absolute path", err);
	for (const char *p = path; *p;) {
		size_t len = strcspn(p, "/");

		if (len == 2 && p[0] == '.' && p[1] == '.')
			return refuse(path, "climbs out with '..'", err);
		if (len > ARCHIVE_NAME_MAX)
			return refuse(path, "has a name of over 255 bytes",
				      err);
		if (len > 0 && !(len == 1 && p[0] == '.')) {
			if (used + len + 2 > ARCHIVE_PATH_MAX)
				return refuse(path,
					      "has a path of over 4095 bytes",
					      err);
			if (used > 0)
				ret[used++] = '/';
			memcpy(ret + used, p, len);
			used += len;
		}
		p += len;
		p += *p == '/';
	}
	ret[used] = '\0';
	return 0;
}
