/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_limit_test.c - a network that carries no more a second, each way, than
 * it is told.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/virtio_net.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/virtio/models.h"
#include "tests/harness/driver.h"

#define RX     0
#define TX     1
#define HEADER 12U
#define BUFFER 1526U
#define FRAME  1514U
#define SECOND INT64_C(1000000000)
#define PROMPT (10 * SECOND)

static struct driver drv;
static int64_t opened; /* when its buckets were full */
static int wire = -1; /* the other end */
static int backend = -1; /* the device's, a copy of ours */

/* What the device does, seen at libc's door. */
static struct {
	unsigned clock_reads;
	unsigned rounds; /* of the loop */
} seen;

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	seen.clock_reads++;
	return (int)syscall(SYS_clock_gettime, clock, ret);
}

int epoll_wait(int fd, struct epoll_event *events, int nr, int timeout)
{
	seen.rounds++;
	return (int)syscall(SYS_epoll_wait, fd, events, nr, timeout);
}

static int64_t now_ns(void)
{
	struct timespec t;

	(void)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

static void open_net(uint64_t bytes, uint64_t frames)
{
	int pair[2];

	assert_int_equal(
		socketpair(AF_UNIX,
			   SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
			   pair),
		0);
	struct net_config cfg = {
		.fd = { pair[0] },
		.mac = { 2, 0x15, 3, 4, 5, 6 },
		.bytes_limit = bytes,
		.frames_limit = frames,
	};
	wire = pair[1];
	opened = now_ns();
	backend = fcntl(pair[0], F_DUPFD_CLOEXEC, 0);
	assert_true(backend >= 0);
	driver_open(&drv, &net_ops, &cfg);
	(void)driver_start(&drv, VIRTIO_BIT(VIRTIO_NET_F_STATUS));
	driver_settle(&drv);
}

static int teardown(void **state)
{
	(void)state;
	driver_close(&drv);
	(void)close(backend);
	if (wire >= 0)
		(void)close(wire);
	wire = -1;
	return 0;
}

static void give_buffers(unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		struct driver_buf buf = { driver_alloc(&drv, BUFFER), BUFFER,
					  true };

		(void)driver_chain(&drv.queue[RX], &buf, 1);
	}
	driver_kick(&drv, RX);
}

static void queue_frames(unsigned nr, uint32_t len)
{
	for (unsigned i = 0; i < nr; i++) {
		gpa_t at = driver_alloc(&drv, HEADER + len);
		struct driver_buf buf = { at, HEADER + len, false };

		memset(driver_ptr(&drv, at, HEADER + len), 0, HEADER + len);
		memset(driver_ptr(&drv, at + HEADER, 1), (int)i, 1);
		(void)driver_chain(&drv.queue[TX], &buf, 1);
	}
	driver_kick(&drv, TX);
}

static void send_frames(unsigned nr, size_t len)
{
	static unsigned char frame[FRAME];

	for (unsigned i = 0; i < nr; i++)
		assert_int_equal(send(wire, frame, len, MSG_NOSIGNAL), len);
}

/* How many came out, in their order. */
static unsigned received(unsigned from)
{
	unsigned char frame[FRAME + 1];
	unsigned n = from;

	while (recv(wire, frame, sizeof(frame), 0) > 0)
		assert_int_equal(frame[0], n++ & 0xff);
	assert_int_equal(errno, EAGAIN);
	return n;
}

/*
 * That many go through in all of @at_least nanoseconds since the start, and
 * the loop has nothing to do meanwhile.
 */
static void takes(unsigned queue, unsigned nr, int64_t at_least)
{
	int64_t begin = now_ns();

	seen.rounds = 0;
	for (unsigned i = 0; i < nr; i++)
		(void)driver_wait(&drv, queue, NULL);
	assert_true(now_ns() - opened >= at_least);
	assert_true(now_ns() - begin <= at_least + PROMPT);
	assert_true(seen.rounds <= 3 * nr);
}

static void frames_out_keep_to_their_rate(void **state)
{
	(void)state;
	open_net(0, 20);
	queue_frames(20, 60);
	driver_settle(&drv);
	assert_int_equal(received(0), 20);
	takes(TX, 20, 0);
	queue_frames(10, 60);
	assert_int_equal(driver_figure(&drv, "tx_stalls"), 0);
	takes(TX, 10, SECOND / 2);
	assert_int_equal(received(0), 10);
	assert_true(driver_figure(&drv, "tx_stalls") > 0);
}

static void frames_in_keep_to_their_rate(void **state)
{
	(void)state;
	open_net(0, 20);
	give_buffers(64);
	send_frames(20, 60);
	takes(RX, 20, 0);
	send_frames(10, 60);
	takes(RX, 10, SECOND / 2);
	assert_true(driver_figure(&drv, "rx_stalls") > 0);
}

static void bytes_keep_to_their_rate(void **state)
{
	(void)state;
	open_net(UINT64_C(20) * FRAME, 0);
	queue_frames(20, FRAME);
	takes(TX, 20, 0);
	queue_frames(10, FRAME);
	takes(TX, 10, SECOND / 2);
	/* On the way in the last frame is paid for by the next. */
	give_buffers(64);
	send_frames(20, FRAME);
	takes(RX, 20, 0);
	send_frames(31, FRAME);
	takes(RX, 31, 3 * SECOND / 2);
}

/* One byte a second: what follows a frame waits for 1500. */
static void hold_out(void)
{
	open_net(1, 0);
	queue_frames(2, FRAME);
	driver_settle(&drv);
	assert_int_equal(received(0), 1);
	assert_true(driver_take(&drv.queue[TX], NULL, NULL));
	assert_false(driver_take(&drv.queue[TX], NULL, NULL));
}

