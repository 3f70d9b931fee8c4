/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every use of libarchive here has in common: names as the bytes they
 * are, and paths checked before anything else happens to them.
 */
#ifndef VMM_MANAGER_ARCHIVE_H
#define VMM_MANAGER_ARCHIVE_H

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <stddef.h>

#include "vmm/lib/err.h"

#define ARCHIVE_PATH_MAX 4096 /* with the NUL: what Linux can name */
#define ARCHIVE_NAME_MAX 255 /* one component: what squashfs can hold */

/*
 * While one of these exists, this thread is in the C locale, in which
 * libarchive hands names over byte for byte; in a UTF-8 locale it would
 * compose accents, and two different names could become one.
 */
struct archive_bytes {
	locale_t c, old;
};

int archive_bytes_begin(struct archive_bytes *b, struct err *err);
void archive_bytes_end(struct archive_bytes *b);

#define AUTO_ARCHIVE_BYTES __attribute__((cleanup(archive_bytes_end)))

/*
 * Write @path into @ret without "./", doubled and trailing slashes; "" is the
 * root itself.  -EINVAL with a sentence for an absolute path, a "..", or one
 * that is too long.
 */
int archive_clean_path(const char *path, char ret[ARCHIVE_PATH_MAX],
		       struct err *err);

/* Bytes of @name that a terminal should not see become '?'. */
const char *archive_printable(const char *name, char *buf, size_t size);

static inline void archive_auto_read_free(struct archive **a)
{
	(void)archive_read_free(*a);
}

static inline void archive_auto_write_free(struct archive **a)
{
	(void)archive_write_free(*a);
}

static inline void archive_auto_entry_free(struct archive_entry **e)
{
	archive_entry_free(*e);
}

#define AUTO_ENTRY	   __attribute__((cleanup(archive_auto_entry_free)))
#define AUTO_ARCHIVE_READ  __attribute__((cleanup(archive_auto_read_free)))
#define AUTO_ARCHIVE_WRITE __attribute__((cleanup(archive_auto_write_free)))

#endif
