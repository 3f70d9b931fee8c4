/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_tap.c - a network with offloads: headers that lie to the host's kernel,
 * receive buffers that are to be merged and cannot be.  Run on a tap that the
 * monitor serves, and on one that vhost-net does.
 */
#include <linux/virtio_net.h>

#include "tests/hostile/lib/target.h"

#define HEADER	 sizeof(struct virtio_net_hdr_v1)
#define HEADS	 54U /* Ethernet, IPv4, TCP */
#define RX_FRAME 2048
#define PATIENCE (1U << 25) /* cycles for a queue that may rest: some 10 ms */
#define FEATURES                                                               \
	(BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_HOST_TSO4) |                \
	 BIT(VIRTIO_NET_F_HOST_TSO6) | BIT(VIRTIO_NET_F_GUEST_CSUM) |          \
	 BIT(VIRTIO_NET_F_GUEST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO6) |         \
	 BIT(VIRTIO_NET_F_MRG_RXBUF))

enum { RX, TX };

static unsigned char *const frame = (unsigned char *)(SCRATCH + HEADER);

/* Served by the kernel: "vhost" on the command line. */
static bool vhost;

static bool broken(void)
{
	return virtio_status(&dev) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

static void send(const void *data, uint32_t len)
{
	queue_desc(&queues[TX], 0, data, len, 0, 0);
	queue_offer(&queues[TX], 0);
	queue_kick(&queues[TX]);
}

/*
 * Until it was taken, or the device refuses to be fed.  Linux (6.1) tries a
 * header that vhost-net refuses again and again: its own queue then waits for
 * the driver's reset.
 */
static bool taken(void)
{
	uint64_t begin = __builtin_ia32_rdtsc();

	/* Looks at memory: asking the device would be an exit each time. */
	while (!queue_used(&queues[TX]))
		if (vhost ? __builtin_ia32_rdtsc() - begin > PATIENCE
			  : broken())
			return false;
	queues[TX].seen++;
	return true;
}

static bool sent(uint32_t len)
{
	send((void *)SCRATCH, len);
	return taken();
}

/* Headers of a TCP segment over IPv4, of @len bytes from IP's on. */
static void make_segment(unsigned len)
{
	static const unsigned char start[] = {
		2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0,
	};
	static const unsigned char end[] = { 0,	  0, 0, 0, 64,	6, 0, 0,
					     192, 0, 2, 2, 192, 0, 2, 1 };

	memset(frame, 0, HEADS);
	memcpy(frame, start, sizeof(start));
	frame[16] = (unsigned char)(len >> 8);
	frame[17] = (unsigned char)len;
	memcpy(frame + 18, end, sizeof(end));
	frame[46] = 0x50;
	frame[47] = 0x10;
}

static struct virtio_net_hdr_v1 good(void)
{
	return (struct virtio_net_hdr_v1){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = HEADS,
		.gso_size = 1448,
		.csum_start = 34,
		.csum_offset = 16,
	};
}

static void send_with(const struct virtio_net_hdr_v1 *h, uint32_t len)
{
	memcpy((void *)SCRATCH, h, HEADER);
	if (!sent((uint32_t)HEADER + len))
		target_begin(FEATURES);
}

static void each_field_lies(void)
{
	static const uint16_t values[] = { 0,	   1,	   2,	  13,	14,
					   33,	   34,	   53,	  54,	1500,
					   4999,   5053,   5054,  5055, 0x7fff,
					   0x8000, 0xfffe, 0xffff };

	target_begin(FEATURES);
	make_segment(5040);
	for (unsigned i = 0; i < ELEMENTS(values); i++)
		for (unsigned field = 0; field < 6; field++) {
			struct virtio_net_hdr_v1 h = good();
			uint16_t v = values[i];

			if (field == 0)
				h.flags = (uint8_t)v;
			if (field == 1)
				h.gso_type = (uint8_t)v;
			if (field == 2)
				h.hdr_len = v;
			if (field == 3)
				h.gso_size = v;
			if (field == 4)
				h.csum_start = v;
			if (field == 5)
				h.csum_offset = v;
			send_with(&h, 5054);
		}
}

static void wild_headers(void)
{
	struct virtio_net_hdr_v1 h;

	target_begin(FEATURES);
	for (unsigned i = 0; i < 300; i++) {
		unsigned char *bytes = (unsigned char *)&h;

		for (unsigned b = 0; b < HEADER; b++)
			bytes[b] = (unsigned char)any();
		/* Half of them near what is allowed. */
		if (i % 2) {
			h.flags &= 1;
			h.gso_type &= 5;
			h.csum_start &= 63;
			h.csum_offset &= 31;
		}
		make_segment(any() & 0xffff);
		for (unsigned b = 0; b < 8; b++)
			frame[12 + any() % 40] = (unsigned char)any();
		send_with(&h, 20 + any() % 3000);
	}
	memset((void *)SCRATCH, 0, HEADER);
}

/* The longest frames, in segments of nothing, behind headers of nothing. */
static void long_and_short(void)
{
	static const uint32_t lengths[] = { 0,	   1,	  13,	 14,	33,
					    34,	   53,	  54,	 55,	65535,
					    65549, 65550, 65551, 66000, 70000 };

	target_begin(FEATURES);
	make_segment(0xffff);
	for (unsigned i = 0; i < ELEMENTS(lengths); i++) {
		struct virtio_net_hdr_v1 h = good();

		send_with(&h, lengths[i]);
		h.gso_size = 1;
		send_with(&h, lengths[i]);
	}
}

static void a_header_in_pieces(void)
{
	struct virtio_net_hdr_v1 h = good();

	target_begin(FEATURES);
	make_segment(1040);
	memcpy((void *)SCRATCH, &h, HEADER);
	for (uint16_t i = 0; i < QUEUE_SIZE; i++)
		queue_desc(&queues[TX], i, (void *)(SCRATCH + i),
			   i + 1 < QUEUE_SIZE ? 1 : 1000,
			   i + 1 < QUEUE_SIZE ? VRING_DESC_F_NEXT : 0,
			   (uint16_t)(i + 1));
	queue_offer(&queues[TX], 0);
	queue_kick(&queues[TX]);
	(void)queue_wait(&queues[TX]);
}

/* Another processor is not needed: the device reads when it likes. */
static void a_header_that_changes(void)
{
	struct virtio_net_hdr_v1 h = good();

	target_begin(FEATURES);
	make_segment(5040);
	for (unsigned i = 0; i < 200; i++) {
		memcpy((void *)SCRATCH, &h, HEADER);
		send((void *)SCRATCH, (uint32_t)HEADER + 5054);
		/* Written to while it is on its way. */
		for (unsigned n = 0; n < 100; n++)
			*(volatile uint32_t *)(SCRATCH + 4) = any();
		if (!taken())
			target_begin(FEATURES);
	}
}

static void give(uint32_t len, bool same)
{
	for (uint16_t d = 0; d < QUEUE_SIZE; d++) {
		uint64_t at = SCRATCH + 0x10000 + (same ? 0 : d * RX_FRAME);

		queue_desc(&queues[RX], d, (void *)at, len, VRING_DESC_F_WRITE,
			   0);
		queue_offer(&queues[RX], d);
	}
	queue_kick(&queues[RX]);
}

/* What is sent comes back, and fits no ring of such buffers. */
static void buffers_of(uint32_t len, bool same)
{
	struct virtio_net_hdr_v1 h = good();

	target_begin(FEATURES);
	make_segment(5040);
	give(len, same);
	send_with(&h, 5054);
	h = (struct virtio_net_hdr_v1){ 0 };
	send_with(&h, 60);
}

static void buffers_too_small(void)
{
	static const uint32_t lengths[] = { 0, 1, 11, 12, 13, 16, 100, 316 };

	for (unsigned i = 0; i < ELEMENTS(lengths); i++)
		buffers_of(lengths[i], false);
}

static void buffers_that_are_one(void)
{
	buffers_of(400, true);
}

static void buffers_of_two_kinds(void)
{
	struct virtio_net_hdr_v1 h = good();

	target_begin(FEATURES);
	make_segment(5040);
	for (uint16_t d = 0; d < QUEUE_SIZE; d++) {
		queue_desc(&queues[RX], d, (void *)(SCRATCH + 0x10000),
			   d % 2 ? 3 : RX_FRAME, VRING_DESC_F_WRITE, 0);
		queue_offer(&queues[RX], d);
	}
	queue_kick(&queues[RX]);
	send_with(&h, 5054);
}

/* Merged over the rings that say what is merged. */
static void buffers_over_the_rings(void)
{
	struct virtio_net_hdr_v1 h = good();

	target_begin(FEATURES);
	make_segment(5040);
	for (uint16_t d = 0; d < QUEUE_SIZE; d++) {
		void *at = d % 2 ? (void *)queues[RX].avail
				 : (void *)queues[RX].desc;

		queue_desc(&queues[RX], d, at, 256, VRING_DESC_F_WRITE, 0);
		queue_offer(&queues[RX], d);
	}
	queue_kick(&queues[RX]);
	send_with(&h, 5054);
}

/* One frame waits for buffers that never come. */
static void half_a_frame_and_reset(void)
{
	struct virtio_net_hdr_v1 h = good();

	for (unsigned i = 0; i < 20; i++) {
		target_begin(FEATURES);
		make_segment(5040);
		queue_desc(&queues[RX], 0, (void *)(SCRATCH + 0x10000), 1000,
			   VRING_DESC_F_WRITE, 0);
		queue_offer(&queues[RX], 0);
		queue_kick(&queues[RX]);
		send_with(&h, 5054);
	}
}

static void flood_in(void)
{
	target_begin(FEATURES);
	give(100, false);
	attack_host("flood-network");
}

/* Segments, agreed on without a way to put them anywhere. */
static void segments_without_merging(void)
{
	const uint64_t merging = BIT(VIRTIO_NET_F_MRG_RXBUF);
	struct virtio_net_hdr_v1 h = good();

	target_begin(FEATURES & ~merging);
	make_segment(5040);
	give(RX_FRAME, false);
	memcpy((void *)SCRATCH, &h, HEADER);
	(void)sent(HEADER + 5054);
}

static void indices_that_lie(void)
{
	for (unsigned nr = RX; nr <= TX; nr++) {
		target_begin(FEATURES);
		queue_offer(&queues[nr], QUEUE_SIZE);
		queue_kick(&queues[nr]);
		attack_host("flood-network");
		virtio_wait_broken(&dev);
	}
}

static const struct attack attacks[] = {
	{ "each field lies", each_field_lies },
	{ "wild headers", wild_headers },
	{ "long and short", long_and_short },
	{ "a header in pieces", a_header_in_pieces },
	{ "a header that changes", a_header_that_changes },
	{ "buffers too small", buffers_too_small },
	{ "buffers that are one", buffers_that_are_one },
	{ "buffers of two kinds", buffers_of_two_kinds },
	{ "buffers over the rings", buffers_over_the_rings },
	{ "half a frame, then reset", half_a_frame_and_reset },
	{ "flood in", flood_in },
	{ "segments without merging", segments_without_merging },
	{ "indices that lie", indices_that_lie },
};

void guest_main(const struct start_info *si)
{
	unsigned i = 0;

	attack_begin(si);
	vhost = *(const char *)(uintptr_t)si->cmdline == 'v';
	while (targets[i].id != VIRTIO_ID_NET)
		i++;
	target_use(&targets[i]);
	for (i = 0; i < ELEMENTS(attacks); i++) {
		attacks[i].run();
		attack_done("net_tap", attacks[i].name);
		target_works();
	}
	attack_end();
}
