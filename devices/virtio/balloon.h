/* SPDX-License-Identifier: Apache-2.0 */
/*
 * balloon.h - what the monitor asks of the balloon: how much memory the guest
 * should do with, and what it says of its memory.
 */
#ifndef DEVICES_VIRTIO_BALLOON_H
#define DEVICES_VIRTIO_BALLOON_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/virtio/virtio.h"

#define BALLOON_UNKNOWN UINT64_MAX

struct balloon_status {
	uint64_t target; /* bytes in the balloon, as we ask */
	uint64_t actual; /* as the driver says: never more than RAM */
	uint64_t reported; /* bytes given back as free pages, all told */
	bool driver; /* the guest has one, and it works */
	uint64_t figures; /* times that the guest told the following */
	/* Bytes as the guest said last, or BALLOON_UNKNOWN. */
	uint64_t free, available, total, caches;
};

/*
 * Ask the guest to do with @bytes, which are made at least BALLOON_LEAST and at
 * most all RAM.  It takes its time, and may refuse.  Any thread.
 */
#define BALLOON_LEAST (UINT64_C(16) << 20)
void balloon_resize(struct virtio_dev *dev, uint64_t bytes);

/* What is known now; asks for new figures, for the next call.  Any thread. */
void balloon_status(struct virtio_dev *dev, struct balloon_status *ret);

#endif
