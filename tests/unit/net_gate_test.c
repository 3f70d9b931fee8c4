/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_gate_test.c - what of a guest with --allow may reach libslirp, and what
 * the guest gets instead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/netns.h"
#include "vmm/abi/net.h"
#include "vmm/net/gate.h"
#include "vmm/net/reject.h"

#define OK4    "192.0.2.1"
#define OK6    "2001:db8::1"
#define OTHER4 "192.0.2.66"
#define OTHER6 "2001:db8::66"

static const uint8_t mac[ETH_ALEN] = { 2, 0, 0, 0, 0, 1 };

static struct gate gate;
static struct frames frames;
static int monitor;
static uint8_t frame[PACKET_FRAME_MAX];
static struct packet seen;

static int setup(void **state)
{
	static const char *const entries[] = {
		"tcp:80:web.test=" OK4 "," OK6,
		"udp:53:=" OK4,
		"udp:53:=" OK6,
	};
	struct err err;
	int sv[2];

	(void)state;
	memset(&gate, 0, sizeof(gate));
	memset(&frames, 0, sizeof(frames));
	for (size_t i = 0; i < 3; i++)
		if (allow_parse_pinned(entries[i], &gate.list.v[gate.list.n++],
				       &err))
			return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return -1;
	monitor = sv[0];
	return frames_init(&frames, sv[1], &err);
}

static int teardown(void **state)
{
	(void)state;
	(void)close(monitor);
	frames_done(&frames);
	return 0;
}

static struct packet to(const char *ip, uint16_t port)
{
	return (struct packet){
		.src = netns_addr(strchr(ip, ':') ? NET_GUEST6 : NET_GUEST4,
				  1234),
		.dst = netns_addr(ip, port),
	};
}

static size_t segment(const char *ip, uint16_t port, uint8_t flags, size_t data)
{
	uint8_t bytes[64] = { 0 };
	struct tcphdr tcp = { .th_off = 5, .th_flags = flags };
	struct packet p = to(ip, port);

	tcp.th_sport = htons(1234);
	tcp.th_dport = htons(port);
	tcp.th_seq = htonl(0xfffffffe);
	memcpy(bytes, &tcp, sizeof(tcp));
	p.data = bytes;
	p.len = sizeof(tcp) + data;
	return packet_wrap(&p, IPPROTO_TCP, 16, mac, mac, frame);
}

static size_t datagram(const char *ip, uint16_t port)
{
	struct packet p = to(ip, port);

	p.data = (const uint8_t *)"hello";
	p.len = 5;
	return packet_build(&p, mac, mac, frame);
}

/* Some other protocol whose first byte is @type. */
static size_t other(const char *ip, uint8_t protocol, uint8_t type)
{
	uint8_t bytes[24] = { type };
	struct packet p = to(ip, 0);

	p.data = bytes;
	p.len = sizeof(bytes);
	return packet_wrap(&p, protocol, 2, mac, mac, frame);
}

static int judged(size_t len)
{
	assert_true(len > 0);
	return (int)gate_judge(&gate.list, frame, len, &seen);
}

static void connections_need_an_entry(void **state)
{
	(void)state;
	assert_int_equal(judged(segment(OK4, 80, TH_SYN, 0)), GATE_PASS);
	assert_int_equal(judged(segment(OK6, 80, TH_SYN, 0)), GATE_PASS);
	assert_int_equal(judged(segment(OK4, 81, TH_SYN, 0)), GATE_RESET);
	assert_int_equal(judged(segment(OK6, 81, TH_SYN, 0)), GATE_RESET);
	assert_int_equal(judged(segment(OTHER4, 80, TH_SYN, 0)), GATE_RESET);
	assert_int_equal(judged(segment(OTHER6, 80, TH_SYN, 0)), GATE_RESET);
	/* Allowed for UDP only. */
	assert_int_equal(judged(segment(OK4, 53, TH_SYN, 0)), GATE_RESET);
	/* No way to the gateway's services or the host's resolver. */
	assert_int_equal(judged(segment(NET_DNS4, 53, TH_SYN, 0)), GATE_RESET);
	assert_int_equal(judged(segment(NET_DNS6, 53, TH_SYN, 0)), GATE_RESET);
	assert_int_equal(judged(segment(NET_GATEWAY4, 80, TH_SYN, 0)),
			 GATE_RESET);
}

