/* SPDX-License-Identifier: Apache-2.0 */
/* image.c - find an image of the store by what a person calls it. */
#include "vmm/manager/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/manager/lookup.h"
#include "vmm/manager/oci.h"
#include "vmm/manager/store.h"

void image_free(struct image *img)
{
	if (!img)
		return;
	if (img->rootfs >= 0)
		(void)close(img->rootfs);
	oci_config_done(&img->config);
	free(img->name);
	free(img);
}

static int open_rootfs(struct store *store, struct image *img, struct err *err)
{
	char path[STORE_PATH_MAX];
	struct stat st;

	store_image_path(store, img->id, "rootfs.squashfs", path);
	img->rootfs = open(path, O_RDONLY | O_CLOEXEC);
	if (img->rootfs < 0 || fstat(img->rootfs, &st) < 0)
		return err_set(err, errno, "open '%s'", path);
	/* The store's lock is ours: nobody is removing it now. */
	if (flock(img->rootfs, LOCK_SH | LOCK_NB) < 0)
		return err_set(err, errno, "lock '%s'", path);
	img->rootfs_size = (uint64_t)st.st_size;
	return 0;
}

static int open_image(struct store *store, const struct lookup *found,
		      struct image **ret, struct err *err)
{
	char path[STORE_PATH_MAX];
	AUTO_FREE char *text = NULL;
	AUTO_IMAGE struct image *img = calloc(1, sizeof(*img));

	if (!img)
		return err_set(err, ENOMEM, "open the image");
	img->rootfs = -1;
	memcpy(img->id, found->id, sizeof(img->id));
	img->name = strdup(found->name);
	if (!img->name)
		return err_set(err, ENOMEM, "open the image");

	store_image_path(store, img->id, "config.json", path);
	int r = io_read_file(path, OCI_DOC_MAX, &text, err);
	if (r == 0)
		r = oci_parse_config(text, strlen(text), &img->config, err);
	if (r == 0)
		r = open_rootfs(store, img, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(img);
	return 0;
}

int image_find(struct store *store, const char *name, struct image **ret,
	       struct err *err)
{
	AUTO_CLOSE int lock = -1;
	struct lookup found;

	int r = store_lock(store, STORE_READ, true, &lock, err);
	if (r == 0)
		r = lookup_image(store, name, &found, err);
	if (r == 0 && !store_has(store, found.id))
		r = err_say(err, EIO,
			    "image '%s' in the store '%.180s' is damaged (a "
			    "file of it is gone or not as it was written); "
			    "load or pull it again",
			    found.name, store_path(store));
	return r < 0 ? r : open_image(store, &found, ret, err);
}
