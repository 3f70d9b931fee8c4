/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raw.h - a disk that is a file of its bytes, or a block device.  Never a
 * format: what a guest can write must not be interpreted by us.
 */
#ifndef DEVICES_BACKEND_RAW_H
#define DEVICES_BACKEND_RAW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "vmm/lib/err.h"

#define RAW_SECTOR    512U
#define RAW_ALIGN_MAX 65536U

struct raw {
	int fd; /* the caller's */
	bool block_device;
	bool direct; /* past the host's page cache */
	uint64_t size; /* bytes, when it was opened */
	/*
	 * Places, lengths and addresses of memory are multiples of it, a power
	 * of two: 1, but with O_DIRECT what the host asks for.
	 */
	uint32_t align;
	uint32_t physical; /* what is best written at once; a power of two */
};

/*
 * -EINVAL with a sentence when @fd is neither file nor block device; @direct:
 * past the host's page cache (O_DIRECT is set on @fd), or -EINVAL with one.
 */
int raw_init(struct raw *raw, int fd, bool direct, struct err *err);

/* At @off: bytes, fewer than asked at the end; or -errno. */
int64_t raw_read(const struct raw *raw, const struct iovec *iov, unsigned nr,
		 uint64_t off);
/* The same of what the host has at hand; -EAGAIN: none of it. */
int64_t raw_read_cached(const struct raw *raw, const struct iovec *iov,
			unsigned nr, uint64_t off);
int64_t raw_write(const struct raw *raw, const struct iovec *iov, unsigned nr,
		  uint64_t off);
/* What was written survives a power cut. */
int raw_flush(const struct raw *raw);
/* fallocate(); of a block device too, whose range it zeroes or discards. */
int raw_allocate(const struct raw *raw, int mode, uint64_t off, uint64_t len);

#endif
