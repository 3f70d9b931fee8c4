/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gmem.h - guest RAM: one memfd, mapped shared and without reserve, seen by
 * the guest as one region below the 4 GiB hole and one above.
 *
 * Only gmem.c turns a gpa_t into a pointer.  The guest may change any byte at
 * any time: what was read once is not read again.
 */
#ifndef VMM_CORE_GMEM_H
#define VMM_CORE_GMEM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "vmm/lib/err.h"

/* An address in the guest's physical space. */
typedef uint64_t gpa_t;

#define GMEM_REGIONS 2

struct gmem_region {
	gpa_t gpa;
	uint64_t size;
	uint64_t offset; /* in the memfd */
	unsigned char *host;
};

struct gmem {
	int fd;
	uint64_t size;
	unsigned nr;
	struct gmem_region region[GMEM_REGIONS];
};

/*
 * Make @size bytes of RAM (a multiple of the page size), nothing of it
 * touched.  The regions are fixed from here on, so no call needs a lock.
 * -errno with a sentence.  gmem_done() accepts a gmem that is zeroed except
 * for fd -1.
 */
int gmem_init(struct gmem *gm, uint64_t size, struct err *err);
void gmem_done(struct gmem *gm);

/*
 * Host address of [@gpa, @gpa + @len), or NULL when that is not wholly inside
 * one region.  For vq.c (rings) and for what passes straight to the kernel as
 * an iovec; everybody else copies.
 */
void *gmem_ptr(const struct gmem *gm, gpa_t gpa, uint64_t len);

/*
 * Append [@gpa, @gpa + @len) to @iov, of which *@nr of @max entries are used,
 * splitting at the end of a region.  -EFAULT outside RAM, -ENOSPC when @iov
 * is full; @iov and *@nr are untouched then.
 */
int gmem_iov(const struct gmem *gm, gpa_t gpa, uint64_t len, struct iovec *iov,
	     unsigned *nr, unsigned max);

/* Checked copies out of and into guest RAM.  0 or -EFAULT (nothing copied). */
int gmem_read(const struct gmem *gm, gpa_t gpa, void *buf, size_t len);
int gmem_write(const struct gmem *gm, gpa_t gpa, const void *buf, size_t len);

/*
 * Fill [@gpa, @gpa + @len) from @fd at @off inside the host's kernel: no page
 * is zeroed or faulted in first, which is half the cost of a copy by pread().
 * Returns the bytes done, less than @len at the file's end; -EFAULT outside
 * one region, -EINVAL when this file cannot be sent.  One thread at a time.
 */
int64_t gmem_fill(const struct gmem *gm, gpa_t gpa, int fd, uint64_t off,
		  uint64_t len);

/* First address above all RAM, at least 4 GiB. */
gpa_t gmem_end(const struct gmem *gm);

#endif
