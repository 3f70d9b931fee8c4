/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_frames_test.c - the parts of belljar-net that look into frames, with
 * whatever a guest or a monitor may send.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/net/filter.h"
#include "vmm/net/frames.h"
#include "vmm/net/packet.h"
#include "vmm/net/relay.h"

static const uint8_t mac[ETH_ALEN] = { 2, 0, 0, 0, 0, 1 };

static struct frames frames;
static int monitor;

static int open_wire(void **state)
{
	int sv[2];
	struct err err;

	(void)state;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return -1;
	monitor = sv[0];
	memset(&frames, 0, sizeof(frames));
	return frames_init(&frames, sv[1], &err);
}

static int close_wire(void **state)
{
	(void)state;
	(void)close(monitor);
	frames_done(&frames);
	return 0;
}

static void frames_of_every_allowed_length_arrive(void **state)
{
	static const size_t lens[] = { NET_FRAME_MIN, 60, 1514, NET_FRAME_MAX };
	static uint8_t data[NET_FRAME_MAX];

	(void)state;
	memset(data, 0x5a, sizeof(data));
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		assert_int_equal(send(monitor, data, lens[i], 0), lens[i]);
		assert_int_equal(frames_receive(&frames), lens[i]);
		assert_memory_equal(frames.buf, data, lens[i]);
	}
	assert_int_equal(frames_receive(&frames), 0);
	assert_int_equal(frames.received, 4);
}

static void other_lengths_are_counted_and_skipped(void **state)
{
	static const size_t lens[] = { 0, 1, NET_FRAME_MIN - 1,
				       NET_FRAME_MAX + 1,
				       NET_FRAME_MAX + 1000 };
	static uint8_t data[NET_FRAME_MAX + 1000];

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		assert_int_equal(send(monitor, data, lens[i], 0), lens[i]);
		assert_int_equal(frames_receive(&frames), -EMSGSIZE);
	}
	assert_int_equal(frames.wrong_length, 5);
	assert_int_equal(send(monitor, data, 64, 0), 64);
	assert_int_equal(frames_receive(&frames), 64);
}

static void end_of_the_monitor_is_told_from_an_empty_message(void **state)
{
	(void)state;
	assert_int_equal(send(monitor, "", 0, 0), 0);
	assert_int_equal(frames_receive(&frames), -EMSGSIZE);
	assert_int_equal(frames_receive(&frames), 0);
	assert_int_equal(shutdown(monitor, SHUT_RDWR), 0);
	assert_int_equal(frames_receive(&frames), -EPIPE);
}

static void full_wire_drops_and_says_so(void **state)
{
	static const uint8_t data[1514];
	uint8_t got[2000];
	uint64_t kept = 0;

	(void)state;
	while (!frames.full) {
		frames_send(&frames, data, sizeof(data));
		assert_true(frames.sent < 1000000);
	}
	assert_int_equal(frames.not_sent, 1);
	while (recv(monitor, got, sizeof(got), MSG_DONTWAIT) == sizeof(data))
		kept++;
	assert_int_equal(kept, frames.sent);
}

static void stream_socket_is_refused(void **state)
{
	int sv[2];
	struct err err;
	static struct frames other;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	assert_int_equal(frames_init(&other, sv[0], &err), -EINVAL);
	assert_non_null(strstr(err.msg, "SOCK_SEQPACKET"));
	(void)close(sv[0]);
	(void)close(sv[1]);
}

static union publish_addr addr(const char *ip, uint16_t port)
{
	union publish_addr a = { .v4.sin_family = AF_INET };

	if (strchr(ip, ':')) {
		a.v6.sin6_family = AF_INET6;
		assert_int_equal(inet_pton(AF_INET6, ip, &a.v6.sin6_addr), 1);
	} else {
		assert_int_equal(inet_pton(AF_INET, ip, &a.v4.sin_addr), 1);
	}
	a.v4.sin_port = htons(port);
	return a;
}

static size_t datagram(const char *src, const char *dst, size_t len,
		       uint8_t *frame)
{
	static const uint8_t data[2000];
	struct packet p = { addr(src, 1000), addr(dst, 53), data, len };

	return packet_build(&p, mac, mac, frame);
}

static bool admitted(const char *dst)
{
	uint8_t frame[PACKET_FRAME_MAX];
	size_t len = datagram(strchr(dst, ':') ? NET_GUEST6 : NET_GUEST4, dst,
			      1, frame);

	return filter_admits(frame, len);
}

