/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vsock.c - a driver that lies about its credit, its address and its packets,
 * and takes every connection there is.  peers.py has the host's ends.
 */
#include "tests/guest/lib/vsock.h"
#include "tests/hostile/lib/target.h"

#define HEADER	    sizeof(struct virtio_vsock_hdr)
#define HOST_SINK   7000
#define HOST_SOURCE 7001
#define HOST_ECHO   7002
#define HOST_SILENT 7003
#define HOST_CLOSED 7009
#define CONNECTIONS 512 /* docs/devices.md */
#define CREDIT	    131072
#define PORT	    1025
#define PACKET	    65536
#define FULL	    24

static struct vsock vs;
static struct virtio_vsock_hdr head;
static struct queue *const tx = &vs.q[VSOCK_TX];
static struct queue *const rx = &vs.q[VSOCK_RX];

/* A packet as it should be, but for what the caller changes in head. */
static void packet(uint16_t op, uint32_t port, uint32_t host_port)
{
	head = (struct virtio_vsock_hdr){
		.src_cid = vs.cid,
		.dst_cid = VSOCK_HOST,
		.src_port = port,
		.dst_port = host_port,
		.type = VIRTIO_VSOCK_TYPE_STREAM,
		.op = op,
		.buf_alloc = VSOCK_WINDOW,
	};
}

/* What came is of no interest, only that buffers do not run out. */
static void drop_all(void)
{
	while (queue_used(rx))
		vsock_drop(&vs);
}

static void post(uint32_t len)
{
	queue_desc(tx, 0, &head, HEADER, len ? VRING_DESC_F_NEXT : 0, 1);
	queue_desc(tx, 1, (void *)SCRATCH, len, 0, 0);
	queue_offer(tx, 0);
	queue_kick(tx);
}

/* False: that broke the device. */
static bool send(uint32_t len)
{
	post(len);
	while (!queue_used(tx)) {
		drop_all();
		if (virtio_status(&vs.dev) & VIRTIO_CONFIG_S_NEEDS_RESET)
			return false;
	}
	tx->seen++;
	drop_all();
	return true;
}

static void say_packet(uint16_t op, uint32_t port, uint32_t host_port)
{
	packet(op, port, host_port);
	check(send(0));
}

/* The host sends for ever, and is told anything about what is left. */
static void credit_lies(void)
{
	static const struct {
		uint32_t window, received;
	} lies[] = {
		{ VSOCK_WINDOW, 0 },
		{ 0, 0 },
		{ 1, 0 },
		{ UINT32_MAX, 0 },
		{ 4096, UINT32_MAX },
		{ UINT32_MAX, UINT32_MAX },
		{ 0, 0x80000000 },
		{ VSOCK_WINDOW, 1 },
		{ VSOCK_WINDOW, 0x7fffffff },
		{ 16, 8 },
	};
	struct stream s;

	vsock_begin(&vs);
	check(stream_dial(&s, &vs, PORT, HOST_SOURCE));
	for (unsigned n = 0; n < 5; n++)
		for (unsigned i = 0; i < ELEMENTS(lies); i++) {
			packet(VIRTIO_VSOCK_OP_CREDIT_UPDATE, PORT,
			       HOST_SOURCE);
			head.buf_alloc = lies[i].window;
			head.fwd_cnt = lies[i].received;
			check(send(0));
		}
}

static void wrong_addresses(void)
{
	static const uint64_t cids[] = {
		0, 1, 2, 6, 8, UINT32_MAX, UINT64_MAX, (UINT64_C(1) << 32) | 7
	};

	vsock_begin(&vs);
	for (unsigned i = 0; i < ELEMENTS(cids); i++)
		for (uint16_t op = 0; op < 9; op++) {
			packet(op, PORT, HOST_ECHO);
			head.src_cid = cids[i];
			check(send(0));
			packet(op, PORT, HOST_ECHO);
			head.dst_cid = cids[i] == VSOCK_HOST ? 3 : cids[i];
			check(send(0));
		}
}

