/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs.c - a driver that breaks the rules of a shared directory.  Its rings are
 * virtiofsd's, which ends at the first broken one; then they are the monitor's,
 * and every request is an error.  So each attack has a device, and a virtiofsd,
 * of its own; in the end the last one, which none was for, still serves.
 *
 * What a device may be made to write goes to SCRATCH.
 */
#include <linux/errno.h>
#include <linux/fuse.h>
#include <linux/virtio_fs.h>

#include "tests/hostile/lib/target.h"

#define WRITE	 VRING_DESC_F_WRITE
#define NEXT	 VRING_DESC_F_NEXT
#define INDIRECT VRING_DESC_F_INDIRECT
#define ROUNDS	 256
#define KICKS	 4096
#define ANSWER	 4096

enum { HIPRIO, REQUEST, QUEUES };

static struct {
	struct fuse_in_header head;
	struct fuse_init_in init;
} ask;
static struct {
	struct fuse_out_header head;
	struct fuse_init_out init;
} answer;
static uint64_t unique;
static unsigned char *const junk = (unsigned char *)SCRATCH;
static unsigned char *const room = (unsigned char *)SCRATCH + 65536;

/* Everybody's first request, by two descriptors from @head on. */
static void offer_first(uint16_t head)
{
	struct queue *q = &queues[REQUEST];

	memset(&answer, 0, sizeof(answer));
	memset(&ask, 0, sizeof(ask));
	ask.head.len = sizeof(ask);
	ask.head.opcode = FUSE_INIT;
	ask.head.unique = ++unique;
	ask.init.major = FUSE_KERNEL_VERSION;
	ask.init.minor = FUSE_KERNEL_MINOR_VERSION;
	queue_desc(q, head, &ask, sizeof(ask), NEXT, (uint16_t)(head + 1));
	queue_desc(q, head + 1U, &answer, sizeof(answer), WRITE, 0);
	queue_offer(q, head);
	queue_kick(q);
}

/* And the answer's error: 0 or ENOTCONN. */
static int32_t first_request(void)
{
	offer_first(0);
	check(queue_wait(&queues[REQUEST]) >= sizeof(answer.head));
	check(answer.head.unique == unique);
	return -answer.head.error;
}

/* Whoever answers: it is an answer. */
static void request(void)
{
	int32_t error = first_request();

	check(error == 0 || error == ENOTCONN);
}

static struct target share = {
	.name = "fs",
	.id = VIRTIO_ID_FS,
	.queues = QUEUES,
	.nr = REQUEST,
	.request = request,
	.provoke = NULL, /* there is nothing to make it look at */
};

/* Junk of any length, asked in two pieces and answered in two. */
static void offer_junk(struct queue *q)
{
	queue_desc(q, 0, junk, any() % 64, NEXT, 1);
	queue_desc(q, 1, junk + 64, any() % 8192, NEXT, 2);
	queue_desc(q, 2, room, any() % 32, WRITE | NEXT, 3);
	queue_desc(q, 3, room + 32, any() % ANSWER, WRITE, 0);
	queue_offer(q, 0);
	queue_kick(q);
}

static void fill(unsigned char *p, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		p[i] = (unsigned char)any();
}

/* Until it has looked at all that was offered, or is broken. */
static void let_it_look(struct queue *q)
{
	while (!(virtio_status(&dev) & VIRTIO_CONFIG_S_NEEDS_RESET) &&
	       __atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE) != q->next)
		;
}

static void junk_for_requests(void)
{
	for (unsigned n = 0; n < ROUNDS; n++) {
		fill(junk, 128);
		offer_junk(&queues[REQUEST]);
		let_it_look(&queues[REQUEST]);
	}
}

/* Headers that are right, with any operation and arguments behind them. */
static void junk_behind_a_header(void)
{
	struct queue *q = &queues[REQUEST];

	check(first_request() == 0);
	for (unsigned n = 0; n < ROUNDS; n++) {
		struct fuse_in_header *in = (void *)junk;
		uint32_t len = (uint32_t)sizeof(*in) + any() % 512;

		fill(junk, 1024);
		in->len = len;
		in->opcode = n % 64;
		in->nodeid = any() % 4;
		in->uid = in->gid = 0;
		queue_desc(q, 0, junk, sizeof(*in), NEXT, 1);
		queue_desc(q, 1, junk + sizeof(*in),
			   len - (uint32_t)sizeof(*in), NEXT, 2);
		queue_desc(q, 2, room, ANSWER, WRITE, 0);
		queue_offer(q, 0);
		queue_kick(q);
		let_it_look(q);
	}
}

static void junk_for_the_urgent_queue(void)
{
	for (unsigned n = 0; n < ROUNDS; n++) {
		fill(junk, 128);
		offer_junk(&queues[HIPRIO]);
		let_it_look(&queues[HIPRIO]);
	}
}

static void offer(void)
{
	queue_offer(victim, 0);
	queue_kick(victim);
	let_it_look(victim);
}

