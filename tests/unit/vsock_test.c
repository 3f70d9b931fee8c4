/* SPDX-License-Identifier: Apache-2.0 */
/* vsock_test.c - connections through the socket device, as they should be. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/virtio/models.h"
#include "devices/virtio/vsock.h"
#include "tests/harness/vsock_guest.h"
#include "vmm/abi/dial.h"
#include "vmm/lib/io.h"

#define MEGABYTES (3U << 20)
#define BOTH	  (VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND)

static struct vsock_guest g;

static int setup(void **state)
{
	(void)state;
	vsock_guest_open(&g, true, 0, true);
	return 0;
}

static int setup_evented(void **state)
{
	(void)state;
	vsock_guest_open(&g, true, VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX), true);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vsock_guest_close(&g);
	return 0;
}

static unsigned char pattern(uint32_t i)
{
	return (unsigned char)(i * 7 + (i >> 8) * 13 + (i >> 16));
}

static void a_program_reaches_the_guest(void **state)
{
	uint32_t port;
	char got[8] = { 0 };
	struct packet p;

	(void)state;
	int fd = vsock_host_established(&g, 5000, &port);
	assert_int_equal(write(fd, "ping", 4), 4);
	vsock_guest_recv(&g, &p);
	assert_int_equal(le16toh(p.h.op), VIRTIO_VSOCK_OP_RW);
	assert_int_equal(le32toh(p.h.len), 4);
	assert_memory_equal(p.data, "ping", 4);
	vsock_guest_send(&g, VIRTIO_VSOCK_OP_RW, port, 5000, 0, "pong!", 5);
	assert_int_equal(read(fd, got, sizeof(got)), 5);
	assert_memory_equal(got, "pong!", 5);
	(void)close(fd);
}

static void the_greeting_may_come_in_pieces(void **state)
{
	struct packet p;
	int fd = vsock_host_connect(&g);

	(void)state;
	assert_int_equal(write(fd, "CONN", 4), 4);
	driver_settle(&g.drv);
	assert_int_equal(write(fd, "ECT 77", 6), 6);
	driver_settle(&g.drv);
	/* What follows the line is the guest's. */
	assert_int_equal(write(fd, "\nhello", 6), 6);
	vsock_guest_recv(&g, &p);
	assert_int_equal(le16toh(p.h.op), VIRTIO_VSOCK_OP_REQUEST);
	uint32_t port = le32toh(p.h.src_port);
	vsock_guest_send(&g, VIRTIO_VSOCK_OP_RESPONSE, port, 77, 0, NULL, 0);
	vsock_guest_recv(&g, &p);
	assert_int_equal(le16toh(p.h.op), VIRTIO_VSOCK_OP_RW);
	assert_memory_equal(p.data, "hello", 5);
	(void)close(fd);
}

static void the_guest_reaches_a_program(void **state)
{
	char got[8];

	(void)state;
	int fd = vsock_guest_established(&g, 1024, 40000);
	vsock_guest_send(&g, VIRTIO_VSOCK_OP_RW, 1024, 40000, 0, "hi", 2);
	assert_int_equal(read(fd, got, sizeof(got)), 2);
	(void)close(fd);
}

static void a_refused_dial_is_a_reset(void **state)
{
	struct dial_request request;

	(void)state;
	vsock_guest_send(&g, VIRTIO_VSOCK_OP_REQUEST, 99, 40000, 0, NULL, 0);
	assert_int_equal(read(g.keeper, &request, sizeof(request)),
			 sizeof(request));
	struct dial_answer answer = { .cookie = request.cookie,
				      .error = ECONNREFUSED };
	assert_int_equal(io_send_fd(g.keeper, &answer, sizeof(answer), -1), 0);
	vsock_guest_expect(&g, VIRTIO_VSOCK_OP_RST, 99, 40000);
}

static void answers_may_come_in_any_order(void **state)
{
	struct dial_request request[2];
	struct packet p;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		vsock_guest_send(&g, VIRTIO_VSOCK_OP_REQUEST, 99, 40000 + i, 0,
				 NULL, 0);
		assert_int_equal(
			read(g.keeper, &request[i], sizeof(request[i])),
			sizeof(request[i]));
	}
	for (unsigned i = 2; i-- > 0;) {
		struct dial_answer answer = { .cookie = request[i].cookie,
					      .error = ENOENT };
		assert_int_equal(
			io_send_fd(g.keeper, &answer, sizeof(answer), -1), 0);
		vsock_guest_expect(&g, VIRTIO_VSOCK_OP_RST, 99, 40000 + i);
	}
	assert_false(vsock_guest_poll(&g, &p));
}

