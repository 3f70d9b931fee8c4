/* SPDX-License-Identifier: Apache-2.0 */
/*
 * switch_frames_test.c - what goes where in a switch, what ends at a port, and
 * what a flood costs whom.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/if_ether.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/harness/switch_rig.h"

#include "vmm/switch/queue.h"

static void frames_go_where_they_are_to(void **state)
{
	static uint8_t frame[NET_FRAME_MAX];

	(void)state;
	struct rig_vm a = rig_join_with_uplink("a1", "a");
	struct rig_vm b = rig_join_with_uplink("b1", "b");
	struct rig_vm c = rig_join_with_uplink("c1", "c");
	const size_t lens[] = { 34, 60, 1514, NET_FRAME_MAX };

	for (size_t i = 0; i < 4; i++) {
		size_t len = rig_packet(&a, b.self.mac, lens[i], frame);

		rig_put(&a, frame, len);
		assert_int_equal(rig_take(b.guest), len);
		assert_memory_equal(rig_got, frame, len);
	}
	rig_nothing_at(c.guest);
	rig_nothing_at(a.uplink);
	rig_nothing_at(b.uplink);

	/* For nobody here: out, by its own way and no other. */
	const uint8_t gateway[ETH_ALEN] = { 0x52, 0x55, 10, 89, 7, 1 };
	rig_put(&a, frame, rig_packet(&a, gateway, 100, frame));
	assert_int_equal(rig_take(a.uplink), 100);
	rig_nothing_at(b.guest);
	rig_nothing_at(b.uplink);

	/* And back. */
	assert_int_equal(send(a.uplink, frame, 100, 0), 100);
	(void)rig_work();
	assert_int_equal(rig_take(a.guest), 100);
	rig_nothing_at(b.guest);

	/* For all. */
	rig_put(&b, frame, rig_packet(&b, rig_everybody, 80, frame));
	assert_int_equal(rig_take(a.guest), 80);
	assert_int_equal(rig_take(c.guest), 80);
	assert_int_equal(rig_take(b.uplink), 80);
	rig_nothing_at(b.guest);
	rig_nothing_at(a.uplink);
	(void)rig_leave(&a);
	(void)rig_leave(&b);
	assert_int_equal(rig_leave(&c), -EPIPE);
}

static void nobody_is_another(void **state)
{
	uint8_t f[200];
	const uint8_t none[4] = { 0 };

	(void)state;
	struct rig_vm a = rig_join_with_uplink("a1", "a"),
		      b = rig_join("b1", "b");

	/* What it may say. */
	rig_put(&a, f, rig_arp(&a, a.self.mac, a.self.addr, b.self.addr, f));
	assert_int_equal(rig_take(b.guest), 42);
	rig_put(&a, f, rig_arp(&a, a.self.mac, none, b.self.addr, f));
	assert_int_equal(rig_take(b.guest), 42);
	assert_int_equal(rig_take(a.uplink), 42);
	assert_int_equal(rig_take(a.uplink), 42);

	/* Another's MAC, in the frame or in ARP; another's address. */
	(void)rig_packet(&a, b.self.mac, 100, f);
	memcpy(f + 6, b.self.mac, 6);
	rig_put(&a, f, 100);
	(void)rig_packet(&a, b.self.mac, 100, f);
	memcpy(f + 14 + 12, b.self.addr, 4);
	rig_put(&a, f, 100);
	rig_put(&a, f, rig_arp(&a, b.self.mac, a.self.addr, b.self.addr, f));
	rig_put(&a, f, rig_arp(&a, a.self.mac, b.self.addr, b.self.addr, f));
	rig_put(&a, f, rig_arp(&b, a.self.mac, a.self.addr, b.self.addr, f));
	/* An answer from nowhere; half of it; of another kind. */
	(void)rig_arp(&a, a.self.mac, none, b.self.addr, f);
	f[21] = ARPOP_REPLY;
	rig_put(&a, f, 42);
	(void)rig_arp(&a, a.self.mac, a.self.addr, b.self.addr, f);
	rig_put(&a, f, 41);
	f[18] = 8;
	rig_put(&a, f, 42);
	/* IPv6, a VLAN, no header, another version. */
	(void)rig_packet(&a, b.self.mac, 100, f);
	f[12] = 0x86;
	f[13] = 0xdd;
	rig_put(&a, f, 100);
	f[12] = 0x81;
	f[13] = 0;
	rig_put(&a, f, 100);
	(void)rig_packet(&a, b.self.mac, 100, f);
	rig_put(&a, f, 33);
	rig_put(&a, f, 14);
	f[14] = 0x65;
	rig_put(&a, f, 100);
	rig_nothing_at(b.guest);
	rig_nothing_at(a.uplink);

	/* No frames at all; and it is still there. */
	rig_put(&a, f, 0);
	rig_put(&a, f, 13);
	rig_put(&a, f, rig_packet(&a, b.self.mac, 100, f));
	assert_int_equal(rig_take(b.guest), 100);
	rig_nothing_at(b.guest);
	(void)rig_leave(&a);
	(void)rig_leave(&b);
}

