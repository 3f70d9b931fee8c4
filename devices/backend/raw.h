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

struct raw {
	int fd; /* the caller's */
	bool block_device;
	uint64_t size; /* bytes, when it was opened */
};

/* -EINVAL with a sentence when @fd is neither file nor block device. */
int raw_init(struct raw *raw, int fd, struct err *err);

/*
 * All of @iov (which is used up) at @off: 0, or -errno; -EIO when the file
 * ends before (somebody shrank it).
 */
int raw_read(const struct raw *raw, struct iovec *iov, unsigned nr,
	     uint64_t off);
int raw_write(const struct raw *raw, struct iovec *iov, unsigned nr,
	      uint64_t off);

/* What was written survives a power cut. */
int raw_flush(const struct raw *raw);
/* The range is not needed: its content is undefined or zero.  -EOPNOTSUPP. */
int raw_discard(const struct raw *raw, uint64_t off, uint64_t len);
/* The range reads as zeros; @unmap: and may give its space back. */
int raw_zero(const struct raw *raw, uint64_t off, uint64_t len, bool unmap);

#endif
