/* SPDX-License-Identifier: Apache-2.0 */
/* vq_test.c - a queue's device half: good rings, loops, bad indices. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "devices/virtio/iov.h"
#include "devices/virtio/vq.h"
#include "tests/harness/driver.h"

#define SIZE   16
#define BASE   0x1000U
#define DATA   0x10000U
#define TABLE  0x20000U
#define RAM    (1U << 20)
#define NEXT   VRING_DESC_F_NEXT
#define WRITE  VRING_DESC_F_WRITE
#define NESTED VRING_DESC_F_INDIRECT

static struct gmem gm;
static struct driver_queue q;
static struct vq vq;
static struct vq_chain chain;

static void open_queue(bool indirect, bool event_idx)
{
	struct vq_setup setup;

	assert_int_equal(
		gmem_init(&gm, &(struct gmem_config){ .size = RAM }, NULL), 0);
	driver_queue_init(&q, &gm, BASE, SIZE);
	driver_queue_setup(&q, &setup);
	setup.indirect = indirect;
	setup.event_idx = event_idx;
	assert_int_equal(vq_init(&vq, &gm, &setup), 0);
}

static int setup(void **state)
{
	(void)state;
	open_queue(true, false);
	return 0;
}

static int setup_evented(void **state)
{
	(void)state;
	open_queue(false, true);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gmem_done(&gm);
	return 0;
}

static void breaks(const char *why)
{
	assert_int_equal(vq_pop(&vq, &chain), -EPROTO);
	assert_string_equal(vq.broken, why);
	/* Mending it does not help: only a reset does. */
	driver_desc(&q, 0, DATA, 16, 0, 0);
	driver_offer(&q, 0);
	assert_int_equal(vq_pop(&vq, &chain), -EPROTO);
	assert_false(vq_notify_needed(&vq));
	assert_false(vq_kicks_on(&vq));
	vq_push(&vq, 0, 1);
	assert_false(driver_take(&q, NULL, NULL));
}

static void an_empty_ring_has_nothing(void **state)
{
	(void)state;
	assert_int_equal(vq_pop(&vq, &chain), 0);
	assert_null(vq.broken);
}

static void buffers_come_in_order(void **state)
{
	struct driver_buf buf[] = {
		{ DATA, 10, false },
		{ DATA + 100, 0, false },
		{ DATA + 200, 20, false },
		{ DATA + 300, 30, true },
	};

	(void)state;
	(void)driver_chain(&q, buf, 4);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(chain.head, 0);
	assert_int_equal(chain.nr_read, 2);
	assert_int_equal(chain.nr_write, 1);
	assert_int_equal(chain.read_len, 30);
	assert_int_equal(chain.write_len, 30);
	assert_ptr_equal(chain.iov[1].iov_base, gmem_ptr(&gm, DATA + 200, 20));
	assert_ptr_equal(chain.iov[2].iov_base, gmem_ptr(&gm, DATA + 300, 30));
	assert_int_equal(vq_pop(&vq, &chain), 0);
}

static void the_ring_wraps_around(void **state)
{
	struct driver_buf buf = { DATA, 8, true };
	uint32_t id;
	uint32_t len;

	(void)state;
	for (uint32_t i = 0; i < 70000; i++) {
		uint16_t head = driver_chain(&q, &buf, 1);

		assert_int_equal(vq_pop(&vq, &chain), 1);
		assert_int_equal(chain.head, head);
		vq_push(&vq, chain.head, i & 7);
		assert_true(driver_take(&q, &id, &len));
		assert_int_equal(id, head);
		assert_int_equal(len, i & 7);
	}
}

static void what_is_put_back_comes_again(void **state)
{
	struct driver_buf buf = { DATA, 8, true };

	(void)state;
	(void)driver_chain(&q, &buf, 1);
	uint16_t second = driver_chain(&q, &buf, 1);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	vq_unpop(&vq);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(chain.head, 0);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(chain.head, second);
}

static void a_full_table_is_one_chain(void **state)
{
	struct driver_buf buf[SIZE];

	(void)state;
	for (unsigned i = 0; i < SIZE; i++)
		buf[i] = (struct driver_buf){ DATA + 16 * i, 16, false };
	(void)driver_chain(&q, buf, SIZE);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(chain.nr_read, SIZE);
}