/* B reads nothing, A floods it and then C: C gets what it is sent. */
static void a_stuck_vm_is_in_nobodys_way(void **state)
{
	static uint8_t f[NET_FRAME_MAX];

	(void)state;
	struct rig_vm a = rig_join("a1", "a"), b = rig_join("b1", "b"),
		      c = rig_join("c1", "c");

	for (int i = 0; i < 200; i++)
		rig_put(&a, f, rig_packet(&a, b.self.mac, sizeof(f), f));
	for (int i = 0; i < 50; i++) {
		rig_put(&a, f, rig_packet(&a, c.self.mac, 1000, f));
		assert_int_equal(rig_take(c.guest), 1000);
	}
	/* When it reads again there is as much as was to be kept. */
	size_t bytes = 0;
	for (ssize_t n; (n = rig_take(b.guest)) > 0; (void)rig_work())
		bytes += (size_t)n;
	assert_in_range(bytes, QUEUE_MAX / 2, QUEUE_MAX + (1 << 20));
	(void)rig_leave(&a);
	(void)rig_leave(&b);
	(void)rig_leave(&c);
}

/* A floods B, which is slow; what C sends it comes all the same. */
static void a_flood_starves_nobody(void **state)
{
	static uint8_t f[NET_FRAME_MAX];
	int from_a = 0, from_c = 0;

	(void)state;
	struct rig_vm a = rig_join("a1", "a"), b = rig_join("b1", "b"),
		      c = rig_join("c1", "c");

	for (int i = 0; i < 200; i++)
		rig_put(&a, f, rig_packet(&a, b.self.mac, sizeof(f), f));
	for (int i = 0; i < 10; i++)
		rig_put(&c, f, rig_packet(&c, b.self.mac, sizeof(f), f));
	for (ssize_t n; (n = rig_take(b.guest)) > 0; (void)rig_work()) {
		from_a += memcmp(rig_got + 6, a.self.mac, 6) == 0;
		from_c += memcmp(rig_got + 6, c.self.mac, 6) == 0;
	}
	assert_int_equal(from_c, 10);
	assert_in_range(from_a, 15, 60);
	(void)rig_leave(&a);
	(void)rig_leave(&b);
	(void)rig_leave(&c);
}

/* A guest and its own way out wait for each other, and lose nothing. */
static void nothing_is_lost_on_the_way_out(void **state)
{
	static uint8_t f[60000];
	const uint8_t gateway[ETH_ALEN] = { 0x52, 0x55, 10, 89, 7, 1 };
	int out = 0, in = 0, sent = 0, back = 0;

	(void)state;
	struct rig_vm a = rig_join_with_uplink("a1", "a");

	(void)rig_packet(&a, gateway, sizeof(f), f);
	for (int i = 0; i < 400; i++) {
		sent += send(a.guest, f, sizeof(f), MSG_DONTWAIT) > 0;
		back += send(a.uplink, f, sizeof(f), MSG_DONTWAIT) > 0;
		(void)rig_work();
	}
	/* Both stand still before everything is in the switch. */
	assert_in_range(sent, 5, 100);
	assert_in_range(back, 5, 100);
	for (int i = 0; i < 200; i++) {
		out += rig_take(a.uplink) > 0;
		in += rig_take(a.guest) > 0;
		(void)rig_work();
	}
	assert_int_equal(out, sent);
	assert_int_equal(in, back);
	(void)rig_leave(&a);
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

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(frames_go_where_they_are_to),
		TEST(nobody_is_another),
		TEST(a_stuck_vm_is_in_nobodys_way),
		TEST(a_flood_starves_nobody),
		TEST(nothing_is_lost_on_the_way_out),
		cmocka_unit_test(a_queue_is_fair),
	};

	return cmocka_run_group_tests(tests, rig_open_dir, rig_close_dir);
}
