/* SPDX-License-Identifier: Apache-2.0 */
/* net_dev_test.c - frames through the network device, and bad drivers. */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_net.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/virtio/models.h"
#include "tests/harness/driver.h"
#include "vmm/abi/net.h"

#define RX	0
#define TX	1
#define HEADER	12U
#define BUFFER	1526U
#define FRAME	1514U
#define EVENTED VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX)

static struct driver drv;
static int wire = -1; /* the other end */
static uint64_t features;

static void open_net(void)
{
	int pair[2];

	assert_int_equal(
		socketpair(AF_UNIX,
			   SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
			   pair),
		0);
	struct net_config cfg = { .fd = { pair[0] },
				  .mac = { 2, 0x15, 3, 4, 5, 6 } };
	wire = pair[1];
	driver_open(&drv, &net_ops, &cfg);
	(void)driver_start(&drv, features | VIRTIO_BIT(VIRTIO_NET_F_STATUS) |
					 VIRTIO_BIT(VIRTIO_NET_F_MAC));
	driver_settle(&drv);
}

static int setup(void **state)
{
	(void)state;
	features = 0;
	open_net();
	return 0;
}

static int setup_evented(void **state)
{
	(void)state;
	features = EVENTED;
	open_net();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	driver_close(&drv);
	if (wire >= 0)
		(void)close(wire);
	wire = -1;
	return 0;
}

static gpa_t give_buffer(uint32_t len)
{
	struct driver_buf buf = { driver_alloc(&drv, len), len, true };

	(void)driver_chain(&drv.queue[RX], &buf, 1);
	return buf.at;
}

static gpa_t queue_frame(uint32_t len, unsigned char fill)
{
	gpa_t at = driver_alloc(&drv, HEADER + len);
	struct driver_buf buf[] = { { at, HEADER, false },
				    { at + HEADER, len, false } };

	memset(driver_ptr(&drv, at, HEADER), 0, HEADER);
	memset(driver_ptr(&drv, at + HEADER, len), fill, len);
	(void)driver_chain(&drv.queue[TX], buf, 2);
	return at;
}

static void send_wire(const void *frame, size_t len)
{
	assert_int_equal(send(wire, frame, len, MSG_NOSIGNAL), len);
}

static void frames_go_out_without_their_header(void **state)
{
	unsigned char got[2000];

	(void)state;
	(void)queue_frame(60, 'a');
	(void)queue_frame(FRAME, 'b');
	driver_kick(&drv, TX);
	(void)driver_wait(&drv, TX, NULL);
	(void)driver_wait(&drv, TX, NULL);
	assert_int_equal(recv(wire, got, sizeof(got), 0), 60);
	assert_int_equal(got[59], 'a');
	assert_int_equal(recv(wire, got, sizeof(got), 0), FRAME);
	assert_int_equal(got[0], 'b');
	assert_int_equal(driver_figure(&drv, "tx_frames"), 2);
	assert_int_equal(driver_figure(&drv, "tx_bytes"), 60 + FRAME);
}

static void frames_come_in_behind_a_header(void **state)
{
	unsigned char frame[FRAME];
	struct virtio_net_hdr_v1 zero = { .num_buffers = htole16(1) };

	(void)state;
	memset(frame, 'x', sizeof(frame));
	gpa_t first = give_buffer(BUFFER);
	(void)give_buffer(BUFFER);
	memset(driver_ptr(&drv, first, BUFFER), 0xee, BUFFER);
	driver_kick(&drv, RX);
	send_wire(frame, 64);
	send_wire(frame, FRAME);
	assert_int_equal(driver_wait(&drv, RX, NULL), HEADER + 64);
	assert_int_equal(driver_wait(&drv, RX, NULL), HEADER + FRAME);
	assert_memory_equal(driver_ptr(&drv, first, HEADER), &zero, HEADER);
	assert_memory_equal(driver_ptr(&drv, first + HEADER, 64), frame, 64);
}

