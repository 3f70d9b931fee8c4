/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_mq_test.c - several pairs of queues on a real tap: to whom the host's
 * kernel gives its frames, and what the driver may ask for.
 */
#include <errno.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/virtio/models.h"
#include "tests/harness/driver.h"
#include "tests/harness/tapns.h"

#define PAIRS  3U
#define RX(n)  (2U * (n))
#define TX(n)  (2U * (n) + 1)
#define CTRL   (2U * PAIRS)
#define PACKET 10U /* the header of a packet socket */
#define FLOWS  48U
#define BUFFER 1526U
#define FLAGS  (IFF_VNET_HDR | IFF_MULTI_QUEUE)
#define BIT    VIRTIO_BIT
#define MQ     (BIT(VIRTIO_NET_F_CTRL_VQ) | BIT(VIRTIO_NET_F_MQ))
#define NONE   0xee /* no answer */

static struct driver drv;
static const char *step;
static int entered, wire = -1;

static int enter(void **state)
{
	(void)state;
	entered = tapns_enter(&step);
	return 0;
}

static struct net_config prepare(unsigned pairs, int flags)
{
	struct net_config cfg = { .mac = { 2, 0, 0, 0, 0, 1 }, .pairs = pairs };

	if (entered < 0) {
		print_message("%s: %s\n", step, strerrordesc_np(-entered));
		skip();
	}
	for (unsigned i = 0; i < pairs; i++)
		cfg.fd[i] = tapns_tap("tap0", flags);
	return cfg;
}

static void open_on(uint64_t features)
{
	const struct net_config cfg = prepare(PAIRS, FLAGS);

	wire = tapns_wire("tap0");
	driver_open(&drv, &net_ops, &cfg);
	(void)driver_start(&drv, features);
	driver_settle(&drv);
}

static int teardown(void **state)
{
	(void)state;
	if (entered < 0)
		return 0;
	driver_close(&drv);
	if (wire >= 0)
		(void)close(wire);
	wire = -1;
	return 0;
}

/* Do it, @len bytes of it; the answer.  The queue is the @nr-th. */
static uint8_t command(unsigned nr, uint8_t class, uint8_t cmd, uint16_t pairs,
		       uint32_t len)
{
	unsigned char text[] = { class, cmd, (unsigned char)pairs,
				 (unsigned char)(pairs >> 8) };
	gpa_t at = driver_alloc(&drv, 64);
	gpa_t ack = driver_alloc(&drv, 1);
	struct driver_buf buf[] = { { at, len, false }, { ack, 1, true } };

	memset(driver_ptr(&drv, at, 64), 0, 64);
	memcpy(driver_ptr(&drv, at, sizeof(text)), text, sizeof(text));
	*(uint8_t *)driver_ptr(&drv, ack, 1) = NONE;
	(void)driver_chain(&drv.queue[nr], buf, 2);
	driver_kick(&drv, nr);
	assert_int_equal(driver_wait(&drv, nr, NULL), 1);
	return *(uint8_t *)driver_ptr(&drv, ack, 1);
}

static uint8_t set_pairs(unsigned pairs)
{
	return command(CTRL, VIRTIO_NET_CTRL_MQ,
		       VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, (uint16_t)pairs, 4);
}

static void give(unsigned pairs)
{
	for (unsigned i = 0; i < pairs; i++) {
		for (unsigned n = 0; n < FLOWS; n++) {
			struct driver_buf buf = { driver_alloc(&drv, BUFFER),
						  BUFFER, true };

			(void)driver_chain(&drv.queue[RX(i)], &buf, 1);
		}
		driver_kick(&drv, RX(i));
	}
	driver_settle(&drv);
}

