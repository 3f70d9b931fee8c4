/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostile_ring.c - a driver that breaks the rules of the ring breaks its
 * device, which says so, and works again after a reset.
 */
#include "tests/guest/lib/virtio.h"

#define WRITE	 VRING_DESC_F_WRITE
#define NEXT	 VRING_DESC_F_NEXT
#define INDIRECT VRING_DESC_F_INDIRECT

static uint64_t bytes[8];
static struct vring_desc table[4] __attribute__((aligned(16)));

static const void *at(uint64_t addr)
{
	return (const void *)addr;
}

static void chain_loops(struct queue *q)
{
	queue_desc(q, 0, bytes, 8, WRITE | NEXT, 1);
	queue_desc(q, 1, bytes, 8, WRITE | NEXT, 0);
}

static void points_at_itself(struct queue *q)
{
	queue_desc(q, 0, bytes, 8, WRITE | NEXT, 0);
}

static void next_outside_table(struct queue *q)
{
	queue_desc(q, 0, bytes, 8, WRITE | NEXT, QUEUE_SIZE);
}

static void nothing(struct queue *q)
{
	(void)q;
}

static void buffer_in_the_hole(struct queue *q)
{
	queue_desc(q, 0, at(LAYOUT_LOW_RAM_END), 8, WRITE, 0);
}

static void buffer_over_registers(struct queue *q)
{
	queue_desc(q, 0, at(q->dev->common), 8, WRITE, 0);
}

static void buffer_past_all_memory(struct queue *q)
{
	queue_desc(q, 0, at(UINT64_C(1) << 52), 8, WRITE, 0);
}

static void buffer_wraps(struct queue *q)
{
	queue_desc(q, 0, at(UINT64_MAX - 3), 8, WRITE, 0);
}

static void buffer_leaves_ram(struct queue *q)
{
	queue_desc(q, 0, at(0x100000), 0xfff00000, WRITE, 0);
}

static void length_adds_up_to_4g(struct queue *q)
{
	/* Each fits; the sum does not go into 32 bits. */
	for (uint16_t i = 0; i < QUEUE_SIZE; i++)
		queue_desc(q, i, at(0), 48u << 20,
			   i + 1 < QUEUE_SIZE ? WRITE | NEXT : WRITE,
			   (uint16_t)(i + 1));
	queue_desc(q, QUEUE_SIZE - 1, bytes, UINT32_MAX, WRITE, 0);
}

static void readable_after_writable(struct queue *q)
{
	queue_desc(q, 0, bytes, 8, WRITE | NEXT, 1);
	queue_desc(q, 1, bytes, 8, 0, 0);
}

static void index_runs_ahead(struct queue *q)
{
	q->next = QUEUE_SIZE;
}

static void indirect_table(unsigned i, uint16_t flags)
{
	table[i] = (struct vring_desc){
		.addr = (uintptr_t)bytes,
		.len = 8,
		.flags = flags,
	};
}

static void indirect_not_agreed(struct queue *q)
{
	indirect_table(0, WRITE);
	queue_desc(q, 0, table, 16, INDIRECT, 0);
}

static void indirect_in_indirect(struct queue *q)
{
	indirect_table(0, INDIRECT);
	queue_desc(q, 0, table, 16, INDIRECT, 0);
}

static void indirect_with_next(struct queue *q)
{
	indirect_table(0, WRITE);
	queue_desc(q, 0, table, 16, INDIRECT | NEXT, 1);
	queue_desc(q, 1, bytes, 8, WRITE, 0);
}

static void indirect_empty(struct queue *q)
{
	queue_desc(q, 0, table, 0, INDIRECT, 0);
}

static void indirect_odd_size(struct queue *q)
{
	indirect_table(0, WRITE);
	queue_desc(q, 0, table, 17, INDIRECT, 0);
}

static void indirect_huge(struct queue *q)
{
	queue_desc(q, 0, table, 0xfffffff0, INDIRECT, 0);
}

static void indirect_in_the_hole(struct queue *q)
{
	queue_desc(q, 0, at(LAYOUT_LOW_RAM_END), 16, INDIRECT, 0);
}

static void indirect_loops(struct queue *q)
{
	indirect_table(0, WRITE | NEXT);
	queue_desc(q, 0, table, 16, INDIRECT, 0);
}

static const struct {
	const char *name;
	void (*prepare)(struct queue *q);
	bool indirect;
	uint16_t head;
} attacks[] = {
	{ "chain loops", chain_loops, false, 0 },
	{ "points at itself", points_at_itself, false, 0 },
	{ "next outside table", next_outside_table, false, 0 },
	{ "head outside table", nothing, false, 0xffff },
	{ "buffer in the hole", buffer_in_the_hole, false, 0 },
	{ "buffer over registers", buffer_over_registers, false, 0 },
	{ "buffer past all memory", buffer_past_all_memory, false, 0 },
	{ "buffer wraps", buffer_wraps, false, 0 },
	{ "buffer leaves RAM", buffer_leaves_ram, false, 0 },
	{ "length adds up to 4 GiB", length_adds_up_to_4g, false, 0 },
	{ "readable after writable", readable_after_writable, false, 0 },
	{ "index runs ahead", index_runs_ahead, false, 0 },
	{ "indirect not agreed", indirect_not_agreed, false, 0 },
	{ "indirect in indirect", indirect_in_indirect, true, 0 },
	{ "indirect with next", indirect_with_next, true, 0 },
	{ "indirect empty", indirect_empty, true, 0 },
	{ "indirect odd size", indirect_odd_size, true, 0 },
	{ "indirect huge", indirect_huge, true, 0 },
	{ "indirect in the hole", indirect_in_the_hole, true, 0 },
	{ "indirect loops", indirect_loops, true, 0 },
};

static void good_request(struct queue *q)
{
	bytes[0] = 0;
	queue_desc(q, 0, bytes, sizeof(bytes), WRITE, 0);
	queue_offer(q, 0);
	queue_kick(q);
	check(queue_wait(q) == sizeof(bytes) && bytes[0] != 0);
}

void guest_main(const struct start_info *si)
{
	struct vdev dev;
	struct queue q;

	(void)si;
	check(virtio_find(VIRTIO_ID_RNG, 0, &dev));
	for (unsigned i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		uint64_t features = attacks[i].indirect
					    ? BIT(VIRTIO_RING_F_INDIRECT_DESC)
					    : 0;

		virtio_begin(&dev, features, 1, &q);
		attacks[i].prepare(&q);
		put(attacks[i].name);
		queue_offer(&q, attacks[i].head);
		queue_kick(&q);
		virtio_wait_broken(&dev);
		check(!queue_used(&q));

		/* More of it is ignored; only a reset helps. */
		queue_kick(&q);
		virtio_begin(&dev, features, 1, &q);
		good_request(&q);
		put(": recovered\n");
	}
	put("pass\n");
}
