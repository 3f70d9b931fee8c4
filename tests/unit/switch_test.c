/* SPDX-License-Identifier: Apache-2.0 */
/* switch_test.c - who may come to a switch, and what stays when it goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/nameser.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/switch_rig.h"
#include "vmm/lib/io.h"
#include "vmm/net/packet.h"

static void addresses_are_unique_and_come_back(void **state)
{
	(void)state;
	struct rig_vm a = rig_join("a1", "a"), b = rig_join("b1", "b");

	assert_string_equal(rig_address(&a), "10.89.7.3");
	assert_string_equal(rig_address(&b), "10.89.7.4");
	assert_int_not_equal(memcmp(a.self.mac, b.self.mac, 6), 0);
	assert_int_equal(rig_leave(&a), 0);
	struct rig_vm c = rig_join("c1", "c");
	assert_string_equal(rig_address(&c), "10.89.7.3");
	assert_int_equal(rig_leave(&c), 0);
	/* With the last VM it ends. */
	assert_int_equal(rig_leave(&b), -EPIPE);
}

static void a_subnet_is_exhausted(void **state)
{
	struct rig_vm vm[4];
	struct switch_welcome w;

	(void)state;
	(void)rig_teardown(NULL);
	rig_open(29, false);
	for (int i = 0; i < 4; i++) {
		char id[] = { 'v', (char)('0' + i), '\0' };

		vm[i] = rig_join(id, "");
	}
	assert_string_equal(rig_address(&vm[3]), "10.89.7.6");
	assert_int_equal(rig_dial(SWITCH_GUEST, "v9", "", &w), -EADDRNOTAVAIL);
	for (int i = 0; i < 4; i++)
		(void)rig_leave(&vm[i]);
}

static void all_ports_are_taken(void **state)
{
	static struct rig_vm vm[SWITCH_PORTS];
	struct switch_welcome w;
	char id[SWITCH_ID_LEN];

	(void)state;
	for (int i = 0; i < SWITCH_PORTS; i++) {
		(void)snprintf(id, sizeof(id), "v%d", i);
		vm[i] = rig_join_with_uplink(id, "");
	}
	assert_int_equal(rig_dial(SWITCH_GUEST, "one-more", "", &w),
			 -EADDRNOTAVAIL);
	for (int i = 0; i < SWITCH_PORTS; i++)
		(void)rig_leave(&vm[i]);
}

static void names_are_unique(void **state)
{
	struct switch_welcome w;

	(void)state;
	struct rig_vm a = rig_join("a1", "node");

	assert_int_equal(rig_dial(SWITCH_GUEST, "b1", "node", &w), -EEXIST);
	assert_int_equal(rig_dial(SWITCH_GUEST, "b1", "NODE", &w), -EEXIST);
	assert_int_equal(rig_dial(SWITCH_GUEST, "a1", "", &w), -EEXIST);
	assert_int_equal(rig_dial(SWITCH_UPLINK, "b1", "", &w), -ENOENT);
	int up = rig_dial(SWITCH_UPLINK, "a1", "", &w);
	assert_true(up >= 0);
	assert_int_equal(rig_dial(SWITCH_UPLINK, "a1", "", &w), -EEXIST);
	(void)close(up);
	assert_int_equal(rig_leave(&a), -EPIPE);
}

static void nonsense_is_sent_away(void **state)
{
	struct switch_hello h = { .version = SWITCH_VERSION };
	struct switch_welcome w;
	struct err err;

	(void)state;
	assert_int_equal(rig_dial(0, "a1", "", &w), -EPROTO);
	assert_int_equal(rig_dial(SWITCH_GUEST, "", "", &w), -EPROTO);
	/* Too short, too long, without an end of its name, of another time. */
	for (int i = 0; i < 4; i++) {
		int fd = io_packet_connect(rig_path, &err);
		size_t len = i == 0 ? 3 : i == 1 ? NET_FRAME_MAX : sizeof(h);

		memset(h.name, 'x', sizeof(h.name));
		h.id[0] = 'x';
		h.wire = SWITCH_GUEST;
		h.version = i == 3 ? 7 : SWITCH_VERSION;
		memset(rig_got, 'x', sizeof(rig_got));
		assert_int_equal(send(fd,
				      len == sizeof(h) ? (void *)&h : rig_got,
				      len, 0),
				 len);
		(void)rig_work();
		assert_int_equal(recv(fd, &w, sizeof(w), 0), sizeof(w));
		assert_int_equal(w.error, EPROTO);
		assert_int_equal(recv(fd, &w, sizeof(w), 0), 0);
		(void)close(fd);
	}
	/* Who says nothing is in nobody's way. */
	int mute[20];
	for (int i = 0; i < 20; i++) {
		mute[i] = io_packet_connect(rig_path, &err);
		(void)rig_work();
	}
	for (int i = 0; i < 20; i++)
		(void)close(mute[i]);
	(void)rig_work();
	struct rig_vm a = rig_join("a1", "");
	assert_int_equal(rig_leave(&a), -EPIPE);
}

static void who_dies_leaves_nothing(void **state)
{
	static uint8_t f[NET_FRAME_MAX];

	(void)state;
	struct rig_vm a = rig_join_with_uplink("a1", "a"),
		      b = rig_join("b1", "b");

	/* Frames wait for it, and of it. */
	for (int i = 0; i < 100; i++) {
		rig_put(&a, f, rig_packet(&a, b.self.mac, sizeof(f), f));
		rig_put(&b, f, rig_packet(&b, a.self.mac, sizeof(f), f));
	}
	(void)close(b.guest);
	assert_int_equal(rig_work(), 0);
	uint8_t addr[4];
	while (rig_take(a.guest) > 0)
		(void)rig_work();
	assert_int_equal(rig_ask(&a, "b", ns_t_a, addr), -EAGAIN);
	struct rig_vm c = rig_join("c1", "b");
	assert_memory_equal(c.self.addr, b.self.addr, 4);
	rig_nothing_at(c.guest);
	rig_put(&a, f, rig_packet(&a, c.self.mac, 100, f));
	assert_int_equal(rig_take(c.guest), 100);
	/* An uplink that ends takes nobody along; a guest takes its own. */
	(void)close(a.uplink);
	assert_int_equal(rig_work(), 0);
	rig_put(&a, f, rig_packet(&a, c.self.mac, 100, f));
	assert_int_equal(rig_take(c.guest), 100);
	struct switch_welcome w;
	a.uplink = rig_dial(SWITCH_UPLINK, "a1", "", &w);
	assert_true(a.uplink >= 0);
	(void)close(a.guest);
	assert_int_equal(rig_work(), 0);
	assert_int_equal(rig_take(a.uplink), 0);
	(void)close(a.uplink);
	assert_int_equal(rig_leave(&c), -EPIPE);
}

static void nobody_comes(void **state)
{
	(void)state;
	assert_int_equal(switch_step(rig_switch, 10), -ETIMEDOUT);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(addresses_are_unique_and_come_back),
		TEST(a_subnet_is_exhausted),
		TEST(all_ports_are_taken),
		TEST(names_are_unique),
		TEST(nonsense_is_sent_away),
		TEST(who_dies_leaves_nothing),
		TEST(nobody_comes),
	};

	return cmocka_run_group_tests(tests, rig_open_dir, rig_close_dir);
}