/* Nothing is lost while the guest has no buffers: it waits in the socket. */
static void frames_wait_for_buffers(void **state)
{
	unsigned char frame[100] = { 0 };

	(void)state;
	for (unsigned char i = 0; i < 20; i++) {
		frame[0] = i;
		send_wire(frame, sizeof(frame));
	}
	driver_settle(&drv);
	assert_int_equal(driver_figure(&drv, "rx_stalls"), 1);
	for (unsigned char i = 0; i < 20; i++) {
		gpa_t at = give_buffer(BUFFER);

		driver_kick(&drv, RX);
		assert_int_equal(driver_wait(&drv, RX, NULL), HEADER + 100);
		assert_int_equal(
			*(unsigned char *)driver_ptr(&drv, at + HEADER, 1), i);
	}
}

/* Never split without MRG_RXBUF, never beyond the buffer. */
static void a_frame_too_long_for_its_buffer_is_dropped(void **state)
{
	unsigned char frame[FRAME];

	(void)state;
	memset(frame, 'y', sizeof(frame));
	gpa_t at = give_buffer(HEADER + 100);
	gpa_t behind = driver_alloc(&drv, 64);
	memset(driver_ptr(&drv, behind, 64), 0, 64);
	driver_kick(&drv, RX);
	send_wire(frame, 101);
	send_wire(frame, 5);
	send_wire(frame, 0);
	send_wire(frame, 100);
	assert_int_equal(driver_wait(&drv, RX, NULL), HEADER + 100);
	assert_memory_equal(driver_ptr(&drv, at + HEADER, 100), frame, 100);
	assert_int_equal(*(char *)driver_ptr(&drv, behind, 1), 0);
	/* A message of no bytes is no frame. */
	assert_int_equal(driver_figure(&drv, "rx_dropped"), 2);
	assert_int_equal(driver_figure(&drv, "rx_frames"), 1);
	assert_int_equal(driver_figure(&drv, "rx_bytes"), 100);
	assert_int_equal(driver_read(&drv, drv.device + 6, 2),
			 VIRTIO_NET_S_LINK_UP);
}

/* A slow backend holds the guest up instead of losing its frames. */
static void a_full_backend_stops_the_guest(void **state)
{
	unsigned char got[2000];
	unsigned received = 0;
	uint16_t sent = 0;

	(void)state;
	while (sent < 1000) {
		gpa_t next = drv.next;

		for (unsigned i = 0; i < 100; i++)
			(void)queue_frame(FRAME, (unsigned char)sent++);
		drv.next = next;
		driver_kick(&drv, TX);
		driver_settle(&drv);
		while (drv.queue[TX].used_idx != sent) {
			if (driver_take(&drv.queue[TX], NULL, NULL))
				continue;
			ssize_t n = recv(wire, got, sizeof(got), 0);
			assert_int_equal(n, FRAME);
			received++;
			driver_settle(&drv);
		}
	}
	while (recv(wire, got, sizeof(got), 0) == FRAME)
		received++;
	assert_int_equal(received, 1000);
	assert_true(driver_figure(&drv, "tx_stalls") > 0);
	assert_int_equal(driver_figure(&drv, "rx_stalls"), 0);
}

/* Frames until the socket takes no more, and the device waits for room. */
static void fill_backend(void)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < 120; i++)
		(void)queue_frame(FRAME, 'f');
	driver_kick(&drv, TX);
	driver_settle(&drv);
	while (driver_take(&drv.queue[TX], NULL, NULL))
		taken++;
	assert_in_range(taken, 1, 119);
}

static unsigned drain_wire(void)
{
	unsigned char got[2000];
	unsigned n = 0;

	while (recv(wire, got, sizeof(got), 0) == FRAME)
		n++;
	return n;
}

