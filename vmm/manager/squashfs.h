/* SPDX-License-Identifier: Apache-2.0 */
/*
 * squashfs.h - a new squashfs out of a stream of archive entries: we write a
 * tar archive, tar2sqfs reads it.
 */
#ifndef VMM_MANAGER_SQUASHFS_H
#define VMM_MANAGER_SQUASHFS_H

#include "vmm/lib/err.h"
#include "vmm/manager/archive.h"
#include "vmm/manager/tool.h"

struct squashfs {
	struct archive *out; /* entries go here; names begin with "./" */
	struct tool tool;
	int fd; /* of the file, which tar2sqfs removes when it fails */
};

#define SQUASHFS_NONE                                                          \
	{                                                                      \
		.tool = TOOL_NONE, .fd = -1                                    \
	}

/* Begin to write the file @path, which must not exist. */
int squashfs_begin(struct squashfs *s, const char *path, struct err *err);

/*
 * What a failed archive_write_*() of @s->out means: -EPIPE when tar2sqfs went,
 * which squashfs_end() explains, else -EIO with a sentence.
 */
int squashfs_broken(struct squashfs *s, struct err *err);

/*
 * All entries are written when @r is 0; else it is why not, and is returned
 * unless tar2sqfs knows better.  -ENOSPC when the disk is full.
 */
int squashfs_end(struct squashfs *s, int r, struct err *err);

/* Stop what still runs; after squashfs_end() too. */
void squashfs_stop(struct squashfs *s);

#define AUTO_SQUASHFS __attribute__((cleanup(squashfs_stop)))

#endif
