/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vq_enum.c - vq.c against the model over every combination of the boundary
 * classes of what a driver can write.  Each visit of a descriptor chooses all
 * four fields anew, so a driver that rewrites them in between is included.
 *
 * What is left out: `next` where no successor is announced takes two values
 * in the first descriptor (an index inside, one outside) and one later.  The
 * widest lists of addresses and lengths meet in the first descriptor of a
 * chain; longer chains and tables take one pair for each way a buffer can lie.
 */
#include <errno.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>

#include "tests/prove/choice.h"
#include "tests/prove/guest.h"
#include "tests/prove/model.h"

#define LEN(a)	((unsigned)(sizeof(a) / sizeof(*(a))))
#define PICK(a) ((a)[choose(LEN(a))])

/* High RAM behind the hole; or, for pieces in two regions, at once. */
#define HOLE (4 * GIB)
#define NONE (3 * GIB)

static struct vq vq;
static struct vq_chain chain;
static struct model model;
static uint16_t max_size; /* of this run of a family */

/* A queue as the driver configures it, whose counters stand at @at. */
static void open_queue(gpa_t high, uint16_t size, bool indirect, bool event_idx,
		       uint16_t at)
{
	struct vq_setup setup = {
		.size = size,
		.desc = GUEST_DESC,
		.avail = GUEST_AVAIL,
		.used = GUEST_USED,
		.indirect = indirect,
		.event_idx = event_idx,
	};

	guest_layout(high);
	guest_begin(size);
	if (vq_init(&vq, &guest.gm, &setup) < 0) {
		case_fail("vq_init refused a good queue");
		exit(1);
	}
	vq.next_avail = vq.seen_avail = vq.next_used = vq.signalled = at;
	model = (struct model){
		.size = size,
		.indirect = indirect,
		.event_idx = event_idx,
		.next_avail = at,
		.next_used = at,
		.signalled = at,
	};
}

static void pop(void)
{
	int r = vq_pop(&vq, &chain);

	model_pop(&model, &vq, r, &chain);
}

/* One request: taken, and handed back; or the queue is broken for good. */
static void serve(void)
{
	const char *why;

	pop();
	why = vq.broken;
	if (!why) {
		vq_push(&vq, chain.head, 7);
		model_push(&model, chain.head, 7);
		return;
	}
	if (vq_break(&vq, "twice") != -EPROTO)
		case_fail("a queue would not break");
	vq_unpop(&vq);
	vq_push(&vq, 0, 1);
	model_push(&model, 0, 1);
	model_notify(&model, vq_notify_needed(&vq));
	model_kicks_on(&model, vq_kicks_on(&vq));
	pop();
	if (vq.broken != why)
		case_fail("a broken queue changed");
}

static uint16_t one_waits(gpa_t at)
{
	static uint16_t heads[] = { 0, 0, 0, 0xffff };

	if (at == GUEST_AVAIL + 2)
		return (uint16_t)(model.next_avail + 1);
	heads[1] = (uint16_t)(model.size - 1);
	heads[2] = model.size;
	return PICK(heads);
}

static uint16_t first_waits(gpa_t at)
{
	return at == GUEST_AVAIL + 2 ? (uint16_t)(model.next_avail + 1) : 0;
}

static uint16_t choose_next_index(unsigned nr, bool announced)
{
	const uint16_t next[] = { 0, 0xffff, (uint16_t)nr, (uint16_t)(nr - 1) };

	return next[choose(!announced ? 2 : nr > 1 ? 4 : 3)];
}

/* Bits that mean nothing must change nothing. */
static const uint16_t every_flag[] = { 0, 1, 2, 3, 4, 5, 6, 7, 0xfff8, 0xffff };
static const uint16_t no_table[] = { 0, 1, 2, 3 };

static const uint64_t every_addr[] = {
	0,
	1,
	0x40000,
	0x40008,
	2 * GIB,
	NONE - 32,
	NONE - 16,
	NONE - 15,
	NONE - 1,
	NONE,
	NONE + 1,
	HOLE - 16,
	HOLE - 1,
	HOLE,
	HOLE + 16,
	HOLE + NONE - 64,
	HOLE + NONE - 16,
	HOLE + NONE - 1,
	HOLE + NONE,
	UINT64_C(1) << 63,
	UINT64_MAX - 0xffffffff,
	UINT64_MAX - 15,
	UINT64_MAX,
};
static const uint32_t every_len[] = {
	0,	    1,		15,	    16,		17,
	31,	    32,		33,	    48,		64,
	80,	    0x1000,	0x7fffffff, 0x80000000, 0xbfffffff,
	0xc0000000, 0xc0000001, 0xfffffff0, 0xffffffff,
};

