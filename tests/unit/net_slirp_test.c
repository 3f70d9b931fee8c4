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
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/netns.h"
#include "vmm/abi/net.h"
#include "vmm/lib/io.h"
#include "vmm/net/packet.h"

#define MEGABYTES (8U << 20)

static struct netns net;
static const char *missing; /* why this machine cannot run these tests */
static int missing_errno;

static void need_namespaces(void)
{
	if (!missing)
		return;
	print_message("SKIP: cannot %s: %s\n", missing,
		      strerror(missing_errno));
	skip();
}

static int accepted(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

struct flow {
	uint32_t random;
	size_t left;
	EVP_MD_CTX *sent;
	EVP_MD_CTX *got;
};

static void push(struct flow *f, int fd)
{
	uint8_t data[16384];
	size_t len = f->left < sizeof(data) ? f->left : sizeof(data);
	uint32_t r = f->random;

	for (size_t i = 0; i < len; i++) {
		r = r * 1664525 + 1013904223;
		data[i] = (uint8_t)(r >> 24);
	}
	/* Rewind to what the socket took is not needed: it takes all. */
	assert_int_equal(io_set_nonblock(fd, false), 0);
	assert_int_equal(io_write_full(fd, data, len), 0);
	assert_int_equal(EVP_DigestUpdate(f->sent, data, len), 1);
	f->random = r;
	f->left -= len;
	if (f->left == 0)
		assert_int_equal(shutdown(fd, SHUT_WR), 0);
}

/* Send @total bytes from @tx to @rx; what arrives has the same sha256. */
static void transfer(int tx, int rx, size_t total)
{
	uint8_t data[16384];
	uint8_t sent[EVP_MAX_MD_SIZE];
	uint8_t got[EVP_MAX_MD_SIZE];
	size_t received = 0;
	ssize_t n = -1;
	struct flow f = { 42, total, EVP_MD_CTX_new(), EVP_MD_CTX_new() };

	assert_int_equal(EVP_DigestInit_ex(f.sent, EVP_sha256(), NULL), 1);
	assert_int_equal(EVP_DigestInit_ex(f.got, EVP_sha256(), NULL), 1);
	while (n != 0) {
		struct pollfd p[] = {
			{ rx, POLLIN, 0 },
			{ f.left ? tx : -1, POLLOUT, 0 },
		};

		assert_true(poll(p, 2, 20000) > 0);
		if (p[1].revents)
			push(&f, tx);
		if (!p[0].revents)
			continue;
		n = recv(rx, data, sizeof(data), 0);
		assert_true(n >= 0);
		assert_int_equal(EVP_DigestUpdate(f.got, data, (size_t)n), 1);
		received += (size_t)n;
	}
	assert_int_equal(received, total);
	assert_int_equal(EVP_DigestFinal_ex(f.sent, sent, NULL), 1);
	assert_int_equal(EVP_DigestFinal_ex(f.got, got, NULL), 1);
	assert_memory_equal(sent, got, 32);
	EVP_MD_CTX_free(f.sent);
	EVP_MD_CTX_free(f.got);
}

/* Megabytes in both directions over a connection that @client opened. */
static void both_ways(int client, int listener)
{
	assert_true(client >= 0);
	int server = accepted(listener);

	transfer(client, server, MEGABYTES);
	transfer(server, client, MEGABYTES);
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
	need_namespaces();
	netns_start(&net, NULL, 0);
	guest_reaches(SOCK_STREAM, HOST4, 7000);
	guest_reaches(SOCK_STREAM, HOST6, 7000);
	assert_int_equal(netns_stop(&net), 0);
}

/*
 * Client @c says a datagram of @len bytes; the server answers whoever it was
 * with the same, and the client gets it.
 */
static void echo(int c, int server, size_t len)
{
	uint8_t data[9000];
	uint8_t back[9000] = { 0 };
	union publish_addr from;
	socklen_t from_len = sizeof(from);

	memset(data, (int)len, sizeof(data));
	assert_int_equal(send(c, data, len, 0), (ssize_t)len);
	assert_int_equal(
		recvfrom(server, back, sizeof(back), 0, &from.any, &from_len),
		(ssize_t)len);
	assert_memory_equal(back, data, len);
	memset(back, 0, sizeof(back));
	assert_int_equal(sendto(server, data, len, 0, &from.any, from_len),
			 (ssize_t)len);
	assert_int_equal(recv(c, back, sizeof(back), 0), (ssize_t)len);
	assert_memory_equal(back, data, len);
}

/* Also the proof that belljar-net has dealt with all frames before. */
static void echo_through(const char *ip, size_t len)
{
	int server = netns_listen(&net, ON_HOST, SOCK_DGRAM, ip, 7001);
	int c = netns_connect(&net, IN_GUEST, SOCK_DGRAM, ip, 7001);

	echo(c, server, len);
	(void)close(c);
	(void)close(server);
}

static void udp_goes_out(void **state)
{
	(void)state;
	need_namespaces();
	netns_start(&net, NULL, 0);
	echo_through(HOST4, 1);
	echo_through(HOST4, 1472);
	echo_through(HOST4, 8192); /* fragments */
	echo_through(HOST6, 1);
	echo_through(HOST6, 1452);
	assert_int_equal(netns_stop(&net), 0);
}

/* The query goes to @dns, the host's resolver listens on @resolver. */
static void dns_answers(const char *dns, const char *resolver)
{
	int server = netns_listen(&net, ON_HOST, SOCK_DGRAM, resolver, 53);
	int c = netns_connect(&net, IN_GUEST, SOCK_DGRAM, dns, 53);

	echo(c, server, 40);
	(void)close(c);
	(void)close(server);

	/* Long answers come over TCP. */
	int listener = netns_listen(&net, ON_HOST, SOCK_STREAM, resolver, 53);
	c = netns_connect(&net, IN_GUEST, SOCK_STREAM, dns, 53);
	assert_true(c >= 0);
	server = accepted(listener);
	transfer(c, server, 4096);
	transfer(server, c, 65536);
	(void)close(c);
	(void)close(server);
	(void)close(listener);
}

static void dns_reaches_a_resolver_on_loopback(void **state)
{
	(void)state;
	need_namespaces();
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
	need_namespaces();
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
	need_namespaces();
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

	echo(a, server, 1);
	echo(b, server, 100);
	echo(a, server, largest);
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
	need_namespaces();
	netns_start(&net, publish, 0);
	udp_published("127.0.0.1", netns_port(&net, 0), NET_GUEST4, 1472);
	udp_published("::1", netns_port(&net, 1), NET_GUEST6, 1452);
	udp_published(HOST4, 5353, NET_GUEST4, 1471);
	udp_published("127.0.0.1", 5353, NET_GUEST4, 1470);
	assert_int_equal(netns_stop(&net), 0);
}

static void nothing_waits(int listener)
{
	assert_int_equal(io_set_nonblock(listener, true), 0);
	assert_int_equal(accept4(listener, NULL, NULL, 0), -1);
	assert_int_equal(errno, EAGAIN);
}

static void guest_is_refused(const char *ip, uint16_t port)
{
	int r = netns_connect(&net, IN_GUEST, SOCK_STREAM, ip, port);

	/* At once, by a reset or by ICMP; not by waiting (-ETIMEDOUT). */
	assert_true(r == -ECONNREFUSED || r == -ENETUNREACH ||
		    r == -EHOSTUNREACH);
}

static void loopback_of_the_host_is_refused(void **state)
{
	(void)state;
	need_namespaces();
	netns_start(&net, NULL, 0);
	int l4 = netns_listen(&net, ON_HOST, SOCK_STREAM, "127.0.0.1", 7002);
	int l6 = netns_listen(&net, ON_HOST, SOCK_STREAM, "::1", 7002);

	guest_is_refused(NET_GATEWAY4, 7002);
	guest_is_refused(NET_GATEWAY6, 7002);
	nothing_waits(l4);
	nothing_waits(l6);
	(void)close(l4);
	(void)close(l6);
	assert_int_equal(netns_stop(&net), 0);
}

/* A datagram that no guest kernel would send, but a hostile guest can. */
static void forge(const char *src, const char *dst)
{
	static const uint8_t mac[ETH_ALEN] = { 0x52, 0x55, 10, 0, 2, 2 };
	uint8_t frame[PACKET_FRAME_MAX];
	struct packet p = {
		.src = netns_addr(src, 1234),
		.dst = netns_addr(dst, 7003),
		.data = (const uint8_t *)"forged",
		.len = 6,
	};
	size_t len = packet_build(&p, mac, mac, frame);

	assert_int_equal(send(net.wire, frame, len, 0), (ssize_t)len);
}

static void forged_loopback_goes_nowhere(void **state)
{
	char got[16];

	(void)state;
	need_namespaces();
	netns_start(&net, NULL, 0);
	/* Listens on every address, loopback included. */
	int s4 = netns_listen(&net, ON_HOST, SOCK_DGRAM, "0.0.0.0", 7003);
	int s6 = netns_listen(&net, ON_HOST, SOCK_DGRAM, "::", 7003);

	forge(NET_GUEST4, "127.0.0.1");
	forge(NET_GUEST4, "127.255.255.254");
	forge(NET_GUEST4, "0.0.0.0");
	forge(NET_GUEST4, "255.255.255.255");
	forge(NET_GUEST4, "10.0.2.2");
	forge(NET_GUEST4, "10.0.2.3");
	forge(NET_GUEST6, "::1");
	forge(NET_GUEST6, "::");
	forge(NET_GUEST6, "::ffff:127.0.0.1");
	forge(NET_GUEST6, "::ffff:192.0.2.1");
	forge(NET_GUEST6, "ff02::1");
	forge(NET_GUEST6, NET_GATEWAY6);
	echo_through(HOST4, 1);
	echo_through(HOST6, 1);
	assert_int_equal(recv(s4, got, sizeof(got), MSG_DONTWAIT), -1);
	assert_int_equal(recv(s6, got, sizeof(got), MSG_DONTWAIT), -1);

	/* The forger's craft is good: an address that is allowed arrives. */
	forge(NET_GUEST4, HOST4);
	forge(NET_GUEST6, HOST6);
	assert_int_equal(recv(s4, got, sizeof(got), 0), 6);
	assert_int_equal(recv(s6, got, sizeof(got), 0), 6);
	(void)close(s4);
	(void)close(s6);
	assert_int_equal(netns_stop(&net), 0);
}

static void taken_port_ends_with_125(void **state)
{
	static const char *const tcp[] = { "8081:80", NULL };
	static const char *const udp[] = { "[::1]:8081:80/udp", NULL };
	static const char *const twice[] = { "8082:80", "8082:81", NULL };

	(void)state;
	need_namespaces();
	int t = netns_listen(&net, ON_HOST, SOCK_STREAM, "127.0.0.1", 8081);
	int u = netns_listen(&net, ON_HOST, SOCK_DGRAM, "::1", 8081);

	assert_int_equal(netns_fail(&net, tcp), 125);
	assert_string_equal(net.output,
			    "error: cannot publish tcp port 127.0.0.1:8081: it "
			    "is already in use; choose another host port, or "
			    "leave it empty for a free one\n");
	assert_int_equal(netns_fail(&net, udp), 125);
	assert_non_null(strstr(net.output, "udp port [::1]:8081: it is"));
	assert_int_equal(netns_fail(&net, twice), 125);
	assert_non_null(strstr(net.output, "127.0.0.1:8082: it is"));
	(void)close(t);
	(void)close(u);
}

static void junk_is_survived(void **state)
{
	static uint8_t junk[NET_FRAME_MAX + 100];
	static const uint16_t types[] = { 0x0800, 0x86dd, 0x0806, 0x88f8 };
	uint32_t r = 7;

	(void)state;
	need_namespaces();
	netns_start(&net, NULL, 0);
	assert_int_equal(io_set_nonblock(net.wire, false), 0);
	for (unsigned i = 0; i < 4000; i++) {
		size_t len = 0;

		for (size_t k = 0; k < 64; k++) {
			r = r * 1664525 + 1013904223;
			junk[k] = (uint8_t)(r >> 24);
		}
		/* One in two looks like a protocol that is parsed. */
		if (i & 1) {
			junk[12] = (uint8_t)(types[i / 2 % 4] >> 8);
			junk[13] = (uint8_t)types[i / 2 % 4];
			junk[14] = i & 2 ? 0x45 : 0x60;
		}
		len = i < 100 ? i : (r >> 4) % (NET_FRAME_MAX + 51);
		assert_int_equal(send(net.wire, junk, len, 0), (ssize_t)len);
	}
	echo_through(HOST4, 100);
	guest_reaches(SOCK_STREAM, HOST6, 7000);
	assert_int_equal(netns_stop(&net), 0);
}

/* How much CPU time it uses while nothing can go forward. */
static void rests(void)
{
	long before = netns_cpu_ms(&net);

	(void)poll(NULL, 0, 500); /* the interval that is measured */
	assert_in_range(netns_cpu_ms(&net) - before, 0, 100);
}

static void monitor_that_does_not_read_loses_nothing(void **state)
{
	uint8_t data[16384] = { 0 };
	struct pollfd p = { -1, POLLOUT, 0 };
	size_t queued = 0;
	size_t got = 0;
	ssize_t n = 0;

	(void)state;
	need_namespaces();
	netns_start(&net, NULL, 0);
	int listener = netns_listen(&net, ON_HOST, SOCK_STREAM, HOST4, 7000);
	int c = netns_connect(&net, IN_GUEST, SOCK_STREAM, HOST4, 7000);
	int server = accepted(listener);

	(void)pthread_mutex_lock(&net.gate);
	/* Until nobody on the way takes any more. */
	for (p.fd = server; poll(&p, 1, 500) == 1; queued += (size_t)n) {
		n = send(server, data, sizeof(data), MSG_DONTWAIT);
		assert_true(n > 0);
	}
	rests();
	(void)pthread_mutex_unlock(&net.gate);
	assert_int_equal(shutdown(server, SHUT_WR), 0);
	while ((n = recv(c, data, sizeof(data), 0)) > 0)
		got += (size_t)n;
	assert_int_equal(n, 0);
	assert_int_equal(got, queued);
	(void)close(c);
	(void)close(server);
	(void)close(listener);
	assert_int_equal(netns_stop(&net), 0);
}

/* Each source port costs belljar-net a socket; it has few of them. */
static void guest_that_takes_all_sockets_does_not_make_it_spin(void **state)
{
	static const char *const publish[] = { "8080:80", NULL };

	(void)state;
	need_namespaces();
	netns_start(&net, publish, 32);
	int server = netns_listen(&net, ON_HOST, SOCK_DGRAM, HOST4, 7001);
	for (int i = 0; i < 64; i++) {
		int c = netns_connect(&net, IN_GUEST, SOCK_DGRAM, HOST4, 7001);

		assert_int_equal(send(c, "x", 1, 0), 1);
		(void)close(c);
	}
	/* The last that still got a socket says that all are in use. */
	char got;
	assert_int_equal(recv(server, &got, 1, 0), 1);
	int waiting =
		netns_connect(&net, ON_HOST, SOCK_STREAM, "127.0.0.1", 8080);
	assert_true(waiting >= 0);
	rests();
	(void)close(waiting);
	(void)close(server);
	assert_int_equal(netns_stop(&net), 0);
}

static int setup(void **state)
{
	(void)state;
	missing_errno = -netns_init(&net, &missing);
	if (missing_errno == 0)
		missing = NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	netns_done(&net);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_goes_out),
		cmocka_unit_test(udp_goes_out),
		cmocka_unit_test(dns_reaches_a_resolver_on_loopback),
		cmocka_unit_test(published_tcp_arrives),
		cmocka_unit_test(published_port_is_on_loopback_only),
		cmocka_unit_test(published_udp_arrives),
		cmocka_unit_test(loopback_of_the_host_is_refused),
		cmocka_unit_test(forged_loopback_goes_nowhere),
		cmocka_unit_test(taken_port_ends_with_125),
		cmocka_unit_test(junk_is_survived),
		cmocka_unit_test(monitor_that_does_not_read_loses_nothing),
		cmocka_unit_test(
			guest_that_takes_all_sockets_does_not_make_it_spin),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
