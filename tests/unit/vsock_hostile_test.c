/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vsock_hostile_test.c - drivers that break the rules of the socket device.
 * Bug class 4 is bounds and changing one's mind.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/virtio/models.h"
#include "devices/virtio/vsock.h"
#include "tests/harness/vsock_guest.h"
#include "vmm/abi/dial.h"
#include "vmm/lib/io.h"

#define RX 0
#define TX 1

static struct vsock_guest g;

static int setup(void **state)
{
	(void)state;
	vsock_guest_open(&g, true, 0, true);
	return 0;
}

static int setup_starved(void **state)
{
	(void)state;
	vsock_guest_open(&g, true, 0, false);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vsock_guest_close(&g);
	return 0;
}

static struct virtio_vsock_hdr header(uint16_t op)
{
	return (struct virtio_vsock_hdr){
		.src_cid = htole64(GUEST_CID),
		.dst_cid = htole64(2),
		.src_port = htole32(5000),
		.dst_port = htole32(99),
		.type = htole16(VIRTIO_VSOCK_TYPE_STREAM),
		.op = htole16(op),
	};
}

static void unknown_connections_are_reset(void **state)
{
	static const uint16_t op[] = {
		VIRTIO_VSOCK_OP_RW,
		VIRTIO_VSOCK_OP_RESPONSE,
		VIRTIO_VSOCK_OP_SHUTDOWN,
		VIRTIO_VSOCK_OP_CREDIT_UPDATE,
		VIRTIO_VSOCK_OP_CREDIT_REQUEST,
		0,
		77,
	};
	struct packet p;

	(void)state;
	for (unsigned i = 0; i < sizeof(op) / sizeof(op[0]); i++) {
		vsock_guest_send(&g, op[i], 99, 5000, 0, NULL, 0);
		vsock_guest_expect(&g, VIRTIO_VSOCK_OP_RST, 99, 5000);
	}
	/* A reset is not answered: two sides could go on for ever. */
	vsock_guest_send(&g, VIRTIO_VSOCK_OP_RST, 99, 5000, 0, NULL, 0);
	assert_false(vsock_guest_poll(&g, &p));
}

static void packets_of_others_vanish(void **state)
{
	struct virtio_vsock_hdr from = header(VIRTIO_VSOCK_OP_REQUEST);
	struct virtio_vsock_hdr to = header(VIRTIO_VSOCK_OP_REQUEST);
	struct packet p;
	struct dial_request request;

	(void)state;
	from.src_cid = htole64(GUEST_CID + 1);
	to.dst_cid = htole64(3);
	vsock_guest_send_raw(&g, &from, sizeof(from), NULL, 0);
	vsock_guest_send_raw(&g, &to, sizeof(to), NULL, 0);
	assert_false(vsock_guest_poll(&g, &p));
	assert_int_equal(
		recv(g.keeper, &request, sizeof(request), MSG_DONTWAIT), -1);
}

static void packets_of_other_types_are_reset(void **state)
{
	struct virtio_vsock_hdr h = header(VIRTIO_VSOCK_OP_REQUEST);

	(void)state;
	h.type = htole16(2);
	vsock_guest_send_raw(&g, &h, sizeof(h), NULL, 0);
	vsock_guest_expect(&g, VIRTIO_VSOCK_OP_RST, 99, 5000);
}

/* Bug class 4: the length of the header is not the length of the chain. */
static void a_length_beyond_the_chain_breaks_the_queue(void **state)
{
	struct virtio_vsock_hdr h = header(VIRTIO_VSOCK_OP_RW);

	(void)state;
	h.len = htole32(5);
	vsock_guest_send_raw(&g, &h, sizeof(h), "1234", 4);
	driver_settle(&g.drv);
	assert_true(driver_needs_reset(&g.drv));

	driver_restart(&g.drv, 0);
	vsock_guest_buffers(&g);
	h.len = htole32(UINT32_MAX);
	vsock_guest_send_raw(&g, &h, sizeof(h), "1234", 4);
	driver_settle(&g.drv);
	assert_true(driver_needs_reset(&g.drv));
}

