/* SPDX-License-Identifier: Apache-2.0 */
/* iov.c - parts of a scattered buffer. */
#include "devices/virtio/iov.h"

#include <string.h>

unsigned iov_slice(const struct iovec *iov, unsigned nr, size_t off, size_t len,
		   struct iovec *out)
{
	unsigned n = 0;

	for (unsigned i = 0; i < nr && len > 0; i++) {
		struct iovec v = iov[i];

		if (off >= v.iov_len) {
			off -= v.iov_len;
			continue;
		}
		v.iov_base = (char *)v.iov_base + off;
		v.iov_len -= off;
		off = 0;
		if (v.iov_len > len)
			v.iov_len = len;
		len -= v.iov_len;
		out[n++] = v;
	}
	return n;
}

size_t iov_read(const struct iovec *iov, unsigned nr, size_t off, void *buf,
		size_t len)
{
	size_t done = 0;

	for (unsigned i = 0; i < nr && done < len; i++) {
		struct iovec v;

		if (iov_slice(&iov[i], 1, off, len - done, &v)) {
			memcpy((char *)buf + done, v.iov_base, v.iov_len);
			done += v.iov_len;
			off = 0;
		} else {
			off -= iov[i].iov_len;
		}
	}
	return done;
}

size_t iov_write(const struct iovec *iov, unsigned nr, size_t off,
		 const void *buf, size_t len)
{
	size_t done = 0;

	for (unsigned i = 0; i < nr && done < len; i++) {
		struct iovec v;

		if (iov_slice(&iov[i], 1, off, len - done, &v)) {
			memcpy(v.iov_base, (const char *)buf + done, v.iov_len);
			done += v.iov_len;
			off = 0;
		} else {
			off -= iov[i].iov_len;
		}
	}
	return done;
}
