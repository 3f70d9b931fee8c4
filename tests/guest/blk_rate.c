/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blk_rate.c - 20 reads of 32 KiB, one after the other; the runner looks at
 * the monitor's clock and compares with the limits it gave the disk.
 */
#include "tests/guest/lib/blk.h"

#define READS 20
#define CHUNK 32768

static unsigned char buffer[CHUNK];

void guest_main(const struct start_info *si)
{
	struct vdev dev;
	struct queue q;

	(void)si;
	check(virtio_find(VIRTIO_ID_BLOCK, 0, &dev));
	virtio_begin(&dev, 0, 1, &q);
	for (unsigned i = 0; i < READS; i++)
		check(blk_request(&q, VIRTIO_BLK_T_IN, 0, buffer, CHUNK) ==
		      VIRTIO_BLK_S_OK);
	put("20 reads\n");
	put("pass\n");
}
