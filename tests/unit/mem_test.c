/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mem_test.c - memory plugged in and out: what a driver may do, what the host
 * has then, and drivers that ask for what is not theirs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <endian.h>
#include <errno.h>
#include <linux/virtio_mem.h>
#include <sys/stat.h>

#include "devices/virtio/mem.h"
#include "devices/virtio/models.h"
#include "tests/harness/driver.h"

#define MIB    UINT64_C(0x100000)
#define GIB    UINT64_C(0x40000000)
#define BLOCKS (DRIVER_PLUGGABLE / MEM_BLOCK)
#define MOST   (100 * MIB) /* less than the region: 50 blocks of 64 */
#define BASE   UINT64_C(0x100000000)
#define AT(n)  (BASE + (uint64_t)(n)*MEM_BLOCK)
#define NONE   UINT16_MAX /* no answer */

#define CONFIG(field)                                                          \
	driver_read(&drv,                                                      \
		    drv.device + offsetof(struct virtio_mem_config, field), 8)

static struct driver drv;

static int setup(void **state)
{
	const struct mem_config config = { .most = MOST + 4096 };
	uint64_t feature = VIRTIO_BIT(VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE);

	(void)state;
	driver_open(&drv, &mem_ops, &config);
	assert_true(driver_start(&drv, feature) & feature);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	driver_close(&drv);
	return 0;
}

