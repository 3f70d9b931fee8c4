/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_tap.c - a tap with offloads, served by the monitor or by vhost-net: a
 * long segment goes out whole and comes back whole, in several buffers; then
 * with bus mastering off and on, and after a ring that breaks the rules.
 */
#include <linux/pci_regs.h>
#include <linux/virtio_net.h>

#include "tests/guest/lib/virtio.h"

#define PAYLOAD 5000U
#define HEADS	54U /* Ethernet, IPv4, TCP */
#define FRAME	(HEADS + PAYLOAD)
#define HEADER	sizeof(struct virtio_net_hdr_v1)
#define BUFFER	1536U
#define BUFFERS 8U
#define MSS	1000
#define FEATURES                                                               \
	(BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_HOST_TSO4) |                \
	 BIT(VIRTIO_NET_F_GUEST_CSUM) | BIT(VIRTIO_NET_F_GUEST_TSO4) |         \
	 BIT(VIRTIO_NET_F_MRG_RXBUF))

enum { RX, TX };

static struct {
	struct virtio_net_hdr_v1 head;
	unsigned char frame[FRAME];
} tx;
static unsigned char rx[BUFFERS][BUFFER];
static unsigned char back[HEADER + FRAME];

static void put16(unsigned at, unsigned v)
{
	tx.frame[at] = (unsigned char)(v >> 8);
	tx.frame[at + 1] = (unsigned char)v;
}

/* RFC 791 and 9293; the checksum of TCP is left to who sends. */
static void make_segment(unsigned char fill)
{
	uint32_t sum = 0;

	memset(&tx, 0, sizeof(tx));
	tx.head.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	tx.head.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	tx.head.gso_size = MSS;
	tx.head.hdr_len = HEADS;
	tx.head.csum_start = 34;
	tx.head.csum_offset = 16;
	tx.frame[0] = tx.frame[6] = 2;
	tx.frame[5] = 1;
	put16(12, 0x0800);
	put16(14, 0x4500);
	put16(16, FRAME - 14);
	put16(22, 0x4006); /* time to live, TCP */
	put16(26, 0xc000);
	put16(28, 0x0202);
	put16(30, 0xc000);
	put16(32, 0x0201);
	for (unsigned i = 14; i < 34; i += 2)
		sum += (unsigned)tx.frame[i] << 8 | tx.frame[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	put16(24, ~(sum + (sum >> 16)) & 0xffff);
	tx.frame[46] = 0x50; /* a header of 20 bytes */
	tx.frame[47] = 0x10; /* ACK */
	memset(tx.frame + HEADS, fill, PAYLOAD);
}

static void give_buffers(struct queue *q)
{
	for (uint16_t i = 0; i < BUFFERS; i++) {
		queue_desc(q, i, rx[i], BUFFER, VRING_DESC_F_WRITE, 0);
		queue_offer(q, i);
	}
	queue_kick(q);
}

static void send_segment(struct queue *q, unsigned char fill)
{
	make_segment(fill);
	queue_desc(q, 0, &tx, sizeof(tx), 0, 0);
	queue_offer(q, 0);
	queue_kick(q);
}

static void comes_back(struct queue *q, unsigned char fill)
{
	struct virtio_net_hdr_v1 head;
	unsigned done = 0;

	for (unsigned i = 0; done < sizeof(back); i++) {
		uint32_t n = queue_wait(q);

		check(i < BUFFERS && n <= sizeof(back) - done);
		memcpy(back + done, rx[i], n);
		done += n;
		check(done == sizeof(back) || n == BUFFER);
	}
	memcpy(&head, back, sizeof(head));
	check(head.num_buffers == (sizeof(back) + BUFFER - 1) / BUFFER);
	check(head.gso_type == VIRTIO_NET_HDR_GSO_TCPV4);
	check(head.gso_size == MSS);
	check(head.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM);
	check(back[HEADER + HEADS] == fill);
	check(memcmp(back + HEADER, tx.frame, FRAME) == 0);
}

static void there_and_back(const struct vdev *dev, struct queue *q,
			   unsigned char fill)
{
	virtio_begin(dev, FEATURES, 2, q);
	give_buffers(&q[RX]);
	send_segment(&q[TX], fill);
	comes_back(&q[RX], fill);
	(void)queue_wait(&q[TX]);
}

/* What it was asked for without the bus happens when it has it. */
static void without_the_bus(const struct vdev *dev, struct queue *q)
{
	virtio_begin(dev, FEATURES, 2, q);
	write16(ecam(dev->slot, PCI_COMMAND), PCI_COMMAND_MEMORY);
	give_buffers(&q[RX]);
	send_segment(&q[TX], 'b');
	check(!queue_used(&q[TX]));
	write16(ecam(dev->slot, PCI_COMMAND),
		PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	comes_back(&q[RX], 'b');
	(void)queue_wait(&q[TX]);
}

static void a_broken_ring(const struct vdev *dev, struct queue *q)
{
	virtio_begin(dev, FEATURES, 2, q);
	queue_offer(&q[TX], QUEUE_SIZE);
	queue_kick(&q[TX]);
	virtio_wait_broken(dev);
}

void guest_main(const struct start_info *si)
{
	struct vdev dev;
	struct queue q[2];

	(void)si;
	check(virtio_find(VIRTIO_ID_NET, 0, &dev));
	check((virtio_offered(&dev) & FEATURES) == FEATURES);
	there_and_back(&dev, q, 'a');
	without_the_bus(&dev, q);
	a_broken_ring(&dev, q);
	there_and_back(&dev, q, 'c');
	put("pass\n");
}
