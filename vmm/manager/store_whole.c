/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_whole.c - is an image of the store all there?  What belljar writes
 * is whole; a crash of the disk or a person's hand can take some of it away.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/lib/le.h"
#include "vmm/manager/digest.h"
#include "vmm/manager/oci.h"
#include "vmm/manager/store.h"

/* The beginning of a squashfs 4.0 (Linux, fs/squashfs/squashfs_fs.h). */
struct squashfs_super {
	char magic[4];
	uint8_t other[36];
	le64_t bytes_used;
};

static bool whole_rootfs(const char *path)
{
	struct squashfs_super super;
	struct stat st;

	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && fstat(fd, &st) == 0 &&
	       io_pread_full(fd, &super, sizeof(super), 0) == sizeof(super) &&
	       memcmp(super.magic, "hsqs", sizeof(super.magic)) == 0 &&
	       le64_get(super.bytes_used) <= (uint64_t)st.st_size;
}

/* The id is the sum of this file. */
static bool whole_config(const char *path, const char *id)
{
	AUTO_DIGEST struct digest *sum = digest_new();
	AUTO_FREE char *text = NULL;
	char hex[DIGEST_HEX + 1];

	if (!sum || io_read_file(path, OCI_DOC_MAX, &text, NULL) < 0)
		return false;
	digest_add(sum, text, strlen(text));
	digest_finish(sum, hex);
	return strcmp(hex, id) == 0;
}

bool store_has(struct store *store, const char *id)
{
	char path[STORE_PATH_MAX];

	store_image_path(store, id, "rootfs.squashfs", path);
	if (!whole_rootfs(path))
		return false;
	store_image_path(store, id, "config.json", path);
	return whole_config(path, id);
}
