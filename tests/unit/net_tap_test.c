/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_tap_test.c - the network device on a real tap: what the host's kernel
 * makes of the guest's headers, and the guest gets of its.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/virtio/models.h"
#include "tests/harness/driver.h"
#include "tests/harness/tapns.h"

#define RX     0
#define TX     1
#define HEADER TAPNS_HEADER
#define PACKET 10U /* the header of a packet socket */
#define BIT    VIRTIO_BIT
#define OUT                                                                    \
	(BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_HOST_TSO4) |                \
	 BIT(VIRTIO_NET_F_HOST_TSO6))
#define IN                                                                     \
	(BIT(VIRTIO_NET_F_GUEST_CSUM) | BIT(VIRTIO_NET_F_GUEST_TSO4) |         \
	 BIT(VIRTIO_NET_F_GUEST_TSO6) | BIT(VIRTIO_NET_F_MRG_RXBUF))
#define MSS 1448U

static struct driver drv;
static const char *step;
static int entered, wire = -1;
static unsigned char frame[65600], got[65600];

static int enter(void **state)
{
	(void)state;
	entered = tapns_enter(&step);
	return 0;
}

static void open_on(int flags, uint64_t features)
{
	struct net_config cfg = { .mac = { 2, 0, 0, 0, 0, 1 } };

	if (entered < 0) {
		print_message("%s: %s\n", step, strerrordesc_np(-entered));
		skip();
	}
	cfg.fd[0] = tapns_tap("tap0", flags);
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

static gpa_t give(uint32_t len)
{
	struct driver_buf buf = { driver_alloc(&drv, len), len, true };

	(void)driver_chain(&drv.queue[RX], &buf, 1);
	return buf.at;
}

static void transmit(const struct virtio_net_hdr_v1 *h, size_t len)
{
	gpa_t at = driver_alloc(&drv, (uint32_t)(HEADER + len));
	struct driver_buf buf[] = { { at, HEADER, false },
				    { at + HEADER, (uint32_t)len, false } };

	memcpy(driver_ptr(&drv, at, HEADER), h, HEADER);
	memcpy(driver_ptr(&drv, at + HEADER, (uint32_t)len), frame, len);
	(void)driver_chain(&drv.queue[TX], buf, 2);
	driver_kick(&drv, TX);
	(void)driver_wait(&drv, TX, NULL);
}

/* The next frame on the wire, its header at @h; 0: none is there. */
static size_t on_wire(struct virtio_net_hdr *h)
{
	ssize_t n = recv(wire, got, sizeof(got), 0);

	if (n < 0)
		return 0;
	memcpy(h, got, PACKET);
	memmove(got, got + PACKET, (size_t)n - PACKET);
	return (size_t)n - PACKET;
}

static struct virtio_net_hdr_v1 segments(void)
{
	return (struct virtio_net_hdr_v1){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = htole16(TAPNS_HEADS),
		.gso_size = htole16(MSS),
		.csum_start = htole16(34),
		.csum_offset = htole16(16),
	};
}

/* Onto the wire, to the guest. */
static void send_wire(const struct virtio_net_hdr_v1 *h, size_t len)
{
	struct iovec iov[] = { { (void *)(uintptr_t)h, PACKET },
			       { frame, len } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	assert_int_equal(sendmsg(wire, &msg, 0), PACKET + len);
}

static void the_guest_leaves_cutting_to_the_host(void **state)
{
	struct virtio_net_hdr_v1 h = segments();
	struct virtio_net_hdr seen;
	size_t len = tapns_segment(frame, 40000, 'x');

	(void)state;
	open_on(IFF_VNET_HDR, OUT);
	transmit(&h, len);
	assert_int_equal(on_wire(&seen), len);
	assert_int_equal(seen.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
	assert_int_equal(seen.gso_size, MSS);
	assert_int_equal(seen.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_memory_equal(got, frame, len);
}

/* Nothing of it reaches the wire, and good frames go on. */
static void bad_headers_stop_at_the_monitor(void **state)
{
	struct virtio_net_hdr seen;
	size_t len = tapns_segment(frame, 3000, 'y');

	(void)state;
	open_on(IFF_VNET_HDR, OUT);
	for (unsigned i = 0; i < 7; i++) {
		struct virtio_net_hdr_v1 h = segments();

		if (i == 0)
			h.gso_size = 0;
		if (i == 1)
			h.csum_start = htole16(0xffff);
		if (i == 2)
			h.csum_offset = htole16(0xfffe);
		if (i == 3)
			h.gso_type = VIRTIO_NET_HDR_GSO_UDP;
		if (i == 4)
			h.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
		if (i == 5)
			h.flags = 0;
		if (i == 6)
			h.gso_type = 0x42;
		transmit(&h, len);
		if (on_wire(&seen))
			fail_msg("header %u passed", i);
	}
	struct virtio_net_hdr_v1 good = segments();
	transmit(&good, len);
	assert_int_equal(on_wire(&seen), len);
}

/* A driver that agreed on nothing is not read for offloads. */
static void without_features_headers_are_zeros(void **state)
{
	struct virtio_net_hdr_v1 h = segments();
	struct virtio_net_hdr seen;
	size_t len = tapns_segment(frame, 1000, 'z');

	(void)state;
	open_on(IFF_VNET_HDR, 0);
	transmit(&h, len);
	assert_int_equal(on_wire(&seen), len);
	assert_int_equal(seen.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, 0);
	assert_int_equal(seen.gso_type, 0);
}

static void segments_reach_a_guest_that_takes_them(void **state)
{
	struct virtio_net_hdr_v1 h = segments();
	size_t len = tapns_segment(frame, 20000, 'a');
	gpa_t at[20];

	(void)state;
	open_on(IFF_VNET_HDR, IN);
	for (unsigned i = 0; i < 20; i++)
		at[i] = give(1526);
	driver_kick(&drv, RX);
	send_wire(&h, len);

	assert_int_equal(driver_wait(&drv, RX, NULL), 1526);
	memcpy(&h, driver_ptr(&drv, at[0], HEADER), HEADER);
	assert_int_equal(le16toh(h.num_buffers), (HEADER + len + 1525) / 1526);
	assert_int_equal(h.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
	assert_int_equal(le16toh(h.gso_size), MSS);
	assert_true(h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_memory_equal(driver_ptr(&drv, at[0] + HEADER, 1514), frame,
			    1514);
	assert_memory_equal(driver_ptr(&drv, at[1], 1526), frame + 1514, 1526);
}

/* The kernel cuts, and finishes the checksums. */
static void whole_frames_reach_one_that_does_not(void **state)
{
	struct virtio_net_hdr_v1 h = segments();
	size_t len = tapns_segment(frame, 20000, 'b');
	gpa_t at[20];

	(void)state;
	open_on(IFF_VNET_HDR, 0);
	for (unsigned i = 0; i < 20; i++)
		at[i] = give(1526);
	driver_kick(&drv, RX);
	send_wire(&h, len);
	for (unsigned i = 0; i < (20000 + MSS - 1) / MSS; i++) {
		uint32_t n = driver_wait(&drv, RX, NULL);

		assert_in_range(n, HEADER + TAPNS_HEADS + 1,
				HEADER + TAPNS_HEADS + MSS);
		memcpy(&h, driver_ptr(&drv, at[i], HEADER), HEADER);
		assert_int_equal(h.flags | h.gso_type, 0);
		assert_int_equal(le16toh(h.num_buffers), 1);
		assert_true(tapns_checksum_ok(
			driver_ptr(&drv, at[i] + HEADER, n - HEADER),
			n - HEADER));
	}
}

/* The next driver gets what it takes, not what the last one did. */
static void offloads_are_those_of_this_driver(void **state)
{
	struct virtio_net_hdr_v1 h = segments();
	size_t len = tapns_segment(frame, 2000, 'c');

	(void)state;
	open_on(IFF_VNET_HDR, IN);
	driver_restart(&drv, BIT(VIRTIO_NET_F_MRG_RXBUF));
	for (unsigned i = 0; i < 4; i++)
		(void)give(1526);
	driver_kick(&drv, RX);
	send_wire(&h, len);
	assert_int_equal(driver_wait(&drv, RX, NULL),
			 HEADER + TAPNS_HEADS + MSS);
	assert_int_equal(driver_wait(&drv, RX, NULL),
			 HEADER + TAPNS_HEADS + 2000 - MSS);
}

static void a_tap_without_headers_offers_nothing(void **state)
{
	struct virtio_net_hdr_v1 h = { 0 };
	struct virtio_net_hdr seen;
	size_t len = tapns_segment(frame, 1000, 'd');

	(void)state;
	open_on(0, 0);
	driver_write(&drv, drv.common, 0, 4);
	assert_int_equal(driver_read(&drv, drv.common + 4, 4) & (OUT | IN),
			 BIT(VIRTIO_NET_F_MRG_RXBUF));
	gpa_t at = give(1526);
	driver_kick(&drv, RX);
	transmit(&h, len);
	assert_int_equal(on_wire(&seen), len);
	send_wire(&h, len);
	assert_int_equal(driver_wait(&drv, RX, NULL), HEADER + len);
	memcpy(&h, driver_ptr(&drv, at, HEADER), HEADER);
	assert_int_equal(le16toh(h.num_buffers), 1);
}

static bool link_is_down(void *arg)
{
	(void)arg;
	return driver_read(&drv, drv.device + 6, 2) == 0;
}

static void the_link_goes_down_with_the_tap(void **state)
{
	struct virtio_net_hdr_v1 h = { 0 };

	(void)state;
	open_on(IFF_VNET_HDR, OUT | IN | BIT(VIRTIO_NET_F_STATUS));
	assert_int_equal(driver_read(&drv, drv.device + 6, 2),
			 VIRTIO_NET_S_LINK_UP);
	(void)give(1526);
	driver_kick(&drv, RX);
	driver_settle(&drv);
	tapns_ip("link del tap0");
	driver_until(&drv, link_is_down, NULL);
	transmit(&h, tapns_segment(frame, 100, 'e'));
	driver_settle(&drv);
}

static void what_is_no_tap_is_refused(void **state)
{
	static const char *const files[] = { "/dev/null", "/dev/net/tun" };
	struct err err;

	(void)state;
	if (entered < 0)
		skip();
	for (unsigned i = 0; i < 2; i++) {
		struct net_config cfg = { .fd = { open(files[i],
						       O_RDWR | O_CLOEXEC) } };

		assert_true(cfg.fd[0] >= 0);
		assert_int_equal(driver_try_open(&drv, &net_ops, &cfg, &err),
				 -EINVAL);
		assert_non_null(strstr(err.msg, "nor an attached tap"));
		(void)close(cfg.fd[0]);
		driver_close(&drv);
	}
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_guest_leaves_cutting_to_the_host),
		TEST(bad_headers_stop_at_the_monitor),
		TEST(without_features_headers_are_zeros),
		TEST(segments_reach_a_guest_that_takes_them),
		TEST(whole_frames_reach_one_that_does_not),
		TEST(offloads_are_those_of_this_driver),
		TEST(a_tap_without_headers_offers_nothing),
		TEST(the_link_goes_down_with_the_tap),
		cmocka_unit_test(what_is_no_tap_is_refused),
	};

	return cmocka_run_group_tests_name("network on a tap", tests, enter,
					   NULL);
}
