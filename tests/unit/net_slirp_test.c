/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_slirp_test.c - belljar-net as a guest and the host's programs meet it:
 * real frames, real sockets, in namespaces of our own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/netns.h"
#include "tests/harness/traffic.h"
#include "vmm/abi/net.h"
#include "vmm/lib/auto.h"

#define MEGABYTES	 (8U << 20)
#define IPV4_TCP_HEADERS (14U + 20 + 20) /* and Ethernet's */

static struct netns net;

/* Megabytes in both directions over a connection that @client opened. */
static void both_ways(int client, int listener)
{
	assert_true(client >= 0);
	int server = traffic_accept(listener);

	traffic_transfer(client, server, MEGABYTES);
	traffic_transfer(server, client, MEGABYTES);
	(void)close(client);
	(void)close(server);
}

static void guest_reaches(int type, const char *ip, uint16_t port)
{
	int listener = netns_listen(&net, ON_HOST, type, ip, port);

	both_ways(netns_connect(&net, IN_GUEST, type, ip, port), listener);
	(void)close(listener);
}

static void tcp_goes_out(void **state)
{
	(void)state;
	traffic_need(&net);
	netns_start(&net, NULL, 0);
	guest_reaches(SOCK_STREAM, HOST4, 7000);
	guest_reaches(SOCK_STREAM, HOST6, 7000);
	assert_int_equal(netns_stop(&net), 0);
}

static void udp_goes_out(void **state)
{
	(void)state;
	traffic_need(&net);
	netns_start(&net, NULL, 0);
	traffic_echo_out(&net, HOST4, 1);
	traffic_echo_out(&net, HOST4, 1472);
	traffic_echo_out(&net, HOST4, 8192); /* fragments */
	traffic_echo_out(&net, HOST6, 1);
	traffic_echo_out(&net, HOST6, 1452);
	assert_int_equal(netns_stop(&net), 0);
}

/* A megabyte each way in frames that are long, and so few. */
static void long_frames_carry_more(void **state)
{
	unsigned before[2];

	(void)state;
	traffic_need(&net);
	for (unsigned i = 0; i < 2; i++) {
		netns_mtu(&net, i ? NET_MTU : 1500);
		netns_start(&net, NULL, 0);
		unsigned crossed = netns_crossed(&net);
		guest_reaches(SOCK_STREAM, HOST4, 7000);
		guest_reaches(SOCK_STREAM, HOST6, 7000);
		before[i] = netns_crossed(&net) - crossed;
		traffic_echo_out(&net, HOST4, 1472);
		if (i) {
			traffic_echo_out(&net, HOST4, 65492);
			traffic_echo_out(&net, HOST6, 65472);
		}
		assert_int_equal(netns_stop(&net), 0);
	}
	netns_mtu(&net, 1500);
	print_message("frames with an MTU of 1500: %u, of %u: %u\n", before[0],
		      NET_MTU, before[1]);
	assert_true(before[1] * 4 < before[0]);
}

/*
 * Two full segments fit a window, 64 KiB - 1: a guest acknowledges the second
 * one at once, a single one when a timer ends.
 */
static void a_window_holds_two_segments(void **state)
{
	(void)state;
	traffic_need(&net);
	netns_mtu(&net, NET_MTU);
	netns_start(&net, NULL, 0);
	guest_reaches(SOCK_STREAM, HOST4, 7000);
	guest_reaches(SOCK_STREAM, HOST6, 7000);
	size_t segment = netns_longest(&net) - IPV4_TCP_HEADERS;
	assert_int_equal(netns_stop(&net), 0);
	netns_mtu(&net, 1500);
	print_message("segments of %zu bytes at most\n", segment);
	assert_in_range(segment, 16384, 65535 / 2);
}

/* As a guest gets it with --network user,mtu=1500. */
static void a_smaller_mtu_bounds_frames(void **state)
{
	static const char *const options[] = { "--mtu=1500", NULL };

	(void)state;
	traffic_need(&net);
	netns_start(&net, options, 0);
	unsigned crossed = netns_crossed(&net);
	guest_reaches(SOCK_STREAM, HOST4, 7000);
	assert_true(netns_crossed(&net) - crossed > 1000);
	traffic_echo_out(&net, HOST4, 8192);
	assert_int_equal(netns_stop(&net), 0);
}

