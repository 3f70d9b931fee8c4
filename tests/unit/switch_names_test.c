/* SPDX-License-Identifier: Apache-2.0 */
/* switch_names_test.c - the names that a switch knows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/switch_rig.h"
#include "vmm/net/packet.h"

static void names_come_and_go(void **state)
{
	uint8_t addr[4];

	(void)state;
	struct rig_vm a = rig_join_with_uplink("a1", "a");

	/* Not known here: the uplink is asked. */
	assert_int_equal(rig_ask(&a, "node.b", ns_t_a, addr), -EAGAIN);
	assert_true(rig_take(a.uplink) > 50);
	struct rig_vm b = rig_join("b1", "node.b");
	assert_int_equal(rig_ask(&a, "Node.B", ns_t_a, addr), ns_r_noerror);
	assert_memory_equal(addr, b.self.addr, 4);
	assert_int_equal(rig_ask(&a, "b1", ns_t_a, addr), ns_r_noerror);
	assert_memory_equal(addr, b.self.addr, 4);
	assert_int_equal(rig_ask(&a, "a", ns_t_a, addr), ns_r_noerror);
	assert_memory_equal(addr, a.self.addr, 4);
	assert_int_equal(rig_ask(&a, "node.b", ns_t_aaaa, addr), ns_r_noerror);
	assert_memory_equal(addr, "\0\0\0\0", 4);
	rig_nothing_at(a.uplink);
	(void)rig_leave(&b);
	assert_int_equal(rig_ask(&a, "node.b", ns_t_a, addr), -EAGAIN);
	assert_true(rig_take(a.uplink) > 50);
	(void)rig_leave(&a);
}

static void a_network_without_a_way_out(void **state)
{
	struct switch_welcome w;
	uint8_t f[60], addr[4];

	(void)state;
	struct rig_vm a = rig_join("a1", "a"), b = rig_join("b1", "b");

	assert_int_equal(rig_dial(SWITCH_UPLINK, "a1", "", &w), -ENOENT);
	assert_int_equal(rig_ask(&a, "b", ns_t_a, addr), ns_r_noerror);
	assert_memory_equal(addr, b.self.addr, 4);
	assert_int_equal(rig_ask(&a, "example.com", ns_t_a, addr),
			 ns_r_nxdomain);
	const uint8_t dns[4] = { 10, 89, 7, 2 }, gateway[4] = { 10, 89, 7, 1 };
	rig_put(&a, f, rig_arp(&a, a.self.mac, a.self.addr, dns, f));
	assert_int_equal(rig_take(a.guest), 42);
	assert_memory_equal(rig_got, a.self.mac, 6);
	assert_memory_equal(rig_got + 28, dns, 4);
	rig_nothing_at(b.guest);
	rig_put(&a, f, rig_arp(&a, a.self.mac, a.self.addr, gateway, f));
	rig_nothing_at(a.guest);
	assert_int_equal(rig_take(b.guest), 42);
	(void)rig_leave(&a);
	(void)rig_leave(&b);
}

static void broken_questions_harm_nobody(void **state)
{
	uint8_t data[64], frame[PACKET_FRAME_MAX];
	unsigned seed = 1;

	(void)state;
	struct rig_vm a = rig_join("a1", "a");
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
		rig_put(&a, frame,
			packet_build(&p, a.self.mac, rig_everybody, frame));
		while (rig_take(a.guest) > 0)
			;
	}
	(void)rig_leave(&a);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names_come_and_go),
		cmocka_unit_test_setup_teardown(a_network_without_a_way_out,
						rig_setup_internal,
						rig_teardown),
		TEST(broken_questions_harm_nobody),
	};

	return cmocka_run_group_tests(tests, rig_open_dir, rig_close_dir);
}
