/* SPDX-License-Identifier: Apache-2.0 */
/*
 * switch_test.c - belljar-switch, without its process: who may come, what goes
 * where, what ends at a port, and what a flood costs whom.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/abi/net.h"
#include "vmm/abi/switch.h"
#include "vmm/lib/io.h"
#include "vmm/net/packet.h"
#include "vmm/switch/queue.h"
#include "vmm/switch/switch.h"

#define SUBNET "10.89.7.0"

static const uint8_t everybody[ETH_ALEN] = { 255, 255, 255, 255, 255, 255 };

/* A VM: what its keeper was told, and its ends of the wires. */
struct vm {
	int guest, uplink;
	struct switch_welcome self;
};

static struct sw *sw;
static char dir[] = "/tmp/switch-XXXXXX";
static char path[64];
static uint8_t got[NET_FRAME_MAX + 1];

static void open_switch(unsigned prefix, bool internal)
{
	struct switch_subnet net = { .prefix = prefix, .internal = internal };
	struct err err;

	assert_int_equal(inet_pton(AF_INET, SUBNET, &net.base), 1);
	(void)unlink(path);
	int fd = io_packet_listen(path, &err);
	assert_true(fd >= 0);
	assert_int_equal(switch_new(fd, &net, &sw, &err), 0);
}

static int open_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/s", dir);
	return 0;
}

static int close_dir(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(dir);
}

static int setup(void **state)
{
	(void)state;
	open_switch(24, false);
	return 0;
}

static int setup_internal(void **state)
{
	(void)state;
	open_switch(24, true);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	switch_free(sw);
	sw = NULL;
	return 0;
}

/* All that is to be done now.  What the last round said. */
static int work(void)
{
	int r = 0;

	for (int i = 0; i < 20 && r == 0; i++)
		r = switch_step(sw, 0);
	return r;
}

static int dial(uint32_t wire, const char *id, const char *name,
		struct switch_welcome *ret)
{
	struct switch_hello h = { .version = SWITCH_VERSION, .wire = wire };
	struct err err;
	int fd = io_packet_connect(path, &err);

	assert_true(fd >= 0);
	(void)snprintf(h.id, sizeof(h.id), "%s", id);
	(void)snprintf(h.name, sizeof(h.name), "%s", name);
	assert_int_equal(send(fd, &h, sizeof(h), 0), sizeof(h));
	(void)work();
	assert_int_equal(recv(fd, ret, sizeof(*ret), 0), sizeof(*ret));
	assert_int_equal(ret->version, SWITCH_VERSION);
	if (ret->error == 0)
		return fd;
	(void)close(fd);
	return -(int)ret->error;
}

static struct vm join(const char *id, const char *name)
{
	struct vm vm = { .uplink = -1 };

	vm.guest = dial(SWITCH_GUEST, id, name, &vm.self);
	assert_true(vm.guest >= 0);
	return vm;
}

static struct vm join_with_uplink(const char *id, const char *name)
{
	struct vm vm = join(id, name);
	struct switch_welcome w;

	vm.uplink = dial(SWITCH_UPLINK, id, "", &w);
	assert_true(vm.uplink >= 0);
	return vm;
}

static int leave(struct vm *vm)
{
	(void)close(vm->guest);
	if (vm->uplink >= 0)
		(void)close(vm->uplink);
	return work();
}

/* An IPv4 packet of @len bytes of frame, from @from to @to. */
static size_t packet(const struct vm *from, const uint8_t *to, size_t len,
		     uint8_t *ret)
{
	struct ip ip = { .ip_v = 4, .ip_hl = 5, .ip_p = 253 };

	memset(ret, 0x5a, len);
	memcpy(ret, to, ETH_ALEN);
	memcpy(ret + 6, from->self.mac, ETH_ALEN);
	ret[12] = 8;
	ret[13] = 0;
	memcpy(&ip.ip_src, from->self.addr, 4);
	memcpy(ret + 14, &ip, sizeof(ip));
	return len;
}

static void put(const struct vm *vm, const void *frame, size_t len)
{
	assert_int_equal(send(vm->guest, frame, len, MSG_DONTWAIT), len);
	(void)work();
}

static ssize_t take(int fd)
{
	ssize_t n = recv(fd, got, sizeof(got), MSG_DONTWAIT);

	return n < 0 ? -errno : n;
}

#define nothing_at(fd) assert_int_equal(take(fd), -EAGAIN)

