/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_mrg_test.c - frames that take several receive buffers
 * (VIRTIO_NET_F_MRG_RXBUF), and drivers that give too few or bad ones.
 */
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
#define FEATURE VIRTIO_BIT(VIRTIO_NET_F_MRG_RXBUF)

static struct driver drv;
static int wire = -1;
static unsigned char frame[NET_FRAME_MAX + 1], got[NET_FRAME_MAX + 1];

static int setup(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(
		socketpair(AF_UNIX,
			   SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
			   pair),
		0);
	const struct net_config cfg = { .fd = { pair[0] },
					.mac = { 2, 0x15, 3, 4, 5, 6 },
					.mtu = 9000 };
	wire = pair[1];
	driver_open(&drv, &net_ops, &cfg);
	(void)driver_start(&drv, FEATURE);
	driver_settle(&drv);
	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (unsigned char)(i * 7 + i / 256);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	driver_close(&drv);
	if (wire >= 0)
		(void)close(wire);
	return 0;
}

static gpa_t give(uint32_t len)
{
	struct driver_buf buf = { driver_alloc(&drv, len), len, true };

	(void)driver_chain(&drv.queue[RX], &buf, 1);
	return buf.at;
}

static void send_wire(size_t len)
{
	assert_int_equal(send(wire, frame, len, MSG_NOSIGNAL), len);
}

static unsigned buffers_of(gpa_t at)
{
	struct virtio_net_hdr_v1 h;

	memcpy(&h, driver_ptr(&drv, at, HEADER), HEADER);
	assert_int_equal(h.flags | h.gso_type, 0);
	return le16toh(h.num_buffers);
}

/* The frame of @len bytes in @nr buffers of @size at @at. */
static void arrived(const gpa_t *at, uint32_t size, unsigned nr, size_t len)
{
	size_t all = HEADER + len, done = 0;

	assert_int_equal(buffers_of(at[0]), nr);
	for (unsigned i = 0; i < nr; i++) {
		size_t part = all - done < size ? all - done : size;

		assert_int_equal(driver_wait(&drv, RX, NULL), part);
		memcpy(got + (i ? done - HEADER : 0),
		       driver_ptr(&drv, at[i] + (i ? 0 : HEADER),
				  (uint32_t)(part - (i ? 0 : HEADER))),
		       part - (i ? 0 : HEADER));
		done += part;
	}
	assert_memory_equal(got, frame, len);
}

static void one_frame_takes_several_buffers(void **state)
{
	gpa_t at[8];

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		at[i] = give(1500);
	driver_kick(&drv, RX);
	send_wire(4000);
	send_wire(60);
	send_wire(1488);
	send_wire(1489);
	driver_settle(&drv);
	arrived(at, 1500, 3, 4000);
	arrived(at + 3, 1500, 1, 60);
	arrived(at + 4, 1500, 1, 1488);
	arrived(at + 5, 1500, 2, 1489);
}

static void the_longest_frame(void **state)
{
	gpa_t at[64];

	(void)state;
	for (unsigned i = 0; i < 64; i++)
		at[i] = give(1526);
	driver_kick(&drv, RX);
	send_wire(NET_FRAME_MAX);
	driver_settle(&drv);
	arrived(at, 1526, 43, NET_FRAME_MAX);
}

/* The driver sees all of it or nothing. */
static void a_frame_waits_for_the_rest_of_its_buffers(void **state)
{
	gpa_t at[4];

	(void)state;
	at[0] = give(1000);
	driver_kick(&drv, RX);
	send_wire(3500);
	driver_settle(&drv);
	assert_false(driver_take(&drv.queue[RX], NULL, NULL));
	at[1] = give(1000);
	at[2] = give(1000);
	driver_kick(&drv, RX);
	driver_settle(&drv);
	assert_false(driver_take(&drv.queue[RX], NULL, NULL));
	at[3] = give(1000);
	driver_kick(&drv, RX);
	driver_settle(&drv);
	arrived(at, 1000, 4, 3500);
	/* And the next ones come as ever. */
	at[0] = give(1000);
	driver_kick(&drv, RX);
	send_wire(100);
	driver_settle(&drv);
	arrived(at, 1000, 1, 100);
}

static void a_frame_for_which_no_ring_suffices_is_dropped(void **state)
{
	gpa_t at = 0;

	(void)state;
	for (unsigned i = 0; i < VQ_SIZE_MAX; i++) {
		gpa_t one = give(16);

		at = i ? at : one;
	}
	driver_kick(&drv, RX);
	send_wire(16 * VQ_SIZE_MAX);
	send_wire(20);
	driver_settle(&drv);
	assert_int_equal(driver_wait(&drv, RX, NULL), 16);
	assert_int_equal(driver_wait(&drv, RX, NULL), 16);
	assert_int_equal(buffers_of(at), 2);
	assert_false(driver_take(&drv.queue[RX], NULL, NULL));
}