/* Room that comes while it may not touch memory does not keep the loop busy. */
static void room_for_one_that_may_not_send(void **state)
{
	(void)state;
	fill_backend();
	driver_config_write(&drv, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	unsigned received = drain_wire();
	driver_settle(&drv);
	assert_int_equal(loop_once(&drv.loop, 0), 0);
	assert_int_equal(drain_wire(), 0);

	driver_config_write(&drv, PCI_COMMAND,
			    PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
	do {
		driver_settle(&drv);
		received += drain_wire();
	} while (received < 120);
	assert_int_equal(received, 120);
}

/* The same when its other queue broke meanwhile. */
static void room_for_a_broken_one(void **state)
{
	(void)state;
	fill_backend();
	(void)give_buffer(HEADER - 1);
	driver_kick(&drv, RX);
	send_wire("a frame that finds no room", 26);
	driver_settle(&drv);
	assert_true(driver_needs_reset(&drv));
	(void)drain_wire();
	driver_settle(&drv);
	assert_int_equal(loop_once(&drv.loop, 0), 0);

	driver_restart(&drv, features);
	(void)queue_frame(FRAME, 'g');
	driver_kick(&drv, TX);
	(void)driver_wait(&drv, TX, NULL);
	assert_int_equal(drain_wire(), 1);
}

static void a_thousand_frames_arrive_in_order(void **state)
{
	unsigned char frame[64] = { 0 };
	gpa_t at[128];
	uint32_t id;

	(void)state;
	for (unsigned i = 0; i < 128; i++)
		at[i] = give_buffer(BUFFER);
	driver_kick(&drv, RX);
	for (unsigned i = 0; i < 1000; i++) {
		memcpy(frame, &i, sizeof(i));
		send_wire(frame, sizeof(frame));
		assert_int_equal(driver_wait(&drv, RX, &id), HEADER + 64);
		assert_memory_equal(driver_ptr(&drv, at[i % 128] + HEADER, 64),
				    frame, 64);
		struct driver_buf again = { at[i % 128], BUFFER, true };
		(void)driver_chain(&drv.queue[RX], &again, 1);
		driver_kick(&drv, RX);
	}
}

static bool link_is_down(void *arg)
{
	(void)arg;
	return driver_read(&drv, drv.device + 6, 2) == 0;
}

static void the_link_goes_down_with_the_backend(void **state)
{
	(void)state;
	uint64_t before = driver_read(&drv, drv.common + 0x15, 1);
	(void)close(wire);
	wire = -1;
	driver_until(&drv, link_is_down, NULL);
	assert_int_not_equal(driver_read(&drv, drv.common + 0x15, 1), before);
	assert_int_equal(driver_read(&drv, drv.isr, 1), 2);

	/* Frames go nowhere, but they do not pile up. */
	(void)queue_frame(60, 'a');
	driver_kick(&drv, TX);
	(void)driver_wait(&drv, TX, NULL);
	driver_settle(&drv);
}

static void frames_of_forbidden_sizes_are_dropped(void **state)
{
	unsigned char got[100];

	(void)state;
	(void)queue_frame(NET_FRAME_MIN - 1, 'a');
	(void)queue_frame(NET_FRAME_MAX + 1, 'b');
	(void)queue_frame(60, 'c');
	driver_kick(&drv, TX);
	for (unsigned i = 0; i < 3; i++)
		(void)driver_wait(&drv, TX, NULL);
	assert_int_equal(recv(wire, got, sizeof(got), 0), 60);
	assert_int_equal(got[0], 'c');
}

/* Bug class 3: short chains. */
static void a_frame_without_its_header_breaks_the_queue(void **state)
{
	struct driver_buf buf = { driver_alloc(&drv, 64), HEADER - 1, false };

	(void)state;
	(void)driver_chain(&drv.queue[TX], &buf, 1);
	driver_kick(&drv, TX);
	driver_settle(&drv);
	assert_true(driver_needs_reset(&drv));

	driver_restart(&drv, features);
	(void)queue_frame(60, 'a');
	driver_kick(&drv, TX);
	(void)driver_wait(&drv, TX, NULL);
}

static void a_receive_buffer_without_room_breaks_the_queue(void **state)
{
	unsigned char frame[64] = { 0 };

	(void)state;
	(void)give_buffer(HEADER - 1);
	driver_kick(&drv, RX);
	send_wire(frame, sizeof(frame));
	driver_settle(&drv);
	assert_true(driver_needs_reset(&drv));
	/* The frame in the socket does not keep the loop busy. */
	assert_int_equal(loop_once(&drv.loop, 0), 0);
}

/* Bug class 5: what was offered before reset is not written after it. */
static void buffers_are_forgotten_at_reset(void **state)
{
	unsigned char frame[64];

	(void)state;
	memset(frame, 'z', sizeof(frame));
	gpa_t old = give_buffer(BUFFER);
	driver_kick(&drv, RX);
	driver_settle(&drv);
	memset(driver_ptr(&drv, old, BUFFER), 0, BUFFER);
	driver_write(&drv, drv.common + 0x14, 0, 1);
	send_wire(frame, sizeof(frame));
	driver_settle(&drv);
	assert_int_equal(*(char *)driver_ptr(&drv, old + HEADER, 1), 0);

	driver_restart(&drv, features);
	(void)give_buffer(BUFFER);
	driver_kick(&drv, RX);
	assert_int_equal(driver_wait(&drv, RX, NULL), HEADER + 64);
	assert_int_equal(*(char *)driver_ptr(&drv, old + HEADER, 1), 0);
}

static void what_keeps_no_frames_apart_is_refused(void **state)
{
	struct err err = { 0 };
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	struct net_config cfg = { .fd = { pair[0] } };
	assert_int_equal(driver_try_open(&drv, &net_ops, &cfg, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "SOCK_SEQPACKET"));
	assert_int_equal(close(pair[0]), 0);
	assert_int_equal(close(pair[1]), 0);
	driver_close(&drv);
}

static void the_address_can_be_read_in_any_pieces(void **state)
{
	(void)state;
	assert_int_equal(driver_read(&drv, drv.device, 4), 0x04031502);
	assert_int_equal(driver_read(&drv, drv.device + 1, 2), 0x0315);
	assert_int_equal(driver_read(&drv, drv.device, 8),
			 UINT64_C(0x0001060504031502));
	assert_int_equal(driver_read(&drv, drv.device + 5, 1), 6);
	/* Beyond the end of what there is (bug class 2). */
	assert_int_equal(driver_read(&drv, drv.device + 7, 4), 0);
	assert_int_equal(driver_read(&drv, drv.device + 0x100, 8), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_EVENTED(name)                                                     \
	cmocka_unit_test_setup_teardown(name, setup_evented, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(frames_go_out_without_their_header),
		TEST(frames_come_in_behind_a_header),
		TEST(frames_wait_for_buffers),
		TEST_EVENTED(frames_wait_for_buffers),
		TEST(a_frame_too_long_for_its_buffer_is_dropped),
		TEST(a_full_backend_stops_the_guest),
		TEST_EVENTED(a_full_backend_stops_the_guest),
		TEST(room_for_one_that_may_not_send),
		TEST(room_for_a_broken_one),
		TEST(a_thousand_frames_arrive_in_order),
		TEST_EVENTED(a_thousand_frames_arrive_in_order),
		TEST(the_link_goes_down_with_the_backend),
		TEST(frames_of_forbidden_sizes_are_dropped),
		TEST(a_frame_without_its_header_breaks_the_queue),
		TEST(a_receive_buffer_without_room_breaks_the_queue),
		TEST(buffers_are_forgotten_at_reset),
		cmocka_unit_test(what_keeps_no_frames_apart_is_refused),
		TEST(the_address_can_be_read_in_any_pieces),
	};

	return cmocka_run_group_tests_name("net device", tests, NULL, NULL);
}