static void a_short_header_breaks_the_queue(void **state)
{
	struct virtio_vsock_hdr h = header(VIRTIO_VSOCK_OP_RW);

	(void)state;
	vsock_guest_send_raw(&g, &h, GUEST_HEADER - 1, NULL, 0);
	driver_settle(&g.drv);
	assert_true(driver_needs_reset(&g.drv));
}

static void a_receive_buffer_without_room_breaks_the_queue(void **state)
{
	struct driver_buf buf = { driver_alloc(&g.drv, 64), GUEST_HEADER,
				  true };

	(void)state;
	(void)driver_chain(&g.drv.queue[RX], &buf, 1);
	driver_kick(&g.drv, RX);
	vsock_guest_send_raw(&g, &(struct virtio_vsock_hdr){ 0 }, GUEST_HEADER,
			     NULL, 0);
	int fd = vsock_host_connect(&g);
	assert_int_equal(write(fd, "CONNECT 1\n", 10), 10);
	driver_settle(&g.drv);
	assert_true(driver_needs_reset(&g.drv));
	vsock_host_expect_end(&g, fd);
}

/* Bug class 6: the guest cannot make us hold more than its credit. */
static void more_than_the_credit_ends_the_connection(void **state)
{
	unsigned char chunk[16384] = { 0 };
	struct packet p;
	uint32_t port;
	uint16_t op = 0;

	(void)state;
	int fd = vsock_host_established(&g, 5000, &port);
	/* The program does not read; the guest does not care. */
	for (unsigned i = 0; i < 100 && op != VIRTIO_VSOCK_OP_RST; i++) {
		vsock_guest_send(&g, VIRTIO_VSOCK_OP_RW, port, 5000, 0, chunk,
				 sizeof(chunk));
		while (vsock_guest_poll(&g, &p))
			op = le16toh(p.h.op);
	}
	assert_int_equal(op, VIRTIO_VSOCK_OP_RST);
	assert_int_equal(vsock_guest_model(&g)->nr, 0);
	assert_false(driver_needs_reset(&g.drv));
	(void)close(fd);
}

static void one_packet_beyond_the_credit_is_refused(void **state)
{
	unsigned char *huge = calloc(1, VSOCK_BUFFER + 1);
	uint32_t port;

	(void)state;
	assert_non_null(huge);
	int fd = vsock_host_established(&g, 5000, &port);
	vsock_guest_send(&g, VIRTIO_VSOCK_OP_RW, port, 5000, 0, huge,
			 VSOCK_BUFFER + 1);
	vsock_guest_expect(&g, VIRTIO_VSOCK_OP_RST, port, 5000);
	vsock_host_expect_end(&g, fd);
	free(huge);
}

/* Its own numbers cannot make a guest's credit more than it says. */
static void nonsense_credit_only_silences(void **state)
{
	uint32_t port;
	struct packet p;

	(void)state;
	int fd = vsock_host_established(&g, 5000, &port);
	/* It claims to have read 4 GiB - 1 that we never sent. */
	g.fwd_cnt = UINT32_MAX;
	g.window = 1;
	vsock_guest_send(&g, VIRTIO_VSOCK_OP_CREDIT_UPDATE, port, 5000, 0, NULL,
			 0);
	assert_int_equal(write(fd, "x", 1), 1);
	while (vsock_guest_poll(&g, &p))
		assert_int_not_equal(le16toh(p.h.op), VIRTIO_VSOCK_OP_RW);
	(void)close(fd);
	driver_settle(&g.drv);
}