/* 4.7.0 opens a connection for some of these flags; for none with ACK. */
static void every_flag_beside_syn_needs_an_entry(void **state)
{
	(void)state;
	for (unsigned flags = 0; flags < 256; flags++) {
		bool opens = (flags & TH_SYN) && !(flags & TH_ACK);
		size_t len = segment(OTHER4, 80, (uint8_t)flags, 0);

		assert_int_equal(judged(len), opens ? GATE_RESET : GATE_PASS);
	}
}

static void datagrams_need_an_entry(void **state)
{
	(void)state;
	assert_int_equal(judged(datagram(OK4, 53)), GATE_PASS);
	assert_int_equal(judged(datagram(OK6, 53)), GATE_PASS);
	assert_int_equal(judged(datagram(OK4, 80)), GATE_PORT);
	assert_int_equal(judged(datagram(OTHER4, 53)), GATE_PORT);
	assert_int_equal(judged(datagram(OTHER6, 53)), GATE_PORT);
	assert_int_equal(judged(datagram(NET_DNS4, 53)), GATE_DNS);
	assert_int_equal(judged(datagram(NET_DNS6, 53)), GATE_DNS);
	assert_int_equal(judged(datagram(NET_DNS4, 54)), GATE_PORT);
	assert_int_equal(judged(datagram(NET_GATEWAY4, 67)), GATE_PORT);
	assert_int_equal(judged(datagram(NET_GATEWAY4, 69)), GATE_PORT);
	assert_int_equal(judged(datagram(NET_GATEWAY4, 53)), GATE_PORT);
	assert_int_equal(judged(datagram(NET_GATEWAY6, 547)), GATE_PORT);
}

static void pings_end_at_the_gateway(void **state)
{
	static const uint8_t neighbour[] = { 133, 135, 136 };
	static const uint8_t not [] = {
		0, 1, 2, 3, 4, 129, 130, 134, 137, 143
	};

	(void)state;
	assert_int_equal(judged(other(NET_GATEWAY4, 1, 8)), GATE_PASS);
	assert_int_equal(judged(other(NET_DNS4, 1, 8)), GATE_PASS);
	assert_int_equal(judged(other(OK4, 1, 8)), GATE_PROHIBITED);
	assert_int_equal(judged(other(OK4, 1, 3)), GATE_DROP);
	assert_int_equal(judged(other(NET_GATEWAY4, 1, 13)), GATE_DROP);
	assert_int_equal(judged(other(NET_GATEWAY6, 58, 128)), GATE_PASS);
	assert_int_equal(judged(other(OK6, 58, 128)), GATE_PROHIBITED);
	for (size_t i = 0; i < sizeof(neighbour); i++)
		assert_int_equal(judged(other("ff02::2", 58, neighbour[i])),
				 GATE_PASS);
	for (size_t i = 0; i < sizeof(not ); i++)
		assert_int_equal(judged(other(NET_GATEWAY6, 58, not [i])),
				 GATE_DROP);
	/* Each belongs to its own family. */
	assert_int_equal(judged(other(NET_GATEWAY4, 58, 128)), GATE_DROP);
	assert_int_equal(judged(other(NET_GATEWAY6, 1, 8)), GATE_DROP);
}