static void hold_in(void)
{
	open_net(1, 0);
	give_buffers(8);
	send_frames(2, FRAME);
	driver_settle(&drv);
	assert_true(driver_take(&drv.queue[RX], NULL, NULL));
	assert_false(driver_take(&drv.queue[RX], NULL, NULL));
}

/* A kick costs the loop its round and nothing more. */
static void kicks_of_a_held_guest_are_cheap(void **state)
{
	(void)state;
	hold_out();
	seen.clock_reads = 0;
	for (unsigned i = 0; i < 100; i++) {
		driver_kick(&drv, TX);
		assert_int_equal(loop_once(&drv.loop, 0), 1);
		assert_int_equal(loop_once(&drv.loop, 0), 0);
	}
	assert_int_equal(seen.clock_reads, 0);
	assert_int_equal(received(1), 1);
}

/* The frame in the socket does not keep the loop busy, nor do buffers. */
static void held_frames_leave_the_loop_alone(void **state)
{
	(void)state;
	hold_in();
	assert_int_equal(loop_once(&drv.loop, 0), 0);
	seen.clock_reads = 0;
	for (unsigned i = 0; i < 100; i++) {
		driver_kick(&drv, RX);
		assert_int_equal(loop_once(&drv.loop, 0), 1);
		assert_int_equal(loop_once(&drv.loop, 0), 0);
	}
	assert_int_equal(seen.clock_reads, 0);
	assert_false(driver_take(&drv.queue[RX], NULL, NULL));
}

/* Nor does a reset wait for it or pay for it. */
static void reset_pays_no_debt(void **state)
{
	(void)state;
	hold_out();
	driver_restart(&drv, 0);
	/* It is asked anew: it may be a smaller frame than the one before. */
	seen.clock_reads = 0;
	queue_frames(1, 60);
	driver_settle(&drv);
	assert_int_equal(seen.clock_reads, 1);
	assert_int_equal(received(0), 0);
	give_buffers(8);
	send_frames(1, 60);
	driver_settle(&drv);
	assert_true(driver_take(&drv.queue[RX], NULL, NULL));
	assert_false(driver_take(&drv.queue[TX], NULL, NULL));
}

/* The timer of the old driver's frame comes while there is no new one. */
static void the_time_may_come_after_a_reset(void **state)
{
	(void)state;
	open_net(0, 10);
	queue_frames(20, 60);
	driver_settle(&drv);
	assert_int_equal(received(0), 10);
	driver_write(&drv, drv.common + 0x14, 0, 1);
	/* The timer: nothing else can happen. */
	assert_int_equal(loop_once(&drv.loop, DRIVER_TIMEOUT), 1);
	driver_settle(&drv);
	assert_int_equal(received(0), 0);
	driver_restart(&drv, 0);
	queue_frames(1, 60);
	(void)driver_wait(&drv, TX, NULL);
	assert_int_equal(received(0), 1);
}

/* Nor may it come to a guest that took the bus away. */
static void the_time_may_come_without_the_bus(void **state)
{
	(void)state;
	open_net(0, 10);
	queue_frames(20, 60);
	driver_settle(&drv);
	assert_int_equal(received(0), 10);
	driver_config_write(&drv, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	assert_int_equal(loop_once(&drv.loop, DRIVER_TIMEOUT), 1);
	driver_settle(&drv);
	assert_int_equal(received(10), 10);
	driver_config_write(&drv, PCI_COMMAND,
			    PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
	for (unsigned i = 0; i < 20; i++)
		(void)driver_wait(&drv, TX, NULL);
	assert_int_equal(received(10), 20);
}

/* Held frames do not hide that the other side has gone. */
static void the_link_goes_down_while_frames_are_held(void **state)
{
	(void)state;
	hold_in();
	(void)close(wire);
	wire = -1;
	driver_settle(&drv);
	assert_int_equal(driver_read(&drv, drv.device + 6, 2), 0);
}

/* Tokens are for frames that went: asking a full backend costs none. */
static void a_full_backend_is_not_charged(void **state)
{
	unsigned char frame[FRAME] = { 0 };
	unsigned sent = 0;

	(void)state;
	/* Full because of us, so that not one token is gone. */
	open_net(0, 5);
	while (send(backend, frame, sizeof(frame), MSG_DONTWAIT) > 0)
		sent++;
	queue_frames(5, 60);
	driver_settle(&drv);
	assert_false(driver_take(&drv.queue[TX], NULL, NULL));
	for (unsigned i = 0; i < sent; i++)
		assert_int_equal(recv(wire, frame, sizeof(frame), 0), FRAME);
	takes(TX, 5, 0);
	assert_int_equal(received(0), 5);
}

static void without_limits_nobody_reads_the_clock(void **state)
{
	(void)state;
	open_net(0, 0);
	give_buffers(64);
	send_frames(50, FRAME);
	queue_frames(50, FRAME);
	seen.clock_reads = 0;
	driver_settle(&drv);
	assert_int_equal(seen.clock_reads, 0);
	assert_int_equal(received(0), 50);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(frames_out_keep_to_their_rate),
		TEST(frames_in_keep_to_their_rate),
		TEST(bytes_keep_to_their_rate),
		TEST(kicks_of_a_held_guest_are_cheap),
		TEST(held_frames_leave_the_loop_alone),
		TEST(reset_pays_no_debt),
		TEST(the_time_may_come_after_a_reset),
		TEST(the_time_may_come_without_the_bus),
		TEST(the_link_goes_down_while_frames_are_held),
		TEST(a_full_backend_is_not_charged),
		TEST(without_limits_nobody_reads_the_clock),
	};

	return cmocka_run_group_tests_name("net limits", tests, NULL, NULL);
}
