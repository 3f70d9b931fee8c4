/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - the directory where images live: who may change it when, and what
 * is swept away after a crash.
 *
 *   lock                    flock: shared to read, exclusive to change names
 *   convert.lock            flock: one conversion at a time
 *   repositories.json       name -> id, replaced as a whole
 *   images/<id>/            complete images only: they arrive by rename
 *     rootfs.squashfs  config.json
 *   tmp/<random>/           work in progress; its owner holds a flock on
 *     lock ...              the file lock
 *
 * A directory below tmp/ whose lock nobody holds was left by a process that
 * died; whoever opens the store next removes it.
 */
#ifndef VMM_MANAGER_STORE_H
#define VMM_MANAGER_STORE_H

#include <limits.h>
#include <stdbool.h>

#include "vmm/lib/err.h"

struct store;

/*
 * Open, and make when absent, the store in directory @path, and sweep what
 * dead processes left in it.  The caller closes *@ret.
 */
int store_open(const char *path, struct store **ret, struct err *err);

/* Accepts NULL. */
void store_close(struct store *store);

static inline void store_auto_close(struct store **store)
{
	store_close(*store);
}

#define AUTO_STORE __attribute__((cleanup(store_auto_close)))

/* The store's directory; owned by the store. */
const char *store_path(const struct store *store);

/* Room for the path of any file in a store; store_open() refuses longer. */
#define STORE_PATH_MAX PATH_MAX

/* Path of @file of the image @id; @file "" for its directory. */
void store_image_path(const struct store *store, const char *id,
		      const char *file, char path[STORE_PATH_MAX]);

enum store_lock {
	STORE_READ, /* shared: names and images stay as they are */
	STORE_WRITE, /* exclusive: to change names, or remove an image */
	STORE_CONVERT, /* exclusive among conversions; taken before WRITE */
};

/*
 * Wait for a lock.  The descriptor holds it until it is closed; @wait false:
 * -EWOULDBLOCK when somebody else has it.
 */
int store_lock(struct store *store, enum store_lock lock, bool wait, int *ret,
	       struct err *err);

/* A directory of one's own below tmp/. */
struct store_tmp {
	char path[STORE_PATH_MAX]; /* "" when there is none */
	int lock;
};

#define STORE_TMP_NONE                                                         \
	{                                                                      \
		.lock = -1                                                     \
	}

int store_tmp_new(struct store *store, struct store_tmp *tmp, struct err *err);

/* Remove it and what is in it. */
void store_tmp_free(struct store_tmp *tmp);

#define AUTO_STORE_TMP __attribute__((cleanup(store_tmp_free)))

/* Whether the image @id is there and whole; see store_whole.c. */
bool store_has(struct store *store, const char *id);

/*
 * Make the directory @dir, on this file system, the image @id: all of its
 * files are on the disk before the name appears.  An image that is already
 * there wins, and @dir stays where it is; unless it is not whole, then it is
 * replaced.  The caller holds STORE_CONVERT and not STORE_WRITE.
 */
int store_add(struct store *store, const char *dir, const char *id,
	      struct err *err);

/*
 * Whether a running VM has the image @id.  The caller holds STORE_WRITE, so
 * the answer stays no while it does.
 */
bool store_in_use(struct store *store, const char *id);

/* Remove the image @id, if there, not in use.  STORE_WRITE as above. */
int store_remove(struct store *store, const char *id, struct err *err);

/*
 * When @r is -ENOSPC or -EDQUOT, replace @err by the sentence that the store
 * is full and what to do; returns @r.
 */
int store_explain(struct store *store, int r, struct err *err);

/* Call @fn for each image, in no order, until it returns other than 0. */
int store_each(struct store *store, int (*fn)(void *arg, const char *id),
	       void *arg, struct err *err);

#endif
