/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mem.c - plugs in what it may not have and what is nowhere, lies about what it
 * asks for, and uses memory that is not plugged in, by itself and by the
 * device.  Half of the region is asked for.
 */
#include <linux/virtio_mem.h>

#include "tests/hostile/lib/target.h"

#define NEXT   VRING_DESC_F_NEXT
#define WRITE  VRING_DESC_F_WRITE
#define BLOCK  UINT64_C(0x200000)
#define ROUNDS 2000
#define TOUCH  UINT64_C(0x10000) /* of memory, every so many bytes */
/* In the scratch memory. */
#define REQUEST ((struct virtio_mem_req *)SCRATCH)
#define ANSWER	((struct virtio_mem_resp *)(SCRATCH + 256))

static uint64_t base, size;

static uint16_t ask_at(struct virtio_mem_req *req, struct virtio_mem_resp *resp,
		       uint16_t type, uint64_t addr, uint16_t nr)
{
	*req = (struct virtio_mem_req){ .type = type };
	req->u.plug.addr = addr;
	req->u.plug.nb_blocks = nr;
	queue_desc(victim, 0, req, sizeof(*req), NEXT, 1);
	queue_desc(victim, 1, resp, sizeof(*resp), WRITE, 0);
	queue_offer(victim, 0);
	queue_kick(victim);
	(void)queue_wait(victim);
	barrier();
	return resp->type;
}

static uint16_t ask(uint16_t type, uint64_t addr, uint16_t nr)
{
	return ask_at(REQUEST, ANSWER, type, addr, nr);
}

static void good(void)
{
	check(ask(VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0) == VIRTIO_MEM_RESP_ACK);
	check(ask(VIRTIO_MEM_REQ_PLUG, base, 1) == VIRTIO_MEM_RESP_ACK);
	check(ask(VIRTIO_MEM_REQ_UNPLUG, base, 1) == VIRTIO_MEM_RESP_ACK);
}

static void kick(void)
{
	queue_kick(victim);
}

static const struct target mem = {
	.name = "mem",
	.id = VIRTIO_ID_MEM,
	.queues = 1,
	.features = BIT(VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE),
	.request = good,
	.provoke = kick,
};

static void any_request(void)
{
	for (unsigned n = 0; n < ROUNDS; n++)
		(void)ask((uint16_t)(any() % 6), (uint64_t)any() << 32 | any(),
			  (uint16_t)any());
}

static void any_block(void)
{
	for (unsigned n = 0; n < ROUNDS; n++)
		(void)ask((uint16_t)(any() % 4),
			  base + any() % (size / BLOCK + 2) * BLOCK,
			  (uint16_t)(any() % 9));
}

static void borders(void)
{
	const uint64_t addr[] = { 0,	       base - BLOCK,
				  base,	       base + 1,
				  base + 4096, base + size - BLOCK,
				  base + size, UINT64_MAX,
				  -BLOCK,      UINT64_C(1) << 63 };
	const uint16_t nr[] = { 0, 1, 2, UINT16_MAX };

	for (unsigned a = 0; a < ELEMENTS(addr); a++)
		for (unsigned n = 0; n < ELEMENTS(nr); n++)
			for (uint16_t type = 0; type < 5; type++)
				(void)ask(type, addr[a], nr[n]);
}

/* No more of it than was asked for, whatever is swapped. */
static void all_of_it(void)
{
	uint64_t got = 0;

	for (uint64_t at = base; at < base + size; at += BLOCK)
		got += ask(VIRTIO_MEM_REQ_PLUG, at, 1) == VIRTIO_MEM_RESP_ACK;
	check(got * BLOCK == size / 2);
	for (uint64_t at = base; at < base + size; at += 2 * BLOCK)
		(void)ask(VIRTIO_MEM_REQ_UNPLUG, at, 1);
	for (uint64_t at = base + size; at > base; at -= BLOCK)
		(void)ask(VIRTIO_MEM_REQ_PLUG, at - BLOCK, 1);
	check(read64(dev.config + offsetof(struct virtio_mem_config,
					   plugged_size)) == size / 2);
}

/* The cgroup's business, and gone when it is plugged out. */
static void not_plugged_in(void)
{
	for (uint64_t at = base; at < base + size; at += TOUCH)
		write64(at, at);
	check(ask(VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0) == VIRTIO_MEM_RESP_ACK);
	for (uint64_t at = base; at < base + size; at += TOUCH)
		check(read64(at) == 0);
}

/* Request and answer lie in what the request takes away. */
static void the_ground_below(void)
{
	struct virtio_mem_req *req = (void *)(base + 16);
	struct virtio_mem_resp *resp = (void *)(base + size - 16);

	for (unsigned n = 0; n < 64; n++) {
		(void)ask_at(req, resp, VIRTIO_MEM_REQ_PLUG, base, 1);
		(void)ask_at(req, resp, VIRTIO_MEM_REQ_STATE, base, 1);
		(void)ask_at(req, resp, VIRTIO_MEM_REQ_UNPLUG_ALL, base, 1);
	}
}

static void lay_pieces(void)
{
	for (uint16_t i = 0; i < QUEUE_SIZE; i++)
		queue_desc(victim, i, (void *)(SCRATCH + i), i % 5,
			   (uint16_t)((i < 8 ? 0 : WRITE) |
				      (i + 1 < QUEUE_SIZE ? NEXT : 0)),
			   (uint16_t)(i + 1));
}

/* Overlapping, in pieces, too long, too short. */
static void pieces(void)
{
	for (uint16_t i = 0; i < QUEUE_SIZE; i++) {
		lay_pieces();
		if (!target_offer(i))
			target_begin(0);
	}
}

static void no_room(void)
{
	queue_desc(victim, 0, REQUEST, sizeof(*REQUEST), NEXT, 1);
	queue_desc(victim, 1, ANSWER, sizeof(*ANSWER) - 1, WRITE, 0);
	check(!target_offer(0));
}

static void the_configuration_written(void)
{
	for (unsigned off = 0; off < sizeof(struct virtio_mem_config); off++) {
		write8(dev.config + off, (uint8_t)any());
		write32(dev.config + (off & ~3U), any());
	}
	check(read64(dev.config + offsetof(struct virtio_mem_config, addr)) ==
	      base);
}

/* In and out again, each a hole punched. */
static void without_end(void)
{
	for (unsigned n = 0; n < ROUNDS / 4; n++) {
		(void)ask(VIRTIO_MEM_REQ_PLUG, base, 32);
		write64(base + UINT64_C(4096) * n, 1);
		(void)ask(VIRTIO_MEM_REQ_UNPLUG, base, 32);
	}
}

static const struct attack attacks[] = {
	{ "any request", any_request },
	{ "any block", any_block },
	{ "borders", borders },
	{ "all of it", all_of_it },
	{ "memory not plugged in", not_plugged_in },
	{ "the ground below a request", the_ground_below },
	{ "requests in pieces", pieces },
	{ "no room for an answer", no_room },
	{ "the configuration written", the_configuration_written },
	{ "in and out without end", without_end },
};

void guest_main(const struct start_info *si)
{
	attack_begin(si);
	target_use(&mem);
	base = read64(dev.config + offsetof(struct virtio_mem_config, addr));
	size = read64(dev.config +
		      offsetof(struct virtio_mem_config, region_size));
	attack_host("plug-half");
	target_works();
	for (unsigned i = 0; i < ELEMENTS(attacks); i++) {
		target_begin(0);
		attacks[i].run();
		attack_done("mem", attacks[i].name);
		target_works();
	}
	attack_end();
}