static void wrong_types_and_operations(void)
{
	struct stream s;

	vsock_begin(&vs);
	for (unsigned i = 0; i < 60; i++) {
		uint16_t op = (uint16_t)(i < 12 ? i : any());

		check(stream_dial(&s, &vs, PORT + i, HOST_ECHO));
		packet(op, PORT + i, HOST_ECHO);
		head.type = (uint16_t)(i % 3 ? 1 : any());
		head.flags = any();
		check(send(0));
		say_packet(VIRTIO_VSOCK_OP_RST, PORT + i, HOST_ECHO);
	}
}

static void lengths_that_lie(void)
{
	static const uint32_t lengths[] = {
		1, 17, PACKET, 0x7fffffff, UINT32_MAX - 43, UINT32_MAX
	};
	struct stream s;

	for (unsigned i = 0; i < ELEMENTS(lengths); i++) {
		vsock_begin(&vs);
		check(stream_dial(&s, &vs, PORT, HOST_ECHO));
		packet(VIRTIO_VSOCK_OP_RW, PORT, HOST_ECHO);
		head.len = lengths[i];
		check(!send(0));
	}
	vsock_begin(&vs);
	check(stream_dial(&s, &vs, PORT, HOST_ECHO));
	packet(VIRTIO_VSOCK_OP_RW, PORT, HOST_ECHO);
	head.len = 4; /* of 4096 */
	check(send(4096));
}

/* The host's program reads nothing: more than the credit ends it. */
static void beyond_the_credit(void)
{
	struct stream s;

	vsock_begin(&vs);
	check(stream_dial(&s, &vs, PORT, HOST_SINK));
	for (unsigned i = 0; i < 40; i++) {
		packet(VIRTIO_VSOCK_OP_RW, PORT, HOST_SINK);
		head.len = PACKET;
		check(send(PACKET));
	}
	check(!stream_dial(&s, &vs, PORT + 1, HOST_CLOSED));
}

static void out_of_turn(void)
{
	static const uint16_t ops[] = { VIRTIO_VSOCK_OP_RESPONSE,
					VIRTIO_VSOCK_OP_RW,
					VIRTIO_VSOCK_OP_SHUTDOWN,
					VIRTIO_VSOCK_OP_CREDIT_REQUEST,
					VIRTIO_VSOCK_OP_REQUEST };

	vsock_begin(&vs);
	for (unsigned i = 0; i < ELEMENTS(ops); i++) {
		say_packet(ops[i], PORT, HOST_ECHO); /* nobody asked */
		say_packet(VIRTIO_VSOCK_OP_REQUEST, PORT, HOST_SILENT);
		say_packet(ops[i], PORT, HOST_SILENT); /* nobody answered */
		say_packet(ops[i], PORT, HOST_SILENT);
	}
}

static void half_closed(void)
{
	struct stream s;

	vsock_begin(&vs);
	for (uint32_t i = 0; i < 24; i++) {
		check(stream_dial(&s, &vs, PORT + i, HOST_ECHO));
		for (unsigned n = 0; n < 3; n++) {
			packet(VIRTIO_VSOCK_OP_SHUTDOWN, PORT + i, HOST_ECHO);
			head.flags = i < 8 ? i : any();
			check(send(0));
			packet(VIRTIO_VSOCK_OP_RW, PORT + i, HOST_ECHO);
			head.len = 16;
			check(send(16));
		}
	}
}

/* As many as the queue holds with one kick, from @port on. */
static void many(uint16_t op, uint32_t port, uint32_t host_port)
{
	static struct virtio_vsock_hdr heads[QUEUE_SIZE];

	for (uint16_t i = 0; i < QUEUE_SIZE; i++) {
		packet(op, port + i, host_port);
		heads[i] = head;
		queue_desc(tx, i, &heads[i], HEADER, 0, 0);
		queue_offer(tx, i);
	}
	queue_kick(tx);
	for (unsigned i = 0; i < QUEUE_SIZE; i++) {
		while (!queue_used(tx))
			drop_all();
		tx->seen++;
	}
	drop_all();
}

static void reset_storm(void)
{
	vsock_begin(&vs);
	for (unsigned i = 0; i < 60; i++) {
		uint32_t to = i % 2 ? HOST_ECHO : HOST_SILENT;

		many(VIRTIO_VSOCK_OP_REQUEST, PORT, to);
		many(VIRTIO_VSOCK_OP_RST, PORT, to);
		many(VIRTIO_VSOCK_OP_RST, PORT + i, HOST_CLOSED);
	}
}

