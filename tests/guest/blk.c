/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blk.c - the first half of the disk is copied onto the second, then flushed;
 * the runner compares the halves of its file.  Past the end is an error.
 */
#include "tests/guest/lib/blk.h"

#define CHUNK 65536

static unsigned char buffer[CHUNK];

void guest_main(const struct start_info *si)
{
	struct vdev dev;
	struct queue q;
	char id[VIRTIO_BLK_ID_BYTES + 1] = "";

	(void)si;
	check(virtio_find(VIRTIO_ID_BLOCK, 0, &dev));
	check(virtio_offered(&dev) & BIT(VIRTIO_BLK_F_FLUSH));
	check(!(virtio_offered(&dev) & BIT(VIRTIO_BLK_F_RO)));
	virtio_begin(&dev, BIT(VIRTIO_BLK_F_FLUSH), 1, &q);

	uint64_t sectors = read64(dev.config);
	uint64_t half = sectors / 2;
	say("sectors", sectors);
	check(blk_request(&q, VIRTIO_BLK_T_GET_ID, 0, id,
			  VIRTIO_BLK_ID_BYTES) == VIRTIO_BLK_S_OK);
	put("id: ");
	put(id);
	put("\n");

	/* What is written below needs no old content. */
	const struct virtio_blk_discard_write_zeroes range = {
		.sector = half,
		.num_sectors = (uint32_t)half,
	};
	memcpy(buffer, &range, sizeof(range));
	check(blk_request(&q, VIRTIO_BLK_T_WRITE_ZEROES, 0, buffer,
			  sizeof(range)) == VIRTIO_BLK_S_OK);
	check(blk_request(&q, VIRTIO_BLK_T_DISCARD, 0, buffer, sizeof(range)) ==
	      VIRTIO_BLK_S_OK);

	for (uint64_t s = 0; s < half; s += CHUNK / 512) {
		check(blk_request(&q, VIRTIO_BLK_T_IN, s, buffer, CHUNK) ==
		      VIRTIO_BLK_S_OK);
		check(blk_request(&q, VIRTIO_BLK_T_OUT, half + s, buffer,
				  CHUNK) == VIRTIO_BLK_S_OK);
	}
	check(blk_request(&q, VIRTIO_BLK_T_FLUSH, 0, NULL, 0) ==
	      VIRTIO_BLK_S_OK);
	check(blk_request(&q, VIRTIO_BLK_T_IN, sectors - 1, buffer, 1024) ==
	      VIRTIO_BLK_S_IOERR);
	check(blk_request(&q, VIRTIO_BLK_T_OUT, UINT64_MAX, buffer, 512) ==
	      VIRTIO_BLK_S_IOERR);
	check(blk_request(&q, 0x4711, 0, buffer, 512) == VIRTIO_BLK_S_UNSUPP);
	put("pass\n");
}