static void loopback_and_multicast_are_not_admitted(void **state)
{
	static const char *const no[] = {
		"127.0.0.1", "127.1.2.3",	 "0.0.0.0",	"0.1.2.3",
		"224.0.0.1", "255.255.255.255",	 "240.0.0.1",	"::",
		"::1",	     "::ffff:127.0.0.1", "::127.0.0.1", "ff02::1",
	};
	static const char *const yes[] = {
		"10.0.2.2",	   "10.0.2.3",	"192.0.2.1", "223.255.255.255",
		"126.0.0.1",	   "128.0.0.1", "1.0.0.0",   "2001:db8::1",
		"64:ff9b::7f00:1", NET_DNS6,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (admitted(no[i]))
			fail_msg("%s is admitted", no[i]);
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!admitted(yes[i]))
			fail_msg("%s is not admitted", yes[i]);
}

static void truncated_and_foreign_frames_are_not_admitted(void **state)
{
	uint8_t frame[PACKET_FRAME_MAX];

	(void)state;
	assert_int_equal(datagram(NET_GUEST4, "192.0.2.1", 1, frame), 43);
	assert_false(filter_admits(frame, NET_FRAME_MIN));
	assert_false(filter_admits(frame, 33));
	assert_true(filter_admits(frame, 34));
	frame[12] = 0x81; /* a VLAN tag */
	frame[13] = 0x00;
	assert_false(filter_admits(frame, 43));

	assert_int_equal(datagram(NET_GUEST6, "2001:db8::1", 1, frame), 63);
	assert_false(filter_admits(frame, 53));
	assert_true(filter_admits(frame, 54));
}

static void neighbour_discovery_is_admitted(void **state)
{
	uint8_t frame[PACKET_FRAME_MAX];
	size_t len = datagram(NET_GUEST6, "ff02::1:ff00:2", 1, frame);

	(void)state;
	assert_false(filter_admits(frame, len));
	frame[14 + 6] = IPPROTO_ICMPV6;
	assert_true(filter_admits(frame, len));
}

static void pings_that_nobody_answers_are_not_admitted(void **state)
{
	static const char *const dst[] = {
		NET_GATEWAY6,  NET_DNS6,   "fe80::2",
		"2001:db8::1", NET_GUEST6, "ff02::1"
	};
	uint8_t frame[PACKET_FRAME_MAX];

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		size_t len = datagram(NET_GUEST6, dst[i], 1, frame);

		frame[14 + 6] = IPPROTO_ICMPV6;
		frame[14 + 40] = 128; /* echo request */
		assert_int_equal(filter_admits(frame, len), i < 2);
		assert_true(filter_admits(frame, 14 + 40)); /* type cut off */
		frame[14 + 40] = 136; /* neighbour advertisement */
		assert_true(filter_admits(frame, len));
	}
}

/* A frame in memory of exactly its length, so that ASan sees any overrun. */
static bool parses(const uint8_t *frame, size_t len, struct packet *ret)
{
	uint8_t *exact = malloc(len ? len : 1);

	assert_non_null(exact);
	memcpy(exact, frame, len);
	bool ok = packet_parse(exact, len, ret);
	free(exact);
	return ok;
}

static void datagrams_survive_the_round_trip(void **state)
{
	static const struct {
		const char *src;
		const char *dst;
		size_t max;
	} cases[] = {
		{ NET_GATEWAY4, NET_GUEST4, 1472 },
		{ NET_GATEWAY6, NET_GUEST6, 1452 },
	};
	uint8_t frame[PACKET_FRAME_MAX];
	struct packet p;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		union publish_addr src = addr(cases[i].src, 1000);

		for (size_t n = 0; n <= cases[i].max; n += n < 5 ? 1 : 7) {
			size_t len =
				datagram(cases[i].src, cases[i].dst, n, frame);

			assert_true(parses(frame, len, &p));
			assert_int_equal(p.len, n);
			assert_memory_equal(&p.src, &src, sizeof(src));
			assert_false(parses(frame, len - 1, &p));
		}
		assert_int_equal(datagram(cases[i].src, cases[i].dst,
					  cases[i].max + 1, frame),
				 0);
	}
}

