/* SPDX-License-Identifier: Apache-2.0 */
/* switch_rig.c - a switch, and who is at its ports. */
#include "tests/harness/switch_rig.h"

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

#include "vmm/lib/io.h"
#include "vmm/net/packet.h"

const uint8_t rig_everybody[ETH_ALEN] = { 255, 255, 255, 255, 255, 255 };

struct sw *rig_switch;
static char dir[] = "/tmp/switch-XXXXXX";
char rig_path[64];
uint8_t rig_got[NET_FRAME_MAX + 1];

void rig_open(unsigned prefix, bool internal)
{
	struct switch_subnet net = { .prefix = prefix, .internal = internal };
	struct err err;

	assert_int_equal(inet_pton(AF_INET, SUBNET, &net.base), 1);
	(void)unlink(rig_path);
	int fd = io_packet_listen(rig_path, &err);
	assert_true(fd >= 0);
	assert_int_equal(switch_new(fd, &net, &rig_switch, &err), 0);
}

int rig_open_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	(void)snprintf(rig_path, sizeof(rig_path), "%s/s", dir);
	return 0;
}

int rig_close_dir(void **state)
{
	(void)state;
	(void)unlink(rig_path);
	return rmdir(dir);
}

int rig_setup(void **state)
{
	(void)state;
	rig_open(24, false);
	return 0;
}

int rig_setup_internal(void **state)
{
	(void)state;
	rig_open(24, true);
	return 0;
}

int rig_teardown(void **state)
{
	(void)state;
	switch_free(rig_switch);
	rig_switch = NULL;
	return 0;
}

/* All that is to be done now.  What the last round said. */
int rig_work(void)
{
	int r = 0;

	for (int i = 0; i < 20 && r == 0; i++)
		r = switch_step(rig_switch, 0);
	return r;
}

int rig_dial(uint32_t wire, const char *id, const char *name,
	     struct switch_welcome *ret)
{
	struct switch_hello h = { .version = SWITCH_VERSION, .wire = wire };
	struct err err;
	int fd = io_packet_connect(rig_path, &err);

	assert_true(fd >= 0);
	(void)snprintf(h.id, sizeof(h.id), "%s", id);
	(void)snprintf(h.name, sizeof(h.name), "%s", name);
	assert_int_equal(send(fd, &h, sizeof(h), 0), sizeof(h));
	(void)rig_work();
	assert_int_equal(recv(fd, ret, sizeof(*ret), 0), sizeof(*ret));
	assert_int_equal(ret->version, SWITCH_VERSION);
	if (ret->error == 0)
		return fd;
	(void)close(fd);
	return -(int)ret->error;
}

struct rig_vm rig_join(const char *id, const char *name)
{
	struct rig_vm vm = { .uplink = -1 };

	vm.guest = rig_dial(SWITCH_GUEST, id, name, &vm.self);
	assert_true(vm.guest >= 0);
	return vm;
}

struct rig_vm rig_join_with_uplink(const char *id, const char *name)
{
	struct rig_vm vm = rig_join(id, name);
	struct switch_welcome w;

	vm.uplink = rig_dial(SWITCH_UPLINK, id, "", &w);
	assert_true(vm.uplink >= 0);
	return vm;
}

int rig_leave(struct rig_vm *vm)
{
	(void)close(vm->guest);
	if (vm->uplink >= 0)
		(void)close(vm->uplink);
	return rig_work();
}

/* An IPv4 packet of @len bytes of frame, from @from to @to. */
size_t rig_packet(const struct rig_vm *from, const uint8_t *to, size_t len,
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

void rig_put(const struct rig_vm *vm, const void *frame, size_t len)
{
	assert_int_equal(send(vm->guest, frame, len, MSG_DONTWAIT), len);
	(void)rig_work();
}

ssize_t rig_take(int fd)
{
	ssize_t n = recv(fd, rig_got, sizeof(rig_got), MSG_DONTWAIT);

	return n < 0 ? -errno : n;
}

const char *rig_address(const struct rig_vm *vm)
{
	static char text[INET_ADDRSTRLEN];

	return inet_ntop(AF_INET, vm->self.addr, text, sizeof(text));
}

size_t rig_arp(const struct rig_vm *from, const uint8_t *mac,
	       const uint8_t *addr, const uint8_t *target, uint8_t *ret)
{
	struct ether_arp a = {
		.arp_hrd = htons(1),
		.arp_pro = htons(ETHERTYPE_IP),
		.arp_hln = 6,
		.arp_pln = 4,
		.arp_op = htons(ARPOP_REQUEST),
	};

	memcpy(ret, rig_everybody, 6);
	memcpy(ret + 6, from->self.mac, 6);
	ret[12] = 8;
	ret[13] = 6;
	memcpy(a.arp_sha, mac, 6);
	memcpy(a.arp_spa, addr, 4);
	memcpy(a.arp_tpa, target, 4);
	memcpy(ret + 14, &a, sizeof(a));
	return 14 + sizeof(a);
}

/* The reply's answer to "who is @name": its code, the address in @ret. */
int rig_ask(const struct rig_vm *vm, const char *name, unsigned type,
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
	rig_put(vm, frame, packet_build(&p, vm->self.mac, mac, frame));
	ssize_t len = rig_take(vm->guest);
	if (len < 0)
		return (int)len;
	assert_true(packet_parse(rig_got, (size_t)len, &answer));
	assert_int_equal(answer.src.v4.sin_addr.s_addr,
			 p.dst.v4.sin_addr.s_addr);
	assert_int_equal(answer.dst.v4.sin_port, htons(5555));
	assert_memory_equal(rig_got + 6, mac, 6);
	assert_int_equal(ns_initparse(answer.data, (int)answer.len, &msg), 0);
	memset(ret, 0, 4);
	if (ns_msg_count(msg, ns_s_an) == 1) {
		assert_int_equal(ns_parserr(&msg, ns_s_an, 0, &rr), 0);
		memcpy(ret, ns_rr_rdata(rr), 4);
	}
	return (int)ns_msg_getflag(msg, ns_f_rcode);
}
