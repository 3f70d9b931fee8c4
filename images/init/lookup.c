/* SPDX-License-Identifier: Apache-2.0 */
/* lookup.c - from a command's name to its file, or to why not. */
#include "images/init/lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATUS_NOT_FOUND      127
#define STATUS_NOT_EXECUTABLE 126

/* 0 when @file can be executed by whom we are, else -errno. */
static int check(const char *file)
{
	struct stat st;

	if (stat(file, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (faccessat(AT_FDCWD, file, X_OK, AT_EACCESS) < 0)
		return -errno;
	return 0;
}

static int lookup_file(const char *name, char *ret, size_t size,
		       struct err *err)
{
	int r = check(name);

	switch (r) {
	case 0:
		(void)snprintf(ret, size, "%s", name);
		return 0;
	case -EISDIR:
		(void)err_say(err, EISDIR, "exec: \"%s\": is a directory",
			      name);
		return STATUS_NOT_EXECUTABLE;
	case -ENOENT:
	case -ENOTDIR:
		(void)err_say(err, -r,
			      "exec: \"%s\": no such file or directory", name);
		return STATUS_NOT_FOUND;
	case -EACCES:
		(void)err_say(err, -r, "exec: \"%s\": permission denied", name);
		return STATUS_NOT_EXECUTABLE;
	default:
		(void)err_set(err, -r, "exec: \"%s\"", name);
		return STATUS_NOT_EXECUTABLE;
	}
}

int lookup_command(const char *name, const char *path, char *ret, size_t size,
		   struct err *err)
{
	if (strchr(name, '/'))
		return lookup_file(name, ret, size, err);

	int denied = 0;
	for (const char *dir = path; *name && dir;) {
		size_t len = strcspn(dir, ":");
		/* An empty element is the working directory. */
		int n = snprintf(ret, size, "%.*s/%s", len > 0 ? (int)len : 1,
				 len > 0 ? dir : ".", name);

		int r = n < 0 || (size_t)n >= size ? -ENAMETOOLONG : check(ret);
		if (r == 0)
			return 0;
		if (r == -EACCES)
			denied = r;
		dir = dir[len] ? dir + len + 1 : NULL;
	}
	if (denied) {
		(void)err_say(err, EACCES, "exec: \"%s\": permission denied",
			      name);
		return STATUS_NOT_EXECUTABLE;
	}
	(void)err_say(err, ENOENT,
		      "exec: \"%s\": executable file not found in $PATH", name);
	return STATUS_NOT_FOUND;
}

int lookup_exec_failed(const char *file, int errnum, struct err *err)
{
	switch (errnum) {
	case ENOENT:
		/* The file itself is there: lookup_command saw it. */
		(void)err_say(err, errnum,
			      "exec: \"%s\": the interpreter or dynamic loader "
			      "it names is not in the image",
			      file);
		return STATUS_NOT_FOUND;
	case ENOEXEC:
		(void)err_say(err, errnum,
			      "exec: \"%s\": exec format error: neither a "
			      "program for this machine nor a #! script",
			      file);
		return STATUS_NOT_EXECUTABLE;
	case E2BIG:
		(void)err_say(err, errnum,
			      "exec: \"%s\": arguments and environment are "
			      "longer than the kernel takes",
			      file);
		return STATUS_NOT_EXECUTABLE;
	default:
		(void)err_set(err, errnum, "exec: \"%s\"", file);
		return STATUS_NOT_EXECUTABLE;
	}
}
