/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_allow_test.c - belljar-net with --allow, as a guest meets it: real
 * frames, real sockets, in namespaces of our own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/nameser.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness/netns.h"
#include "tests/harness/traffic.h"
#include "vmm/abi/net.h"
#include "vmm/lib/io.h"
#include "vmm/manager/pin.h"
#include "vmm/net/packet.h"

#define BEFORE_A_SECOND_TRY 900 /* ms; TCP repeats a SYN after 1000 */

static struct netns net;

static const char *const allowed[] = {
	"--allow=tcp:7000:web.test=" HOST4 "," HOST6,
	"--allow=udp:7001:=" HOST4,
	"--allow=udp:7001:=" HOST6,
	"8080:80",
	"[::1]:8080:80",
	"5353:53/udp",
	NULL,
};

static long now_ms(void)
{
	struct timespec ts;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void start(void)
{
	traffic_need(&net);
	netns_start(&net, allowed, 0);
}

static void both_ways(int client, int listener)
{
	assert_true(client >= 0);
	int server = traffic_accept(listener);

	traffic_transfer(client, server, 1U << 20);
	traffic_transfer(server, client, 1U << 20);
	(void)close(client);
	(void)close(server);
	(void)close(listener);
}

static void nothing_came(int fd)
{
	char got[16];

	assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	(void)close(fd);
}

static void nobody_connected(int listener)
{
	assert_int_equal(io_set_nonblock(listener, true), 0);
	assert_int_equal(accept4(listener, NULL, NULL, SOCK_CLOEXEC), -1);
	assert_int_equal(errno, EAGAIN);
	(void)close(listener);
}

static void what_is_allowed_arrives(void **state)
{
	(void)state;
	start();
	int l4 = netns_listen(&net, ON_HOST, SOCK_STREAM, HOST4, 7000);
	both_ways(netns_connect(&net, IN_GUEST, SOCK_STREAM, HOST4, 7000), l4);
	int l6 = netns_listen(&net, ON_HOST, SOCK_STREAM, HOST6, 7000);
	both_ways(netns_connect(&net, IN_GUEST, SOCK_STREAM, HOST6, 7000), l6);
	traffic_echo_out(&net, HOST4, 1);
	traffic_echo_out(&net, HOST4, 1472);
	traffic_echo_out(&net, HOST6, 1452);
	assert_int_equal(netns_stop(&net), 0);
}

static void long_datagrams_pass_in_long_frames(void **state)
{
	(void)state;
	netns_mtu(&net, NET_MTU);
	start();
	traffic_echo_out(&net, HOST4, 65492);
	traffic_echo_out(&net, HOST6, 65472);
	assert_int_equal(netns_stop(&net), 0);
	netns_mtu(&net, 1500);
}

/* Large answers come in fragments, of which only the first has a port. */
static void large_answers_arrive(void **state)
{
	uint8_t data[8192] = { 7 };
	union publish_addr from;
	socklen_t len = sizeof(from);

	(void)state;
	start();
	int s = netns_listen(&net, ON_HOST, SOCK_DGRAM, HOST4, 7001);
	int c = netns_connect(&net, IN_GUEST, SOCK_DGRAM, HOST4, 7001);
	assert_int_equal(send(c, data, 1, 0), 1);
	assert_int_equal(recvfrom(s, data, 1, 0, &from.any, &len), 1);
	assert_int_equal(sendto(s, data, sizeof(data), 0, &from.any, len),
			 sizeof(data));
	assert_int_equal(recv(c, data, sizeof(data), 0), sizeof(data));
	(void)close(c);
	(void)close(s);
	assert_int_equal(netns_stop(&net), 0);
}

static void tcp_refused(const char *ip, uint16_t port)
{
	long begin = now_ms();

	assert_int_equal(netns_connect(&net, IN_GUEST, SOCK_STREAM, ip, port),
			 -ECONNREFUSED);
	assert_in_range(now_ms() - begin, 0, BEFORE_A_SECOND_TRY);
}

static void udp_refused(const char *ip, uint16_t port)
{
	int c = netns_connect(&net, IN_GUEST, SOCK_DGRAM, ip, port);
	char got[16];

	assert_true(c >= 0);
	assert_int_equal(send(c, "x", 1, 0), 1);
	assert_int_equal(recv(c, got, sizeof(got), 0), -1);
	assert_int_equal(errno, ECONNREFUSED);
	(void)close(c);
}

static void the_rest_is_refused_at_once(void **state)
{
	(void)state;
	start();
	int l4 = netns_listen(&net, ON_HOST, SOCK_STREAM, "0.0.0.0", 7001);
	int l6 = netns_listen(&net, ON_HOST, SOCK_STREAM, "::", 7001);
	int u4 = netns_listen(&net, ON_HOST, SOCK_DGRAM, "0.0.0.0", 7000);
	int u6 = netns_listen(&net, ON_HOST, SOCK_DGRAM, "::", 7000);

	/* The right address, but another port or protocol. */
	tcp_refused(HOST4, 7001);
	tcp_refused(HOST6, 7001);
	udp_refused(HOST4, 7000);
	udp_refused(HOST6, 7000);
	/* No address at all, and no service of the gateway. */
	tcp_refused("198.51.100.1", 7000);
	tcp_refused("2001:db8::2", 7000);
	tcp_refused(NET_GATEWAY4, 7000);
	tcp_refused(NET_DNS4, 53);
	tcp_refused(NET_DNS6, 53);
	udp_refused("198.51.100.1", 7001);
	udp_refused("2001:db8::2", 7001);
	udp_refused(NET_GATEWAY4, 69);
	udp_refused(NET_GATEWAY6, 69);
	udp_refused(NET_DNS4, 54);

	traffic_echo_out(&net, HOST4, 1);
	nobody_connected(l4);
	nobody_connected(l6);
	nothing_came(u4);
	nothing_came(u6);
	assert_int_equal(netns_stop(&net), 0);
}

/* The reply to a question about @name, sent to @dns. */
static int lookup(const char *dns, const char *name, int type, ns_msg *m,
		  uint8_t *buf)
{
	int c = netns_connect(&net, IN_GUEST, SOCK_DGRAM, dns, 53);
	int n = res_mkquery(ns_o_query, name, ns_c_in, type, NULL, 0, NULL, buf,
			    512);

	assert_int_equal(send(c, buf, (size_t)n, 0), n);
	n = (int)recv(c, buf, 512, 0);
	(void)close(c);
	assert_int_equal(ns_initparse(buf, n, m), 0);
	return ns_msg_getflag(*m, ns_f_rcode);
}

static void dns_knows_what_is_allowed(const char *dns)
{
	union publish_addr host = netns_addr(HOST4, 0);
	union publish_addr host6 = netns_addr(HOST6, 0);
	uint8_t buf[512];
	ns_msg m;
	ns_rr rr;

	assert_int_equal(lookup(dns, "WEB.test", ns_t_a, &m, buf), 0);
	assert_int_equal(ns_parserr(&m, ns_s_an, 0, &rr), 0);
	assert_memory_equal(ns_rr_rdata(rr), &host.v4.sin_addr, 4);
	assert_int_equal(lookup(dns, "web.test", ns_t_aaaa, &m, buf), 0);
	assert_int_equal(ns_parserr(&m, ns_s_an, 0, &rr), 0);
	assert_memory_equal(ns_rr_rdata(rr), &host6.v6.sin6_addr, 16);
	assert_int_equal(lookup(dns, "secret.evil.org", ns_t_a, &m, buf),
			 ns_r_nxdomain);
	assert_int_equal(lookup(dns, "secret.web.test", ns_t_txt, &m, buf),
			 ns_r_nxdomain);
}

/* Its address is what libslirp would ask: it hears of nothing. */
static void dns_never_asks_the_host(void **state)
{
	(void)state;
	start();
	int r4 = netns_listen(&net, ON_HOST, SOCK_DGRAM, "127.0.0.53", 53);
	int r6 = netns_listen(&net, ON_HOST, SOCK_DGRAM, "::1", 53);
	int t4 = netns_listen(&net, ON_HOST, SOCK_STREAM, "127.0.0.53", 53);

	dns_knows_what_is_allowed(NET_DNS4);
	dns_knows_what_is_allowed(NET_DNS6);
	tcp_refused(NET_DNS4, 53);
	traffic_echo_out(&net, HOST4, 1);
	nothing_came(r4);
	nothing_came(r6);
	nobody_connected(t4);
	assert_int_equal(netns_stop(&net), 0);
}

static void published_ports_work_both_ways(void **state)
{
	(void)state;
	start();
	int l = netns_listen(&net, IN_GUEST, SOCK_STREAM, NET_GUEST4, 80);
	both_ways(netns_connect(&net, ON_HOST, SOCK_STREAM, "127.0.0.1", 8080),
		  l);
	l = netns_listen(&net, IN_GUEST, SOCK_STREAM, NET_GUEST6, 80);
	both_ways(netns_connect(&net, ON_HOST, SOCK_STREAM, "::1", 8080), l);
	int s = netns_listen(&net, IN_GUEST, SOCK_DGRAM, NET_GUEST4, 53);
	int c = netns_connect(&net, ON_HOST, SOCK_DGRAM, "127.0.0.1", 5353);
	traffic_echo(c, s, 1000);
	(void)close(c);
	(void)close(s);
	assert_int_equal(netns_stop(&net), 0);
}

static size_t forge_tcp(const char *src, const char *dst, uint16_t port,
			uint8_t flags, uint8_t *frame)
{
	static const uint8_t mac[ETH_ALEN] = PACKET_GATEWAY_MAC;
	struct tcphdr tcp = { .th_off = 5, .th_flags = flags };
	struct packet p = {
		.src = netns_addr(src, 4321),
		.dst = netns_addr(dst, port),
		.data = (const uint8_t *)&tcp,
		.len = sizeof(tcp),
	};

	tcp.th_sport = htons(4321);
	tcp.th_dport = htons(port);
	tcp.th_seq = htonl(1000);
	tcp.th_win = htons(1000);
	return packet_wrap(&p, IPPROTO_TCP, 16, mac, mac, frame);
}

static void put(const uint8_t *frame, size_t len)
{
	assert_int_equal(send(net.wire, frame, len, 0), (ssize_t)len);
}

/* Every set of flags, towards an address that has no entry. */
static void forged_segments_connect_nobody(void **state)
{
	uint8_t frame[PACKET_FRAME_MAX];

	(void)state;
	start();
	assert_int_equal(io_set_nonblock(net.wire, false), 0);
	int l4 = netns_listen(&net, ON_HOST, SOCK_STREAM, HOST4, 7005);
	int l6 = netns_listen(&net, ON_HOST, SOCK_STREAM, HOST6, 7005);
	for (unsigned flags = 0; flags < 256; flags++) {
		put(frame,
		    forge_tcp(NET_GUEST4, HOST4, 7005, (uint8_t)flags, frame));
		put(frame,
		    forge_tcp(NET_GUEST6, HOST6, 7005, (uint8_t)flags, frame));
		put(frame, forge_tcp("203.0.113.9", HOST4, 7005, (uint8_t)flags,
				     frame));
	}
	traffic_echo_out(&net, HOST4, 1);
	traffic_echo_out(&net, HOST6, 1);
	nobody_connected(l4);
	nobody_connected(l6);

	/* The forger's craft is good: the allowed port is connected. */
	int l = netns_listen(&net, ON_HOST, SOCK_STREAM, HOST4, 7000);
	put(frame, forge_tcp(NET_GUEST4, HOST4, 7000, TH_SYN, frame));
	(void)close(traffic_accept(l));
	(void)close(l);
	assert_int_equal(netns_stop(&net), 0);
}

static void again_ip_sum(uint8_t *ip)
{
	uint32_t acc = 0;

	ip[10] = ip[11] = 0;
	for (size_t i = 0; i < 20; i += 2)
		acc += (uint32_t)ip[i] << 8 | ip[i + 1];
	acc = (acc & 0xffff) + (acc >> 16);
	acc = ~((acc & 0xffff) + (acc >> 16));
	ip[10] = (uint8_t)(acc >> 8);
	ip[11] = (uint8_t)acc;
}

/* A SYN in two halves, ports first: the second has the flags. */
static void forge_fragments(const char *dst, uint16_t port)
{
	uint8_t frame[PACKET_FRAME_MAX];
	uint8_t part[ETH_HLEN + 20 + 16];
	uint8_t *ip = part + ETH_HLEN;

	(void)forge_tcp(NET_GUEST4, dst, port, TH_SYN, frame);
	memcpy(part, frame, ETH_HLEN + 20 + 8);
	ip[3] = 28;
	ip[6] = 0x20; /* more fragments */
	again_ip_sum(ip);
	put(part, ETH_HLEN + 28);
	memcpy(ip + 20, frame + ETH_HLEN + 28, 12);
	ip[3] = 32;
	ip[6] = 0;
	ip[7] = 1; /* offset of 8 bytes */
	again_ip_sum(ip);
	put(part, ETH_HLEN + 32);
}

static void fragments_go_nowhere(void **state)
{
	(void)state;
	traffic_need(&net);

	/* Without --allow libslirp puts the pieces together. */
	netns_start(&net, NULL, 0);
	int l = netns_listen(&net, ON_HOST, SOCK_STREAM, HOST4, 7000);
	forge_fragments(HOST4, 7000);
	(void)close(traffic_accept(l));
	assert_int_equal(netns_stop(&net), 0);
	(void)close(l);

	netns_start(&net, allowed, 0);
	l = netns_listen(&net, ON_HOST, SOCK_STREAM, HOST4, 7000);
	int other = netns_listen(&net, ON_HOST, SOCK_STREAM, HOST4, 7005);
	forge_fragments(HOST4, 7000);
	forge_fragments(HOST4, 7005);
	traffic_echo_out(&net, HOST4, 1);
	nobody_connected(l);
	nobody_connected(other);
	assert_int_equal(netns_stop(&net), 0);
}

static void strangers_datagrams_do_not_arrive(void **state)
{
	union publish_addr from;
	socklen_t len = sizeof(from);
	char got[16];

	(void)state;
	start();
	int s = netns_listen(&net, ON_HOST, SOCK_DGRAM, HOST4, 7001);
	int stranger = netns_listen(&net, ON_HOST, SOCK_DGRAM, HOST4, 7009);
	int c = netns_socket(&net, IN_GUEST, AF_INET, SOCK_DGRAM);
	union publish_addr to = netns_addr(HOST4, 7001);

	assert_int_equal(sendto(c, "x", 1, 0, &to.any, sizeof(to.v4)), 1);
	assert_int_equal(recvfrom(s, got, 1, 0, &from.any, &len), 1);
	assert_int_equal(sendto(stranger, "bad", 3, 0, &from.any, len), 3);
	assert_int_equal(sendto(s, "good", 4, 0, &from.any, len), 4);
	assert_int_equal(recv(c, got, sizeof(got), 0), 4);
	(void)close(stranger);
	(void)close(c);
	(void)close(s);
	assert_int_equal(netns_stop(&net), 0);
}

static void refusals_are_logged(void **state)
{
	char text[4096];
	uint8_t buf[512];
	ns_msg m;

	(void)state;
	traffic_need(&net);
	int log = memfd_create("log", MFD_CLOEXEC);
	int saved = dup(STDERR_FILENO);
	assert_true(log >= 0 && saved >= 0);
	assert_int_equal(dup2(log, STDERR_FILENO), STDERR_FILENO);
	netns_start(&net, allowed, 0);
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	(void)close(saved);

	for (int i = 0; i < 3; i++) {
		tcp_refused(HOST4, 7005);
		(void)lookup(NET_DNS4, "pypi.org", ns_t_a, &m, buf);
	}
	assert_int_equal(netns_stop(&net), 0);
	ssize_t n = pread(log, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	(void)close(log);
	assert_string_equal(
		text,
		"warn: the guest was refused 192.0.2.1:7005; to allow it: "
		"--allow web.test:7005\n"
		"warn: the guest was refused the name 'pypi.org'; to allow "
		"it: --allow pypi.org:PORT\n");
}

static void names_nobody_knows_are_told(void **state)
{
	static struct allow_list list;
	struct strv texts = { .n = 0 };
	struct err err = { .code = 0 };

	(void)state;
	traffic_need(&net); /* the resolver here is one that nobody serves */
	assert_int_equal(strv_add(&texts, "nowhere.invalid:80"), 0);
	assert_true(pin_all(&texts, &list, &err) < 0);
	assert_non_null(strstr(err.msg, "cannot look up 'nowhere.invalid'"));
	strv_done(&texts);
}

static void broken_entries_end_with_125(void **state)
{
	static const char *const bad[] = { "--allow=pypi.org:443", NULL };

	(void)state;
	traffic_need(&net);
	assert_int_equal(netns_fail(&net, bad), 125);
	assert_non_null(strstr(net.output, "--allow 'pypi.org:443'"));
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
		TEST(what_is_allowed_arrives),
		TEST(large_answers_arrive),
		TEST(long_datagrams_pass_in_long_frames),
		TEST(the_rest_is_refused_at_once),
		TEST(dns_never_asks_the_host),
		TEST(published_ports_work_both_ways),
		TEST(forged_segments_connect_nobody),
		TEST(fragments_go_nowhere),
		TEST(strangers_datagrams_do_not_arrive),
		TEST(refusals_are_logged),
		TEST(names_nobody_knows_are_told),
		TEST(broken_entries_end_with_125),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
