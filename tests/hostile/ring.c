/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring.c - a driver that breaks the rules of the rings, on every device.  Most
 * attacks break it, and nothing helps but a reset; none has any other effect.
 */
#include "tests/hostile/lib/target.h"

#define WRITE	 VRING_DESC_F_WRITE
#define NEXT	 VRING_DESC_F_NEXT
#define INDIRECT VRING_DESC_F_INDIRECT
#define MANY	 200 /* more than either queue or memory has room for */
#define ROOM	 256 /* for a frame: a longer one is dropped, not waited for */

static unsigned char bytes[64];
static struct vring_desc table[QUEUE_SIZE + 2] __attribute__((aligned(16)));
static uint16_t dir; /* WRITE where the device writes */

static const void *at(uint64_t addr)
{
	return (const void *)addr;
}

static void one(uint64_t addr, uint32_t len)
{
	queue_desc(victim, 0, at(addr), len, dir, 0);
}

static void chain_loops(void)
{
	queue_desc(victim, 0, bytes, 8, dir | NEXT, 1);
	queue_desc(victim, 1, bytes, 8, dir | NEXT, 0);
}

static void points_at_itself(void)
{
	queue_desc(victim, 0, bytes, 8, dir | NEXT, 0);
}

static void next_outside_table(void)
{
	queue_desc(victim, 0, bytes, 8, dir | NEXT, QUEUE_SIZE);
}

static void next_far_outside(void)
{
	queue_desc(victim, 0, bytes, 8, dir | NEXT, UINT16_MAX);
}

static void nothing(void)
{
}

static void buffer_in_the_hole(void)
{
	one(LAYOUT_LOW_RAM_END, 8);
}

static void buffer_into_the_hole(void)
{
	one(LAYOUT_LOW_RAM_END - 4, 8);
}

static void buffer_across_the_hole(void)
{
	one(LAYOUT_LOW_RAM_END - 4096,
	    (uint32_t)(LAYOUT_HIGH_RAM - LAYOUT_LOW_RAM_END) + 8192);
}

static void buffer_out_of_the_hole(void)
{
	one(LAYOUT_HIGH_RAM - 4, 8);
}

static void buffer_over_the_end(void)
{
	one(ram_end() - 7, 8); /* seven bytes are there */
}

static void buffer_at_the_end(void)
{
	one(ram_end(), 1);
}

static void buffer_over_registers(void)
{
	one(dev.common, 8);
}

static void buffer_over_the_doorbell(void)
{
	one(victim->doorbell, 4);
}

static void buffer_over_configuration_space(void)
{
	one(ecam(dev.slot, PCI_COMMAND), 8);
}

static void buffer_over_the_local_apic(void)
{
	one(LAYOUT_LAPIC + 0x300, 8);
}

static void buffer_past_all_memory(void)
{
	one(UINT64_C(1) << 52, 8);
}

static void buffer_wraps(void)
{
	one(UINT64_MAX - 3, 8);
}

static void buffer_leaves_ram(void)
{
	one(LAYOUT_KERNEL, 0xfff00000);
}

static void four_gib(void)
{
	one(LAYOUT_HIGH_RAM, UINT32_MAX);
}

static void length_adds_up_to_4g(void)
{
	/* Each fits; the sum does not go into 32 bits. */
	for (uint16_t i = 0; i < QUEUE_SIZE; i++)
		queue_desc(victim, i, at(SCRATCH), 600u << 20,
			   i + 1 < QUEUE_SIZE ? dir | NEXT : dir,
			   (uint16_t)(i + 1));
}

static void readable_after_writable(void)
{
	queue_desc(victim, 0, bytes, 8, WRITE | NEXT, 1);
	queue_desc(victim, 1, bytes, 8, 0, 0);
}

static void index_runs_ahead(void)
{
	victim->next = QUEUE_SIZE;
}

static void index_runs_back(void)
{
	victim->next = (uint16_t)-2;
}

static void indirect_table(unsigned i, uint16_t flags)
{
	table[i] = (struct vring_desc){
		.addr = (uintptr_t)bytes,
		.len = 8,
		.flags = flags,
	};
}