/* The first is anything; what follows is one byte that is there. */
static struct guest_desc first_is_any(unsigned nr, bool nested)
{
	(void)nested;
	if (guest.nr > 3)
		return (struct guest_desc){ .addr = 1,
					    .len = 1,
					    .flags = VRING_DESC_F_WRITE };
	uint16_t flags = PICK(every_flag);

	return (struct guest_desc){
		.flags = flags,
		.addr = PICK(every_addr),
		.len = PICK(every_len),
		.next = choose_next_index(nr, flags & VRING_DESC_F_NEXT),
	};
}

static void any_descriptor(void)
{
	static const uint16_t at[] = { 0, 0xffff };
	uint16_t size = (uint16_t)(1U << choose(3));
	bool indirect = choose(2);

	open_queue(choose(2) ? HOLE : NONE, size, indirect, false, PICK(at));
	guest.number = one_waits;
	guest.desc = first_is_any;
	serve();
}

/* One for each way a buffer can lie, and each size that matters to a sum. */
static const struct {
	uint64_t addr;
	uint32_t len;
} ways[] = {
	{ 0x50000, 16 }, /* inside */
	{ UINT64_MAX, 0 }, /* nothing, nowhere */
	{ 0, 0x80000000 }, /* half of 4 GiB */
	{ GIB, 0x7fffffff }, /* with the last: one below 4 GiB */
	{ NONE - 8, 16 }, /* over the end of low RAM */
	{ HOLE + NONE - 8, 16 }, /* over the end of all */
};

static struct guest_desc chained(unsigned nr, bool nested)
{
	uint16_t flags = PICK(no_table);
	unsigned way = choose(LEN(ways));

	(void)nested;
	return (struct guest_desc){
		.addr = ways[way].addr,
		.len = ways[way].len,
		.flags = flags,
		.next = flags & VRING_DESC_F_NEXT ? choose_next_index(nr, true)
						  : 0xffff,
	};
}

static void any_chain(void)
{
	uint16_t size = (uint16_t)(1U << choose(max_size));

	open_queue(choose(2) ? HOLE : NONE, size, false, false, 0);
	guest.number = first_waits;
	guest.desc = chained;
	serve();
}

/* Buffers of the queue's own, then a table as long as the queue. */
static struct guest_desc tabled(unsigned nr, bool nested)
{
	static const uint64_t at[] = { 0x60000, NONE - 32, HOLE + NONE - 16 };
	static const uint32_t len[] = { 16, 32, 48, 64, 80, 24, 0 };

	if (!nested && choose(2))
		return (struct guest_desc){ .flags = VRING_DESC_F_INDIRECT,
					    .addr = PICK(at),
					    .len = PICK(len) };
	struct guest_desc d = chained(nr, nested);
	if (!nested)
		return d;
	if (choose(4) == 3)
		d.flags |= VRING_DESC_F_INDIRECT;
	return d;
}

static void any_table(void)
{
	uint16_t size = (uint16_t)(1U << choose(max_size));

	open_queue(NONE, size, choose(2), false, 0);
	guest.number = first_waits;
	guest.desc = tabled;
	serve();
}

/* A driver whose counters are at, just before and just after any limit. */
static uint16_t any_number(gpa_t at)
{
	const uint16_t ahead[] = { 0,	       1,
				   model.size, (uint16_t)(model.size + 1),
				   0x8000,     0xffff };

	if (at == GUEST_AVAIL + 2)
		return (uint16_t)(model.next_avail + PICK(ahead));
	if (at == GUEST_AVAIL)
		return (uint16_t)(choose(2) ? 0xfffe + choose(2) : choose(2));
	if (at == GUEST_AVAIL + 4 + UINT64_C(2) * model.size) {
		const uint16_t event[] = { model.next_used,
					   (uint16_t)(model.next_used - 1),
					   model.signalled,
					   (uint16_t)(model.signalled - 1) };
		return PICK(event);
	}
	return (uint16_t)(model.size - 1);
}

static struct guest_desc one_byte(unsigned nr, bool nested)
{
	(void)nr;
	(void)nested;
	return (struct guest_desc){ .addr = 1, .len = 1 };
}

static void any_order(void)
{
	static const uint16_t at[] = { 0, 0x7fff, 0xfffe, 0xffff };
	uint16_t size = (uint16_t)(1U << (2 * choose(2)));
	bool taken = false;

	open_queue(HOLE, size, false, choose(2), PICK(at));
	guest.number = any_number;
	guest.desc = one_byte;
	for (unsigned n = 0; n < max_size && !case_failed(); n++) {
		uint16_t before = model.next_avail;

		switch (choose(taken ? 6 : 5)) {
		case 0:
			pop();
			taken = model.next_avail != before;
			continue;
		case 1:
			vq_push(&vq, 0, 0x80000001);
			model_push(&model, 0, 0x80000001);
			break;
		case 2:
			model_notify(&model, vq_notify_needed(&vq));
			break;
		case 3:
			vq_kicks_off(&vq);
			model_kicks_off(&model);
			break;
		case 4:
			model_kicks_on(&model, vq_kicks_on(&vq));
			break;
		default:
			vq_unpop(&vq);
			model.next_avail--;
			model.known++;
			taken = false;
		}
	}
}