static const char *address(const struct vm *vm)
{
	static char text[INET_ADDRSTRLEN];

	return inet_ntop(AF_INET, vm->self.addr, text, sizeof(text));
}

static void addresses_are_unique_and_come_back(void **state)
{
	(void)state;
	struct vm a = join("a1", "a"), b = join("b1", "b");

	assert_string_equal(address(&a), "10.89.7.3");
	assert_string_equal(address(&b), "10.89.7.4");
	assert_int_not_equal(memcmp(a.self.mac, b.self.mac, 6), 0);
	assert_int_equal(leave(&a), 0);
	struct vm c = join("c1", "c");
	assert_string_equal(address(&c), "10.89.7.3");
	assert_int_equal(leave(&c), 0);
	/* With the last VM it ends. */
	assert_int_equal(leave(&b), -EPIPE);
}

static void a_subnet_is_exhausted(void **state)
{
	struct vm vm[4];
	struct switch_welcome w;

	(void)state;
	(void)teardown(NULL);
	open_switch(29, false);
	for (int i = 0; i < 4; i++) {
		char id[] = { 'v', (char)('0' + i), '\0' };

		vm[i] = join(id, "");
	}
	assert_string_equal(address(&vm[3]), "10.89.7.6");
	assert_int_equal(dial(SWITCH_GUEST, "v9", "", &w), -EADDRNOTAVAIL);
	for (int i = 0; i < 4; i++)
		(void)leave(&vm[i]);
}

static void all_ports_are_taken(void **state)
{
	static struct vm vm[SWITCH_PORTS];
	struct switch_welcome w;
	char id[SWITCH_ID_LEN];

	(void)state;
	for (int i = 0; i < SWITCH_PORTS; i++) {
		(void)snprintf(id, sizeof(id), "v%d", i);
		vm[i] = join_with_uplink(id, "");
	}
	assert_int_equal(dial(SWITCH_GUEST, "one-more", "", &w),
			 -EADDRNOTAVAIL);
	for (int i = 0; i < SWITCH_PORTS; i++)
		(void)leave(&vm[i]);
}

static void names_are_unique(void **state)
{
	struct switch_welcome w;

	(void)state;
	struct vm a = join("a1", "node");

	assert_int_equal(dial(SWITCH_GUEST, "b1", "node", &w), -EEXIST);
	assert_int_equal(dial(SWITCH_GUEST, "b1", "NODE", &w), -EEXIST);
	assert_int_equal(dial(SWITCH_GUEST, "a1", "", &w), -EEXIST);
	assert_int_equal(dial(SWITCH_UPLINK, "b1", "", &w), -ENOENT);
	int up = dial(SWITCH_UPLINK, "a1", "", &w);
	assert_true(up >= 0);
	assert_int_equal(dial(SWITCH_UPLINK, "a1", "", &w), -EEXIST);
	(void)close(up);
	assert_int_equal(leave(&a), -EPIPE);
}

static void nonsense_is_sent_away(void **state)
{
	struct switch_hello h = { .version = SWITCH_VERSION };
	struct switch_welcome w;
	struct err err;

	(void)state;
	assert_int_equal(dial(0, "a1", "", &w), -EPROTO);
	assert_int_equal(dial(SWITCH_GUEST, "", "", &w), -EPROTO);
	/* Too short, too long, without an end of its name, of another time. */
	for (int i = 0; i < 4; i++) {
		int fd = io_packet_connect(path, &err);
		size_t len = i == 0 ? 3 : i == 1 ? NET_FRAME_MAX : sizeof(h);

		memset(h.name, 'x', sizeof(h.name));
		h.id[0] = 'x';
		h.wire = SWITCH_GUEST;
		h.version = i == 3 ? 7 : SWITCH_VERSION;
		memset(got, 'x', sizeof(got));
		assert_int_equal(
			send(fd, len == sizeof(h) ? (void *)&h : got, len, 0),
			len);
		(void)work();
		assert_int_equal(recv(fd, &w, sizeof(w), 0), sizeof(w));
		assert_int_equal(w.error, EPROTO);
		assert_int_equal(recv(fd, &w, sizeof(w), 0), 0);
		(void)close(fd);
	}
	/* Who says nothing is in nobody's way. */
	int mute[20];
	for (int i = 0; i < 20; i++) {
		mute[i] = io_packet_connect(path, &err);
		(void)work();
	}
	for (int i = 0; i < 20; i++)
		(void)close(mute[i]);
	(void)work();
	struct vm a = join("a1", "");
	assert_int_equal(leave(&a), -EPIPE);
}

