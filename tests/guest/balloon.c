/* SPDX-License-Identifier: Apache-2.0 */
/*
 * balloon.c - memory given back reads as zeros and can be used again: a
 * megabyte that is reported as free, and pages put into the balloon.
 */
#include <linux/virtio_balloon.h>

#include "tests/guest/lib/virtio.h"

#define PAGE  4096U
#define PAGES 256U

enum { INFLATE, DEFLATE, STATS, REPORT_COMPACT, REPORT, QUEUES };

static unsigned char memory[PAGES * PAGE] __attribute__((aligned(4096)));
static struct queue q[QUEUES];

static void fill(void)
{
	for (unsigned i = 0; i < sizeof(memory); i++)
		memory[i] = 1;
}

static unsigned sum(unsigned page)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PAGE; i++)
		n += ((volatile unsigned char *)memory)[page * PAGE + i];
	return n;
}

static void give(struct queue *to, void *data, uint32_t len, uint16_t flags)
{
	queue_desc(to, 0, data, len, flags, 0);
	queue_offer(to, 0);
	queue_kick(to);
	(void)queue_wait(to);
}

void guest_main(const struct start_info *si)
{
	uint32_t pfn[2];
	struct vdev dev;

	(void)si;
	check(virtio_find(VIRTIO_ID_BALLOON, 0, &dev));
	virtio_begin(&dev,
		     BIT(VIRTIO_BALLOON_F_STATS_VQ) |
			     BIT(VIRTIO_BALLOON_F_REPORTING),
		     QUEUES, q);
	fill();
	give(&q[REPORT], memory + PAGE, 200 * PAGE, VRING_DESC_F_WRITE);
	check(sum(0) == PAGE && sum(1) == 0 && sum(200) == 0 &&
	      sum(201) == PAGE);
	fill();
	pfn[0] = (uint32_t)((uintptr_t)memory / PAGE) + 7;
	pfn[1] = pfn[0] + 10;
	give(&q[INFLATE], pfn, sizeof(pfn), 0);
	check(sum(6) == PAGE && sum(7) == 0 && sum(8) == PAGE && sum(17) == 0);
	fill();
	give(&q[DEFLATE], pfn, sizeof(pfn), 0);
	check(sum(7) == PAGE);
	write32(dev.config + 4, 2);
	put("pass\n");
}