static void without_a_keeper_the_guest_is_refused(void **state)
{
	(void)state;
	vsock_guest_send(&g, VIRTIO_VSOCK_OP_REQUEST, 99, 1, 0, NULL, 0);
	assert_int_equal(shutdown(g.keeper, SHUT_RDWR), 0);
	vsock_guest_expect(&g, VIRTIO_VSOCK_OP_RST, 99, 1);
	vsock_guest_send(&g, VIRTIO_VSOCK_OP_REQUEST, 99, 2, 0, NULL, 0);
	vsock_guest_expect(&g, VIRTIO_VSOCK_OP_RST, 99, 2);
}

static void a_refusal_of_the_guest_is_end_of_file(void **state)
{
	struct packet p;
	char c;
	int fd = vsock_host_connect(&g);

	(void)state;
	assert_int_equal(write(fd, "CONNECT 5\n", 10), 10);
	vsock_guest_recv(&g, &p);
	vsock_guest_send(&g, VIRTIO_VSOCK_OP_RST, le32toh(p.h.src_port), 5, 0,
			 NULL, 0);
	assert_int_equal(read(fd, &c, 1), 0);
	(void)close(fd);
}

/* The guest reads in steps and gives credit for what it has read. */
static void megabytes_to_the_guest(void **state)
{
	uint32_t port;
	uint32_t sent = 0;
	uint32_t got = 0;
	unsigned char chunk[8192];
	struct packet p;

	(void)state;
	int fd = vsock_host_established(&g, 5000, &port);
	assert_int_equal(io_set_nonblock(fd, true), 0);
	while (got < MEGABYTES) {
		while (sent < MEGABYTES) {
			uint32_t n = sizeof(chunk);

			if (n > MEGABYTES - sent)
				n = MEGABYTES - sent;
			for (uint32_t i = 0; i < n; i++)
				chunk[i] = pattern(sent + i);
			ssize_t w = write(fd, chunk, n);
			if (w < 0)
				break;
			sent += (uint32_t)w;
		}
		while (vsock_guest_poll(&g, &p)) {
			if (le16toh(p.h.op) != VIRTIO_VSOCK_OP_RW)
				continue;
			for (uint32_t i = 0; i < le32toh(p.h.len); i++)
				if (p.data[i] != pattern(got + i))
					fail_msg("byte %u differs", got + i);
			got += le32toh(p.h.len);
			/* Never more than we allowed. */
			assert_true(got - g.fwd_cnt <= GUEST_WINDOW);
		}
		g.fwd_cnt = got;
		vsock_guest_send(&g, VIRTIO_VSOCK_OP_CREDIT_UPDATE, port, 5000,
				 0, NULL, 0);
	}
	assert_int_equal(got, MEGABYTES);
	(void)close(fd);
}

/* What the device said last of its buffer. */
struct credit {
	uint32_t buf_alloc, fwd_cnt;
};

static void note(struct credit *credit)
{
	struct packet p;

	while (vsock_guest_poll(&g, &p)) {
		credit->buf_alloc = le32toh(p.h.buf_alloc);
		credit->fwd_cnt = le32toh(p.h.fwd_cnt);
	}
}

/* The program reads slowly: credit holds the guest up, nothing is lost. */
static void megabytes_to_a_program(void **state)
{
	struct credit credit = { VSOCK_BUFFER, 0 };
	unsigned char chunk[10000];
	unsigned char out[4096];
	uint32_t sent = 0;
	uint32_t got = 0;
	uint32_t stalls = 0;
	uint32_t port;

	(void)state;
	int fd = vsock_host_established(&g, 5000, &port);
	assert_int_equal(io_set_nonblock(fd, true), 0);
	while (got < MEGABYTES) {
		uint32_t room = credit.buf_alloc - (sent - credit.fwd_cnt);
		uint32_t n = MEGABYTES - sent;

		if (n > room)
			n = room;
		if (n > sizeof(chunk))
			n = sizeof(chunk);
		for (uint32_t i = 0; i < n; i++)
			chunk[i] = pattern(sent + i);
		if (n) {
			vsock_guest_send(&g, VIRTIO_VSOCK_OP_RW, port, 5000, 0,
					 chunk, n);
			sent += n;
		}
		note(&credit);
		if (n && sent < MEGABYTES)
			continue;

		/* No credit left: now the program reads, a little. */
		stalls++;
		ssize_t r = read(fd, out, sizeof(out));
		assert_true(r > 0);
		for (ssize_t i = 0; i < r; i++)
			if (out[i] != pattern(got + (uint32_t)i))
				fail_msg("byte %u differs", got);
		got += (uint32_t)r;
		note(&credit);
	}
	assert_int_equal(got, MEGABYTES);
	assert_true(stalls > 100);
	(void)close(fd);
}