static void frames_go_where_they_are_to(void **state)
{
	static uint8_t frame[NET_FRAME_MAX];

	(void)state;
	struct vm a = join_with_uplink("a1", "a");
	struct vm b = join_with_uplink("b1", "b");
	struct vm c = join_with_uplink("c1", "c");
	const size_t lens[] = { 34, 60, 1514, NET_FRAME_MAX };

	for (size_t i = 0; i < 4; i++) {
		size_t len = packet(&a, b.self.mac, lens[i], frame);

		put(&a, frame, len);
		assert_int_equal(take(b.guest), len);
		assert_memory_equal(got, frame, len);
	}
	nothing_at(c.guest);
	nothing_at(a.uplink);
	nothing_at(b.uplink);

	/* For nobody here: out, by its own way and no other. */
	const uint8_t gateway[ETH_ALEN] = { 0x52, 0x55, 10, 89, 7, 1 };
	put(&a, frame, packet(&a, gateway, 100, frame));
	assert_int_equal(take(a.uplink), 100);
	nothing_at(b.guest);
	nothing_at(b.uplink);

	/* And back. */
	assert_int_equal(send(a.uplink, frame, 100, 0), 100);
	(void)work();
	assert_int_equal(take(a.guest), 100);
	nothing_at(b.guest);

	/* For all. */
	put(&b, frame, packet(&b, everybody, 80, frame));
	assert_int_equal(take(a.guest), 80);
	assert_int_equal(take(c.guest), 80);
	assert_int_equal(take(b.uplink), 80);
	nothing_at(b.guest);
	nothing_at(a.uplink);
	(void)leave(&a);
	(void)leave(&b);
	assert_int_equal(leave(&c), -EPIPE);
}

static size_t arp(const struct vm *from, const uint8_t *mac,
		  const uint8_t *addr, const uint8_t *target, uint8_t *ret)
{
	struct ether_arp a = {
		.arp_hrd = htons(1),
		.arp_pro = htons(ETHERTYPE_IP),
		.arp_hln = 6,
		.arp_pln = 4,
		.arp_op = htons(ARPOP_REQUEST),
	};

	memcpy(ret, everybody, 6);
	memcpy(ret + 6, from->self.mac, 6);
	ret[12] = 8;
	ret[13] = 6;
	memcpy(a.arp_sha, mac, 6);
	memcpy(a.arp_spa, addr, 4);
	memcpy(a.arp_tpa, target, 4);
	memcpy(ret + 14, &a, sizeof(a));
	return 14 + sizeof(a);
}

static void nobody_is_another(void **state)
{
	uint8_t f[200];
	const uint8_t none[4] = { 0 };

	(void)state;
	struct vm a = join_with_uplink("a1", "a"), b = join("b1", "b");

	/* What it may say. */
	put(&a, f, arp(&a, a.self.mac, a.self.addr, b.self.addr, f));
	assert_int_equal(take(b.guest), 42);
	put(&a, f, arp(&a, a.self.mac, none, b.self.addr, f));
	assert_int_equal(take(b.guest), 42);
	assert_int_equal(take(a.uplink), 42);
	assert_int_equal(take(a.uplink), 42);

	/* Another's MAC, in the frame or in ARP; another's address. */
	(void)packet(&a, b.self.mac, 100, f);
	memcpy(f + 6, b.self.mac, 6);
	put(&a, f, 100);
	(void)packet(&a, b.self.mac, 100, f);
	memcpy(f + 14 + 12, b.self.addr, 4);
	put(&a, f, 100);
	put(&a, f, arp(&a, b.self.mac, a.self.addr, b.self.addr, f));
	put(&a, f, arp(&a, a.self.mac, b.self.addr, b.self.addr, f));
	put(&a, f, arp(&b, a.self.mac, a.self.addr, b.self.addr, f));
	/* An answer from nowhere; half of it; of another kind. */
	(void)arp(&a, a.self.mac, none, b.self.addr, f);
	f[21] = ARPOP_REPLY;
	put(&a, f, 42);
	(void)arp(&a, a.self.mac, a.self.addr, b.self.addr, f);
	put(&a, f, 41);
	f[18] = 8;
	put(&a, f, 42);
	/* IPv6, a VLAN, no header, another version. */
	(void)packet(&a, b.self.mac, 100, f);
	f[12] = 0x86;
	f[13] = 0xdd;
	put(&a, f, 100);
	f[12] = 0x81;
	f[13] = 0;
	put(&a, f, 100);
	(void)packet(&a, b.self.mac, 100, f);
	put(&a, f, 33);
	put(&a, f, 14);
	f[14] = 0x65;
	put(&a, f, 100);
	nothing_at(b.guest);
	nothing_at(a.uplink);

	/* No frames at all; and it is still there. */
	put(&a, f, 0);
	put(&a, f, 13);
	put(&a, f, packet(&a, b.self.mac, 100, f));
	assert_int_equal(take(b.guest), 100);
	nothing_at(b.guest);
	(void)leave(&a);
	(void)leave(&b);
}

