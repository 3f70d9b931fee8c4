/* SPDX-License-Identifier: Apache-2.0 */
/* blk.c - one block request at a time. */
#include "tests/guest/lib/blk.h"

uint8_t blk_request(struct queue *q, uint32_t type, uint64_t sector, void *data,
		    uint32_t len)
{
	static struct virtio_blk_outhdr head;
	static uint8_t status;
	bool write = type != VIRTIO_BLK_T_OUT && type != VIRTIO_BLK_T_DISCARD &&
		     type != VIRTIO_BLK_T_WRITE_ZEROES;
	uint16_t last = len ? 2 : 1;

	head = (struct virtio_blk_outhdr){ .type = type, .sector = sector };
	status = 0xff;
	queue_desc(q, 0, &head, sizeof(head), VRING_DESC_F_NEXT, 1);
	queue_desc(q, 1, data, len,
		   (uint16_t)(VRING_DESC_F_NEXT |
			      (write ? VRING_DESC_F_WRITE : 0)),
		   2);
	queue_desc(q, last, &status, 1, VRING_DESC_F_WRITE, 0);
	queue_offer(q, 0);
	queue_kick(q);
	(void)queue_wait(q);
	return *(volatile uint8_t *)&status;
}
