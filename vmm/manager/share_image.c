/* SPDX-License-Identifier: Apache-2.0 */
/* share_image.c - superblocks of what can be mounted. */
#include "vmm/manager/share_image.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "vmm/lib/io.h"

#define HEAD	     2048 /* bytes in which all of them say what they are */
#define MIB	     ((uint64_t)1 << 20)
#define SUPER	     1024 /* where EROFS and ext4 have their superblock */
#define EXT4_RECOVER 0x4 /* the journal has to be replayed */
#define LOG_PAGE     12
#define EROFS_CHUNKS 0x4 /* the one feature that leaves files as they are */
#define LOG_MAX	     16 /* of a block's size; larger ones are nonsense */

static uint64_t number(const unsigned char *at, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | at[bytes];
	return v;
}

static bool is_squashfs(const unsigned char *head, struct share_image *ret)
{
	static const char *const names[] = { NULL, "gzip", "lzma", "lzo",
					     "xz", "lz4",  "zstd" };
	uint64_t kind = number(head + 20, 2);

	if (memcmp(head, "hsqs", 4) != 0)
		return false;
	ret->fs = "squashfs";
	ret->compression =
		kind < sizeof(names) / sizeof(names[0]) ? names[kind] : NULL;
	ret->size = number(head + 40, 8);
	return true;
}

static bool is_erofs(const unsigned char *super, struct share_image *ret)
{
	unsigned log = super[12];

	if (number(super, 4) != 0xe0f5e1e2 || log > LOG_MAX)
		return false;
	ret->fs = "erofs";
	ret->size = number(super + 36, 4) << log;
	ret->plain = log == LOG_PAGE &&
		     (number(super + 80, 4) & ~(uint64_t)EROFS_CHUNKS) == 0;
	return true;
}

static bool is_ext4(const unsigned char *super, struct share_image *ret)
{
	uint64_t log = number(super + 24, 4) + 10;

	if (number(super + 56, 2) != 0xef53 || log > LOG_MAX)
		return false;
	ret->fs = "ext4";
	ret->size = number(super + 4, 4) << log;
	ret->plain = log == LOG_PAGE;
	return true;
}

static int refuse(const char *path, struct err *err)
{
	return err_say(err, EINVAL,
		       "--mount: '%s' is no squashfs, erofs or ext4; make one "
		       "of a directory with 'gensquashfs -c zstd -D DIR FILE'",
		       path);
}

int share_image_probe(int fd, const char *path, struct share_image *ret,
		      struct err *err)
{
	unsigned char head[HEAD] = { 0 };
	struct share_image image = { .fs = NULL };
	struct stat st;

	if (fstat(fd, &st) < 0 || io_pread_full(fd, head, sizeof(head), 0) < 0)
		return err_set(err, errno, "--mount: read '%s'", path);
	if (!is_squashfs(head, &image) && !is_erofs(head + SUPER, &image) &&
	    !is_ext4(head + SUPER, &image))
		return refuse(path, err);
	/* A head that ends too early says that it has nothing. */
	if (image.size == 0)
		return refuse(path, err);
	if (image.size > (uint64_t)st.st_size)
		return err_say(err, EINVAL,
			       "--mount: '%s' is cut off: it says that it has "
			       "%" PRIu64 " MiB, and there are %" PRIu64
			       "; copy it again",
			       path, (image.size + MIB - 1) / MIB,
			       (uint64_t)st.st_size / MIB);
	if (strcmp(image.fs, "ext4") == 0 &&
	    (number(head + SUPER + 96, 4) & EXT4_RECOVER))
		return err_say(err, EINVAL,
			       "--mount: '%s' was not unmounted, or is mounted "
			       "now; unmount it, or repair it with 'e2fsck -p "
			       "%s'",
			       path, path);
	*ret = image;
	return 0;
}

int share_image_check(const struct share_image *image, const char *path,
		      const char *flavour, struct err *err)
{
	const char *c = image->compression;

	if (strcmp(flavour, "minimal") != 0 ||
	    strcmp(image->fs, "squashfs") != 0 ||
	    (c && (strcmp(c, "zstd") == 0 || strcmp(c, "lz4") == 0)))
		return 0;
	return err_say(err, ENOTSUP,
		       "--mount: '%s' is compressed with %s, which the minimal "
		       "kernel cannot read; compress it with zstd or lz4, or "
		       "run with --kernel stock",
		       path, c ? c : "something");
}

int share_image_check_dax(const struct share_image *image, const char *path,
			  struct err *err)
{
	if (image->plain)
		return 0;
	return err_say(err, ENOTSUP,
		       "--mount: dax: '%s', a %s, does not have its files in "
		       "pages of 4 KiB as they are; make it with 'mkfs.erofs "
		       "-E noinline_data FILE DIR', or leave dax out",
		       path, image->fs);
}
