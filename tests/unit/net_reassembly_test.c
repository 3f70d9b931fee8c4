/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_reassembly_test.c - fragments in order become a datagram; all others
 * vanish, above all a last one alone, which libslirp does not survive.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm/net/reassembly.h"
#include "vmm/net/slirp.h"

#define HEAD 34 /* Ethernet and IPv4 */
#define MORE 0x2000
#define UDP  17

static struct reassembly r;
static uint8_t frame[NET_FRAME_MAX];
static size_t len; /* of what came out */

static unsigned sum(const uint8_t *p)
{
	unsigned acc = 0;

	for (int i = 0; i < 20; i += 2)
		acc += (unsigned)p[i] << 8 | p[i + 1];
	while (acc >> 16)
		acc = (acc & 0xffff) + (acc >> 16);
	return acc ^ 0xffff;
}

/* Fragment @field of datagram @id with @bytes of payload; frame's length. */
static size_t make(unsigned id, unsigned field, size_t bytes)
{
	static const uint8_t head[HEAD] = { 0x52, 0x55, 10,  0, 2, 2,  2,
					    0,	  0,	0,   0, 1, 8,  0,
					    0x45, 0,	0,   0, 0, 0,  0,
					    0,	  64,	UDP, 0, 0, 10, 0,
					    2,	  15,	192, 0, 2, 1 };
	size_t total = 20 + bytes;
	size_t at = (size_t)(field & 0x1fff) * 8;

	memcpy(frame, head, sizeof(head));
	frame[16] = (uint8_t)(total >> 8);
	frame[17] = (uint8_t)total;
	frame[18] = (uint8_t)(id >> 8);
	frame[19] = (uint8_t)id;
	frame[20] = (uint8_t)(field >> 8);
	frame[21] = (uint8_t)field;
	for (size_t i = 0; i < bytes; i++)
		frame[HEAD + i] = (uint8_t)((at + i) * 7);
	unsigned s = sum(frame + 14);
	frame[24] = (uint8_t)(s >> 8);
	frame[25] = (uint8_t)s;
	return HEAD + bytes;
}

static const uint8_t *take_at(unsigned id, unsigned field, size_t bytes,
			      int64_t now)
{
	len = make(id, field, bytes);
	return reassembly_take(&r, frame, &len, now);
}

static const uint8_t *take(unsigned id, unsigned field, size_t bytes)
{
	return take_at(id, field, bytes, 0);
}

static int setup(void **state)
{
	(void)state;
	memset(&r, 0, sizeof(r));
	return 0;
}

static void is_whole(const uint8_t *got, size_t payload)
{
	assert_non_null(got);
	assert_int_equal(len, HEAD + payload);
	assert_int_equal(got[16] << 8 | got[17], 20 + payload);
	assert_int_equal(got[20] | got[21], 0);
	assert_int_equal(sum(got + 14), 0);
	for (size_t i = 0; i < payload; i++)
		assert_int_equal(got[HEAD + i], (uint8_t)(i * 7));
}

static void whole_frames_pass(void **state)
{
	(void)state;
	assert_ptr_equal(take(1, 0, 100), frame);
	assert_ptr_equal(take(1, 0x4000, 100), frame); /* do not fragment */
	(void)make(1, MORE, 8);
	frame[12] = 0x86; /* not IPv4 */
	assert_ptr_equal(reassembly_take(&r, frame, &len, 0), frame);
}

static void fragments_in_order(void **state)
{
	(void)state;
	assert_null(take(1, MORE, 1480));
	assert_null(take(2, MORE, 8)); /* another between */
	assert_null(take(1, MORE | 185, 1480));
	is_whole(take(1, 370, 33), 2993);
	is_whole(take(2, 1, 1), 9);
	/* That was the end of both. */
	assert_null(take(1, 370, 33));
}

static void a_last_one_alone(void **state)
{
	(void)state;
	assert_null(take(1, 1, 8));
	assert_null(take(1, 95, 8));
	assert_null(take(1, MORE, 760));
	assert_null(take(2, 95, 8)); /* of another */
	is_whole(take(1, 95, 8), 768);
}

/* Each makes an end of the datagram: what follows is of none. */
static void what_is_out_of_order(void **state)
{
	static const struct {
		unsigned field;
		size_t bytes;
	} bad[] = {
		{ 3, 8 }, /* a gap */
		{ 1, 8 }, /* an overlap */
		{ MORE | 2, 12 }, /* not a multiple of 8, and more to come */
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(take(1, MORE, 16));
		assert_null(take(1, bad[i].field, bad[i].bytes));
		assert_null(take(1, 2, 8));
	}
}

static void bad_headers(void **state)
{
	(void)state;
	assert_null(take(1, 0x8000, 8)); /* reserved bit */
	for (unsigned at = 14; at < 34; at++) {
		len = make(1, MORE, 16);
		frame[at] ^= 0xff; /* the sum is wrong, if nothing else */
		const uint8_t *got = reassembly_take(&r, frame, &len, 0);
		assert_true(!got || (at == 20 && got == frame));
	}
	assert_null(take(1, 2, 8));
	/* Longer than the frame. */
	(void)make(1, MORE, 16);
	len = HEAD + 8;
	assert_null(reassembly_take(&r, frame, &len, 0));
	assert_null(take(1, 2, 8));
}

static void never_longer_than_a_datagram(void **state)
{
	(void)state;
	unsigned at = 0;
	for (; at + 185 < 8192; at += 185)
		assert_null(take(1, MORE | at, 1480));
	assert_null(take(1, at, 65535 - 20 - (size_t)at * 8 + 1));
	assert_null(take(1, at, 8));

	for (at = 0; at + 185 < 8192; at += 185)
		assert_null(take(1, MORE | at, 1480));
	is_whole(take(1, at, 65515 - (size_t)at * 8), 65515);
}

static void the_oldest_gives_way(void **state)
{
	(void)state;
	for (unsigned id = 0; id <= REASSEMBLY_MAX; id++)
		assert_null(take_at(id, MORE, 8, id));
	assert_null(take_at(0, 1, 8, 10));
	is_whole(take_at(1, 1, 8, 10), 16);
	/* Time ends one, too. */
	assert_null(take_at(2, 1, 8, 10 + REASSEMBLY_IDLE_MS));
}

/* Found by tests/fuzz/slirp_fuzz.c: belljar-net died of this frame. */
static void libslirp_sees_no_fragment(void **state)
{
	const struct net_place place = net_place_user(NET_MTU);
	struct net *net = NULL;
	struct err err = { 0 };
	int pair[2];

	(void)state;
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(net_new(pair[0], &place, &net, &err), 0);
	size_t n = make(1, 95, 8);
	assert_int_equal(send(pair[1], frame, n, 0), n);
	(void)shutdown(pair[1], SHUT_WR);
	assert_int_equal(net_run(net, &err), 0);
	net_free(net);
	(void)close(pair[1]);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whole_frames_pass),    TEST(fragments_in_order),
		TEST(a_last_one_alone),	    TEST(what_is_out_of_order),
		TEST(bad_headers),	    TEST(never_longer_than_a_datagram),
		TEST(the_oldest_gives_way), TEST(libslirp_sees_no_fragment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