/* Counts at the limits of a chain: 256 entries, and VQ_SEGMENTS pieces. */
static unsigned direct, in_table;
static bool split;

static struct guest_desc counted(unsigned nr, bool nested)
{
	unsigned n = guest.nr - 2 - (nested ? direct + 1 : 0);

	(void)nr;
	if (!nested && in_table && n == direct + 1)
		return (struct guest_desc){ .addr = 0x70000,
					    .len = 16 * in_table,
					    .flags = VRING_DESC_F_INDIRECT };
	bool last = n == (nested || !in_table ? (nested ? in_table : direct)
					      : UINT32_MAX);
	return (struct guest_desc){
		.addr = split ? NONE - 1 : 0x80000,
		.len = 2,
		.flags = last ? 0 : VRING_DESC_F_NEXT,
		.next = (uint16_t)n,
	};
}

static void any_count(void)
{
	split = choose(2);
	unsigned all = VQ_SEGMENTS / (split ? 2U : 1U) - 2 + choose(5);
	direct = choose(257);
	in_table = choose(2) ? (all > direct ? all - direct : 0) : choose(2);
	if (in_table > 257)
		in_table = 257;
	open_queue(NONE, 256, true, false, 0);
	guest.number = first_waits;
	guest.desc = counted;
	serve();
}

/* Every place and size of the three rings. */
static bool fits(gpa_t at, uint64_t len, uint64_t align)
{
	return at % align == 0 && model_in_ram(at, len);
}

static void any_setup(void)
{
	static const uint16_t sizes[] = { 0,   1,   2,	 3,   4,      6,
					  128, 255, 256, 257, 0x8000, 0xffff };
	uint16_t size = PICK(sizes);
	uint64_t bytes[] = { UINT64_C(16) * size, 6U + UINT64_C(2) * size,
			     6U + UINT64_C(8) * size };
	uint64_t align[] = { 16, 2, 4 };
	bool good = size && size <= 256 && !(size & (size - 1));
	gpa_t at[3];
	struct vq q;

	guest_layout(choose(2) ? HOLE : NONE);
	for (unsigned i = 0; i < 3; i++) {
		const gpa_t where[] = {
			0, 1, 2, 8, NONE - bytes[i] - 16, NONE - bytes[i],
			NONE - bytes[i] + 1,
			/* The last place that is aligned. */
			(NONE - bytes[i]) & -align[i],
			((NONE - bytes[i]) & -align[i]) + align[i], NONE,
			HOLE - 16, HOLE,
			guest.gm.region[1].gpa + NONE - bytes[i],
			guest.gm.region[1].gpa + NONE,
			UINT64_MAX & ~UINT64_C(15), UINT64_MAX
		};
		at[i] = PICK(where);
		good = good && fits(at[i], bytes[i], align[i]);
	}
	int r = vq_init(&q, &guest.gm,
			&(struct vq_setup){ .size = size,
					    .desc = at[0],
					    .avail = at[1],
					    .used = at[2] });
	if (r != (good ? 0 : -EINVAL))
		case_fail("size %u: %d, should be %d", size, r,
			  good ? 0 : -EINVAL);
	if (r == 0 &&
	    (q.desc != guest_host(at[0]) || q.avail != guest_host(at[1]) ||
	     q.used != guest_host(at[2]) || q.size != size))
		case_fail("the rings are elsewhere");
	if (r < 0 && (q.size || vq_pop(&q, &chain) != -EPROTO))
		case_fail("a queue that was refused works");
}

/* vq_enum [deep]: chains of up to 4 entries and 5 calls, else 2 and 4. */
int main(int argc, char **argv)
{
	bool deep = argc > 1 && strcmp(argv[1], "deep") == 0;
	bool good = explore("vq_init: sizes and places", any_setup);

	good &= explore("vq: any first descriptor", any_descriptor);
	max_size = deep ? 3 : 2;
	good &= explore(deep ? "vq: any chain of up to 4"
			     : "vq: any chain of up to 2",
			any_chain);
	max_size = 2;
	good &= explore("vq: any chain with a table", any_table);
	max_size = deep ? 5 : 4;
	good &= explore("vq: calls in any order, any index", any_order);
	good &= explore("vq: counts at the limits", any_count);
	return !good;
}