static void the_program_closes_one_way(void **state)
{
	uint32_t port;
	struct packet p;
	char c;

	(void)state;
	int fd = vsock_host_established(&g, 5000, &port);
	assert_int_equal(write(fd, "last", 4), 4);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	vsock_guest_expect(&g, VIRTIO_VSOCK_OP_RW, port, 5000);
	vsock_guest_recv(&g, &p);
	assert_int_equal(le16toh(p.h.op), VIRTIO_VSOCK_OP_SHUTDOWN);
	assert_int_equal(le32toh(p.h.flags), VIRTIO_VSOCK_SHUTDOWN_SEND);

	/* The other way still works, and ends when the guest says so. */
	vsock_guest_send(&g, VIRTIO_VSOCK_OP_RW, port, 5000, 0, "x", 1);
	assert_int_equal(read(fd, &c, 1), 1);
	vsock_guest_send(&g, VIRTIO_VSOCK_OP_SHUTDOWN, port, 5000, BOTH, NULL,
			 0);
	vsock_guest_expect(&g, VIRTIO_VSOCK_OP_RST, port, 5000);
	assert_int_equal(read(fd, &c, 1), 0);
	driver_settle(&g.drv);
	(void)close(fd);
}

static void the_guest_closes_one_way(void **state)
{
	uint32_t port;
	char got[8];
	struct packet p;

	(void)state;
	int fd = vsock_host_established(&g, 5000, &port);
	vsock_guest_send(&g, VIRTIO_VSOCK_OP_RW, port, 5000, 0, "end", 3);
	vsock_guest_send(&g, VIRTIO_VSOCK_OP_SHUTDOWN, port, 5000,
			 VIRTIO_VSOCK_SHUTDOWN_SEND, NULL, 0);
	assert_int_equal(read(fd, got, sizeof(got)), 3);
	assert_int_equal(read(fd, got, sizeof(got)), 0);

	assert_int_equal(write(fd, "more", 4), 4);
	vsock_guest_recv(&g, &p);
	assert_int_equal(le16toh(p.h.op), VIRTIO_VSOCK_OP_RW);
	(void)close(fd);
	vsock_guest_recv(&g, &p);
	assert_int_equal(le16toh(p.h.op), VIRTIO_VSOCK_OP_SHUTDOWN);
	assert_int_equal(le32toh(p.h.flags), BOTH);
	vsock_guest_send(&g, VIRTIO_VSOCK_OP_RST, port, 5000, 0, NULL, 0);
	assert_false(vsock_guest_poll(&g, &p));
}

static void the_guest_stops_reading(void **state)
{
	uint32_t port;

	(void)state;
	int fd = vsock_host_established(&g, 5000, &port);
	vsock_guest_send(&g, VIRTIO_VSOCK_OP_SHUTDOWN, port, 5000,
			 VIRTIO_VSOCK_SHUTDOWN_RCV, NULL, 0);
	assert_int_equal(send(fd, "x", 1, MSG_NOSIGNAL), -1);
	assert_int_equal(errno, EPIPE);
	(void)close(fd);
}