static void a_chain_that_loops(void **state)
{
	(void)state;
	driver_desc(&q, 0, DATA, 16, NEXT, 1);
	driver_desc(&q, 1, DATA, 16, NEXT, 0);
	driver_offer(&q, 0);
	breaks("descriptor chain loops");
}

static void a_head_outside_the_table(void **state)
{
	(void)state;
	driver_offer(&q, SIZE);
	breaks("descriptor outside the table");
}

static void a_successor_outside_the_table(void **state)
{
	(void)state;
	driver_desc(&q, 0, DATA, 16, NEXT, SIZE);
	driver_offer(&q, 0);
	breaks("descriptor outside the table");
}

static void a_buffer_past_the_end_of_ram(void **state)
{
	(void)state;
	driver_desc(&q, 0, RAM - 1, 2, 0, 0);
	driver_offer(&q, 0);
	breaks("buffer outside RAM");
}

static void a_buffer_that_wraps_around(void **state)
{
	(void)state;
	driver_desc(&q, 0, UINT64_MAX - 7, 16, 0, 0);
	driver_offer(&q, 0);
	breaks("buffer outside RAM");
}

static void readable_after_writable(void **state)
{
	(void)state;
	driver_desc(&q, 0, DATA, 16, NEXT | WRITE, 1);
	driver_desc(&q, 1, DATA, 16, 0, 0);
	driver_offer(&q, 0);
	breaks("readable buffer after a writable one");
}

static void an_index_that_ran_ahead(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SIZE + 1; i++) {
		driver_desc(&q, 0, DATA, 16, 0, 0);
		driver_offer(&q, 0);
	}
	breaks("avail index ran ahead");
}

static void an_index_that_went_back(void **state)
{
	(void)state;
	q.avail_idx = (uint16_t)-2;
	driver_offer(&q, 0);
	breaks("avail index ran ahead");
}

/* Sparse RAM of 5 GiB: a chain may name it all, but not be that long. */
static void a_chain_of_4_gib(void **state)
{
	const struct gmem_config large = { .size = UINT64_C(5) << 30 };
	struct vq_setup setup;

	(void)state;
	gmem_done(&gm);
	assert_int_equal(gmem_init(&gm, &large, NULL), 0);
	driver_queue_init(&q, &gm, BASE, SIZE);
	driver_queue_setup(&q, &setup);
	assert_int_equal(vq_init(&vq, &gm, &setup), 0);
	driver_desc(&q, 0, 0, UINT32_C(2) << 30, NEXT, 1);
	driver_desc(&q, 1, 0, UINT32_C(2) << 30, 0, 0);
	driver_offer(&q, 0);
	breaks("chain of 4 GiB or more");
}

static void an_indirect_table(void **state)
{
	(void)state;
	driver_desc_at(&gm, TABLE, 0, DATA, 16, NEXT, 2);
	driver_desc_at(&gm, TABLE, 2, DATA + 64, 8, WRITE, 0);
	driver_desc(&q, 0, DATA + 128, 4, NEXT, 1);
	driver_desc(&q, 1, TABLE, 3 * 16, NESTED, 0);
	driver_offer(&q, 0);
	assert_int_equal(vq_pop(&vq, &chain), 1);
	assert_int_equal(chain.nr_read, 2);
	assert_int_equal(chain.read_len, 20);
	assert_int_equal(chain.write_len, 8);
}

/* Nothing asks a driver to align it; UBSan speaks when we assume that. */
static void an_indirect_table_anywhere(void **state)
{
	(void)state;
	for (gpa_t at = TABLE; at < TABLE + 16; at++) {
		uint16_t i = q.next_desc++ % SIZE;

		driver_desc_at(&gm, at, 0, DATA + 3, 0x01020304 % RAM, NEXT, 1);
		driver_desc_at(&gm, at, 1, DATA + 64, 8, WRITE, 0);
		driver_desc(&q, i, at, 2 * 16, NESTED, 0);
		driver_offer(&q, i);
		assert_int_equal(vq_pop(&vq, &chain), 1);
		assert_int_equal(chain.read_len, 0x01020304 % RAM);
		assert_int_equal(chain.write_len, 8);
		assert_ptr_equal(chain.iov[0].iov_base,
				 gmem_ptr(&gm, DATA + 3, 1));
	}
}

