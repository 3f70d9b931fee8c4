/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frames_fuzz.c - belljar-net without libslirp: messages of the monitor's
 * socket, the filter, and the relay of published UDP ports, both ways.
 *
 *   1 byte: a frame of the guest (its length, its bytes), or a datagram of a
 *   client on the host
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fuzz/input.h"
#include "tests/fuzz/nowhere.h"
#include "vmm/net/filter.h"
#include "vmm/net/packet.h"
#include "vmm/net/reassembly.h"
#include "vmm/net/relay.h"

static struct frames frames;
static struct relay relay;
static struct reassembly reassembly;
static union publish_addr port; /* where a client reaches it */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	nowhere_enter();
	return 0;
}

/* What the filter lets through goes to no address of this machine. */
static void check_admitted(const uint8_t *f, size_t len)
{
	unsigned type = (unsigned)f[12] << 8 | f[13];

	MUST(type == 0x0800 || type == 0x0806 || type == 0x86dd);
	if (type == 0x0800)
		MUST(len >= 34 && f[30] != 127 && f[30] != 0 && f[30] < 224);
	if (type == 0x86dd)
		MUST(len >= 54 && memcmp(f + 38, "\0\0\0\0\0\0\0\0", 8) != 0);
}

/* libslirp must see no fragment. */
static void check_whole(const uint8_t *f, size_t len)
{
	if (len >= 34 && f[12] == 8 && f[13] == 0)
		MUST((f[20] & 0xbf) == 0 && f[21] == 0);
}

/* A datagram that was understood can be written again, and read. */
static void check_packet(const struct packet *p, const uint8_t *frame,
			 size_t len)
{
	uint8_t again[PACKET_FRAME_MAX];
	struct packet q;

	MUST(p->data >= frame && p->len <= len);
	MUST(p->data + p->len <= frame + len);
	size_t n = packet_build(p, frame, frame + 6, again);
	if (n == 0)
		return;
	MUST(n <= sizeof(again) && packet_parse(again, n, &q));
	MUST(q.len == p->len && memcmp(q.data, p->data, p->len) == 0);
}

static void from_guest(struct input *in, int wire, int64_t now)
{
	size_t len;
	uint16_t want = input_u16(in);
	const uint8_t *p = input_bytes(in, want, &len);
	struct packet packet;

	(void)send(wire, p, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	ssize_t n = frames_receive(&frames);
	MUST(n != -EPIPE && n <= NET_FRAME_MAX);
	if (n <= 0)
		return;
	MUST(n >= NET_FRAME_MIN);
	if (packet_parse(frames.buf, (size_t)n, &packet))
		check_packet(&packet, frames.buf, (size_t)n);

	size_t whole_len = (size_t)n;
	const uint8_t *whole =
		reassembly_take(&reassembly, frames.buf, &whole_len, now);
	if (!whole)
		return;
	MUST(whole_len >= NET_FRAME_MIN && whole_len <= NET_FRAME_MAX);
	check_whole(whole, whole_len);
	if (relay_to_client(&relay, whole, whole_len, now))
		return;
	if (filter_admits(whole, whole_len))
		check_admitted(whole, whole_len);
}

static void from_client(struct input *in, int client, int wire, int64_t now)
{
	static uint8_t sink[65536];
	size_t len = input_u16(in) & 2047U;

	(void)sendto(client, sink, len, MSG_DONTWAIT, &port.any,
		     publish_addr_len(&port));
	relay_to_guest(&relay, 0, now, &frames);
	while (recv(wire, sink, sizeof(sink), MSG_DONTWAIT) > 0)
		;
	while (recv(client, sink, sizeof(sink), MSG_DONTWAIT) > 0)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct publish publish;
	int64_t now = 0;
	int pair[2];

	input_begin();
	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	int client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	MUST(client >= 0);
	MUST(frames_init(&frames, pair[0], NULL) == 0);
	frames.full = false;
	relay = (struct relay){ .nr_ports = 0 };
	struct in_addr guest, gateway;
	(void)inet_pton(AF_INET, NET_GUEST4, &guest);
	(void)inet_pton(AF_INET, NET_GATEWAY4, &gateway);
	relay_init(&relay, guest, gateway);
	for (unsigned i = 0; i < REASSEMBLY_MAX; i++)
		reassembly.datagram[i].head = 0;
	MUST(publish_parse("53/udp", &publish, NULL) == 0);
	MUST(relay_publish(&relay, &publish, NULL) == 0);
	port = publish.host;
	while (in.left) {
		uint8_t how = input_u8(&in);

		now += (how >> 1) * 1000;
		if (how & 1)
			from_client(&in, client, pair[1], now);
		else
			from_guest(&in, pair[1], now);
	}
	relay_done(&relay);
	frames_done(&frames);
	(void)close(client);
	(void)close(pair[1]);
	return 0;
}
