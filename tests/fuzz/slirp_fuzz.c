/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slirp_fuzz.c - belljar-net as a whole, libslirp included, in a network
 * namespace that leads nowhere: frames of a guest until the monitor goes.
 * libslirp itself has no instrumentation; what it does to memory, ASan sees
 * where it calls the C library.
 *
 *   for each frame: 2 bytes of length; its bytes.  Bit 15: an IPv4 or IPv6
 *   header is put before it, with sums that are right.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fuzz/input.h"
#include "tests/fuzz/nowhere.h"
#include "vmm/net/packet.h"
#include "vmm/net/slirp.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	nowhere_enter();
	return 0;
}

static uint16_t sum16(const uint8_t *p, size_t len)
{
	uint32_t acc = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		acc += (uint32_t)p[i] << 8 | p[i + 1];
	while (acc >> 16)
		acc = (acc & 0xffff) + (acc >> 16);
	return (uint16_t)~acc;
}

/* An IPv4 packet of the guest: protocol and destination by two bytes. */
static size_t dress(struct input *in, const uint8_t *data, size_t len,
		    uint8_t *frame)
{
	static const char *const to[] = { "10.0.2.2",	"10.0.2.3",
					  "10.0.2.15",	"192.0.2.1",
					  "10.0.2.255", "255.255.255.255",
					  "8.8.8.8" };
	static const uint8_t proto[] = { 6, 17, 1, 2, 6, 17 };
	uint8_t how = input_u8(in);
	struct ip ip = {
		.ip_v = 4,
		.ip_hl = 5,
		.ip_ttl = 64,
		.ip_p = proto[(how >> 3) % sizeof(proto)],
		.ip_len = htons((uint16_t)(sizeof(ip) + len)),
		.ip_off = how & 0x80 ? htons(input_u16(in)) : 0,
	};

	(void)inet_pton(AF_INET, NET_GUEST4, &ip.ip_src);
	(void)inet_pton(AF_INET, to[how & 7 ? (how & 7) - 1 : 0], &ip.ip_dst);
	ip.ip_sum = htons(sum16((const uint8_t *)&ip, sizeof(ip)));
	memcpy(frame,
	       "\x52\x55\x0a\x00\x02\x02\x02\x00\x00\x00\x00\x01\x08\x00", 14);
	memcpy(frame + 14, &ip, sizeof(ip));
	memcpy(frame + 14 + sizeof(ip), data, len);
	return 14 + sizeof(ip) + len;
}

static void send_frame(struct input *in, int wire)
{
	static uint8_t frame[14 + 20 + 2048];
	uint16_t want = input_u16(in);
	size_t len;
	const uint8_t *p = input_bytes(in, want & 2047U, &len);

	if (want & 0x8000) {
		len = dress(in, p, len, frame);
		p = frame;
	}
	(void)send(wire, p, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct net_place place = net_place_user(NET_MTU);
	struct input in = { data, size };
	struct net *net = NULL;
	struct err err = { 0 };
	int pair[2];

	input_begin();
	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	MUST(net_new(pair[0], &place, &net, &err) == 0);
	for (unsigned i = 0; in.left && i < 64; i++)
		send_frame(&in, pair[1]);
	/* Answers can still be sent, but nothing comes any more. */
	(void)shutdown(pair[1], SHUT_WR);
	MUST(net_run(net, &err) == 0);
	net_free(net);
	(void)close(pair[1]);
	return 0;
}