/* The reply's answer to "who is @name": its code, the address in @ret. */
static int ask(const struct vm *vm, const char *name, unsigned type,
	       uint8_t ret[4])
{
	uint8_t q[300] = { 0x12, 0x34, 1, 0, 0, 1 }, frame[PACKET_FRAME_MAX];
	const uint8_t mac[6] = { 2, 0xbe, 10, 89, 7, 2 };
	struct packet p = { .data = q }, answer;
	ns_msg msg;
	ns_rr rr;

	int n = ns_name_compress(name, q + 12, 200, NULL, NULL);
	assert_true(n > 0);
	ns_put16(type, q + 12 + n);
	ns_put16(ns_c_in, q + 14 + n);
	p.len = (size_t)(16 + n);
	p.src.v4 = (struct sockaddr_in){ .sin_family = AF_INET,
					 .sin_port = htons(5555) };
	memcpy(&p.src.v4.sin_addr, vm->self.addr, 4);
	p.dst.v4 = (struct sockaddr_in){ .sin_family = AF_INET,
					 .sin_port = htons(53) };
	assert_int_equal(inet_pton(AF_INET, "10.89.7.2", &p.dst.v4.sin_addr),
			 1);
	put(vm, frame, packet_build(&p, vm->self.mac, mac, frame));
	ssize_t len = take(vm->guest);
	if (len < 0)
		return (int)len;
	assert_true(packet_parse(got, (size_t)len, &answer));
	assert_int_equal(answer.src.v4.sin_addr.s_addr,
			 p.dst.v4.sin_addr.s_addr);
	assert_int_equal(answer.dst.v4.sin_port, htons(5555));
	assert_memory_equal(got + 6, mac, 6);
	assert_int_equal(ns_initparse(answer.data, (int)answer.len, &msg), 0);
	memset(ret, 0, 4);
	if (ns_msg_count(msg, ns_s_an) == 1) {
		assert_int_equal(ns_parserr(&msg, ns_s_an, 0, &rr), 0);
		memcpy(ret, ns_rr_rdata(rr), 4);
	}
	return (int)ns_msg_getflag(msg, ns_f_rcode);
}

static void names_come_and_go(void **state)
{
	uint8_t addr[4];

	(void)state;
	struct vm a = join_with_uplink("a1", "a");

	/* Not known here: the uplink is asked. */
	assert_int_equal(ask(&a, "node.b", ns_t_a, addr), -EAGAIN);
	assert_true(take(a.uplink) > 50);
	struct vm b = join("b1", "node.b");
	assert_int_equal(ask(&a, "Node.B", ns_t_a, addr), ns_r_noerror);
	assert_memory_equal(addr, b.self.addr, 4);
	assert_int_equal(ask(&a, "b1", ns_t_a, addr), ns_r_noerror);
	assert_memory_equal(addr, b.self.addr, 4);
	assert_int_equal(ask(&a, "a", ns_t_a, addr), ns_r_noerror);
	assert_memory_equal(addr, a.self.addr, 4);
	assert_int_equal(ask(&a, "node.b", ns_t_aaaa, addr), ns_r_noerror);
	assert_memory_equal(addr, "\0\0\0\0", 4);
	nothing_at(a.uplink);
	(void)leave(&b);
	assert_int_equal(ask(&a, "node.b", ns_t_a, addr), -EAGAIN);
	assert_true(take(a.uplink) > 50);
	(void)leave(&a);
}

