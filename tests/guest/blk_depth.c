/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blk_depth.c - the first half of the disk is copied onto the second by many
 * requests at once, in all queues that there are; the runner compares the
 * halves.  Then one more batch, with a reset in its middle.
 */
#include "tests/guest/lib/blk.h"

#define BLOCK	   4096U
#define SECTORS	   (BLOCK / 512U)
#define QUEUES_MAX 4U
#define EACH	   QUEUE_SIZE /* requests in a queue: one descriptor each */

static struct queue queue[QUEUES_MAX];
static unsigned nr_queues;

static struct request {
	struct vring_desc table[3];
	struct virtio_blk_outhdr head;
	uint8_t status;
	unsigned char data[BLOCK];
} request[QUEUES_MAX][EACH] __attribute__((aligned(16)));

static void offer(unsigned q, unsigned i, uint32_t type, uint64_t sector)
{
	struct request *r = &request[q][i];
	uint16_t write = type == VIRTIO_BLK_T_IN ? VRING_DESC_F_WRITE : 0;

	r->head = (struct virtio_blk_outhdr){ .type = type, .sector = sector };
	r->status = 0xff;
	r->table[0] = (struct vring_desc){ (uintptr_t)&r->head, sizeof(r->head),
					   VRING_DESC_F_NEXT, 1 };
	r->table[1] =
		(struct vring_desc){ (uintptr_t)r->data, BLOCK,
				     (uint16_t)(VRING_DESC_F_NEXT | write), 2 };
	r->table[2] = (struct vring_desc){ (uintptr_t)&r->status, 1,
					   VRING_DESC_F_WRITE, 0 };
	queue_desc(&queue[q], i, r->table, sizeof(r->table),
		   VRING_DESC_F_INDIRECT, 0);
	queue_offer(&queue[q], (uint16_t)i);
}

/* One block for each request, from @sector on. */
static void begin(uint32_t type, uint64_t sector)
{
	for (unsigned q = 0; q < nr_queues; q++) {
		for (unsigned i = 0; i < EACH; i++)
			offer(q, i, type,
			      sector + (UINT64_C(1) * q * EACH + i) * SECTORS);
		queue_kick(&queue[q]);
	}
}

static void finish(void)
{
	for (unsigned q = 0; q < nr_queues; q++) {
		for (unsigned i = 0; i < EACH; i++)
			(void)queue_wait(&queue[q]);
		for (unsigned i = 0; i < EACH; i++)
			check(*(volatile uint8_t *)&request[q][i].status ==
			      VIRTIO_BLK_S_OK);
	}
}

void guest_main(const struct start_info *si)
{
	const uint64_t features =
		BIT(VIRTIO_BLK_F_FLUSH) | BIT(VIRTIO_RING_F_INDIRECT_DESC);
	struct vdev dev;

	(void)si;
	check(virtio_find(VIRTIO_ID_BLOCK, 0, &dev));
	nr_queues = 1;
	if (virtio_offered(&dev) & BIT(VIRTIO_BLK_F_MQ))
		nr_queues =
			read16(dev.config +
			       offsetof(struct virtio_blk_config, num_queues));
	say("queues", nr_queues);
	check(nr_queues <= QUEUES_MAX);
	virtio_begin(&dev,
		     features | (nr_queues > 1 ? BIT(VIRTIO_BLK_F_MQ) : 0),
		     nr_queues, queue);

	uint64_t half = read64(dev.config) / 2;
	uint64_t step = (uint64_t)nr_queues * EACH * SECTORS;
	check(half % step == 0);
	for (uint64_t s = 0; s < half; s += step) {
		begin(VIRTIO_BLK_T_IN, s);
		finish();
		begin(VIRTIO_BLK_T_OUT, half + s);
		finish();
	}
	check(blk_request(&queue[0], VIRTIO_BLK_T_FLUSH, 0, NULL, 0) ==
	      VIRTIO_BLK_S_OK);

	begin(VIRTIO_BLK_T_IN, 0);
	virtio_reset(&dev);
	/* Nothing of them comes after it. */
	memset(request, 0x5a, sizeof(request));
	virtio_begin(&dev, features, 1, queue);
	check(blk_request(&queue[0], VIRTIO_BLK_T_FLUSH, 0, NULL, 0) ==
	      VIRTIO_BLK_S_OK);
	for (unsigned q = 0; q < nr_queues; q++)
		for (unsigned i = 0; i < EACH; i++)
			check(request[q][i].status == 0x5a);
	put("pass\n");
}
