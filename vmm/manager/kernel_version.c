/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel_version.c - versions out of files: a bzImage has it where its header
 * says (Documentation/x86/boot.rst, kernel_version), an ELF kernel in its
 * banner, a module in its .modinfo.
 */
#include "vmm/manager/kernel_version.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/le.h"

#define HEADER	     0x202 /* "HdrS" */
#define VERSION_AT   0x20e /* le16: 0x200 less than where it is */
#define VERSION_BASE 0x200

/* The printable word at @text, of which @len bytes are there. */
static void take_word(const char *text, size_t len,
		      char ret[KERNEL_VERSION_MAX])
{
	size_t n = 0;

	while (n < len && n + 1 < KERNEL_VERSION_MAX && text[n] > ' ' &&
	       text[n] < 0x7f && text[n] != '/')
		n++;
	(void)snprintf(ret, KERNEL_VERSION_MAX, "%.*s", (int)n, text);
}

/* The word behind the first @mark (of @mark_len bytes). */
static void take_after(const void *data, size_t len, const char *mark,
		       size_t mark_len, char ret[KERNEL_VERSION_MAX])
{
	const char *at = memmem(data, len, mark, mark_len);

	ret[0] = '\0';
	if (at) {
		at += mark_len;
		take_word(at, len - (size_t)(at - (const char *)data), ret);
	}
}

static void of_bzimage(const char *data, size_t len,
		       char ret[KERNEL_VERSION_MAX])
{
	le16_t off;

	memcpy(&off, data + VERSION_AT, sizeof(off));
	size_t at = (size_t)le16_get(off) + VERSION_BASE;
	if (le16_get(off) && at < len)
		take_word(data + at, len - at, ret);
}

void kernel_version_file(const char *path, char ret[KERNEL_VERSION_MAX])
{
	static const char banner[] = "Linux version ";
	struct stat st;

	ret[0] = '\0';
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size < 0x1000)
		return;
	size_t len = (size_t)st.st_size;
	char *data = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return;
	if (memcmp(data + HEADER, "HdrS", 4) == 0)
		of_bzimage(data, len, ret);
	else if (memcmp(data, "\177ELF", 4) == 0)
		take_after(data, len, banner, sizeof(banner) - 1, ret);
	(void)munmap(data, len);
}

void kernel_version_module(const void *module, size_t len,
			   char ret[KERNEL_VERSION_MAX])
{
	static const char mark[] = "\0vermagic=";

	take_after(module, len, mark, sizeof(mark) - 1, ret);
}
