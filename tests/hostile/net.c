/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.c - frames that are none, floods both ways, and a device that is broken,
 * reset or forbidden to touch memory while its other end is full or floods.
 */
#include <linux/virtio_net.h>

#include "tests/hostile/lib/target.h"

#define HEADER	 sizeof(struct virtio_net_hdr_v1)
#define MAX	 70000
#define PATIENCE 20000 /* looks at a queue that stays full */
#define RX_FRAME 2048

enum { RX, TX };

static void send(const void *data, uint32_t len)
{
	struct queue *tx = &queues[TX];

	queue_desc(tx, 0, data, len, 0, 0);
	queue_offer(tx, 0);
	queue_kick(tx);
}

/* Until it was taken, or the device refuses to be fed. */
static bool sent(const void *data, uint32_t len)
{
	send(data, len);
	while (!(virtio_status(&dev) & VIRTIO_CONFIG_S_NEEDS_RESET))
		if (queue_used(&queues[TX])) {
			queues[TX].seen++;
			return true;
		}
	return false;
}

static void lengths_around_the_limits(void)
{
	static const uint32_t lengths[] = { 0,	   1,	  11,	 12,	13,
					    25,	   26,	  65561, 65562, 65563,
					    65564, 66000, MAX };

	for (unsigned i = 0; i < ELEMENTS(lengths); i++) {
		target_begin(0);
		check(sent((void *)SCRATCH, lengths[i]) ==
		      (lengths[i] >= HEADER));
	}
}

/* Offloads nobody agreed on: the header says whatever it likes. */
static void wild_headers(void)
{
	target_begin(0);
	for (unsigned i = 0; i < 40; i++) {
		for (unsigned b = 0; b < HEADER; b += 4)
			*(volatile uint32_t *)(SCRATCH + b) = any();
		check(sent((void *)SCRATCH, 100));
	}
	memset((void *)SCRATCH, 0, HEADER);
}

static void byte_by_byte(void)
{
	target_begin(0);
	for (uint16_t i = 0; i < QUEUE_SIZE; i++)
		queue_desc(&queues[TX], i, (void *)(SCRATCH + i),
			   i + 1 < QUEUE_SIZE ? 1 : 64,
			   i + 1 < QUEUE_SIZE ? VRING_DESC_F_NEXT : 0,
			   (uint16_t)(i + 1));
	queue_offer(&queues[TX], 0);
	queue_kick(&queues[TX]);
	(void)queue_wait(&queues[TX]);
}

static void small_receive_buffers(void)
{
	static const uint32_t lengths[] = { 0, 1, 11, 12, 13, 26 };

	for (unsigned i = 0; i < ELEMENTS(lengths); i++) {
		target_begin(0);
		queue_desc(&queues[RX], 0, (void *)SCRATCH, lengths[i],
			   VRING_DESC_F_WRITE, 0);
		queue_offer(&queues[RX], 0);
		queue_kick(&queues[RX]);
		/* What comes back may break it first. */
		bool taken = sent((void *)(SCRATCH + RX_FRAME), 72);
		if (lengths[i] < HEADER)
			virtio_wait_broken(&dev);
		else
			check(taken);
	}
}

/* Its own doorbell is the buffer it gives for what it receives. */
static void receive_over_the_rings(void)
{
	target_begin(0);
	queue_desc(&queues[RX], 0, queues[RX].desc, 256, VRING_DESC_F_WRITE, 0);
	queue_offer(&queues[RX], 0);
	queue_kick(&queues[RX]);
	check(sent((void *)SCRATCH, 72));
	while (!queue_used(&queues[RX]) &&
	       !(virtio_status(&dev) & VIRTIO_CONFIG_S_NEEDS_RESET))
		;
}

static bool ring_is_full(void)
{
	const struct queue *tx = &queues[TX];

	return (uint16_t)(tx->next - read16((uintptr_t)&tx->used->idx)) ==
	       QUEUE_SIZE;
}

/*
 * Frames until the other end takes no more: the monitor is at rest, and some
 * wait still.
 */
static void send_until_full(void)
{
	target_begin(0);
	do {
		for (unsigned idle = 0; idle < PATIENCE; idle++) {
			if (ring_is_full())
				continue;
			idle = 0;
			send((void *)SCRATCH, 1526);
		}
		attack_host("settle");
	} while (!ring_is_full());
}

static void flood_out(void)
{
	send_until_full();
}

static void flood_in_without_buffers(void)
{
	target_begin(0);
	attack_host("flood-network");
}

static void flood_in_while_reset(void)
{
	for (unsigned i = 0; i < 20; i++) {
		target_begin(0);
		for (uint16_t d = 0; d < QUEUE_SIZE; d++) {
			queue_desc(&queues[RX], d, (void *)SCRATCH, RX_FRAME,
				   VRING_DESC_F_WRITE, 0);
			queue_offer(&queues[RX], d);
		}
		queue_kick(&queues[RX]);
		virtio_reset(&dev);
	}
}

static void fill_the_other_end(void)
{
	attack_host("hold-network");
	send_until_full();
}

static void full_and_reset(void)
{
	fill_the_other_end();
	virtio_reset(&dev);
	attack_done("net", "reset while the other end is full");
	attack_host("drain-network");
}

/* It waits for room; when there is some, it may touch nothing. */
static void full_and_broken(void)
{
	fill_the_other_end();
	queues[RX].next = QUEUE_SIZE;
	queue_offer(&queues[RX], 0);
	queue_kick(&queues[RX]);
	attack_host("flood-network"); /* one frame would do */
	virtio_wait_broken(&dev);
	attack_done("net", "broken while the other end is full");
	attack_host("drain-network");
}

static void full_and_no_master(void)
{
	fill_the_other_end();
	write16(ecam(dev.slot, PCI_COMMAND), PCI_COMMAND_MEMORY);
	attack_done("net", "bus master off while the other end is full");
	attack_host("drain-network");
	attack_done("net", "bus master off and room again");
	write16(ecam(dev.slot, PCI_COMMAND),
		PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static const struct attack attacks[] = {
	{ "lengths around the limits", lengths_around_the_limits },
	{ "wild headers", wild_headers },
	{ "byte by byte", byte_by_byte },
	{ "small receive buffers", small_receive_buffers },
	{ "receive over the rings", receive_over_the_rings },
	{ "flood out", flood_out },
	{ "flood in without buffers", flood_in_without_buffers },
	{ "flood in while it is reset", flood_in_while_reset },
	{ "other end full, then reset", full_and_reset },
	{ "other end full, then broken", full_and_broken },
	{ "other end full, then no bus master", full_and_no_master },
};

void guest_main(const struct start_info *si)
{
	unsigned i = 0;

	attack_begin(si);
	while (targets[i].id != VIRTIO_ID_NET)
		i++;
	target_use(&targets[i]);
	for (i = 0; i < ELEMENTS(attacks); i++) {
		attacks[i].run();
		attack_done("net", attacks[i].name);
		target_works();
	}
	/* The last: nothing comes back from here. */
	attack_host("close-network");
	check(sent((void *)SCRATCH, 72));
	attack_done("net", "other end gone");
	attack_end();
}