static void table_at(uint64_t addr, uint32_t len)
{
	queue_desc(victim, 0, at(addr), len, INDIRECT, 0);
}

static void indirect_not_agreed(void)
{
	indirect_table(0, dir);
	table_at((uintptr_t)table, 16);
}

static void indirect_in_indirect(void)
{
	indirect_table(0, INDIRECT);
	table_at((uintptr_t)table, 16);
}

static void indirect_is_its_own_entry(void)
{
	table[0] = (struct vring_desc){
		.addr = (uintptr_t)table,
		.len = 16,
		.flags = INDIRECT,
	};
	table_at((uintptr_t)table, 16);
}

static void indirect_with_next(void)
{
	indirect_table(0, dir);
	queue_desc(victim, 0, table, 16, INDIRECT | NEXT, 1);
	queue_desc(victim, 1, bytes, 8, dir, 0);
}

static void indirect_empty(void)
{
	table_at((uintptr_t)table, 0);
}

static void indirect_odd_size(void)
{
	indirect_table(0, dir);
	table_at((uintptr_t)table, 17);
}

static void indirect_huge(void)
{
	table_at((uintptr_t)table, 0xfffffff0);
}

static void indirect_longer_than_the_queue(void)
{
	for (uint16_t i = 0; i < ELEMENTS(table); i++) {
		indirect_table(i, dir | NEXT);
		table[i].next = (uint16_t)(i + 1);
	}
	table_at((uintptr_t)table, sizeof(table));
}

static void indirect_in_the_hole(void)
{
	table_at(LAYOUT_LOW_RAM_END, 16);
}

static void indirect_over_the_end(void)
{
	table_at(ram_end() - 16, 32);
}

static void indirect_over_registers(void)
{
	table_at(dev.common, 16);
}

static void indirect_loops(void)
{
	indirect_table(0, dir | NEXT);
	table_at((uintptr_t)table, 16);
}

static const struct {
	const char *name;
	void (*prepare)(void);
	bool indirect;
	uint16_t head;
} breaking[] = {
	{ "chain loops", chain_loops, false, 0 },
	{ "points at itself", points_at_itself, false, 0 },
	{ "next outside table", next_outside_table, false, 0 },
	{ "next far outside table", next_far_outside, false, 0 },
	{ "head outside table", nothing, false, QUEUE_SIZE },
	{ "head far outside table", nothing, false, 0xffff },
	{ "buffer in the hole", buffer_in_the_hole, false, 0 },
	{ "buffer into the hole", buffer_into_the_hole, false, 0 },
	{ "buffer across the hole", buffer_across_the_hole, false, 0 },
	{ "buffer out of the hole", buffer_out_of_the_hole, false, 0 },
	{ "buffer over the end of RAM", buffer_over_the_end, false, 0 },
	{ "buffer at the end of RAM", buffer_at_the_end, false, 0 },
	{ "buffer over registers", buffer_over_registers, false, 0 },
	{ "buffer over the doorbell", buffer_over_the_doorbell, false, 0 },
	{ "buffer over configuration space", buffer_over_configuration_space,
	  false, 0 },
	{ "buffer over the local APIC", buffer_over_the_local_apic, false, 0 },
	{ "buffer past all memory", buffer_past_all_memory, false, 0 },
	{ "buffer wraps", buffer_wraps, false, 0 },
	{ "buffer leaves RAM", buffer_leaves_ram, false, 0 },
	{ "buffer of 4 GiB", four_gib, false, 0 },
	{ "length adds up to 4 GiB", length_adds_up_to_4g, false, 0 },
	{ "readable after writable", readable_after_writable, false, 0 },
	{ "index runs ahead", index_runs_ahead, false, 0 },
	{ "index runs back", index_runs_back, false, 0 },
	{ "indirect not agreed", indirect_not_agreed, false, 0 },
	{ "indirect in indirect", indirect_in_indirect, true, 0 },
	{ "indirect is its own entry", indirect_is_its_own_entry, true, 0 },
	{ "indirect with next", indirect_with_next, true, 0 },
	{ "indirect empty", indirect_empty, true, 0 },
	{ "indirect odd size", indirect_odd_size, true, 0 },
	{ "indirect huge", indirect_huge, true, 0 },
	{ "indirect longer than the queue", indirect_longer_than_the_queue,
	  true, 0 },
	{ "indirect in the hole", indirect_in_the_hole, true, 0 },
	{ "indirect over the end of RAM", indirect_over_the_end, true, 0 },
	{ "indirect over registers", indirect_over_registers, true, 0 },
	{ "indirect loops", indirect_loops, true, 0 },
};