static void headers_cannot_hide(void **state)
{
	static const uint8_t extension[] = { 0, 43, 50, 51, 60, 135, 139, 59 };
	size_t len = segment(OK4, 80, TH_SYN, 0);
	uint8_t good[PACKET_FRAME_MAX];

	(void)state;
	memcpy(good, frame, sizeof(good));
	static const uint16_t offsets[] = { IP_MF, 1, 0x1fff, IP_MF | 185 };
	for (size_t i = 0; i < 4; i++) {
		uint16_t off = htons(offsets[i]);

		memcpy(frame + ETH_HLEN + 6, &off, 2);
		assert_int_equal(judged(len), GATE_FRAGMENT);
	}
	memcpy(frame, good, sizeof(good));
	frame[ETH_HLEN + 6] |=
		0x80; /* the reserved bit: libslirp reassembles */
	assert_int_equal(judged(len), GATE_DROP);
	for (unsigned version = 0; version < 256; version++) {
		memcpy(frame, good, sizeof(good));
		frame[ETH_HLEN] = (uint8_t)version;
		assert_int_equal(judged(len),
				 version == 0x45 ? GATE_PASS : GATE_DROP);
	}
	memcpy(frame, good, sizeof(good));
	for (size_t n = ETH_HLEN; n < len; n++)
		assert_int_equal(judged(n), GATE_DROP);
	/* Shorter than a TCP header by its own account. */
	frame[ETH_HLEN + 3] = 39;
	assert_int_equal(judged(len), GATE_DROP);

	len = segment(OK6, 80, TH_SYN, 0);
	assert_int_equal(judged(len), GATE_PASS);
	for (size_t i = 0; i < sizeof(extension); i++) {
		frame[ETH_HLEN + 6] = extension[i];
		assert_int_equal(judged(len), GATE_DROP);
	}
	frame[ETH_HLEN + 6] = 44;
	assert_int_equal(judged(len), GATE_FRAGMENT);
	frame[ETH_HLEN + 6] = IPPROTO_TCP;
	frame[ETH_HLEN] = 0x40;
	assert_int_equal(judged(len), GATE_DROP);
	frame[ETH_HLEN] = 0x60;
	frame[ETH_HLEN + 5] = 21; /* a byte more than there is */
	assert_int_equal(judged(len), GATE_DROP);
	frame[ETH_HLEN + 5] = 19;
	assert_int_equal(judged(len), GATE_DROP);

	for (unsigned protocol = 0; protocol < 256; protocol++) {
		bool known = protocol == 1 || protocol == 6 || protocol == 17;

		if (!known)
			assert_int_equal(
				judged(other(OK4, (uint8_t)protocol, 8)),
				GATE_DROP);
	}
}

/* RFC 1071: right when the sum over header and data is all ones. */
static uint32_t add(const uint8_t *p, size_t len, uint32_t acc)
{
	for (size_t i = 0; i < len; i++)
		acc += (uint32_t)p[i] << (i & 1 ? 0 : 8);
	while (acc >> 16)
		acc = (acc & 0xffff) + (acc >> 16);
	return acc;
}

/* The one frame that went to the guest; its checksums are right. */
static int answer(struct packet *p, uint8_t *buf)
{
	ssize_t n = recv(monitor, buf, NET_FRAME_MAX, MSG_DONTWAIT);

	assert_true(n > ETH_HLEN);
	assert_memory_equal(buf, mac, ETH_ALEN);
	int protocol = packet_open(buf, (size_t)n, p);
	bool v6 = p->src.any.sa_family == AF_INET6;
	uint32_t acc = (uint32_t)p->len + (uint32_t)protocol;

	if (v6)
		acc = add(buf + ETH_HLEN + 8, 32, acc);
	else
		acc = add(buf + ETH_HLEN + 12, 8, acc);
	if (protocol == IPPROTO_ICMP)
		acc = 0;
	assert_int_equal(add(p->data, p->len, acc), 0xffff);
	if (!v6)
		assert_int_equal(add(buf + ETH_HLEN, 20, 0), 0xffff);
	return protocol;
}

