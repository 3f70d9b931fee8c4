/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iov.h - parts of a scattered buffer.  Drivers may cut a request into pieces
 * anywhere (virtio 1.2, 2.7.4), so a header is copied, never pointed to.
 */
#ifndef DEVICES_VIRTIO_IOV_H
#define DEVICES_VIRTIO_IOV_H

#include <stddef.h>
#include <sys/uio.h>

/*
 * Copy @len bytes at @off out of or into the pieces.  Returns how many there
 * were, less than @len when the pieces end before.
 */
size_t iov_read(const struct iovec *iov, unsigned nr, size_t off, void *buf,
		size_t len);
size_t iov_write(const struct iovec *iov, unsigned nr, size_t off,
		 const void *buf, size_t len);

/*
 * @out (room for @nr) becomes the @len bytes at @off, or what there is of
 * them.  Returns the number of pieces.  @out may be @iov.
 */
unsigned iov_slice(const struct iovec *iov, unsigned nr, size_t off, size_t len,
		   struct iovec *out);

#endif
