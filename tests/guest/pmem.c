/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pmem.c - a file in memory: its bytes are there, zeros behind them, and
 * nothing that is written there stays.  A request may lie in it, an answer not.
 * The file begins with 8 zeros.
 */
#include <linux/virtio_pmem.h>

#include "tests/guest/lib/virtio.h"

#define WRITE VRING_DESC_F_WRITE
#define NEXT  VRING_DESC_F_NEXT
#define SIZE  0x200000U
#define FILE  300000U /* bytes of the file */
#define OLD   0x77U

static uint32_t request, answer;

static uint32_t ask(struct queue *q, const void *at)
{
	answer = OLD;
	queue_desc(q, 0, at, sizeof(request), NEXT, 1);
	queue_desc(q, 1, &answer, sizeof(answer), WRITE, 0);
	queue_offer(q, 0);
	queue_kick(q);
	check(queue_wait(q) == sizeof(answer));
	return answer;
}

/* Each size of a store, and those that read first. */
static void write_all_over(uint64_t at)
{
	uint64_t before = read64(at);

	write8(at, 0x11);
	write16(at + 1, 0x2222);
	write32(at, 0x33333333);
	write64(at, UINT64_C(0x4444444444444444));
	write64(at + 4093, UINT64_C(0x5555555555555555));
	__asm__ volatile("lock incl (%0)" : : "r"(at) : "memory");
	__asm__ volatile("orb $1, (%0)" : : "r"(at) : "memory");
	memset((void *)at, 0x66, 64);
	check(read64(at) == before);
}

void guest_main(const struct start_info *si)
{
	struct vdev dev;
	struct queue q;

	(void)si;
	check(virtio_find(VIRTIO_ID_PMEM, 0, &dev));
	virtio_begin(&dev, 0, 1, &q);
	uint64_t at = read64(dev.config);

	check(at >= LAYOUT_HIGH_RAM && at % SIZE == 0);
	check(read64(dev.config + 8) == SIZE);
	say("sum", checksum((void *)at, FILE));
	check(read8(at + FILE) == 0 && read8(at + SIZE - 1) == 0);
	check(read8(at + SIZE) == 0xff);

	write_all_over(at);
	write_all_over(at + FILE);
	write_all_over(at + SIZE / 2);
	say("sum", checksum((void *)at, FILE));

	check(ask(&q, &request) == 0);
	request = 1;
	check(ask(&q, &request) != 0 && answer != OLD);
	check(ask(&q, (void *)at) == 0);

	queue_desc(&q, 0, (void *)at, sizeof(request), NEXT, 1);
	queue_desc(&q, 1, (void *)at, sizeof(answer), WRITE, 0);
	queue_offer(&q, 0);
	queue_kick(&q);
	virtio_wait_broken(&dev);
	virtio_begin(&dev, 0, 1, &q);
	check(ask(&q, (void *)at) == 0);
	put("pass\n");
}