/* A frame of each of FLOWS connections onto the wire. */
static void send_flows(void)
{
	struct virtio_net_hdr h = { 0 };
	unsigned char frame[200];
	size_t len = tapns_segment(frame, 100, 'f');
	struct iovec iov[] = { { &h, PACKET }, { frame, len } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	for (unsigned n = 0; n < FLOWS; n++) {
		frame[34] = 0x40;
		frame[35] = (unsigned char)n; /* the source port */
		assert_int_equal(sendmsg(wire, &msg, 0), PACKET + len);
	}
	driver_settle(&drv);
}

static unsigned came(unsigned pair)
{
	unsigned n = 0;

	while (driver_take(&drv.queue[RX(pair)], NULL, NULL))
		n++;
	return n;
}

static void a_driver_starts_with_one_pair(void **state)
{
	(void)state;
	open_on(MQ);
	assert_int_equal(driver_read(&drv, drv.device + 8, 2), PAIRS);
	give(PAIRS);
	send_flows();
	assert_int_equal(came(0), FLOWS);
	assert_int_equal(came(1) + came(2), 0);
}

static void flows_are_shared_out_among_the_pairs_in_use(void **state)
{
	(void)state;
	open_on(MQ);
	give(PAIRS);
	assert_int_equal(set_pairs(2), VIRTIO_NET_OK);
	send_flows();

	unsigned first = came(0), second = came(1);
	assert_int_equal(first + second, FLOWS);
	assert_true(first > 0 && second > 0);
	assert_int_equal(came(2), 0);
	assert_int_equal(driver_figure(&drv, "rx_frames"), FLOWS);

	assert_int_equal(set_pairs(1), VIRTIO_NET_OK);
	give(1);
	send_flows();
	assert_int_equal(came(0), FLOWS);
}

/* Its buffers were there before, and their kick was for nobody. */
static void a_pair_that_comes_into_use_is_looked_at(void **state)
{
	struct driver_buf buf;

	(void)state;
	open_on(MQ);
	buf = (struct driver_buf){ driver_alloc(&drv, 112), 112, false };
	memset(driver_ptr(&drv, buf.at, 112), 0, 112);
	(void)driver_chain(&drv.queue[TX(1)], &buf, 1);
	driver_kick(&drv, TX(1));
	driver_settle(&drv);
	assert_false(driver_take(&drv.queue[TX(1)], NULL, NULL));
	assert_int_equal(set_pairs(2), VIRTIO_NET_OK);
	(void)driver_wait(&drv, TX(1), NULL);

	unsigned char seen[PACKET + 100];
	assert_int_equal(recv(wire, seen, sizeof(seen), 0), sizeof(seen));
	assert_int_equal(driver_figure(&drv, "tx_frames"), 1);
}

static void the_next_driver_starts_with_one_again(void **state)
{
	(void)state;
	open_on(MQ);
	assert_int_equal(set_pairs(PAIRS), VIRTIO_NET_OK);
	driver_restart(&drv, MQ);
	driver_settle(&drv);
	give(PAIRS);
	send_flows();
	assert_int_equal(came(0), FLOWS);

	/* And one that knows of no more. */
	driver_restart(&drv, 0);
	driver_settle(&drv);
	give(1);
	send_flows();
	assert_int_equal(came(0), FLOWS);
}

static void nonsense_is_an_error_and_changes_nothing(void **state)
{
	const uint8_t class = VIRTIO_NET_CTRL_MQ;

	(void)state;
	open_on(MQ);
	assert_int_equal(set_pairs(2), VIRTIO_NET_OK);
	assert_int_equal(set_pairs(0), VIRTIO_NET_ERR);
	assert_int_equal(set_pairs(PAIRS + 1), VIRTIO_NET_ERR);
	assert_int_equal(set_pairs(0x8000), VIRTIO_NET_ERR);
	assert_int_equal(command(CTRL, class, 0, 1, 3), VIRTIO_NET_ERR);
	assert_int_equal(command(CTRL, class, 0, 1, 5), VIRTIO_NET_ERR);
	assert_int_equal(command(CTRL, class, 0, 1, 1), VIRTIO_NET_ERR);
	assert_int_equal(command(CTRL, class, 1, 1, 4), VIRTIO_NET_ERR);
	assert_int_equal(command(CTRL, VIRTIO_NET_CTRL_MAC, 0, 1, 4),
			 VIRTIO_NET_ERR);
	give(2);
	send_flows();
	assert_true(came(1) > 0);
}

static void a_command_without_room_for_an_answer_breaks_it(void **state)
{
	struct driver_buf buf;

	(void)state;
	open_on(MQ);
	buf = (struct driver_buf){ driver_alloc(&drv, 4), 4, false };
	(void)driver_chain(&drv.queue[CTRL], &buf, 1);
	driver_kick(&drv, CTRL);
	driver_settle(&drv);
	assert_true(driver_needs_reset(&drv));
}

/* 5.1.2: without MQ it comes behind the first pair. */
static void without_mq_the_control_queue_is_the_third(void **state)
{
	(void)state;
	open_on(BIT(VIRTIO_NET_F_CTRL_VQ));
	assert_int_equal(command(2, VIRTIO_NET_CTRL_MQ, 0, 2, 4),
			 VIRTIO_NET_ERR);
	give(1);
	send_flows();
	assert_int_equal(came(0), FLOWS);
}

static void refuses(const struct net_config *cfg, const char *why)
{
	struct err err;

	assert_int_equal(driver_try_open(&drv, &net_ops, cfg, &err), -EINVAL);
	assert_non_null(strstr(err.msg, why));
	driver_close(&drv);
	for (unsigned i = 0; i < cfg->pairs; i++)
		assert_int_equal(close(cfg->fd[i]), 0);
}

static void what_has_no_queues_is_refused(void **state)
{
	struct net_config cfg = prepare(1, IFF_VNET_HDR);
	int pair[2];

	(void)state;
	cfg.fd[1] = dup(cfg.fd[0]);
	cfg.pairs = 2;
	refuses(&cfg, "IFF_MULTI_QUEUE");

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	cfg.fd[0] = pair[0];
	cfg.fd[1] = pair[1];
	refuses(&cfg, "IFF_MULTI_QUEUE");

	cfg = prepare(2, FLAGS);
	cfg.frames_limit = 100;
	refuses(&cfg, "limits");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_driver_starts_with_one_pair,
					  teardown),
		cmocka_unit_test_teardown(
			flows_are_shared_out_among_the_pairs_in_use, teardown),
		cmocka_unit_test_teardown(
			a_pair_that_comes_into_use_is_looked_at, teardown),
		cmocka_unit_test_teardown(the_next_driver_starts_with_one_again,
					  teardown),
		cmocka_unit_test_teardown(
			nonsense_is_an_error_and_changes_nothing, teardown),
		cmocka_unit_test_teardown(
			a_command_without_room_for_an_answer_breaks_it,
			teardown),
		cmocka_unit_test_teardown(
			without_mq_the_control_queue_is_the_third, teardown),
		cmocka_unit_test(what_has_no_queues_is_refused),
	};

	return cmocka_run_group_tests(tests, enter, NULL);
}
