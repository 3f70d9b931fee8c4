/* SPDX-License-Identifier: Apache-2.0 */
/* load.c - a bundle becomes images of the store. */
#include "vmm/manager/load.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/manager/cancel.h"
#include "vmm/manager/merge.h"
#include "vmm/manager/names.h"
#include "vmm/manager/oci.h"

#define POLL_MS 200

/* Make the directory @dir hold what the store keeps of @image. */
static int make_image(struct bundle *bundle, const struct oci_image *image,
		      const char *dir, struct progress *progress,
		      struct err *err)
{
	AUTO_FREE char *squashfs = NULL;
	AUTO_FREE char *config = NULL;

	if (asprintf(&squashfs, "%s/rootfs.squashfs", dir) < 0 ||
	    asprintf(&config, "%s/config.json", dir) < 0)
		return err_set(err, ENOMEM, "write '%s'", dir);
	/* Left of the image before, when that was there already. */
	int r = io_remove_tree(dir, err);
	if (r < 0)
		return r;
	if (mkdir(dir, 0700) < 0)
		return err_set(err, errno, "make directory '%s'", dir);
	r = merge_layers(bundle, image, squashfs, progress, err);
	if (r < 0)
		return r;
	return io_write_file(config, image->config, image->config_len, err);
}

/*
 * Take the lock of conversions.  Another's may last for minutes, so this has
 * to hear of Ctrl-C meanwhile, which a blocking flock would not.
 */
static int wait_for_turn(struct store *store, struct progress *progress,
			 int *ret, struct err *err)
{
	int r = store_lock(store, STORE_CONVERT, false, ret, err);

	while (r == -EWOULDBLOCK) {
		progress_begin(progress, "Waiting for another load", 0);
		r = cancel_wait(-1, POLL_MS, err);
		if (r == 0)
			r = store_lock(store, STORE_CONVERT, false, ret, err);
	}
	return r;
}

static int convert(struct store *store, struct bundle *bundle,
		   const struct oci_image *image, const char *tmp,
		   struct progress *progress, struct err *err)
{
	char dir[STORE_PATH_MAX];
	AUTO_CLOSE int lock = -1;

	if (store_has(store, image->id))
		return 0;
	int r = wait_for_turn(store, progress, &lock, err);
	/* Whoever had the lock may just have made the same image. */
	if (r < 0 || store_has(store, image->id))
		return r;
	if (snprintf(dir, sizeof(dir), "%s/image", tmp) >= (int)sizeof(dir))
		return err_set(err, ENAMETOOLONG, "write in '%s'", tmp);
	r = make_image(bundle, image, dir, progress, err);
	if (r == 0)
		r = store_add(store, dir, image->id, err);
	return store_explain(store, r, err);
}

static int name_image(struct store *store, const struct oci_image *image,
		      const struct reference *names, size_t nr, FILE *out,
		      struct err *err)
{
	char text[REFERENCE_MAX];

	for (size_t i = 0; i < nr; i++) {
		int r = names_set(store, &names[i], image->id, err);

		if (r < 0)
			return r;
		reference_short(&names[i], text);
		(void)fprintf(out, "Loaded image: %s\n", text);
	}
	if (nr == 0)
		(void)fprintf(out, "Loaded image ID: sha256:%s\n", image->id);
	return 0;
}

static int load_image(struct store *store, struct bundle *bundle,
		      const struct oci_image *image, const char *dir,
		      const struct reference *name, struct progress *progress,
		      FILE *out, struct err *err)
{
	/* An image may be removed between converting and naming it. */
	for (;;) {
		AUTO_CLOSE int lock = -1;
		int r = convert(store, bundle, image, dir, progress, err);

		progress_clear(progress);
		if (r == 0)
			r = store_lock(store, STORE_WRITE, true, &lock, err);
		if (r < 0)
			return r;
		if (store_has(store, image->id))
			return name_image(store, image,
					  name ? name : image->names,
					  name ? 1 : image->nr_names, out, err);
	}
}

/* What is wrong with an image can only be mended where it came from. */
static int refuse(const struct oci_image *image, int r, struct err *err)
{
	char name[REFERENCE_MAX];
	struct err why;

	if (!err || (r != -EBADMSG && r != -EINVAL && r != -ENOENT &&
		     r != -E2BIG && r != -EFBIG))
		return r;
	(void)snprintf(name, sizeof(name), "%.12s", image->id);
	if (image->nr_names > 0)
		reference_short(&image->names[0], name);
	why = *err;
	return err_say(err, -r,
		       "image %.120s: %.300s; nothing of it is kept: save, "
		       "fetch or build it again",
		       name, why.msg);
}

int load_bundle(struct store *store, struct bundle *bundle, const char *dir,
		const struct reference *name, struct progress *progress,
		FILE *out, struct err *err)
{
	AUTO_OCI_IMAGES struct oci_images images = { 0 };
	int r = oci_read(bundle, &images, err);

	for (size_t i = 0; i < images.nr && r == 0; i++) {
		r = load_image(store, bundle, &images.image[i], dir, name,
			       progress, out, err);
		r = r < 0 ? refuse(&images.image[i], r, err) : 0;
	}
	progress_clear(progress);
	return r;
}