/* Bytes of RAM that the host has allocated. */
static uint64_t allocated(void)
{
	struct stat st;

	assert_int_equal(fstat(drv.gm.fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static struct virtio_mem_resp resp;

/* @size bytes of the request are sent; what the device answers. */
static uint16_t send_request(uint16_t type, uint64_t addr, uint16_t nr,
			     uint32_t size)
{
	const struct virtio_mem_req req = {
		.type = (__virtio16)htole16(type),
		.u.plug = { .addr = (__virtio64)htole64(addr),
			    .nb_blocks = (__virtio16)htole16(nr) },
	};
	gpa_t in = driver_alloc(&drv, sizeof(req));
	gpa_t out = driver_alloc(&drv, sizeof(resp));
	const struct driver_buf buf[] = { { in, size, false },
					  { out, sizeof(resp), true } };

	memcpy(driver_ptr(&drv, in, sizeof(req)), &req, sizeof(req));
	memset(driver_ptr(&drv, out, sizeof(resp)), 0xff, sizeof(resp));
	(void)driver_chain(&drv.queue[0], buf, 2);
	driver_kick(&drv, 0);
	assert_int_equal(driver_wait(&drv, 0, NULL), sizeof(resp));
	memcpy(&resp, driver_ptr(&drv, out, sizeof(resp)), sizeof(resp));
	return le16toh((uint16_t)resp.type);
}

static uint16_t ask(uint16_t type, uint64_t addr, uint16_t nr)
{
	return send_request(type, addr, nr, sizeof(struct virtio_mem_req));
}

static void plug(unsigned first, uint16_t nr, uint16_t want)
{
	assert_int_equal(ask(VIRTIO_MEM_REQ_PLUG, AT(first), nr), want);
}

static void unplug(unsigned first, uint16_t nr, uint16_t want)
{
	assert_int_equal(ask(VIRTIO_MEM_REQ_UNPLUG, AT(first), nr), want);
}

static void state_is(unsigned first, uint16_t nr, uint16_t want)
{
	assert_int_equal(ask(VIRTIO_MEM_REQ_STATE, AT(first), nr),
			 VIRTIO_MEM_RESP_ACK);
	assert_int_equal(le16toh((uint16_t)resp.u.state.state), want);
}

static void plugged_is(uint64_t bytes)
{
	struct mem_status s;

	mem_status(drv.dev, &s);
	assert_int_equal(s.plugged, bytes);
	assert_int_equal(CONFIG(plugged_size), bytes);
	assert_int_equal(driver_figure(&drv, "plugged_bytes"), bytes);
}

static void the_region_is_told(void **state)
{
	struct mem_status s;

	(void)state;
	assert_int_equal(CONFIG(block_size), MEM_BLOCK);
	assert_int_equal(CONFIG(addr), BASE);
	assert_int_equal(CONFIG(region_size), DRIVER_PLUGGABLE);
	assert_int_equal(CONFIG(usable_region_size), DRIVER_PLUGGABLE);
	assert_int_equal(CONFIG(requested_size), 0);
	plugged_is(0);
	mem_status(drv.dev, &s);
	assert_int_equal(s.most, MOST);
	assert_true(s.driver);
	/* None of it is the driver's to write. */
	for (unsigned off = 0; off < sizeof(struct virtio_mem_config); off += 4)
		driver_write(&drv, drv.device + off, UINT32_MAX, 4);
	assert_int_equal(CONFIG(requested_size), 0);
	assert_int_equal(CONFIG(addr), BASE);
}

static void blocks_come_and_go(void **state)
{
	uint64_t before = allocated();

	(void)state;
	mem_request(drv.dev, 16 * MIB + 5);
	assert_true(driver_interrupted(&drv, 0));
	assert_int_equal(CONFIG(requested_size), 16 * MIB);
	plug(3, 8, VIRTIO_MEM_RESP_ACK);
	plugged_is(16 * MIB);
	state_is(3, 8, VIRTIO_MEM_STATE_PLUGGED);
	state_is(2, 2, VIRTIO_MEM_STATE_MIXED);
	state_is(0, 3, VIRTIO_MEM_STATE_UNPLUGGED);
	state_is(11, 53, VIRTIO_MEM_STATE_UNPLUGGED);
	/* Nothing is there before it is touched. */
	assert_int_equal(allocated(), before);

	memset(gmem_ptr(&drv.gm, AT(3), 16 * MIB), 5, 16 * MIB);
	assert_true(allocated() >= before + 16 * MIB);
	mem_request(drv.dev, 4 * MIB);
	unplug(4, 6, VIRTIO_MEM_RESP_ACK);
	plugged_is(4 * MIB);
	assert_int_equal(allocated(), before + 4 * MIB);
	state_is(3, 8, VIRTIO_MEM_STATE_MIXED);
	const unsigned char *p = gmem_ptr(&drv.gm, AT(3), 16 * MIB);
	assert_int_equal(p[MEM_BLOCK - 1], 5);
	assert_int_equal(p[MEM_BLOCK], 0);
	assert_int_equal(p[7 * MEM_BLOCK], 5);

	assert_int_equal(ask(VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0),
			 VIRTIO_MEM_RESP_ACK);
	plugged_is(0);
	assert_int_equal(allocated(), before);
	state_is(0, BLOCKS, VIRTIO_MEM_STATE_UNPLUGGED);
}

static void no_more_than_was_asked_for(void **state)
{
	(void)state;
	plug(0, 1, VIRTIO_MEM_RESP_NACK);
	mem_request(drv.dev, 3 * MEM_BLOCK);
	plug(0, 4, VIRTIO_MEM_RESP_NACK);
	plug(0, 2, VIRTIO_MEM_RESP_ACK);
	plug(2, 2, VIRTIO_MEM_RESP_NACK);
	plug(63, 1, VIRTIO_MEM_RESP_ACK);
	/* It has more than it should: it may not swap one for another. */
	mem_request(drv.dev, MEM_BLOCK);
	plug(5, 1, VIRTIO_MEM_RESP_NACK);
	plugged_is(3 * MEM_BLOCK);
	assert_int_equal(driver_figure(&drv, "refused"), 4);
	/* And we do not ask for more than we are allowed to. */
	mem_request(drv.dev, UINT64_MAX);
	assert_int_equal(CONFIG(requested_size), MOST);
	plug(2, 47, VIRTIO_MEM_RESP_ACK);
	plug(49, 1, VIRTIO_MEM_RESP_NACK);
}

static void blocks_elsewhere_are_none(void **state)
{
	static const struct {
		uint64_t addr;
		uint16_t nr;
	} bad[] = {
		{ AT(0), 0 },
		{ AT(0) + 1, 1 },
		{ AT(0) + 4096, 1 },
		{ AT(0) - MEM_BLOCK, 1 },
		{ AT(0) - MEM_BLOCK, 2 },
		{ 0, 1 },
		{ UINT64_MAX, 1 },
		{ 0 - MEM_BLOCK, UINT16_MAX },
		{ AT(BLOCKS), 1 },
		{ AT(BLOCKS - 1), 2 },
		{ AT(0), BLOCKS + 1 },
		{ AT(1), UINT16_MAX },
		{ BASE + (UINT64_C(1) << 63), 1 },
	};

	(void)state;
	mem_request(drv.dev, UINT64_MAX);
	plug(10, 2, VIRTIO_MEM_RESP_ACK);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (uint16_t type = 0; type < 8; type++)
			if (type != VIRTIO_MEM_REQ_UNPLUG_ALL)
				assert_int_equal(
					ask(type, bad[i].addr, bad[i].nr),
					VIRTIO_MEM_RESP_ERROR);
	plugged_is(2 * MEM_BLOCK);
	assert_int_equal(ask(NONE, AT(0), 1), VIRTIO_MEM_RESP_ERROR);
}

static void a_block_is_in_one_state(void **state)
{
	(void)state;
	mem_request(drv.dev, UINT64_MAX);
	plug(10, 4, VIRTIO_MEM_RESP_ACK);
	plug(10, 1, VIRTIO_MEM_RESP_ERROR);
	plug(9, 2, VIRTIO_MEM_RESP_ERROR);
	plug(13, 2, VIRTIO_MEM_RESP_ERROR);
	unplug(9, 2, VIRTIO_MEM_RESP_ERROR);
	unplug(13, 2, VIRTIO_MEM_RESP_ERROR);
	unplug(20, 1, VIRTIO_MEM_RESP_ERROR);
	plugged_is(4 * MEM_BLOCK);
	state_is(9, 6, VIRTIO_MEM_STATE_MIXED);
	unplug(10, 4, VIRTIO_MEM_RESP_ACK);
	unplug(10, 4, VIRTIO_MEM_RESP_ERROR);
}

static void requests_cut_short(void **state)
{
	static const uint32_t sizes[] = { 1, 2, 8, 16, 18, 23 };

	(void)state;
	mem_request(drv.dev, UINT64_MAX);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(
			send_request(VIRTIO_MEM_REQ_PLUG, AT(0), 1, sizes[i]),
			VIRTIO_MEM_RESP_ERROR);
		assert_int_equal(send_request(VIRTIO_MEM_REQ_UNPLUG_ALL, AT(0),
					      1, sizes[i]),
				 VIRTIO_MEM_RESP_ERROR);
	}
	plugged_is(0);
}

static void no_room_for_an_answer(void **state)
{
	(void)state;
	mem_request(drv.dev, UINT64_MAX);
	gpa_t at = driver_alloc(&drv, 64);
	const struct driver_buf buf[] = { { at, 24, false },
					  { at + 24, 9, true } };

	memset(driver_ptr(&drv, at, 64), 0, 64);
	(void)driver_chain(&drv.queue[0], buf, 2);
	driver_kick(&drv, 0);
	driver_settle(&drv);
	assert_true(driver_needs_reset(&drv));
	driver_restart(&drv, 0);
	plug(0, 1, VIRTIO_MEM_RESP_ACK);
}

static void a_reset_changes_nothing(void **state)
{
	struct mem_status s;

	(void)state;
	mem_request(drv.dev, 8 * MIB);
	plug(7, 4, VIRTIO_MEM_RESP_ACK);
	driver_write(&drv, drv.common + 20, 0, 1);
	mem_status(drv.dev, &s);
	assert_false(s.driver);
	assert_int_equal(s.plugged, 8 * MIB);
	driver_restart(&drv, 0);
	plugged_is(8 * MIB);
	state_is(7, 4, VIRTIO_MEM_STATE_PLUGGED);
	assert_int_equal(CONFIG(requested_size), 8 * MIB);
}

static void a_region_is_whole_sections(void **state)
{
	(void)state;
	assert_int_equal(mem_region_size(GIB, 0), 0);
	assert_int_equal(mem_region_size(GIB, 1), 128 * MIB);
	assert_int_equal(mem_region_size(GIB, 7 * GIB), 7 * GIB);
	assert_int_equal(mem_region_size(GIB, 7 * GIB + 1),
			 7 * GIB + 128 * MIB);
	assert_int_equal(mem_region_size(64 * GIB, GIB), 2 * GIB);
}

static void without_a_region(void **state)
{
	const struct mem_config config = { .most = DRIVER_PLUGGABLE +
						   MEM_BLOCK };
	struct driver other;
	struct err err;

	(void)state;
	assert_int_equal(driver_try_open(&other, &mem_ops, &config, &err),
			 -EINVAL);
	driver_close(&other);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_region_is_told),
		TEST(blocks_come_and_go),
		TEST(no_more_than_was_asked_for),
		TEST(blocks_elsewhere_are_none),
		TEST(a_block_is_in_one_state),
		TEST(requests_cut_short),
		TEST(no_room_for_an_answer),
		TEST(a_reset_changes_nothing),
		cmocka_unit_test(a_region_is_whole_sections),
		cmocka_unit_test(without_a_region),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
