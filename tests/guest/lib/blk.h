/* SPDX-License-Identifier: Apache-2.0 */
/* blk.h - one block request at a time (virtio 1.2, section 5.2). */
#ifndef TESTS_GUEST_LIB_BLK_H
#define TESTS_GUEST_LIB_BLK_H

#include <linux/virtio_blk.h>

#include "tests/guest/lib/virtio.h"

/* Send it, wait for it; its status. */
uint8_t blk_request(struct queue *q, uint32_t type, uint64_t sector, void *data,
		    uint32_t len);

#endif