static void resets_are_what_a_client_waits_for(void **state)
{
	static const char *const hosts[] = { OTHER4, OTHER6 };
	uint8_t buf[NET_FRAME_MAX];
	struct tcphdr tcp;
	struct packet p;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		size_t len = segment(hosts[i], 80, TH_SYN, 3);

		assert_false(gate_out(&gate, frame, len, &frames));
		assert_int_equal(answer(&p, buf), IPPROTO_TCP);
		assert_int_equal(p.len, sizeof(tcp));
		memcpy(&tcp, p.data, sizeof(tcp));
		assert_int_equal(tcp.th_flags, TH_RST | TH_ACK);
		/* The SYN and three bytes, over the end of the numbers. */
		assert_int_equal(ntohl(tcp.th_ack), 2);
		assert_int_equal(ntohs(tcp.th_sport), 80);
		assert_int_equal(ntohs(tcp.th_dport), 1234);
		union publish_addr from = netns_addr(hosts[i], 80);
		assert_memory_equal(&p.src, &from, publish_addr_len(&from));
	}
	assert_int_equal(gate.refused, 2);

	/* A header that says it is longer than the segment gets none. */
	size_t len = segment(OTHER4, 80, TH_SYN, 0);
	frame[ETH_HLEN + 20 + 12] = 0xf0;
	assert_false(gate_out(&gate, frame, len, &frames));
	frame[ETH_HLEN + 20 + 12] = 0x10;
	assert_false(gate_out(&gate, frame, len, &frames));
	len = segment(OTHER4, 80, TH_SYN | TH_RST, 0);
	assert_false(gate_out(&gate, frame, len, &frames));
	assert_int_equal(recv(monitor, buf, sizeof(buf), MSG_DONTWAIT), -1);
}

static void unreachables_quote_the_packet(void **state)
{
	static const struct {
		const char *host;
		bool ping;
		uint8_t type, code;
	} cases[] = {
		{ OTHER4, false, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH },
		{ OTHER6, false, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOPORT },
		{ OTHER4, true, ICMP_DEST_UNREACH, ICMP_PKT_FILTERED },
		{ OTHER6, true, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADMIN },
	};
	uint8_t buf[NET_FRAME_MAX];
	struct packet p;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		bool v6 = strchr(cases[i].host, ':') != NULL;
		size_t len = !cases[i].ping ? datagram(cases[i].host, 80)
			     : v6	    ? other(cases[i].host, 58, 128)
					    : other(cases[i].host, 1, 8);

		assert_false(gate_out(&gate, frame, len, &frames));
		assert_int_equal(answer(&p, buf),
				 v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
		assert_int_equal(p.data[0], cases[i].type);
		assert_int_equal(p.data[1], cases[i].code);
		assert_int_equal(p.len, 8 + len - ETH_HLEN);
		assert_memory_equal(p.data + 8, frame + ETH_HLEN,
				    len - ETH_HLEN);
	}

	/* The largest datagram: cut to what RFC 1812 and RFC 4443 say. */
	static uint8_t data[1452];
	static const size_t longest[] = { 576, 1280 };
	static const char *const hosts[] = { OTHER4, OTHER6 };
	for (size_t i = 0; i < 2; i++) {
		struct packet big = to(hosts[i], 80);

		big.data = data;
		big.len = sizeof(data);
		size_t len = packet_build(&big, mac, mac, frame);
		assert_false(gate_out(&gate, frame, len, &frames));
		(void)answer(&p, buf);
		assert_int_equal(p.len + (i ? 40 : 20), longest[i]);
	}
}

