/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rings.c - drivers in user space that break the rules of the rings: places
 * and sizes of the rings themselves, chains, and both while a second thread
 * rewrites everything under the device's eyes.
 */
#include <linux/virtio_pci.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "hostile.h"

#define QUEUES_MAX 4U
#define PATIENCE   4096 /* looks at a device that may not answer */
#define LAYERS	   8U

static struct function *any(void)
{
	return &function[dice() % nr_functions];
}

static uint64_t bad_address(const struct ring *r)
{
	const uint64_t place[] = {
		RAM_END - 8, /* across the end */
		RAM_END,
		UINT64_C(0xc0000000), /* the hole */
		r->f->address, /* the device's own registers */
		ECAM_AT,
		UINT64_C(0xfee00000),
		UINT64_C(1) << 32,
		UINT64_C(1) << 52,
		UINT64_MAX - 3, /* wraps around */
		ring_physical(r, r->base), /* the ring itself */
		ring_physical(r, r->base + RING_USED),
	};
	uint64_t d = dice();

	return d % 4 == 0 ? beyond_linux(wild())
			  : place[(d >> 8) % (sizeof(place) / sizeof(*place))];
}

static uint32_t bad_length(void)
{
	static const uint32_t length[] = { 0,	     1,		  15,
					   16,	     17,	  512,
					   4096,     65536,	  1u << 20,
					   1u << 31, 0xfffffff0u, 0xffffffffu };

	return length[dice() % (sizeof(length) / sizeof(length[0]))];
}

static void good(struct ring *r, unsigned i, bool write, uint32_t len)
{
	*ring_desc(r, i) = (struct descriptor){
		.addr = ring_physical(r, r->mem.at + HUGE_PAGE / 2),
		.len = len,
		.flags = write ? DESC_WRITE : 0,
	};
}

static void loop(struct ring *r)
{
	good(r, 0, true, 8);
	good(r, 1, true, 8);
	ring_desc(r, 0)->flags |= DESC_NEXT;
	ring_desc(r, 0)->next = 1;
	ring_desc(r, 1)->flags |= DESC_NEXT;
	ring_desc(r, 1)->next = 0;
}

static void itself(struct ring *r)
{
	good(r, 0, true, 8);
	ring_desc(r, 0)->flags |= DESC_NEXT;
}

static void outside(struct ring *r)
{
	good(r, 0, true, 8);
	ring_desc(r, 0)->flags |= DESC_NEXT;
	ring_desc(r, 0)->next = (uint16_t)(r->size + dice() % 65536);
}

static void wild_buffer(struct ring *r)
{
	good(r, 0, dice() % 2, bad_length());
	ring_desc(r, 0)->addr = bad_address(r);
}

/* Each piece is RAM; together they are more than 32 bits can say. */
static void four_gib(struct ring *r)
{
	for (unsigned i = 0; i < r->size; i++)
		*ring_desc(r, i) = (struct descriptor){ 0, 128u << 20,
							DESC_WRITE | DESC_NEXT,
							(uint16_t)(i + 1) };
	ring_desc(r, r->size - 1)->flags = DESC_WRITE;
}

static void empty_pieces(struct ring *r)
{
	for (unsigned i = 0; i < r->size; i++) {
		good(r, i, i > r->size / 2, 0);
		ring_desc(r, i)->flags |= DESC_NEXT;
		ring_desc(r, i)->next = (uint16_t)(i + 1);
	}
	ring_desc(r, r->size - 1)->flags &= (uint16_t)~DESC_NEXT;
}

/* No number of pieces ends this one: there are none. */
static void empty_loop(struct ring *r)
{
	empty_pieces(r);
	for (unsigned i = 0; i < r->size; i++)
		ring_desc(r, i)->flags = DESC_WRITE | DESC_NEXT;
	ring_desc(r, r->size - 1)->next = 0;
}

static void wrong_order(struct ring *r)
{
	good(r, 0, true, 64);
	good(r, 1, false, 64);
	ring_desc(r, 0)->flags |= DESC_NEXT;
	ring_desc(r, 0)->next = 1;
}