/* The query goes to @dns, the host's resolver listens on @resolver. */
static void dns_answers(const char *dns, const char *resolver)
{
	int server = netns_listen(&net, ON_HOST, SOCK_DGRAM, resolver, 53);
	int c = netns_connect(&net, IN_GUEST, SOCK_DGRAM, dns, 53);

	traffic_echo(c, server, 40);
	(void)close(c);
	(void)close(server);

	/* Long answers come over TCP. */
	int listener = netns_listen(&net, ON_HOST, SOCK_STREAM, resolver, 53);
	c = netns_connect(&net, IN_GUEST, SOCK_STREAM, dns, 53);
	assert_true(c >= 0);
	server = traffic_accept(listener);
	traffic_transfer(c, server, 4096);
	traffic_transfer(server, c, 65536);
	(void)close(c);
	(void)close(server);
	(void)close(listener);
}

static void dns_reaches_a_resolver_on_loopback(void **state)
{
	(void)state;
	traffic_need(&net);
	netns_start(&net, NULL, 0);
	dns_answers(NET_DNS4, "127.0.0.53");
	dns_answers(NET_DNS6, "::1");
	assert_int_equal(netns_stop(&net), 0);
}

static void published_tcp_arrives(void **state)
{
	static const char *const publish[] = {
		"80", "[::1]::80", "8080:81", HOST4 ":8080:82", NULL,
	};
	static const struct {
		const char *host;
		const char *guest;
		uint16_t guest_port;
	} expect[] = {
		{ "127.0.0.1", NET_GUEST4, 80 },
		{ "::1", NET_GUEST6, 80 },
		{ "127.0.0.1", NET_GUEST4, 81 },
		{ HOST4, NET_GUEST4, 82 },
	};

	(void)state;
	traffic_need(&net);
	netns_start(&net, publish, 0);
	assert_non_null(strstr(net.output, "tcp 127.0.0.1:8080 -> 81\n"));
	for (unsigned i = 0; i < 4; i++) {
		int listener =
			netns_listen(&net, IN_GUEST, SOCK_STREAM,
				     expect[i].guest, expect[i].guest_port);

		both_ways(netns_connect(&net, ON_HOST, SOCK_STREAM,
					expect[i].host, netns_port(&net, i)),
			  listener);
		(void)close(listener);
	}
	assert_int_equal(netns_stop(&net), 0);
}

/* Only the address asked for: nothing listens on the others. */
static void published_port_is_on_loopback_only(void **state)
{
	static const char *const publish[] = { "8080:80", NULL };

	(void)state;
	traffic_need(&net);
	netns_start(&net, publish, 0);
	assert_int_equal(netns_connect(&net, ON_HOST, SOCK_STREAM, HOST4, 8080),
			 -ECONNREFUSED);
	assert_int_equal(netns_connect(&net, ON_HOST, SOCK_STREAM, "::1", 8080),
			 -ECONNREFUSED);
	assert_int_equal(netns_stop(&net), 0);
}

/* Two clients of one port, taking turns. */
static void udp_published(const char *host, uint16_t port, const char *guest,
			  size_t largest)
{
	int server = netns_listen(&net, IN_GUEST, SOCK_DGRAM, guest, 53);
	int a = netns_connect(&net, ON_HOST, SOCK_DGRAM, host, port);
	int b = netns_connect(&net, ON_HOST, SOCK_DGRAM, host, port);

	traffic_echo(a, server, 1);
	traffic_echo(b, server, 100);
	traffic_echo(a, server, largest);
	(void)close(a);
	(void)close(b);
	(void)close(server);
}

static void published_udp_arrives(void **state)
{
	static const char *const publish[] = {
		"53/udp",
		"[::1]::53/udp",
		"0.0.0.0:5353:53/udp",
		NULL,
	};

	(void)state;
	traffic_need(&net);
	netns_start(&net, publish, 0);
	udp_published("127.0.0.1", netns_port(&net, 0), NET_GUEST4, 1472);
	udp_published("::1", netns_port(&net, 1), NET_GUEST6, 1452);
	udp_published(HOST4, 5353, NET_GUEST4, 1471);
	udp_published("127.0.0.1", 5353, NET_GUEST4, 1470);
	assert_int_equal(netns_stop(&net), 0);
}

static int setup(void **state)
{
	(void)state;
	return traffic_setup(&net);
}

static int cleanup(void **state)
{
	(void)state;
	traffic_cleanup(&net);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	netns_done(&net);
	return 0;
}

#define TEST(fn) cmocka_unit_test_teardown(fn, cleanup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tcp_goes_out),
		TEST(udp_goes_out),
		TEST(long_frames_carry_more),
		TEST(a_window_holds_two_segments),
		TEST(a_smaller_mtu_bounds_frames),
		TEST(dns_reaches_a_resolver_on_loopback),
		TEST(published_tcp_arrives),
		TEST(published_port_is_on_loopback_only),
		TEST(published_udp_arrives),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
