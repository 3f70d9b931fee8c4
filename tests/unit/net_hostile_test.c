/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_hostile_test.c - belljar-net under guests and monitors that do what
 * they should not, and ports that are not to be had.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/netns.h"
#include "tests/harness/traffic.h"
#include "vmm/abi/net.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"
#include "vmm/net/packet.h"

static struct netns net;

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
	traffic_need(&net);
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
	traffic_need(&net);
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
	traffic_echo_out(&net, HOST4, 1);
	traffic_echo_out(&net, HOST6, 1);
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
	traffic_need(&net);
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
	traffic_need(&net);
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
	traffic_echo_out(&net, HOST4, 100);
	traffic_echo_out(&net, HOST6, 100);
	assert_int_equal(netns_stop(&net), 0);
}

/* Each would be a line of libslirp's on stderr. */
static void pings_do_not_flood_the_log(void **state)
{
	static const uint8_t mac[ETH_ALEN] = { 0x52, 0x55, 10, 0, 2, 2 };
	uint8_t frame[PACKET_FRAME_MAX];
	uint8_t ping[8] = { 128 };
	struct packet p = {
		.src = netns_addr(NET_GUEST6, 0),
		.dst = netns_addr(HOST6, 0),
		.data = ping,
		.len = sizeof(ping),
	};
	size_t len = packet_wrap(&p, IPPROTO_ICMPV6, 2, mac, mac, frame);
	char text[400];

	(void)state;
	traffic_need(&net);
	int log = memfd_create("log", MFD_CLOEXEC);
	int saved = dup(STDERR_FILENO);
	assert_true(log >= 0 && saved >= 0);
	assert_int_equal(dup2(log, STDERR_FILENO), STDERR_FILENO);
	netns_start(&net, NULL, 0);
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	(void)close(saved);
	assert_int_equal(io_set_nonblock(net.wire, false), 0);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(send(net.wire, frame, len, 0), (ssize_t)len);
	traffic_echo_out(&net, HOST6, 1);
	assert_int_equal(netns_stop(&net), 0);
	assert_int_equal(pread(log, text, sizeof(text), 0), 0);
	(void)close(log);
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
	traffic_need(&net);
	netns_start(&net, NULL, 0);
	int listener = netns_listen(&net, ON_HOST, SOCK_STREAM, HOST4, 7000);
	int c = netns_connect(&net, IN_GUEST, SOCK_STREAM, HOST4, 7000);
	int server = traffic_accept(listener);

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

/* Bytes that wait in the UDP socket of @port, as the kernel reports them. */
static unsigned long udp_unread(uint16_t port)
{
	char line[256];
	unsigned long unread = 0;
	AUTO_FCLOSE FILE *f = fopen("/proc/thread-self/net/udp", "re");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		unsigned local = 0;
		unsigned long rx = 0;

		if (sscanf(line, "%*s %*8x:%4x %*s %*s %*x:%lx", &local, &rx) ==
			    2 &&
		    local == port)
			unread = rx;
	}
	return unread;
}

/* True when the datagrams that wait at @port are read within half a second. */
static bool udp_is_read(uint16_t port)
{
	for (int i = 0; i < 500; i++) {
		if (udp_unread(port) == 0)
			return true;
		(void)poll(NULL, 0, 1);
	}
	return false;
}

/* What was read from the host but had no room further on would be lost. */
static void host_is_not_read_while_the_monitor_does_not_read(void **state)
{
	static const char *const publish[] = { "5353:53/udp", NULL };
	uint8_t data[1400] = { 0 };
	int sent = 0;

	(void)state;
	traffic_need(&net);
	netns_start(&net, publish, 0);
	int c = netns_connect(&net, ON_HOST, SOCK_DGRAM, "127.0.0.1", 5353);

	(void)pthread_mutex_lock(&net.gate);
	do {
		for (int i = 0; i < 32; i++, sent++)
			assert_int_equal(send(c, data, sizeof(data), 0),
					 sizeof(data));
		/* More than any buffer on the way may hold. */
		assert_in_range(sent, 0, 20000);
	} while (udp_is_read(5353));
	rests();
	(void)pthread_mutex_unlock(&net.gate);
	assert_true(udp_is_read(5353));
	traffic_echo_out(&net, HOST4, 1);
	(void)close(c);
	assert_int_equal(netns_stop(&net), 0);
}

static size_t open_descriptors(void)
{
	char path[64];
	size_t n = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", net.pid);
	DIR *dir = opendir(path);
	assert_non_null(dir);
	for (const struct dirent *e = readdir(dir); e; e = readdir(dir))
		n += e->d_name[0] != '.';
	(void)closedir(dir);
	return n;
}

/* Each source port costs belljar-net a socket; it has few of them. */
static void guest_that_takes_all_sockets_does_not_make_it_spin(void **state)
{
	static const char *const publish[] = { "8080:80", NULL };

	(void)state;
	traffic_need(&net);
	netns_start(&net, publish, 32);
	for (int i = 0; open_descriptors() < 32; i++) {
		int c = netns_connect(&net, IN_GUEST, SOCK_DGRAM, HOST4, 7001);

		assert_int_equal(send(c, "x", 1, 0), 1);
		(void)close(c);
		assert_in_range(i, 0, 10000);
	}
	int waiting =
		netns_connect(&net, ON_HOST, SOCK_STREAM, "127.0.0.1", 8080);
	assert_true(waiting >= 0);
	rests();
	(void)close(waiting);
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
		TEST(loopback_of_the_host_is_refused),
		TEST(forged_loopback_goes_nowhere),
		TEST(taken_port_ends_with_125),
		TEST(junk_is_survived),
		TEST(pings_do_not_flood_the_log),
		TEST(monitor_that_does_not_read_loses_nothing),
		TEST(host_is_not_read_while_the_monitor_does_not_read),
		TEST(guest_that_takes_all_sockets_does_not_make_it_spin),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