static void thousands_of_connections(void)
{
	vsock_begin(&vs);
	for (unsigned i = 0; i < 3000; i += QUEUE_SIZE)
		many(VIRTIO_VSOCK_OP_REQUEST, PORT + i,
		     i < CONNECTIONS ? HOST_SILENT : HOST_ECHO);
	attack_done("vsock", "every connection taken (held)");
}

/* A full buffer for each: suite.py knows how much FULL of them may take. */
static void full_connections(void)
{
	struct stream s;

	vsock_begin(&vs);
	for (unsigned i = 0; i < FULL; i++) {
		check(stream_dial(&s, &vs, PORT + i, HOST_SINK));
		for (unsigned n = 0; n < 8; n++) {
			packet(VIRTIO_VSOCK_OP_RW, PORT + i, HOST_SINK);
			head.len = n < 4 ? PACKET : 512;
			check(send(head.len));
		}
	}
	attack_done("vsock", "buffers full (held)");
	for (unsigned i = 0; i < FULL; i++)
		say_packet(VIRTIO_VSOCK_OP_RST, PORT + i, HOST_SINK);
}

/* Programs that call a guest which does not answer, or refuses. */
static void called_without_end(void)
{
	vsock_begin(&vs);
	attack_host("call 60 5000");
	attack_host("call-nonsense");
	attack_done("vsock", "called without end (held)");
	for (unsigned i = 0; i < 20 && queue_used(rx); i++)
		vsock_drop(&vs);
	attack_host("hang-up");
}

/* Packets change after the device looked: see race.c; here, the queue goes. */
static void reset_with_connections(void)
{
	struct stream s;

	for (unsigned i = 0; i < 10; i++) {
		vsock_begin(&vs);
		check(stream_dial(&s, &vs, PORT, HOST_SOURCE));
		check(stream_dial(&s, &vs, PORT + 1, HOST_SINK));
		packet(VIRTIO_VSOCK_OP_RW, PORT + 1, HOST_SINK);
		head.len = PACKET;
		check(send(PACKET));
		if (i % 2) {
			packet(VIRTIO_VSOCK_OP_RW, PORT + 1, HOST_SINK);
			head.len = PACKET;
			post(0);
			virtio_wait_broken(&vs.dev);
		}
		virtio_reset(&vs.dev);
	}
}

/* FC#6100: no byte is lost and none stuck when the VM is stopped for a while.
 */
static void paused_in_mid_stream(void)
{
	struct stream s;
	const void *data;
	uint32_t n;

	vsock_begin(&vs);
	check(stream_dial(&s, &vs, PORT, HOST_SOURCE));
	for (uint32_t at = 0; at < 20 * PACKET; at += n) {
		n = stream_read(&s, &data);
		check(n > 0);
		vsock_drop(&vs);
		stream_credit(&s);
		if (at / (8 * PACKET) != (at + n) / (8 * PACKET))
			attack_host("pause");
	}
}

static const struct attack attacks[] = {
	{ "credit lies", credit_lies },
	{ "wrong addresses", wrong_addresses },
	{ "wrong types and operations", wrong_types_and_operations },
	{ "lengths that lie", lengths_that_lie },
	{ "beyond the credit", beyond_the_credit },
	{ "out of turn", out_of_turn },
	{ "half closed", half_closed },
	{ "reset storm", reset_storm },
	{ "thousands of connections", thousands_of_connections },
	{ "full connections", full_connections },
	{ "called without end", called_without_end },
	{ "reset with connections", reset_with_connections },
	{ "paused in mid-stream", paused_in_mid_stream },
};

void guest_main(const struct start_info *si)
{
	unsigned i = 0;

	attack_begin(si);
	while (targets[i].id != VIRTIO_ID_VSOCK)
		i++;
	for (unsigned a = 0; a < ELEMENTS(attacks); a++) {
		attacks[a].run();
		/* It works, and has no connection any more. */
		target_use(&targets[i]);
		target_works();
		attack_done("vsock", attacks[a].name);
	}
	attack_end();
}