static void an_indirect_table_without_the_feature(void **state)
{
	(void)state;
	vq.indirect = false;
	driver_desc(&q, 0, TABLE, 16, NESTED, 0);
	driver_offer(&q, 0);
	breaks("indirect table without the feature");
}

static void an_indirect_table_in_another(void **state)
{
	(void)state;
	driver_desc_at(&gm, TABLE, 0, TABLE, 16, NESTED, 0);
	driver_desc(&q, 0, TABLE, 16, NESTED, 0);
	driver_offer(&q, 0);
	breaks("nested indirect table");
}

static void an_indirect_table_that_loops(void **state)
{
	(void)state;
	driver_desc_at(&gm, TABLE, 0, DATA, 16, NEXT, 1);
	driver_desc_at(&gm, TABLE, 1, DATA, 16, NEXT, 0);
	driver_desc(&q, 0, TABLE, 32, NESTED, 0);
	driver_offer(&q, 0);
	breaks("descriptor chain loops");
}

static void an_indirect_table_with_a_successor(void **state)
{
	(void)state;
	driver_desc(&q, 0, TABLE, 16, NESTED | NEXT, 1);
	driver_offer(&q, 0);
	breaks("indirect descriptor with a successor");
}

static void bad_sizes_of_an_indirect_table(void **state)
{
	static const uint32_t len[] = { 0, 8, 17, 16 * (SIZE + 1),
					UINT32_MAX & ~15U };

	(void)state;
	for (unsigned i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
		driver_desc(&q, 0, TABLE, len[i], NESTED, 0);
		driver_offer(&q, 0);
		breaks("indirect table of a bad size");
		(void)teardown(state);
		(void)setup(state);
	}
}

static void an_indirect_table_outside_ram(void **state)
{
	(void)state;
	driver_desc(&q, 0, RAM - 16, 32, NESTED, 0);
	driver_offer(&q, 0);
	breaks("indirect table outside RAM");
}

static void bad_setups_are_refused(void **state)
{
	struct vq_setup good;

	(void)state;
	driver_queue_setup(&q, &good);
	const struct vq_setup bad[] = {
		{ .size = 0,
		  .desc = good.desc,
		  .avail = good.avail,
		  .used = good.used },
		{ .size = 3,
		  .desc = good.desc,
		  .avail = good.avail,
		  .used = good.used },
		{ .size = VQ_SIZE_MAX * 2,
		  .desc = good.desc,
		  .avail = good.avail,
		  .used = good.used },
		{ .size = SIZE,
		  .desc = good.desc + 8,
		  .avail = good.avail,
		  .used = good.used },
		{ .size = SIZE,
		  .desc = good.desc,
		  .avail = good.avail + 1,
		  .used = good.used },
		{ .size = SIZE,
		  .desc = good.desc,
		  .avail = good.avail,
		  .used = good.used + 2 },
		{ .size = SIZE,
		  .desc = RAM,
		  .avail = good.avail,
		  .used = good.used },
		{ .size = SIZE,
		  .desc = RAM - 16,
		  .avail = good.avail,
		  .used = good.used },
		{ .size = SIZE,
		  .desc = good.desc,
		  .avail = RAM - 2,
		  .used = good.used },
		{ .size = SIZE,
		  .desc = good.desc,
		  .avail = good.avail,
		  .used = UINT64_MAX & ~UINT64_C(3) },
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(vq_init(&vq, &gm, &bad[i]), -EINVAL);
		assert_int_equal(vq_pop(&vq, &chain), -EPROTO);
	}
}

static void give_back(unsigned nr)
{
	struct driver_buf buf = { DATA, 8, true };

	for (unsigned i = 0; i < nr; i++) {
		(void)driver_chain(&q, &buf, 1);
		assert_int_equal(vq_pop(&vq, &chain), 1);
		vq_push(&vq, chain.head, 0);
	}
}

static void interrupts_when_wanted(void **state)
{
	(void)state;
	assert_false(vq_notify_needed(&vq));
	give_back(1);
	assert_true(vq_notify_needed(&vq));
	assert_false(vq_notify_needed(&vq));

	vq.avail->flags = le16_make(VRING_AVAIL_F_NO_INTERRUPT);
	give_back(1);
	assert_false(vq_notify_needed(&vq));
}