/* Everything the guest sent before it closed arrives, however slow. */
static void data_before_a_close_is_not_lost(uint16_t last_op)
{
	unsigned char chunk[4096];
	uint32_t port;
	uint32_t sent = 0;
	uint32_t got = 0;
	ssize_t n;

	int fd = vsock_host_established(&g, 5000, &port);
	struct credit credit = { VSOCK_BUFFER, 0 };
	while (sent - credit.fwd_cnt <= credit.buf_alloc - sizeof(chunk)) {
		for (uint32_t i = 0; i < sizeof(chunk); i++)
			chunk[i] = pattern(sent + i);
		vsock_guest_send(&g, VIRTIO_VSOCK_OP_RW, port, 5000, 0, chunk,
				 sizeof(chunk));
		sent += (uint32_t)sizeof(chunk);
		note(&credit);
	}
	vsock_guest_send(&g, last_op, port, 5000, BOTH, NULL, 0);
	while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(chunk[i], pattern(got + (uint32_t)i));
		got += (uint32_t)n;
		driver_settle(&g.drv);
	}
	assert_int_equal(n, 0);
	assert_int_equal(got, sent);
	(void)close(fd);
}

static void data_before_a_shutdown_is_not_lost(void **state)
{
	(void)state;
	data_before_a_close_is_not_lost(VIRTIO_VSOCK_OP_SHUTDOWN);
}

static void data_before_a_reset_is_not_lost(void **state)
{
	(void)state;
	data_before_a_close_is_not_lost(VIRTIO_VSOCK_OP_RST);
}

/* A hang-up while the guest gives no credit: no spinning, no loss. */
static void bytes_wait_for_credit_after_a_hangup(void **state)
{
	uint32_t port;
	struct packet p;

	(void)state;
	g.window = 4;
	int fd = vsock_host_established(&g, 5000, &port);
	assert_int_equal(write(fd, "12345678", 8), 8);
	(void)close(fd);
	vsock_guest_recv(&g, &p);
	assert_int_equal(le32toh(p.h.len), 4);
	vsock_guest_expect(&g, VIRTIO_VSOCK_OP_CREDIT_REQUEST, port, 5000);
	driver_settle(&g.drv);

	g.fwd_cnt = 4;
	vsock_guest_send(&g, VIRTIO_VSOCK_OP_CREDIT_UPDATE, port, 5000, 0, NULL,
			 0);
	vsock_guest_recv(&g, &p);
	assert_memory_equal(p.data, "5678", 4);
	vsock_guest_recv(&g, &p);
	/* More credit is asked for, or the end is told: it was the end. */
	if (le16toh(p.h.op) == VIRTIO_VSOCK_OP_CREDIT_REQUEST) {
		g.fwd_cnt = 8;
		vsock_guest_send(&g, VIRTIO_VSOCK_OP_CREDIT_UPDATE, port, 5000,
				 0, NULL, 0);
		vsock_guest_recv(&g, &p);
	}
	assert_int_equal(le16toh(p.h.op), VIRTIO_VSOCK_OP_SHUTDOWN);
	assert_int_equal(le32toh(p.h.flags), BOTH);
}

static void the_guest_asks_for_credit(void **state)
{
	uint32_t port;
	struct packet p;

	(void)state;
	int fd = vsock_host_established(&g, 5000, &port);
	vsock_guest_send(&g, VIRTIO_VSOCK_OP_CREDIT_REQUEST, port, 5000, 0,
			 NULL, 0);
	vsock_guest_recv(&g, &p);
	assert_int_equal(le16toh(p.h.op), VIRTIO_VSOCK_OP_CREDIT_UPDATE);
	assert_int_equal(le32toh(p.h.buf_alloc), VSOCK_BUFFER);
	(void)close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_EVENTED(name)                                                     \
	cmocka_unit_test_setup_teardown(name, setup_evented, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_program_reaches_the_guest),
		TEST(the_greeting_may_come_in_pieces),
		TEST(the_guest_reaches_a_program),
		TEST(a_refused_dial_is_a_reset),
		TEST(answers_may_come_in_any_order),
		TEST(without_a_keeper_the_guest_is_refused),
		TEST(a_refusal_of_the_guest_is_end_of_file),
		TEST(megabytes_to_the_guest),
		TEST_EVENTED(megabytes_to_the_guest),
		TEST(megabytes_to_a_program),
		TEST_EVENTED(megabytes_to_a_program),
		TEST(the_program_closes_one_way),
		TEST(the_guest_closes_one_way),
		TEST(the_guest_stops_reading),
		TEST(data_before_a_shutdown_is_not_lost),
		TEST(data_before_a_reset_is_not_lost),
		TEST(bytes_wait_for_credit_after_a_hangup),
		TEST(the_guest_asks_for_credit),
	};

	return cmocka_run_group_tests_name("vsock", tests, NULL, NULL);
}
