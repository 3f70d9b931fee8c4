/* SPDX-License-Identifier: Apache-2.0 */
/* vsock_streams_test.c - receive buffers, among many bytes and many streams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/harness/vsock_guest.h"
#include "vmm/lib/io.h"

#define ROOM	(GUEST_BUF - GUEST_HEADER) /* of a receive buffer */
#define STREAMS 3
#define ROUNDS	24
#define FIRST	100 /* port in the guest */

static struct vsock_guest g;

static int setup(void **state)
{
	(void)state;
	vsock_guest_open(&g, false, 0, true);
	return 0;
}

static int setup_without_buffers(void **state)
{
	(void)state;
	vsock_guest_open(&g, false, 0, false);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vsock_guest_close(&g);
	return 0;
}

static unsigned char pattern(size_t i)
{
	return (unsigned char)(i * 7 + (i >> 8) * 13);
}

static void write_pattern(int fd, size_t from, size_t len)
{
	unsigned char bytes[6 * GUEST_BUF];

	assert_in_range(len, 1, sizeof(bytes));
	for (size_t i = 0; i < len; i++)
		bytes[i] = pattern(from + i);
	assert_int_equal(write(fd, bytes, len), len);
}

/* The next packet carries the bytes of the pattern from @from on.  Its length.
 */
static size_t expect_pattern(size_t from)
{
	struct packet p;

	vsock_guest_recv(&g, &p);
	assert_int_equal(le16toh(p.h.op), VIRTIO_VSOCK_OP_RW);
	for (uint32_t i = 0; i < le32toh(p.h.len); i++)
		assert_int_equal(p.data[i], pattern(from + i));
	return le32toh(p.h.len);
}

/* What one call reads fills buffers in turn; those left over are used next. */
static void bytes_fill_one_buffer_after_the_other(void **state)
{
	int fd = vsock_host_established(&g, 5000, NULL);
	size_t got = 0;

	(void)state;
	write_pattern(fd, 0, 3 * ROOM + 10);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(expect_pattern(got), ROOM);
		got += ROOM;
	}
	assert_int_equal(expect_pattern(got), 10);
	got += 10;
	/* Far round the ring. */
	for (unsigned i = 0; i < 3 * GUEST_BUFFERS; i++) {
		write_pattern(fd, got, 100);
		assert_int_equal(expect_pattern(got), 100);
		got += 100;
		g.fwd_cnt = (uint32_t)got;
	}
	(void)close(fd);
}

/* More pieces than one call takes: the rest goes by the next one. */
static void buffers_in_many_pieces(void **state)
{
	enum { PIECES = 20, BUFFERS = 6, PIECE = 101 };
	struct driver_buf buf[PIECES];
	gpa_t at[BUFFERS];
	size_t got = 0, done = 0;
	const size_t room = PIECES * PIECE - GUEST_HEADER;

	(void)state;
	/* The first buffer is for the request. */
	gpa_t first = driver_alloc(&g.drv, GUEST_BUF);
	const struct driver_buf one = { first, GUEST_BUF, true };
	(void)driver_chain(&g.drv.queue[VSOCK_RX], &one, 1);
	driver_kick(&g.drv, VSOCK_RX);
	int fd = vsock_host_connect(&g);
	assert_int_equal(write(fd, "CONNECT 5\n", 10), 10);
	assert_int_equal(driver_wait(&g.drv, VSOCK_RX, NULL), GUEST_HEADER);
	const struct virtio_vsock_hdr *h =
		driver_ptr(&g.drv, first, GUEST_HEADER);
	vsock_guest_send(&g, VIRTIO_VSOCK_OP_RESPONSE, le32toh(h->src_port), 5,
			 0, NULL, 0);
	(void)vsock_host_read_ok(fd);

	write_pattern(fd, 0, BUFFERS * room);
	for (unsigned i = 0; i < BUFFERS; i++) {
		at[i] = driver_alloc(&g.drv, PIECES * PIECE);
		for (unsigned k = 0; k < PIECES; k++)
			buf[k] = (struct driver_buf){ at[i] + k * PIECE, PIECE,
						      true };
		(void)driver_chain(&g.drv.queue[VSOCK_RX], buf, PIECES);
	}
	driver_kick(&g.drv, VSOCK_RX);
	for (; done < BUFFERS; done++) {
		assert_int_equal(driver_wait(&g.drv, VSOCK_RX, NULL),
				 GUEST_HEADER + room);
		const unsigned char *bytes =
			driver_ptr(&g.drv, at[done], PIECES * PIECE);
		for (size_t i = 0; i < room; i++)
			assert_int_equal(bytes[GUEST_HEADER + i],
					 pattern(got + i));
		got += room;
	}
	(void)close(fd);
}

/*
 * A guest that gives a buffer back only when all are used, and then one at a
 * time; each program has more than it takes.
 */
static void every_stream_has_its_turn(void **state)
{
	static unsigned char more[GUEST_BUF];
	unsigned got[STREAMS] = { 0 };
	struct packet p;
	int fd[STREAMS];

	(void)state;
	g.window = UINT32_MAX;
	for (uint32_t i = 0; i < STREAMS; i++) {
		fd[i] = vsock_host_established(&g, FIRST + i, NULL);
		assert_int_equal(io_set_nonblock(fd[i], true), 0);
	}
	for (unsigned i = 0; i < STREAMS; i++)
		while (write(fd[i], more, sizeof(more)) > 0)
			;
	driver_settle(&g.drv);
	for (unsigned i = 0; i < GUEST_BUFFERS + ROUNDS; i++) {
		vsock_guest_recv(&g, &p);
		driver_settle(&g.drv);
		uint32_t stream = le32toh(p.h.dst_port) - FIRST;
		assert_in_range(stream, 0, STREAMS - 1);
		if (i >= GUEST_BUFFERS)
			got[stream]++;
	}
	/* A turn is a buffer: what comes second had to wait for the first. */
	for (unsigned i = 0; i < STREAMS; i++) {
		assert_in_range(got[i], ROUNDS / STREAMS - 1,
				ROUNDS / STREAMS + 1);
		(void)close(fd[i]);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bytes_fill_one_buffer_after_the_other),
		cmocka_unit_test_setup_teardown(buffers_in_many_pieces,
						setup_without_buffers,
						teardown),
		TEST(every_stream_has_its_turn),
	};

	return cmocka_run_group_tests_name("vsock_streams", tests, NULL, NULL);
}