static void packets_out_of_turn_end_the_connection(void **state)
{
	static const uint16_t op[] = {
		VIRTIO_VSOCK_OP_RESPONSE,
		VIRTIO_VSOCK_OP_REQUEST,
		0,
		1000,
	};
	uint32_t port;

	(void)state;
	for (unsigned i = 0; i < sizeof(op) / sizeof(op[0]); i++) {
		int fd = vsock_host_established(&g, 5000, &port);

		vsock_guest_send(&g, op[i], port, 5000, 0, NULL, 0);
		vsock_guest_expect(&g, VIRTIO_VSOCK_OP_RST, port, 5000);
		vsock_host_expect_end(&g, fd);
	}
	/* Bytes before the keeper has answered. */
	vsock_guest_send(&g, VIRTIO_VSOCK_OP_REQUEST, 99, 1, 0, NULL, 0);
	vsock_guest_send(&g, VIRTIO_VSOCK_OP_RW, 99, 1, 0, "x", 1);
	vsock_guest_expect(&g, VIRTIO_VSOCK_OP_RST, 99, 1);
	/* Bytes after the guest said that there would be none. */
	int fd = vsock_host_established(&g, 5000, &port);
	vsock_guest_send(&g, VIRTIO_VSOCK_OP_SHUTDOWN, port, 5000,
			 VIRTIO_VSOCK_SHUTDOWN_SEND, NULL, 0);
	vsock_guest_send(&g, VIRTIO_VSOCK_OP_RW, port, 5000, 0, "x", 1);
	vsock_guest_expect(&g, VIRTIO_VSOCK_OP_RST, port, 5000);
	vsock_host_expect_end(&g, fd);
}