static void interrupts_at_the_event_index(void **state)
{
	(void)state;
	/* "When the third is done." */
	vq.avail->ring[SIZE] = le16_make(2);
	give_back(2);
	assert_false(vq_notify_needed(&vq));
	give_back(1);
	assert_true(vq_notify_needed(&vq));
	give_back(1);
	assert_false(vq_notify_needed(&vq));
	/* A batch that steps over it counts. */
	vq.avail->ring[SIZE] = le16_make(6);
	give_back(5);
	assert_true(vq_notify_needed(&vq));
}

static void kicks_are_asked_for(void **state)
{
	struct driver_buf buf = { DATA, 8, true };

	(void)state;
	vq_kicks_off(&vq);
	assert_int_equal(le16_get(vq.used->flags), VRING_USED_F_NO_NOTIFY);
	assert_false(vq_kicks_on(&vq));
	assert_int_equal(le16_get(vq.used->flags), 0);
	/* The driver offered one just before it could see that. */
	(void)driver_chain(&q, &buf, 1);
	assert_true(vq_kicks_on(&vq));
}

static void kicks_are_asked_for_by_index(void **state)
{
	struct driver_buf buf = { DATA, 8, true };

	(void)state;
	give_back(3);
	assert_false(vq_kicks_on(&vq));
	le16_t event;
	memcpy(&event, &vq.used->ring[SIZE], sizeof(event));
	assert_int_equal(le16_get(event), 3);
	(void)driver_chain(&q, &buf, 1);
	assert_true(vq_kicks_on(&vq));
}

static void pieces_are_copied_and_cut(void **state)
{
	char a[] = "abc";
	char b[] = "defg";
	struct iovec iov[] = { { a, 3 }, { NULL, 0 }, { b, 4 } };
	struct iovec part[3];
	char out[8] = { 0 };

	(void)state;
	assert_int_equal(iov_read(iov, 3, 2, out, 3), 3);
	assert_string_equal(out, "cde");
	assert_int_equal(iov_read(iov, 3, 5, out, 8), 2);
	assert_int_equal(iov_read(iov, 3, 7, out, 1), 0);
	assert_int_equal(iov_read(iov, 3, SIZE_MAX, out, 1), 0);
	assert_int_equal(iov_write(iov, 3, 1, "XYZ", 3), 3);
	assert_string_equal(a, "aXY");
	assert_string_equal(b, "Zefg");
	assert_int_equal(iov_slice(iov, 3, 2, 3, part), 2);
	assert_ptr_equal(part[0].iov_base, a + 2);
	assert_int_equal(part[0].iov_len, 1);
	assert_int_equal(part[1].iov_len, 2);
	assert_int_equal(iov_slice(iov, 3, 7, 1, part), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_EVENTED(name)                                                     \
	cmocka_unit_test_setup_teardown(name, setup_evented, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_ring_has_nothing),
		TEST(buffers_come_in_order),
		TEST(the_ring_wraps_around),
		TEST_EVENTED(the_ring_wraps_around),
		TEST(what_is_put_back_comes_again),
		TEST(a_full_table_is_one_chain),
		TEST(a_chain_that_loops),
		TEST(a_head_outside_the_table),
		TEST(a_successor_outside_the_table),
		TEST(a_buffer_past_the_end_of_ram),
		TEST(a_buffer_that_wraps_around),
		TEST(readable_after_writable),
		TEST(an_index_that_ran_ahead),
		TEST(an_index_that_went_back),
		TEST(a_chain_of_4_gib),
		TEST(an_indirect_table),
		TEST(an_indirect_table_anywhere),
		TEST(an_indirect_table_without_the_feature),
		TEST(an_indirect_table_in_another),
		TEST(an_indirect_table_that_loops),
		TEST(an_indirect_table_with_a_successor),
		TEST(bad_sizes_of_an_indirect_table),
		TEST(an_indirect_table_outside_ram),
		TEST(bad_setups_are_refused),
		TEST(interrupts_when_wanted),
		TEST_EVENTED(interrupts_at_the_event_index),
		TEST(kicks_are_asked_for),
		TEST_EVENTED(kicks_are_asked_for_by_index),
		TEST(pieces_are_copied_and_cut),
	};

	return cmocka_run_group_tests_name("vq", tests, NULL, NULL);
}