static void break_it(unsigned i)
{
	uint64_t features =
		breaking[i].indirect ? BIT(VIRTIO_RING_F_INDIRECT_DESC) : 0;

	target_begin(features);
	breaking[i].prepare();
	check(!target_offer(breaking[i].head));
	/* More of it is ignored; only a reset helps. */
	queue_kick(victim);
	check(!queue_used(victim));
	target_works();
	attack_done(target->name, breaking[i].name);
}

/* Either outcome is fine; hanging or dying is not. */
static void zero_length(void)
{
	one((uintptr_t)bytes, 0);
	(void)target_offer(0);
}

static void zero_length_outside_ram(void)
{
	one(UINT64_MAX, 0);
	(void)target_offer(0);
}

static void chain_of_zero_lengths(void)
{
	for (uint16_t i = 0; i < QUEUE_SIZE; i++)
		queue_desc(victim, i, bytes, 0,
			   i + 1 < QUEUE_SIZE ? dir | NEXT : dir,
			   (uint16_t)(i + 1));
	(void)target_offer(0);
}

/* Nobody allocates for it, nor is busy with it for long. */
static void nearly_4_gib(void)
{
	for (uint16_t i = 0; i < QUEUE_SIZE; i++)
		queue_desc(victim, i, at(SCRATCH), 255u << 20,
			   i + 1 < QUEUE_SIZE ? dir | NEXT : dir,
			   (uint16_t)(i + 1));
	(void)target_offer(0);
}

static void last_bytes_of_ram(void)
{
	one(ram_end() - ROOM, ROOM);
	bool used = target_offer(0);

	/* The only one that takes any bytes for good. */
	check(used || target->id != VIRTIO_ID_RNG);
}

static void same_buffer_everywhere(void)
{
	for (unsigned i = 0; i < QUEUE_SIZE; i++) {
		one(SCRATCH, 4096);
		victim->avail->ring[i] = 0;
	}
	victim->next = QUEUE_SIZE - 1;
	(void)target_offer(0);
}

/* Where the other one's index is said to be: with event indices. */
static void wild_event_index(void)
{
	target_begin(BIT(VIRTIO_RING_F_EVENT_IDX));
	for (unsigned i = 0; i < MANY; i++) {
		victim->avail->ring[QUEUE_SIZE] = (uint16_t)any();
		one(SCRATCH, ROOM);
		if (!target_offer(0))
			break;
		victim->seen++;
	}
}

static void unknown_flags(void)
{
	target_begin(BIT(VIRTIO_RING_F_EVENT_IDX));
	victim->avail->flags = 0xffff;
	queue_desc(victim, 0, at(SCRATCH), ROOM, (uint16_t)(0xfff8 | dir), 0);
	(void)target_offer(0);
}

static const struct attack odd[] = {
	{ "zero length", zero_length },
	{ "zero length outside RAM", zero_length_outside_ram },
	{ "chain of zero lengths", chain_of_zero_lengths },
	{ "nearly 4 GiB", nearly_4_gib },
	{ "last bytes of RAM", last_bytes_of_ram },
	{ "same buffer everywhere", same_buffer_everywhere },
	{ "wild event index", wild_event_index },
	{ "unknown flags", unknown_flags },
};

void guest_main(const struct start_info *si)
{
	attack_begin(si);
	for (unsigned t = 0; t < nr_targets; t++) {
		target_use(&targets[t]);
		dir = target->writes ? WRITE : 0;
		target_works();
		for (unsigned i = 0; i < ELEMENTS(breaking); i++)
			break_it(i);
		for (unsigned i = 0; i < ELEMENTS(odd); i++) {
			target_begin(0);
			odd[i].run();
			target_works();
			attack_done(target->name, odd[i].name);
		}
	}
	attack_end();
}