/* Bug class 3: what is owed for packets stays bounded without buffers. */
static void refusals_without_buffers_stall_the_queue(void **state)
{
	struct packet p;
	uint32_t resets = 0;
	struct virtio_vsock_hdr h = header(VIRTIO_VSOCK_OP_RW);
	uint32_t taken = 0;

	(void)state;
	for (unsigned i = 0; i < 120; i++) {
		h.src_port = htole32(i);
		vsock_guest_send_raw(&g, &h, sizeof(h), NULL, 0);
	}
	driver_settle(&g.drv);
	while (driver_take(&g.drv.queue[TX], NULL, NULL))
		taken++;
	assert_int_equal(taken, VSOCK_REFUSALS);
	assert_int_equal(vsock_guest_model(&g)->nr_refusals, VSOCK_REFUSALS);
	assert_int_equal(driver_figure(&g.drv, "tx_stalls"), 1);

	/* With buffers everything moves on. */
	vsock_guest_buffers(&g);
	while (resets < 120) {
		vsock_guest_recv(&g, &p);
		assert_int_equal(le16toh(p.h.op), VIRTIO_VSOCK_OP_RST);
		assert_int_equal(le32toh(p.h.dst_port), resets++);
	}
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A guest that connects and hangs up for ever has its keeper asked so often. */
static void requests_beyond_the_rate_are_refused(void **state)
{
	const uint32_t tries = 3 * VSOCK_DIALS;
	int64_t begin = now_ms();
	struct packet p;
	struct dial_request request;
	uint32_t asked = 0, refused = 0;

	(void)setup(state);
	for (uint32_t i = 0; i < tries; i++) {
		vsock_guest_send(&g, VIRTIO_VSOCK_OP_REQUEST, 99, i, 0, NULL,
				 0);
		if (recv(g.keeper, &request, sizeof(request), MSG_DONTWAIT) ==
		    sizeof(request))
			asked++;
		if (vsock_guest_poll(&g, &p)) {
			assert_int_equal(le16toh(p.h.op), VIRTIO_VSOCK_OP_RST);
			assert_int_equal(le32toh(p.h.dst_port), i);
			refused++;
		} else {
			vsock_guest_send(&g, VIRTIO_VSOCK_OP_RST, 99, i, 0,
					 NULL, 0);
		}
	}
	assert_int_equal(asked + refused, tries);
	assert_true(asked >= VSOCK_DIALS);
	assert_true(asked <=
		    VSOCK_DIALS + VSOCK_DIALS * (now_ms() - begin + 1) / 1000);
}

static void requests_beyond_the_table_are_refused(void **state)
{
	struct packet p;
	struct dial_request request;
	uint32_t resets = 0;

	(void)state;
	for (uint32_t i = 0; i < VSOCK_CONNECTIONS + 20; i++) {
		vsock_guest_send(&g, VIRTIO_VSOCK_OP_REQUEST, 99, i, 0, NULL,
				 0);
		(void)!recv(g.keeper, &request, sizeof(request), MSG_DONTWAIT);
		while (vsock_guest_poll(&g, &p)) {
			assert_int_equal(le16toh(p.h.op), VIRTIO_VSOCK_OP_RST);
			resets++;
		}
	}
	assert_int_equal(vsock_guest_model(&g)->nr, VSOCK_CONNECTIONS);
	assert_int_equal(resets, 20);
	assert_int_equal(driver_figure(&g.drv, "refused"), 20);

	/* Programs wait in the backlog, and get their turn. */
	int fd = vsock_host_connect(&g);
	assert_int_equal(write(fd, "CONNECT 5\n", 10), 10);
	assert_false(vsock_guest_poll(&g, &p));
	vsock_guest_send(&g, VIRTIO_VSOCK_OP_RST, 99, 0, 0, NULL, 0);
	vsock_guest_recv(&g, &p);
	assert_int_equal(le16toh(p.h.op), VIRTIO_VSOCK_OP_REQUEST);
	(void)close(fd);
	driver_settle(&g.drv);
}

/* Bug class 5: connections end with their driver. */
static void reset_ends_every_connection(void **state)
{
	uint32_t port;
	struct packet p;

	(void)state;
	int to_guest = vsock_host_established(&g, 5000, &port);
	int from_guest = vsock_guest_established(&g, 1024, 40000);
	int greeting = vsock_host_connect(&g);
	driver_settle(&g.drv);
	assert_int_equal(vsock_guest_model(&g)->nr, 3);

	/* Set up again before the loop came by. */
	driver_restart(&g.drv, 0);
	assert_int_equal(write(to_guest, "x", 1), 1);
	vsock_guest_buffers(&g);
	assert_false(vsock_guest_poll(&g, &p));
	assert_int_equal(vsock_guest_model(&g)->nr, 0);
	vsock_host_expect_end(&g, to_guest);
	vsock_host_expect_end(&g, from_guest);
	vsock_host_expect_end(&g, greeting);
	(void)close(vsock_host_established(&g, 5001, &port));
}

/* A broken device lets go of its sockets and does not keep the loop busy. */
static void a_broken_device_ends_its_connections(void **state)
{
	uint32_t port;
	struct virtio_vsock_hdr h = header(VIRTIO_VSOCK_OP_RW);

	(void)state;
	int fd = vsock_host_established(&g, 5000, &port);
	vsock_guest_send_raw(&g, &h, 3, NULL, 0);
	assert_int_equal(write(fd, "x", 1), 1);
	vsock_host_expect_end(&g, fd);
	assert_true(driver_needs_reset(&g.drv));
	vsock_host_expect_end(&g, vsock_host_connect(&g));
}

static void reserved_addresses_are_refused(void **state)
{
	static const uint64_t cid[] = { 0, 1, 2, UINT32_MAX, UINT64_MAX };

	(void)state;
	for (unsigned i = 0; i < sizeof(cid) / sizeof(cid[0]); i++) {
		struct err err = { 0 };
		struct vsock_config cfg = { .cid = cid[i],
					    .listen_fd = -1,
					    .dial_fd = -1 };

		assert_int_equal(
			driver_try_open(&g.drv, &vsock_ops, &cfg, &err),
			-EINVAL);
		assert_non_null(strstr(err.msg, "is reserved"));
		driver_close(&g.drv);
	}
}

#define TEST(name)	   cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_WITH(name, s) cmocka_unit_test_setup_teardown(name, s, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(unknown_connections_are_reset),
		TEST(packets_of_others_vanish),
		TEST(packets_of_other_types_are_reset),
		TEST(a_length_beyond_the_chain_breaks_the_queue),
		TEST(a_short_header_breaks_the_queue),
		TEST_WITH(a_receive_buffer_without_room_breaks_the_queue,
			  setup_starved),
		TEST(more_than_the_credit_ends_the_connection),
		TEST(one_packet_beyond_the_credit_is_refused),
		TEST(nonsense_credit_only_silences),
		TEST(packets_out_of_turn_end_the_connection),
		TEST_WITH(refusals_without_buffers_stall_the_queue,
			  setup_starved),
		TEST(requests_beyond_the_table_are_refused),
		cmocka_unit_test_teardown(requests_beyond_the_rate_are_refused,
					  teardown),
		TEST(reset_ends_every_connection),
		TEST(a_broken_device_ends_its_connections),
		cmocka_unit_test(reserved_addresses_are_refused),
	};

	return cmocka_run_group_tests_name("vsock, hostile", tests, NULL, NULL);
}