static struct descriptor *table(struct ring *r, uint32_t len)
{
	uint8_t *at = r->mem.at + HUGE_PAGE / 4;

	*ring_desc(r, 0) =
		(struct descriptor){ ring_physical(r, at), len, DESC_TABLE, 0 };
	memset(at, 0, 4096);
	return (struct descriptor *)(void *)at;
}

static void nested(struct ring *r)
{
	struct descriptor *t = table(r, 16 * LAYERS);

	for (unsigned i = 0; i < LAYERS; i++)
		t[i] = (struct descriptor){ ring_physical(r, t), 16 * LAYERS,
					    DESC_TABLE, 0 };
}

static void looping_table(struct ring *r)
{
	struct descriptor *t = table(r, 16 * LAYERS);

	for (unsigned i = 0; i < LAYERS; i++)
		t[i] = (struct descriptor){
			ring_physical(r, r->mem.at + HUGE_PAGE / 2), 4,
			DESC_WRITE | DESC_NEXT, (uint16_t)((i + 1) % LAYERS)
		};
}

static void odd_table(struct ring *r)
{
	(void)table(r, bad_length());
	if (dice() % 2)
		ring_desc(r, 0)->addr = bad_address(r);
	if (dice() % 2)
		ring_desc(r, 0)->flags |= DESC_NEXT | DESC_WRITE;
}

static void ahead(struct ring *r)
{
	good(r, 0, true, 8);
	r->next = (uint16_t)(r->size + dice() % 60000);
}

/* Buffers are the rings: the device writes what it reads next. */
static void self_service(struct ring *r)
{
	for (unsigned i = 0; i < 8; i++)
		*ring_desc(r, i) = (struct descriptor){
			ring_physical(r, r->base + (i % 2 ? RING_USED : 0)), 64,
			DESC_WRITE, 0
		};
}

static void (*const chain[])(struct ring *) = {
	loop,	      itself,	  outside,	wild_buffer, four_gib,
	empty_pieces, empty_loop, wrong_order,	nested,	     looping_table,
	odd_table,    ahead,	  self_service,
};

#define CHAINS ((unsigned)(sizeof(chain) / sizeof(chain[0])))

/* The device has said that it is broken, or has used the buffer, or waits. */
static void let_it_work(struct ring *r)
{
	ring_kick(r);
	for (unsigned i = 0; i < PATIENCE; i++) {
		if (ring_used(r) == r->next ||
		    (i % 64 == 0 && needs_reset(r->f)))
			return;
		(void)sched_yield();
	}
}

void attack_chains(void)
{
	struct pages mem = pages_get();
	struct ring r[QUEUES_MAX];
	unsigned n = 0;

	do {
		/* Each of them for each device, then for its next queue. */
		unsigned i = n % (nr_functions * CHAINS);
		struct function *f = &function[i / CHAINS];
		uint64_t d = dice();
		unsigned nr = device_start(f, mem, r, d % 8 ? 0 : 1u << 28);
		struct ring *q = &r[n / (nr_functions * CHAINS) % nr];

		chain[i % CHAINS](q);
		n++;
		ring_offer(q, (d >> 32) % 16 ? 0 : (unsigned)(d >> 40));
		let_it_work(q);
		device_reset(f);
	} while (going_on());
}

