/* SPDX-License-Identifier: Apache-2.0 */
/* net_hdr_test.c - which headers of a hostile guest the host gets to see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "devices/virtio/net_hdr.h"
#include "devices/virtio/virtio.h"

#define BIT VIRTIO_BIT
#define ALL                                                                    \
	(BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_HOST_TSO4) |                \
	 BIT(VIRTIO_NET_F_HOST_TSO6) | BIT(VIRTIO_NET_F_HOST_ECN))
#define SUM VIRTIO_NET_HDR_F_NEEDS_CSUM
#define V4  VIRTIO_NET_HDR_GSO_TCPV4
#define V6  VIRTIO_NET_HDR_GSO_TCPV6
#define ECN VIRTIO_NET_HDR_GSO_ECN

static struct virtio_net_hdr_v1 make(uint8_t flags, uint8_t type, uint16_t size,
				     uint16_t start, uint16_t off)
{
	return (struct virtio_net_hdr_v1){
		.flags = flags,
		.gso_type = type,
		.hdr_len = htole16(0xffff),
		.gso_size = htole16(size),
		.csum_start = htole16(start),
		.csum_offset = htole16(off),
		.num_buffers = htole16(7),
	};
}

struct header_case {
	uint8_t flags, type;
	uint16_t size, start, off;
	size_t len;
	uint64_t features;
	bool passes;
};

static const struct header_case cases[] = {
	{ 0, 0, 0, 0, 0, 60, ALL, true },
	/* checksums inside the frame */
	{ SUM, 0, 0, 34, 16, 60, ALL, true },
	{ SUM, 0, 0, 34, 24, 60, ALL, true },
	{ SUM, 0, 0, 34, 25, 60, ALL, false },
	{ SUM, 0, 0, 34, 26, 60, ALL, false },
	{ SUM, 0, 0, 60, 0, 60, ALL, false },
	{ SUM, 0, 0, 61, 0, 60, ALL, false },
	{ SUM, 0, 0, 0xffff, 0, 60, ALL, false },
	{ SUM, 0, 0, 0, 0xffff, 60, ALL, false },
	{ SUM, 0, 0, 0xffff, 0xffff, 65550, ALL, false },
	/* segments */
	{ SUM, V4, 1448, 34, 16, 9000, ALL, true },
	{ SUM, V6, 1440, 54, 16, 9000, ALL, true },
	{ SUM, V4 | ECN, 1448, 34, 16, 9000, ALL, true },
	{ SUM, V4, 28, 34, 16, 54, ALL, true },
	{ SUM, V4, 27, 34, 16, 54, ALL, false },
	{ SUM, V4, 1, 34, 16, 9000, ALL, false },
	{ SUM, V4, 1448, 34, 16, 53, ALL, false },
	{ SUM, V4, 0, 34, 16, 9000, ALL, false },
	{ SUM, V4, 1448, 33, 16, 9000, ALL, false },
	{ SUM, V6, 1440, 34, 16, 9000, ALL, false },
	{ SUM, V4, 1448, 34, 6, 9000, ALL, false },
	{ SUM, V4, 1448, 8990, 16, 9000, ALL, false },
	{ 0, V4, 1448, 34, 16, 9000, ALL, false },
	{ SUM, ECN, 1448, 34, 16, 9000, ALL, false },
	{ SUM, 3 /* UDP */, 1448, 34, 6, 9000, ALL, false },
	{ SUM, 5 /* USO */, 1448, 34, 6, 9000, ALL, false },
	{ SUM, 0x7f, 1448, 34, 16, 9000, ALL, false },
	/* what was not agreed on */
	{ SUM, V4, 1448, 34, 16, 9000, BIT(VIRTIO_NET_F_CSUM), false },
	{ SUM, V6, 1440, 54, 16, 9000,
	  BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_HOST_TSO4), false },
	{ SUM, V4 | ECN, 1448, 34, 16, 9000,
	  BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_HOST_TSO4), false },
};

static void each_rule(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct header_case *c = &cases[i];
		struct virtio_net_hdr_v1 h =
			make(c->flags, c->type, c->size, c->start, c->off);

		if (net_hdr_check(&h, c->len, c->features) != c->passes)
			fail_msg("case %zu", i);
	}
}

static void nothing_unknown_passes(void **state)
{
	struct virtio_net_hdr_v1 h = make(0xff, V4, 1448, 34, 16);

	(void)state;
	assert_true(net_hdr_check(&h, 9000, ALL));
	assert_int_equal(h.flags, SUM);
	assert_int_equal(le16toh(h.hdr_len), 54);
	assert_int_equal(h.num_buffers, 0);

	/* Without a checksum to finish its place is not passed on. */
	h = make(0xfe, 0, 1448, 34, 16);
	assert_true(net_hdr_check(&h, 9000, ALL));
	const struct virtio_net_hdr_v1 zero = { 0 };
	assert_memory_equal(&h, &zero, sizeof(h));
}

/* As before there were offloads: whatever it says. */
static void a_driver_without_checksums_says_nothing(void **state)
{
	const struct virtio_net_hdr_v1 zero = { 0 };

	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		struct virtio_net_hdr_v1 h;

		memset(&h, (int)i, sizeof(h));
		assert_true(net_hdr_check(&h, 60, 0));
		assert_memory_equal(&h, &zero, sizeof(h));
	}
}

/* Whatever passes keeps what the kernel relies on. */
static void noise(void **state)
{
	unsigned passed = 0;

	(void)state;
	srandom(1);
	for (unsigned i = 0; i < 2000000; i++) {
		size_t len = 14 + (size_t)random() % 2000;
		struct virtio_net_hdr_v1 h =
			make((uint8_t)random(), (uint8_t)(random() % 8),
			     (uint16_t)random(), (uint16_t)(random() % 2100),
			     (uint16_t)(random() % 64));

		if (!net_hdr_check(&h, len, ALL))
			continue;
		passed++;
		size_t start = le16toh(h.csum_start);
		size_t off = le16toh(h.csum_offset);
		assert_true(!(h.flags & ~SUM) && le16toh(h.hdr_len) <= len);
		if (h.flags)
			assert_true(start + off + 2 <= len);
		if (h.gso_type)
			assert_true(h.flags && le16toh(h.gso_size) >= 28 &&
				    off == 16 && start >= 34 &&
				    start + 20 <= len);
	}
	assert_in_range(passed, 1000, 1999999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule),
		cmocka_unit_test(nothing_unknown_passes),
		cmocka_unit_test(a_driver_without_checksums_says_nothing),
		cmocka_unit_test(noise),
	};

	return cmocka_run_group_tests_name("headers of frames", tests, NULL,
					   NULL);
}
