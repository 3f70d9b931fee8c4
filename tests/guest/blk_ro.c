/* SPDX-License-Identifier: Apache-2.0 */
/* blk_ro.c - a read-only disk says so, reads, and refuses to be written. */
#include "tests/guest/lib/blk.h"

static unsigned char sector[512];

void guest_main(const struct start_info *si)
{
	struct vdev dev;
	struct queue q;

	(void)si;
	check(virtio_find(VIRTIO_ID_BLOCK, 0, &dev));
	check(virtio_offered(&dev) & BIT(VIRTIO_BLK_F_RO));
	virtio_begin(&dev, BIT(VIRTIO_BLK_F_RO), 1, &q);
	check(blk_request(&q, VIRTIO_BLK_T_IN, 0, sector, sizeof(sector)) ==
	      VIRTIO_BLK_S_OK);
	sector[0] ^= 1;
	check(blk_request(&q, VIRTIO_BLK_T_OUT, 0, sector, sizeof(sector)) ==
	      VIRTIO_BLK_S_IOERR);

	/* A driver that never heard of the feature is refused as well. */
	virtio_begin(&dev, 0, 1, &q);
	check(blk_request(&q, VIRTIO_BLK_T_OUT, 0, sector, sizeof(sector)) ==
	      VIRTIO_BLK_S_IOERR);
	put("pass\n");
}