static void names_are_answered_at_the_gate(void **state)
{
	static const uint8_t query[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0"
				       "\3web\4test\0\0\1\0\1";
	uint8_t buf[NET_FRAME_MAX];
	struct packet q = to(NET_DNS4, 53);
	struct packet p;

	(void)state;
	q.data = query;
	q.len = sizeof(query) - 1;
	size_t len = packet_build(&q, mac, mac, frame);
	assert_false(gate_out(&gate, frame, len, &frames));
	ssize_t n = recv(monitor, buf, sizeof(buf), MSG_DONTWAIT);
	assert_true(packet_parse(buf, (size_t)n, &p));
	assert_int_equal(p.src.v4.sin_port, htons(53));
	assert_int_equal(p.dst.v4.sin_port, htons(1234));
	assert_memory_equal(p.data, query, 2);
	assert_int_equal(p.len, q.len + 16);
	assert_int_equal(gate.asked, 1);
	assert_int_equal(gate.refused, 0);

	/* By its own account longer than its packet. */
	frame[ETH_HLEN + 20 + 4] = 1;
	assert_false(gate_out(&gate, frame, len, &frames));
	assert_int_equal(recv(monitor, buf, sizeof(buf), MSG_DONTWAIT), -1);
}

static void strangers_do_not_get_in(void **state)
{
	struct packet p = to(NET_GUEST4, 1000);

	(void)state;
	p.data = (const uint8_t *)"hello";
	p.len = 5;
	p.src = netns_addr(OK4, 53);
	assert_true(gate_in(&gate, frame, packet_build(&p, mac, mac, frame)));
	p.src = netns_addr(OK4, 54);
	assert_false(gate_in(&gate, frame, packet_build(&p, mac, mac, frame)));
	p.src = netns_addr(OTHER4, 53);
	size_t len = packet_build(&p, mac, mac, frame);
	assert_false(gate_in(&gate, frame, len));
	frame[ETH_HLEN + 7] = 1; /* a fragment behind the first */
	assert_false(gate_in(&gate, frame, len));
	p.src = netns_addr(OK4, 53);
	len = packet_build(&p, mac, mac, frame);
	frame[ETH_HLEN + 7] = 1;
	assert_true(gate_in(&gate, frame, len));
	assert_int_equal(gate.from_strangers, 3);
	/* Connections, published ones too, were judged when they began. */
	assert_true(gate_in(&gate, frame, segment(OTHER4, 80, TH_SYN, 0)));
}

/* All that is logged while @count refusals of each kind come. */
static void log_of(unsigned count, char *text, size_t size)
{
	int fd = memfd_create("log", MFD_CLOEXEC);
	int saved = dup(STDERR_FILENO);
	uint8_t buf[NET_FRAME_MAX];

	assert_true(fd >= 0 && saved >= 0);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	for (unsigned i = 0; i < count; i++) {
		uint16_t port = (uint16_t)(1000 + i / 2);

		(void)gate_out(&gate, frame, segment(OTHER4, port, TH_SYN, 0),
			       &frames);
		while (recv(monitor, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
	}
	(void)gate_out(&gate, frame, segment(OK6, 443, TH_SYN, 0), &frames);
	(void)gate_out(&gate, frame, datagram(OTHER6, 443), &frames);
	(void)gate_out(&gate, frame, datagram(NET_GATEWAY4, 69), &frames);
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	(void)close(saved);
	ssize_t n = pread(fd, text, size - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	(void)close(fd);
}

static void the_log_says_each_once_and_how_to_allow_it(void **state)
{
	char text[8192];

	(void)state;
	log_of(4, text, sizeof(text));
	assert_string_equal(
		text,
		"warn: the guest was refused 192.0.2.66:1000; to allow it: "
		"--allow 192.0.2.66:1000\n"
		"warn: the guest was refused 192.0.2.66:1001; to allow it: "
		"--allow 192.0.2.66:1001\n"
		"warn: the guest was refused [2001:db8::1]:443; to allow it: "
		"--allow web.test:443\n"
		"warn: the guest was refused [2001:db8::66]:443/udp; to allow "
		"it: --allow [2001:db8::66]:443/udp\n"
		"warn: the guest was refused 10.0.2.2:69/udp\n");
}

static void the_log_ends_before_the_guest_does(void **state)
{
	char text[16384];
	unsigned lines = 0;

	(void)state;
	log_of(2000, text, sizeof(text));
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, GATE_NOTES + 1);
	assert_non_null(strstr(text, "refused more than 16 things"));
	assert_int_equal(gate.refused, 2003);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(connections_need_an_entry),
		TEST(every_flag_beside_syn_needs_an_entry),
		TEST(datagrams_need_an_entry),
		TEST(pings_end_at_the_gateway),
		TEST(headers_cannot_hide),
		TEST(resets_are_what_a_client_waits_for),
		TEST(unreachables_quote_the_packet),
		TEST(names_are_answered_at_the_gate),
		TEST(strangers_do_not_get_in),
		TEST(the_log_says_each_once_and_how_to_allow_it),
		TEST(the_log_ends_before_the_guest_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