static void a_network_without_a_way_out(void **state)
{
	struct switch_welcome w;
	uint8_t f[60], addr[4];

	(void)state;
	struct vm a = join("a1", "a"), b = join("b1", "b");

	assert_int_equal(dial(SWITCH_UPLINK, "a1", "", &w), -ENOENT);
	assert_int_equal(ask(&a, "b", ns_t_a, addr), ns_r_noerror);
	assert_memory_equal(addr, b.self.addr, 4);
	assert_int_equal(ask(&a, "example.com", ns_t_a, addr), ns_r_nxdomain);
	const uint8_t dns[4] = { 10, 89, 7, 2 }, gateway[4] = { 10, 89, 7, 1 };
	put(&a, f, arp(&a, a.self.mac, a.self.addr, dns, f));
	assert_int_equal(take(a.guest), 42);
	assert_memory_equal(got, a.self.mac, 6);
	assert_memory_equal(got + 28, dns, 4);
	nothing_at(b.guest);
	put(&a, f, arp(&a, a.self.mac, a.self.addr, gateway, f));
	nothing_at(a.guest);
	assert_int_equal(take(b.guest), 42);
	(void)leave(&a);
	(void)leave(&b);
}

static void broken_questions_harm_nobody(void **state)
{
	uint8_t data[64], frame[PACKET_FRAME_MAX];
	unsigned seed = 1;

	(void)state;
	struct vm a = join("a1", "a");
	struct packet p = { .data = data };

	p.src.v4.sin_family = p.dst.v4.sin_family = AF_INET;
	p.dst.v4.sin_port = htons(53);
	memcpy(&p.src.v4.sin_addr, a.self.addr, 4);
	assert_int_equal(inet_pton(AF_INET, "10.89.7.2", &p.dst.v4.sin_addr),
			 1);
	for (int i = 0; i < 5000; i++) {
		for (size_t k = 0; k < sizeof(data); k++)
			data[k] = (uint8_t)rand_r(&seed);
		data[2] &= 0x7f;
		data[4] = data[6] = data[8] = data[10] = 0;
		data[5] = 1;
		p.len = (size_t)rand_r(&seed) % sizeof(data);
		put(&a, frame, packet_build(&p, a.self.mac, everybody, frame));
		while (take(a.guest) > 0)
			;
	}
	(void)leave(&a);
}

/* B reads nothing, A floods it and then C: C gets what it is sent. */
static void a_stuck_vm_is_in_nobodys_way(void **state)
{
	static uint8_t f[NET_FRAME_MAX];

	(void)state;
	struct vm a = join("a1", "a"), b = join("b1", "b"), c = join("c1", "c");

	for (int i = 0; i < 200; i++)
		put(&a, f, packet(&a, b.self.mac, sizeof(f), f));
	for (int i = 0; i < 50; i++) {
		put(&a, f, packet(&a, c.self.mac, 1000, f));
		assert_int_equal(take(c.guest), 1000);
	}
	/* When it reads again there is as much as was to be kept. */
	size_t bytes = 0;
	for (ssize_t n; (n = take(b.guest)) > 0; (void)work())
		bytes += (size_t)n;
	assert_in_range(bytes, QUEUE_MAX / 2, QUEUE_MAX + (1 << 20));
	(void)leave(&a);
	(void)leave(&b);
	(void)leave(&c);
}

/* A floods B, which is slow; what C sends it comes all the same. */
static void a_flood_starves_nobody(void **state)
{
	static uint8_t f[NET_FRAME_MAX];
	int from_a = 0, from_c = 0;

	(void)state;
	struct vm a = join("a1", "a"), b = join("b1", "b"), c = join("c1", "c");

	for (int i = 0; i < 200; i++)
		put(&a, f, packet(&a, b.self.mac, sizeof(f), f));
	for (int i = 0; i < 10; i++)
		put(&c, f, packet(&c, b.self.mac, sizeof(f), f));
	for (ssize_t n; (n = take(b.guest)) > 0; (void)work()) {
		from_a += memcmp(got + 6, a.self.mac, 6) == 0;
		from_c += memcmp(got + 6, c.self.mac, 6) == 0;
	}
	assert_int_equal(from_c, 10);
	assert_in_range(from_a, 15, 60);
	(void)leave(&a);
	(void)leave(&b);
	(void)leave(&c);
}

/* A guest and its own way out wait for each other, and lose nothing. */
static void nothing_is_lost_on_the_way_out(void **state)
{
	static uint8_t f[60000];
	const uint8_t gateway[ETH_ALEN] = { 0x52, 0x55, 10, 89, 7, 1 };
	int out = 0, in = 0, sent = 0, back = 0;

	(void)state;
	struct vm a = join_with_uplink("a1", "a");

	(void)packet(&a, gateway, sizeof(f), f);
	for (int i = 0; i < 400; i++) {
		sent += send(a.guest, f, sizeof(f), MSG_DONTWAIT) > 0;
		back += send(a.uplink, f, sizeof(f), MSG_DONTWAIT) > 0;
		(void)work();
	}
	/* Both stand still before everything is in the switch. */
	assert_in_range(sent, 5, 100);
	assert_in_range(back, 5, 100);
	for (int i = 0; i < 200; i++) {
		out += take(a.uplink) > 0;
		in += take(a.guest) > 0;
		(void)work();
	}
	assert_int_equal(out, sent);
	assert_int_equal(in, back);
	(void)leave(&a);
}

