/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blk_held.c - a disk of 64 bytes a second: a read of 64 KiB goes through, and
 * what follows is due in 1000 seconds.  Kicks do not hasten it, a reset does
 * not wait for it nor pay for it, and neither does power-off wait.
 */
#include "tests/guest/lib/blk.h"

#define CHUNK 65536
#define KICKS 200

static unsigned char buffer[CHUNK];

/* Offer a read and do not wait. */
static void offer_read(struct queue *q)
{
	static struct virtio_blk_outhdr head;
	static uint8_t status;

	head = (struct virtio_blk_outhdr){ .type = VIRTIO_BLK_T_IN };
	queue_desc(q, 0, &head, sizeof(head), VRING_DESC_F_NEXT, 1);
	queue_desc(q, 1, buffer, 512, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE,
		   2);
	queue_desc(q, 2, &status, 1, VRING_DESC_F_WRITE, 0);
	queue_offer(q, 0);
	for (unsigned i = 0; i < KICKS; i++)
		queue_kick(q);
	check(!queue_used(q));
}

void guest_main(const struct start_info *si)
{
	struct vdev dev;
	struct queue q;

	(void)si;
	check(virtio_find(VIRTIO_ID_BLOCK, 0, &dev));
	virtio_begin(&dev, BIT(VIRTIO_BLK_F_FLUSH), 1, &q);
	check(blk_request(&q, VIRTIO_BLK_T_IN, 0, buffer, CHUNK) ==
	      VIRTIO_BLK_S_OK);
	offer_read(&q);
	for (unsigned i = 0; i < 3; i++) {
		virtio_begin(&dev, BIT(VIRTIO_BLK_F_FLUSH), 1, &q);
		/* It moves no bytes. */
		check(blk_request(&q, VIRTIO_BLK_T_FLUSH, 0, NULL, 0) ==
		      VIRTIO_BLK_S_OK);
		offer_read(&q);
	}
	put("pass\n");
}