static void damaged_headers_are_not_parsed(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} damage4[] = {
		{ 14, 0x44 }, /* header shorter than its fixed part */
		{ 14, 0x4f }, /* header longer than the packet */
		{ 14, 0x65 }, /* version */
		{ 16, 0xff }, /* total length beyond the frame */
		{ 17, 0x00 }, /* total length below the header */
		{ 20, 0x20 }, /* more fragments */
		{ 21, 0x01 }, /* fragment offset */
		{ 23, IPPROTO_TCP },
		{ 38, 0xff }, /* UDP length beyond the packet */
		{ 39, 0x07 }, /* UDP length below its header */
	};
	uint8_t frame[PACKET_FRAME_MAX];
	struct packet p;

	(void)state;
	for (size_t i = 0; i < sizeof(damage4) / sizeof(damage4[0]); i++) {
		size_t len = datagram(NET_GUEST4, NET_GATEWAY4, 8, frame);

		frame[damage4[i].at] = damage4[i].value;
		if (parses(frame, len, &p))
			fail_msg("damage %zu goes unnoticed", i);
	}
	for (size_t n = 0; n < 50; n++) {
		(void)datagram(NET_GUEST4, NET_GATEWAY4, 8, frame);
		assert_false(parses(frame, n, &p));
		(void)datagram(NET_GUEST6, NET_GATEWAY6, 8, frame);
		assert_false(parses(frame, n, &p));
	}
}

static void only_clients_that_wrote_are_in_the_table(void **state)
{
	struct relay *r = calloc(1, sizeof(*r));
	union publish_addr a = addr(NET_GATEWAY4, 5000);
	union publish_addr b = addr(NET_GATEWAY6, 5000);

	(void)state;
	assert_non_null(r);
	relay_init(r, addr(NET_GUEST4, 0).v4.sin_addr,
		   addr(NET_GATEWAY4, 0).v4.sin_addr);
	assert_null(relay_flow(r, 53, &a, 1000, false));
	struct relay_flow *f = relay_flow(r, 53, &a, 1000, true);
	f->last_ms = 1000;
	assert_ptr_equal(relay_flow(r, 53, &a, 1000, false), f);
	assert_null(relay_flow(r, 54, &a, 1000, false));
	assert_null(relay_flow(r, 53, &b, 1000, false));

	/* Reading does not keep it alive; the client's next datagram does. */
	assert_ptr_equal(relay_flow(r, 53, &a, 1000 + RELAY_IDLE_MS, false), f);
	assert_null(relay_flow(r, 53, &a, 1001 + RELAY_IDLE_MS, false));
	free(r);
}

static void endless_clients_replace_the_oldest(void **state)
{
	struct relay *r = calloc(1, sizeof(*r));
	size_t found = 0;

	(void)state;
	assert_non_null(r);
	relay_init(r, addr(NET_GUEST4, 0).v4.sin_addr,
		   addr(NET_GATEWAY4, 0).v4.sin_addr);
	for (int i = 0; i < 60000; i++) {
		union publish_addr a = addr(NET_GATEWAY4, (uint16_t)(i + 1));

		relay_flow(r, 53, &a, 1000 + i, true)->last_ms = 1000 + i;
		assert_non_null(relay_flow(r, 53, &a, 1000 + i, false));
	}
	for (int i = 59000; i < 60000; i++) {
		union publish_addr a = addr(NET_GATEWAY4, (uint16_t)(i + 1));

		found += relay_flow(r, 53, &a, 61000, false) != NULL;
	}
	/* A set can overflow by chance; most of the newest are there. */
	assert_in_range(found, 900, 1000);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			frames_of_every_allowed_length_arrive, open_wire,
			close_wire),
		cmocka_unit_test_setup_teardown(
			other_lengths_are_counted_and_skipped, open_wire,
			close_wire),
		cmocka_unit_test_setup_teardown(
			end_of_the_monitor_is_told_from_an_empty_message,
			open_wire, close_wire),
		cmocka_unit_test_setup_teardown(full_wire_drops_and_says_so,
						open_wire, close_wire),
		cmocka_unit_test(stream_socket_is_refused),
		cmocka_unit_test(loopback_and_multicast_are_not_admitted),
		cmocka_unit_test(truncated_and_foreign_frames_are_not_admitted),
		cmocka_unit_test(neighbour_discovery_is_admitted),
		cmocka_unit_test(pings_that_nobody_answers_are_not_admitted),
		cmocka_unit_test(datagrams_survive_the_round_trip),
		cmocka_unit_test(damaged_headers_are_not_parsed),
		cmocka_unit_test(only_clients_that_wrote_are_in_the_table),
		cmocka_unit_test(endless_clients_replace_the_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
