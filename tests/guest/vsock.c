/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vsock.c - a megabyte each way over a connection the guest began and over
 * one the host began; connections nobody wants are refused.  host.py is the
 * other end.
 */
#include "tests/guest/lib/vsock.h"

#define CHUNK	    32768
#define CHUNKS	    32
#define PORT	    5000
#define HOST_PORT   7000
#define HOST_CLOSED 7001
#define HOST_CALLS  7002

static uint64_t pattern[CHUNK / 8];

static void send_megabyte(struct stream *s)
{
	for (unsigned i = 0; i < CHUNKS; i++)
		stream_write(s, pattern, CHUNK);
	stream_op(s, VIRTIO_VSOCK_OP_SHUTDOWN, NULL, 0);
}

static void expect_megabyte(struct stream *s)
{
	const void *data;
	uint32_t at = 0;
	uint32_t n;

	while ((n = stream_read(s, &data)) > 0) {
		const unsigned char *p = data;

		check(at + n <= CHUNK * CHUNKS);
		/* The ends of each packet: enough to see a byte missing. */
		for (uint32_t i = 0; i<n; i += n> 64 ? n - 1 : 1)
			check(p[i] ==
			      ((unsigned char *)pattern)[(at + i) % CHUNK]);
		at += n;
		vsock_drop(s->vs);
		stream_credit(s);
	}
	check(at == CHUNK * CHUNKS);
}

void guest_main(const struct start_info *si)
{
	struct vsock vs;
	struct stream s;

	(void)si;
	for (unsigned i = 0; i < CHUNK / 8; i++)
		pattern[i] = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
	vsock_begin(&vs);
	say("cid", vs.cid);

	check(!stream_dial(&s, &vs, 1025, HOST_CLOSED));
	put("refused\n");
	check(stream_dial(&s, &vs, 1026, HOST_PORT));
	send_megabyte(&s);
	put("sent\n");
	expect_megabyte(&s);
	stream_op(&s, VIRTIO_VSOCK_OP_RST, NULL, 0);
	put("received\n");

	check(stream_dial(&s, &vs, 1027, HOST_CALLS));
	stream_write(&s, "!", 1);
	stream_accept(&s, &vs, PORT);
	put("accepted\n");
	expect_megabyte(&s);
	put("received\n");
	send_megabyte(&s);
	stream_await_close(&s);
	put("pass\n");
}