static void a_chain_that_loops(void)
{
	queue_desc(victim, 0, junk, 64, NEXT, 1);
	queue_desc(victim, 1, junk, 64, NEXT, 0);
	offer();
}

static void next_outside_the_table(void)
{
	queue_desc(victim, 0, junk, 64, NEXT, QUEUE_SIZE);
	offer();
}

static void a_buffer_in_the_hole(void)
{
	queue_desc(victim, 0, &ask, sizeof(ask), NEXT, 1);
	queue_desc(victim, 1, (void *)LAYOUT_LOW_RAM_END, ANSWER, WRITE, 0);
	offer();
}

static void a_buffer_over_the_end(void)
{
	queue_desc(victim, 0, (void *)(ram_end() - 16), 64, NEXT, 1);
	queue_desc(victim, 1, room, ANSWER, WRITE, 0);
	offer();
}

static void no_room_for_an_answer(void)
{
	queue_desc(victim, 0, &ask, sizeof(ask), 0, 0);
	offer();
}

static void nearly_4_gib(void)
{
	for (uint16_t i = 0; i < QUEUE_SIZE; i++)
		queue_desc(victim, i, junk, 255U << 20,
			   i + 1 < QUEUE_SIZE ? NEXT : 0, (uint16_t)(i + 1));
	offer();
}

static void an_index_that_leaps(void)
{
	victim->next = 3 * QUEUE_SIZE;
	queue_offer(victim, 0);
	queue_kick(victim);
	virtio_wait_broken(&dev);
}

static void a_table_in_a_table(void)
{
	static struct vring_desc table[2] __attribute__((aligned(16)));

	target_begin(BIT(VIRTIO_RING_F_INDIRECT_DESC));
	table[0] = (struct vring_desc){ .addr = (uintptr_t)table,
					.len = sizeof(table),
					.flags = INDIRECT };
	queue_desc(victim, 0, table, sizeof(table), INDIRECT, 0);
	offer();
}

/* Descriptors and indices are anything, for as long as it takes them. */
static void rings_of_junk(void)
{
	for (unsigned n = 0; n < ROUNDS; n++) {
		for (unsigned i = 0; i < QUEUE_SIZE; i++)
			queue_desc(victim, i, junk + any() % 4096, any() % 4096,
				   (uint16_t)(any() % 4),
				   (uint16_t)(any() % (QUEUE_SIZE + 1)));
		queue_offer(victim, (uint16_t)(any() % QUEUE_SIZE));
		queue_kick(victim);
	}
}

static void resets_in_mid_request(void)
{
	for (unsigned n = 0; n < QUEUE_SIZE; n++) {
		target_begin(0);
		for (unsigned head = 0; head < n; head += 2)
			offer_first((uint16_t)head);
	}
	target_begin(0);
	check(first_request() == 0);
}

/* What is written before the reset is done changes nothing. */
static void a_reset_that_is_not_waited_for(void)
{
	offer_junk(&queues[REQUEST]);
	write8(dev.common + COMMON_STATUS, 0);
	for (unsigned n = 0; n < ROUNDS; n++) {
		write8(dev.common + COMMON_STATUS, (uint8_t)any());
		write16(dev.common + COMMON_QUEUE_SELECT, (uint16_t)(n % 3));
		write64(dev.common + COMMON_QUEUE_DESC, SCRATCH_RINGS);
		write64(dev.common + COMMON_QUEUE_DEVICE, SCRATCH_RINGS);
		write16(dev.common + COMMON_QUEUE_ENABLE, 1);
	}
}

static void kicks_without_end(void)
{
	for (unsigned n = 0; n < KICKS; n++) {
		queue_kick(&queues[HIPRIO]);
		queue_kick(&queues[REQUEST]);
	}
	check(first_request() == 0);
}

static const struct attack attacks[] = {
	{ "junk for requests", junk_for_requests },
	{ "junk behind a header", junk_behind_a_header },
	{ "junk for the urgent queue", junk_for_the_urgent_queue },
	{ "a chain that loops", a_chain_that_loops },
	{ "next outside the table", next_outside_the_table },
	{ "a buffer in the hole", a_buffer_in_the_hole },
	{ "a buffer over the end of RAM", a_buffer_over_the_end },
	{ "no room for an answer", no_room_for_an_answer },
	{ "nearly 4 GiB", nearly_4_gib },
	{ "an index that leaps", an_index_that_leaps },
	{ "a table in a table", a_table_in_a_table },
	{ "rings of junk", rings_of_junk },
	{ "resets in mid-request", resets_in_mid_request },
	{ "kicks without end", kicks_without_end },
	{ "a reset that is not waited for", a_reset_that_is_not_waited_for },
};

void guest_main(const struct start_info *si)
{
	attack_begin(si);
	for (unsigned i = 0; i < ELEMENTS(attacks); i++) {
		share.nth = i;
		target_use(&share);
		target_works();
		target_begin(0);
		attacks[i].run();
		target_works();
		attack_done("fs", attacks[i].name);
	}
	share.nth = ELEMENTS(attacks);
	target_use(&share);
	target_begin(0);
	check(first_request() == 0);
	attack_end();
}
