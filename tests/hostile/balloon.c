/* SPDX-License-Identifier: Apache-2.0 */
/*
 * balloon.c - gives back what it has not got, twice, and in pieces, and lies
 * about its memory.  What it gives back lies above SAFE, where nothing of its
 * own is.
 */
#include <linux/virtio_balloon.h>

#include "tests/hostile/lib/target.h"

#define WRITE  VRING_DESC_F_WRITE
#define PAGE   4096U
#define SAFE   UINT64_C(0x4000000) /* above the scratch memory and rings */
#define PFNS   1024U /* what the device looks at of a request */
#define HOLE   UINT64_C(0xc0000000) /* of 4 GiB of RAM */
#define HIGH   UINT64_C(0x100000000)
#define ROUNDS 64
#define ACTUAL 4 /* offset in the configuration */
#define LITTLE 64

static uint32_t *const list = (uint32_t *)SCRATCH;

static void give(unsigned nr, const void *data, uint32_t len)
{
	struct queue *q = &queues[nr];

	queue_desc(q, 0, data, len, nr >= BALLOON_REPORT_COMPACT ? WRITE : 0,
		   0);
	queue_offer(q, 0);
	queue_kick(q);
	(void)queue_wait(q);
}

static void frames_anywhere(void)
{
	for (unsigned n = 0; n < ROUNDS; n++) {
		for (unsigned i = 0; i < PFNS; i++) {
			list[i] = any();
			if (list[i] < SAFE / PAGE)
				list[i] += SAFE / PAGE;
		}
		give(BALLOON_INFLATE, list, PFNS * 4);
	}
}

/* Each of them alone, the worst that a request can ask for. */
static void every_other_page(void)
{
	for (unsigned n = 0; n < ROUNDS; n++) {
		for (unsigned i = 0; i < PFNS; i++)
			list[i] = (uint32_t)(SAFE / PAGE) + 2 * (n * PFNS + i);
		give(BALLOON_INFLATE, list, PFNS * 4);
	}
}

static void one_page_for_ever(void)
{
	for (unsigned i = 0; i < PFNS; i++)
		list[i] = SAFE / PAGE;
	for (unsigned n = 0; n < ROUNDS; n++)
		give(BALLOON_INFLATE, list, PFNS * 4);
}

static void over_the_hole_and_the_end(void)
{
	const uint64_t edges[] = { HOLE, HIGH, ram_end(), UINT64_C(1) << 44 };
	unsigned n = 0;

	for (unsigned e = 0; e < ELEMENTS(edges); e++)
		for (int i = -4; i < 4; i++)
			list[n++] = (uint32_t)(edges[e] / PAGE) + (uint32_t)i;
	give(BALLOON_INFLATE, list, n * 4);
}

static void odd_lengths(void)
{
	static const uint32_t lengths[] = { 0, 1, 2, 3, 5, 7, 4097, 65537 };

	for (unsigned i = 0; i < 32768; i++)
		list[i] = SAFE / PAGE;
	for (unsigned i = 0; i < ELEMENTS(lengths); i++) {
		give(BALLOON_INFLATE, list, lengths[i]);
		give(BALLOON_DEFLATE, list, lengths[i]);
	}
}

static void reports_of_all_sizes(void)
{
	static const uint32_t lengths[] = { 0, 1, 4095, 4096, 4097, 1 << 30 };

	for (unsigned i = 0; i < ELEMENTS(lengths); i++) {
		give(BALLOON_REPORT, (void *)(SAFE + 1), lengths[i]);
		give(BALLOON_REPORT_COMPACT, (void *)(SAFE + 4095), lengths[i]);
		give(BALLOON_REPORT, (void *)(HIGH + i), lengths[i] / 2);
	}
}

/* Nearly 4 GiB, again and again the same, nothing in it. */
static void reports_of_everything(void)
{
	struct queue *q = &queues[BALLOON_REPORT];

	for (uint16_t i = 0; i < QUEUE_SIZE; i++)
		queue_desc(q, i, (void *)SAFE, 255U << 20,
			   i + 1 < QUEUE_SIZE ? WRITE | VRING_DESC_F_NEXT
					      : WRITE,
			   (uint16_t)(i + 1));
	for (unsigned n = 0; n < ROUNDS; n++) {
		queue_offer(q, 0);
		queue_kick(q);
		(void)queue_wait(q);
	}
}

/* The host asks after it, so the buffer comes back or not. */
static void statistics_that_lie(void)
{
	struct queue *q = &queues[BALLOON_STATS];
	volatile unsigned char *p = (void *)SCRATCH;

	for (unsigned n = 0; n < ROUNDS; n++) {
		for (unsigned i = 0; i < LITTLE; i++)
			p[i] = (unsigned char)any();
		p[0] = (unsigned char)(n % 12);
		p[1] = 0;
		queue_desc(q, 0, (void *)SCRATCH, any() % LITTLE, 0, 0);
		queue_offer(q, 0);
		queue_kick(q);
	}
}

static void statistics_without_end(void)
{
	struct queue *q = &queues[BALLOON_STATS];

	for (uint16_t i = 0; i < QUEUE_SIZE; i++) {
		queue_desc(q, i, (void *)SCRATCH, SCRATCH_SIZE, 0, 0);
		queue_offer(q, i);
	}
	queue_kick(q);
	/* All but the last come back. */
	for (unsigned i = 0; i + 1 < QUEUE_SIZE; i++)
		(void)queue_wait(q);
}

static void the_configuration_written(void)
{
	for (unsigned off = 0; off < 32; off++) {
		write8(dev.config + off, (uint8_t)any());
		write16(dev.config + off, (uint16_t)any());
		write32(dev.config + off, any());
	}
	write32(dev.config + ACTUAL, UINT32_MAX);
	check(read32(dev.config) == 0);
}

static const struct attack attacks[] = {
	{ "frames anywhere", frames_anywhere },
	{ "every other page", every_other_page },
	{ "one page for ever", one_page_for_ever },
	{ "frames over the hole and the end", over_the_hole_and_the_end },
	{ "lists of odd lengths", odd_lengths },
	{ "reports of all sizes", reports_of_all_sizes },
	{ "reports of everything", reports_of_everything },
	{ "statistics that lie", statistics_that_lie },
	{ "statistics without end", statistics_without_end },
	{ "the configuration written", the_configuration_written },
};

void guest_main(const struct start_info *si)
{
	const struct target *t = targets;

	attack_begin(si);
	while (t->id != VIRTIO_ID_BALLOON)
		t++;
	target_use(t);
	target_works();
	for (unsigned i = 0; i < ELEMENTS(attacks); i++) {
		target_begin(0);
		attacks[i].run();
		attack_done("balloon", attacks[i].name);
		target_works();
	}
	attack_end();
}