static void who_dies_leaves_nothing(void **state)
{
	static uint8_t f[NET_FRAME_MAX];

	(void)state;
	struct vm a = join_with_uplink("a1", "a"), b = join("b1", "b");

	/* Frames wait for it, and of it. */
	for (int i = 0; i < 100; i++) {
		put(&a, f, packet(&a, b.self.mac, sizeof(f), f));
		put(&b, f, packet(&b, a.self.mac, sizeof(f), f));
	}
	(void)close(b.guest);
	assert_int_equal(work(), 0);
	uint8_t addr[4];
	while (take(a.guest) > 0)
		(void)work();
	assert_int_equal(ask(&a, "b", ns_t_a, addr), -EAGAIN);
	struct vm c = join("c1", "b");
	assert_memory_equal(c.self.addr, b.self.addr, 4);
	nothing_at(c.guest);
	put(&a, f, packet(&a, c.self.mac, 100, f));
	assert_int_equal(take(c.guest), 100);
	/* An uplink that ends takes nobody along; a guest takes its own. */
	(void)close(a.uplink);
	assert_int_equal(work(), 0);
	put(&a, f, packet(&a, c.self.mac, 100, f));
	assert_int_equal(take(c.guest), 100);
	struct switch_welcome w;
	a.uplink = dial(SWITCH_UPLINK, "a1", "", &w);
	assert_true(a.uplink >= 0);
	(void)close(a.guest);
	assert_int_equal(work(), 0);
	assert_int_equal(take(a.uplink), 0);
	(void)close(a.uplink);
	assert_int_equal(leave(&c), -EPIPE);
}

static void nobody_comes(void **state)
{
	(void)state;
	assert_int_equal(switch_step(sw, 10), -ETIMEDOUT);
}

static void a_queue_is_fair(void **state)
{
	static uint8_t frame[1000];
	struct queue q;
	int count[3] = { 0 };

	(void)state;
	assert_int_equal(queue_init(&q, 3), 0);
	for (int i = 0; i < 10000; i++) {
		frame[0] = 0;
		queue_put(&q, 0, frame, sizeof(frame));
	}
	assert_in_range(q.bytes, QUEUE_MAX - 2000, QUEUE_MAX);
	for (int i = 0; i < 10000; i++) {
		frame[0] = 1;
		queue_put(&q, 1, frame, sizeof(frame));
	}
	for (int i = 0; i < 100; i++) {
		frame[0] = 2;
		queue_put(&q, 2, frame, sizeof(frame));
	}
	assert_in_range(q.bytes, 0, QUEUE_MAX);
	/* In turns, while all three have some. */
	for (int i = 0; i < 300; i++) {
		count[queue_next(&q)->data[0]]++;
		queue_pop(&q);
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(count[i], 100);
	while (!queue_empty(&q)) {
		count[queue_next(&q)->data[0]]++;
		queue_pop(&q);
	}
	assert_int_equal(q.bytes, 0);
	assert_in_range(count[0], 900, 1100);
	assert_in_range(count[1], 900, 1100);
	queue_put(&q, 1, frame, 10);
	queue_done(&q);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(addresses_are_unique_and_come_back),
		TEST(a_subnet_is_exhausted),
		TEST(all_ports_are_taken),
		TEST(names_are_unique),
		TEST(nonsense_is_sent_away),
		TEST(frames_go_where_they_are_to),
		TEST(nobody_is_another),
		TEST(names_come_and_go),
		cmocka_unit_test_setup_teardown(a_network_without_a_way_out,
						setup_internal, teardown),
		TEST(broken_questions_harm_nobody),
		TEST(a_stuck_vm_is_in_nobodys_way),
		TEST(a_flood_starves_nobody),
		TEST(nothing_is_lost_on_the_way_out),
		TEST(who_dies_leaves_nothing),
		TEST(nobody_comes),
		cmocka_unit_test(a_queue_is_fair),
	};

	return cmocka_run_group_tests(tests, open_dir, close_dir);
}
