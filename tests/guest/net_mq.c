/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_mq.c - a tap of two queues: the second pair is used when the device has
 * been told so, what goes out there comes back there, and the next driver
 * starts with one pair.
 */
#include <linux/virtio_net.h>

#include "tests/guest/lib/virtio.h"

#define HEADER	 sizeof(struct virtio_net_hdr_v1)
#define FRAME	 100U
#define BUFFER	 1536U
#define FEATURES (BIT(VIRTIO_NET_F_CTRL_VQ) | BIT(VIRTIO_NET_F_MQ))

enum { RX0, TX0, RX1, TX1, CTRL, QUEUES };

static struct {
	struct virtio_net_hdr_v1 head;
	unsigned char frame[FRAME];
} tx;
static unsigned char rx[2][BUFFER];
static struct {
	struct virtio_net_ctrl_hdr hdr;
	uint16_t pairs;
} __attribute__((packed)) command;
static uint8_t answer;

/* A datagram (RFC 791, 768) of a flow of its own: @port. */
static void make_frame(unsigned char port)
{
	static const unsigned char head[] = {
		2,    0, 0, 0,	0,   1, 2, 0, 0,    0,	0, 2, 0x08, 0x00,
		0x45, 0, 0, 86, 0,   0, 0, 0, 64,   17, 0, 0, /* no checksum */
		192,  0, 2, 2,	192, 0, 2, 1, 0x40, 0,	0, 9, 0,    66,
		0,    0,
	};

	memset(&tx, 0, sizeof(tx));
	memcpy(tx.frame, head, sizeof(head));
	tx.frame[35] = port;
	memset(tx.frame + sizeof(head), port, FRAME - sizeof(head));
}

static void give(struct queue *q, unsigned pair)
{
	queue_desc(&q[2UL * pair], 0, rx[pair], BUFFER, VRING_DESC_F_WRITE, 0);
	queue_offer(&q[2UL * pair], 0);
	queue_kick(&q[2UL * pair]);
}

static void there_and_back(struct queue *q, unsigned pair, unsigned char port)
{
	make_frame(port);
	queue_desc(&q[2UL * pair + 1], 0, &tx, sizeof(tx), 0, 0);
	queue_offer(&q[2UL * pair + 1], 0);
	queue_kick(&q[2UL * pair + 1]);
	(void)queue_wait(&q[2UL * pair + 1]);
	check(queue_wait(&q[2UL * pair]) == sizeof(tx));
	check(memcmp(rx[pair] + HEADER, tx.frame, FRAME) == 0);
}

static uint8_t ask(struct queue *q, uint16_t pairs)
{
	command.hdr.class = VIRTIO_NET_CTRL_MQ;
	command.hdr.cmd = VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET;
	command.pairs = pairs;
	answer = 0xee;
	queue_desc(&q[CTRL], 0, &command, sizeof(command), VRING_DESC_F_NEXT,
		   1);
	queue_desc(&q[CTRL], 1, &answer, 1, VRING_DESC_F_WRITE, 0);
	queue_offer(&q[CTRL], 0);
	queue_kick(&q[CTRL]);
	check(queue_wait(&q[CTRL]) == 1);
	return answer;
}

void guest_main(const struct start_info *si)
{
	struct vdev dev;
	struct queue q[QUEUES];

	(void)si;
	check(virtio_find(VIRTIO_ID_NET, 0, &dev));
	check((virtio_offered(&dev) & FEATURES) == FEATURES);
	virtio_begin(&dev, FEATURES, QUEUES, q);
	give(q, 0);
	there_and_back(q, 0, 1);

	check(ask(q, 3) == VIRTIO_NET_ERR);
	check(ask(q, 2) == VIRTIO_NET_OK);
	give(q, 1);
	there_and_back(q, 1, 2);

	/* Back to one, by the device's own doing. */
	virtio_begin(&dev, FEATURES, QUEUES, q);
	give(q, 0);
	there_and_back(q, 0, 2);
	put("pass\n");
}