static void one_too_long_is_dropped(void **state)
{
	gpa_t at;

	(void)state;
	at = give(2 * NET_FRAME_MAX);
	driver_kick(&drv, RX);
	send_wire(NET_FRAME_MAX + 1);
	send_wire(NET_FRAME_MAX);
	driver_settle(&drv);
	arrived(&at, 2 * NET_FRAME_MAX, 1, NET_FRAME_MAX);
}

/* Section 5.1.6.3.1: each holds a header at least. */
static void a_small_buffer_among_others_breaks_the_queue(void **state)
{
	(void)state;
	(void)give(1000);
	(void)give(HEADER - 1);
	(void)give(1000);
	driver_kick(&drv, RX);
	send_wire(1500);
	driver_settle(&drv);
	assert_true(driver_needs_reset(&drv));
	assert_false(driver_take(&drv.queue[RX], NULL, NULL));
	assert_int_equal(loop_once(&drv.loop, 0), 0);
}

/* Found by net_fuzz: nobody is woken for the rest of it any more. */
static void the_link_goes_down_while_a_frame_waits(void **state)
{
	(void)state;
	(void)give(1000);
	driver_kick(&drv, RX);
	send_wire(3500);
	driver_settle(&drv);
	(void)close(wire);
	wire = -1;
	driver_settle(&drv);
	for (unsigned i = 0; i < 4; i++) {
		(void)give(1000);
		driver_kick(&drv, RX);
		driver_settle(&drv);
	}
	assert_int_equal(driver_read(&drv, drv.device + 6, 2), 0);
	assert_false(driver_take(&drv.queue[RX], NULL, NULL));
}

/* What was taken before a reset is not written after it, and no frame of then
 * is pieced together with one of now. */
static void buffers_are_forgotten_at_reset(void **state)
{
	gpa_t old, new;

	(void)state;
	old = give(1000);
	driver_kick(&drv, RX);
	send_wire(1500);
	driver_settle(&drv);
	driver_write(&drv, drv.common + 0x14, 0, 1);
	memset(driver_ptr(&drv, old, 1000), 0, 1000);
	driver_restart(&drv, FEATURE);
	new = give(2000);
	driver_kick(&drv, RX);
	send_wire(700);
	driver_settle(&drv);
	arrived(&new, 2000, 1, 700);
	assert_int_equal(*(char *)driver_ptr(&drv, old + HEADER, 1), 0);
}

/* A guest that changes what it offered while the frame waits. */
static void buffers_that_move_are_those_taken(void **state)
{
	gpa_t at[2], other;

	(void)state;
	at[0] = give(1000);
	driver_kick(&drv, RX);
	send_wire(1500);
	driver_settle(&drv);
	other = driver_alloc(&drv, 1000);
	memset(driver_ptr(&drv, other, 1000), 0, 1000);
	driver_desc(&drv.queue[RX], 0, other, 1000, VRING_DESC_F_WRITE, 0);
	at[1] = give(1000);
	driver_kick(&drv, RX);
	driver_settle(&drv);
	arrived(at, 1000, 2, 1500);
	assert_int_equal(*(char *)driver_ptr(&drv, other + HEADER, 1), 0);
}

static void the_driver_is_told_the_mtu(void **state)
{
	(void)state;
	assert_int_equal(driver_read(&drv, drv.device + 10, 2), 9000);
	driver_write(&drv, drv.common, 0, 4);
	assert_true(driver_read(&drv, drv.common + 4, 4) &
		    1U << VIRTIO_NET_F_MTU);
	/* A socket leaves nothing to others. */
	assert_false(driver_read(&drv, drv.common + 4, 4) &
		     (1U << VIRTIO_NET_F_CSUM | 1U << VIRTIO_NET_F_GUEST_CSUM |
		      1U << VIRTIO_NET_F_HOST_TSO4));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_frame_takes_several_buffers),
		TEST(the_longest_frame),
		TEST(a_frame_waits_for_the_rest_of_its_buffers),
		TEST(a_frame_for_which_no_ring_suffices_is_dropped),
		TEST(one_too_long_is_dropped),
		TEST(a_small_buffer_among_others_breaks_the_queue),
		TEST(the_link_goes_down_while_a_frame_waits),
		TEST(buffers_are_forgotten_at_reset),
		TEST(buffers_that_move_are_those_taken),
		TEST(the_driver_is_told_the_mtu),
	};

	return cmocka_run_group_tests_name("mergeable buffers", tests, NULL,
					   NULL);
}