/* Rings anywhere, of any size, with features nobody offered. */
void attack_places(void)
{
	struct pages mem = pages_get();
	struct ring r[QUEUES_MAX];

	do {
		struct function *f = any();
		uint64_t d = dice();
		volatile uint8_t *c = f->bar;

		device_reset(f);
		device_negotiate(f, d % 4 ? 0 : dice());
		if ((d >> 8) % 4 == 0) {
			poke(c + VIRTIO_PCI_COMMON_GFSELECT, 4, wild());
			poke(c + VIRTIO_PCI_COMMON_GF, 4, wild());
		}
		for (unsigned i = 0; i < queues_of(f); i++) {
			ring_place(&r[i], f, i, mem, i);
			device_reset(f);
			device_negotiate(f, 0);
			poke(c + VIRTIO_PCI_COMMON_Q_SELECT, 2, i);
			poke(c + VIRTIO_PCI_COMMON_Q_SIZE, 2, wild());
			for (unsigned a = 0; a < 3; a++) {
				unsigned at =
					VIRTIO_PCI_COMMON_Q_DESCLO + 8 * a;
				uint64_t to = bad_address(&r[i]);

				poke(c + at, 4, to);
				poke(c + at + 4, 4, to >> 32);
			}
			poke(c + VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
		}
		poke(c + VIRTIO_PCI_COMMON_STATUS, 1, STATUS_RING);
		kick_all(f);
		(void)needs_reset(f);
		device_reset(f);
	} while (going_on());
}

/* What the flipping thread writes to. */
struct flipped {
	struct ring *r;
	unsigned nr;
	uint64_t state;
	bool stop;
};

static uint64_t next_flip(struct flipped *f)
{
	f->state = f->state * 6364136223846793005u + 1442695040888963407u;
	return f->state >> 16;
}

/* Words of descriptors, tables, avail rings: good, bad, good. */
static void *flip(void *arg)
{
	struct flipped *f = arg;

	while (!__atomic_load_n(&f->stop, __ATOMIC_ACQUIRE)) {
		uint64_t d = next_flip(f);
		struct ring *r = &f->r[d % f->nr];
		struct descriptor *t =
			(d >> 8) % 2 ? ring_desc(r, (d >> 16) % 4)
				     : (void *)(r->mem.at + HUGE_PAGE / 4 +
						16 * ((d >> 16) % 4));
		struct descriptor was = *t;
		volatile struct descriptor *v = t;

		switch ((d >> 24) % 4) {
		case 0:
			/* Inside of our page, or outside of RAM. */
			v->addr = was.addr ^
				  UINT64_C(1)
					  << ((d >> 32) % 2
						      ? (d >> 33) % 20
						      : 28 + (d >> 33) % 36);
			break;
		case 1:
			v->len = (d >> 32) % 2 ? 0xffffffff : 0;
			break;
		case 2:
			v->flags = (uint16_t)((d >> 32) % 8);
			break;
		default:
			v->next = (uint16_t)(d >> 32);
			break;
		}
		if ((d >> 48) % 2)
			*(volatile uint16_t *)(void *)(r->base + RING_AVAIL +
						       4) = (uint16_t)(d >> 32);
		*t = was;
	}
	return NULL;
}

static void fill(struct ring *r)
{
	struct descriptor *t = table(r, 16 * 4);

	for (unsigned i = 0; i < 4; i++) {
		good(r, i, i > 0, i == 0 ? 16 : 512);
		if (i < 3) {
			ring_desc(r, i)->flags |= DESC_NEXT;
			ring_desc(r, i)->next = (uint16_t)(i + 1);
		}
		t[i] = *ring_desc(r, i);
	}
	if (dice() % 2)
		*ring_desc(r, 0) = (struct descriptor){ ring_physical(r, t), 64,
							DESC_TABLE, 0 };
}

void attack_flipping(void)
{
	struct pages mem = pages_get();
	struct ring r[QUEUES_MAX];

	do {
		struct function *f = any();
		unsigned nr = device_start(f, mem, r, 0);
		struct flipped shared_with = { r, nr, dice(), false };
		pthread_t thread;

		for (unsigned i = 0; i < nr; i++)
			fill(&r[i]);
		if (pthread_create(&thread, NULL, flip, &shared_with) != 0)
			give_up("start a thread");
		for (unsigned n = 0; n < 64 && in_time() && !needs_reset(f);
		     n++) {
			struct ring *q = &r[dice() % (nr ? nr : 1)];

			ring_offer(q, 0);
			let_it_work(q);
			(void)going_on();
		}
		__atomic_store_n(&shared_with.stop, true, __ATOMIC_RELEASE);
		(void)pthread_join(thread, NULL);
		device_reset(f);
	} while (going_on());
}
