/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.c - frames of several sizes go to the host and come back, one by one
 * and in bulk; what is not a frame is dropped on the way.
 */
#include <linux/virtio_net.h>

#include "tests/guest/lib/virtio.h"

#define FRAME_MAX 1514
#define HEADER	  sizeof(struct virtio_net_hdr_v1)
#define BULK	  8

enum { RX, TX };

struct packet {
	struct virtio_net_hdr_v1 head;
	unsigned char frame[FRAME_MAX];
};

static struct packet rx[BULK], tx[BULK];

static void receive(struct queue *q, uint16_t i)
{
	queue_desc(q, i, &rx[i], sizeof(rx[i]), VRING_DESC_F_WRITE, 0);
	queue_offer(q, i);
	queue_kick(q);
}

static void transmit(struct queue *q, uint16_t i, unsigned len)
{
	memset(tx[i].frame, 0xff, 12);
	tx[i].frame[12] = 0x88; /* an EtherType for experiments, 88b5 */
	tx[i].frame[13] = 0xb5;
	for (unsigned b = 14; b < len; b += 50)
		tx[i].frame[b] = (unsigned char)(b + i);
	queue_desc(q, i, &tx[i], (uint32_t)(HEADER + len), 0, 0);
	queue_offer(q, i);
}

static void comes_back(struct queue *q, uint16_t i, unsigned len)
{
	check(queue_wait(q) == HEADER + len);
	check(memcmp(rx[i].frame, tx[i].frame, len) == 0);
	check(rx[i].head.num_buffers == 1);
}

static void one_by_one(struct queue *q)
{
	static const unsigned sizes[] = { 14, 60, 61, 1000, FRAME_MAX };

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		receive(&q[RX], 0);
		transmit(&q[TX], 0, sizes[i]);
		queue_kick(&q[TX]);
		(void)queue_wait(&q[TX]);
		comes_back(&q[RX], 0, sizes[i]);
	}
}

static void in_bulk(struct queue *q)
{
	for (uint16_t i = 0; i < BULK; i++) {
		receive(&q[RX], i);
		transmit(&q[TX], i, 100u + i);
	}
	queue_kick(&q[TX]);
	for (uint16_t i = 0; i < BULK; i++)
		comes_back(&q[RX], i, 100u + i);
	for (uint16_t i = 0; i < BULK; i++)
		(void)queue_wait(&q[TX]);
}

/* Earlier frames may still be on their way back. */
static void comes_back_at_last(struct queue *q)
{
	const unsigned len = 777;

	transmit(&q[TX], 0, len);
	queue_kick(&q[TX]);
	(void)queue_wait(&q[TX]);
	do
		receive(&q[RX], 0);
	while (queue_wait(&q[RX]) != HEADER + len);
	check(memcmp(rx[0].frame, tx[0].frame, len) == 0);
}

/* The device answers, or breaks until reset; the next frame comes through. */
static void senseless(const struct vdev *dev, struct queue *q)
{
	static const uint32_t lengths[] = { 0, 1, HEADER, HEADER + 1,
					    HEADER + 13 };

	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		virtio_begin(dev, 0, 2, q);
		queue_desc(&q[TX], 0, &tx[0], lengths[i], 0, 0);
		queue_offer(&q[TX], 0);
		queue_kick(&q[TX]);
		while (!queue_used(&q[TX]) &&
		       !(virtio_status(dev) & VIRTIO_CONFIG_S_NEEDS_RESET))
			;
	}
	/* A receive buffer that does not hold a frame. */
	virtio_begin(dev, 0, 2, q);
	queue_desc(&q[RX], 0, &rx[0], 8, VRING_DESC_F_WRITE, 0);
	queue_offer(&q[RX], 0);
	queue_kick(&q[RX]);
	transmit(&q[TX], 0, 60);
	queue_kick(&q[TX]);
	while (!queue_used(&q[TX]))
		;
	virtio_begin(dev, 0, 2, q);
	comes_back_at_last(q);
}

void guest_main(const struct start_info *si)
{
	struct vdev dev;
	struct queue q[2];

	(void)si;
	check(virtio_find(VIRTIO_ID_NET, 0, &dev));
	check(virtio_offered(&dev) & BIT(VIRTIO_NET_F_MAC));
	virtio_begin(&dev, BIT(VIRTIO_NET_F_MAC), 2, q);
	put("mac:");
	for (unsigned i = 0; i < 6; i++) {
		put(" ");
		put_hex(read8(dev.config + i));
	}
	put("\n");

	one_by_one(q);
	in_bulk(q);
	senseless(&dev, q);
	put("pass\n");
}
