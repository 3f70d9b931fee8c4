/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image.c - a kernel or initramfs file: headers read with pread(), the bulk
 * sent straight into guest RAM.
 */
#include "firmware/image.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

int image_open(int fd, const char *name, struct image *ret, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "stat '%s'", name);
	if (!S_ISREG(st.st_mode))
		return err_say(err, EINVAL,
			       "'%s' is not a regular file; give a kernel or "
			       "initramfs file",
			       name);
	if (st.st_size <= 0)
		return err_say(err, EINVAL,
			       "'%s' is empty; give a kernel or initramfs file",
			       name);

	AUTO_CLOSE int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (own < 0)
		return err_set(err, errno, "keep '%s' open", name);

	*ret = (struct image){ .fd = TAKE_FD(own),
			       .size = (uint64_t)st.st_size,
			       .name = name };
	return 0;
}

void image_done(struct image *img)
{
	if (img->size > 0)
		(void)close(img->fd);
	*img = (struct image){ .fd = -1 };
}

bool image_has(const struct image *img, uint64_t off, uint64_t len)
{
	return off <= img->size && len <= img->size - off;
}

static int check_range(const struct image *img, uint64_t off, uint64_t len,
		       struct err *err)
{
	if (!image_has(img, off, len))
		return err_say(err, EINVAL, "'%s' is truncated; fetch it again",
			       img->name);
	return 0;
}

/* @n: bytes read of @len, or -errno. */
static int check_read(const struct image *img, int64_t n, uint64_t len,
		      struct err *err)
{
	if (n < 0)
		return err_set(err, (int)-n, "read '%s'", img->name);
	if ((uint64_t)n < len)
		return err_say(err, EINVAL,
			       "'%s' became shorter while it was read; "
			       "try again",
			       img->name);
	return 0;
}

int image_read(const struct image *img, uint64_t off, void *buf, size_t len,
	       struct err *err)
{
	int r = check_range(img, off, len, err);
	if (r < 0)
		return r;

	return check_read(img, io_pread_full(img->fd, buf, len, (off_t)off),
			  len, err);
}

int image_load(const struct image *img, uint64_t off, uint64_t len,
	       const struct gmem *gm, gpa_t gpa, struct err *err)
{
	/* The pointer goes straight to the kernel, which checks it again. */
	void *host = gmem_ptr(gm, gpa, len);

	if (!host)
		return err_set(err, EFAULT, "load '%s' into guest RAM",
			       img->name);
	int r = check_range(img, off, len, err);
	if (r < 0)
		return r;

	int64_t n = gmem_fill(gm, gpa, img->fd, off, len);
	/* Not every file system sends. */
	if (n == -EINVAL || n == -ENOSYS)
		return image_read(img, off, host, len, err);
	return check_read(img, n, len, err);
}
