/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs_test.c - a shared directory whose backend is this test: one that behaves,
 * one that ends, one that lies, one that is slow.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/fuse.h>
#include <linux/virtio_pci.h>

#include "devices/virtio/models.h"
#include "tests/harness/driver.h"
#include "tests/harness/vhost_backend.h"

#define FEATURES                                                               \
	(VIRTIO_BIT(VIRTIO_F_VERSION_1) |                                      \
	 VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) |                             \
	 VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX))
#define OUT sizeof(struct fuse_out_header)

static struct driver drv;

static void open_device(int patience)
{
	struct fs_config cfg = { .fd = backend_connect(),
				 .tag = "share0",
				 .patience_ms = patience };
	struct backend_message m;

	/* The protocol's own bit too, which nobody is to agree on. */
	backend_answer(GET_FEATURES, REPLY, (uint32_t)FEATURES | 1U << 30,
		       (uint32_t)(FEATURES >> 32));
	driver_open(&drv, &fs_ops, &cfg);
	backend_expect(SET_OWNER, &m);
	backend_expect(GET_FEATURES, &m);
}

static int setup(void **state)
{
	(void)state;
	open_device(0);
	(void)driver_start(&drv, FEATURES);
	driver_settle(&drv);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	driver_close(&drv);
	if (backend_fd >= 0)
		(void)close(backend_fd);
	(void)close(backend_theirs);
	return 0;
}

static uint64_t status(void)
{
	return driver_read(&drv, drv.common + VIRTIO_PCI_COMMON_STATUS, 1);
}

static void reset(void)
{
	driver_write(&drv, drv.common + VIRTIO_PCI_COMMON_STATUS, 0, 1);
	driver_settle(&drv);
}

static void end_backend(void)
{
	(void)close(backend_fd);
	backend_fd = -1;
	driver_settle(&drv);
}

/* A FUSE request on queue 1; its answer is at the returned address. */
static gpa_t ask(uint64_t unique)
{
	struct fuse_in_header in = { .len = sizeof(in),
				     .opcode = FUSE_GETATTR,
				     .unique = unique };
	gpa_t at = driver_alloc(&drv, sizeof(in));
	gpa_t out = driver_alloc(&drv, 256);
	struct driver_buf buf[] = { { at, sizeof(in), false },
				    { out, 256, true } };

	memcpy(driver_ptr(&drv, at, sizeof(in)), &in, sizeof(in));
	memset(driver_ptr(&drv, out, 256), 0, 256);
	(void)driver_chain(&drv.queue[1], buf, 2);
	driver_kick(&drv, 1);
	return out;
}

static void expect_refused(gpa_t at, uint64_t unique)
{
	struct fuse_out_header out;

	memcpy(&out, driver_ptr(&drv, at, sizeof(out)), sizeof(out));
	assert_int_equal(out.len, sizeof(out));
	assert_int_equal(out.error, -ENOTCONN);
	assert_int_equal(out.unique, unique);
}

static void the_guest_sees_tag_and_queue(void **state)
{
	char tag[37] = "";

	(void)state;
	for (unsigned i = 0; i < 36; i++)
		tag[i] = (char)driver_read(&drv, drv.device + i, 1);
	assert_string_equal(tag, "share0");
	assert_int_equal(driver_read(&drv, drv.device + 36, 4), 1);
	assert_int_equal(driver_config_read(&drv, 2, 2), 0x1040 + 26);
}

static void expect_ram(void)
{
	struct backend_message m;

	backend_expect(SET_MEM_TABLE, &m);
	assert_int_equal(m.word[0], drv.gm.nr);
	assert_int_equal(m.nr_fds, drv.gm.nr);
	assert_int_equal(m.size, 8 + 32 * drv.gm.nr);
	const struct gmem_region *r = &drv.gm.region[0];
	assert_int_equal(backend_u64(&m, 2), r->gpa);
	assert_int_equal(backend_u64(&m, 4), r->size);
	/* Where RAM is in our process is nobody's business. */
	assert_int_equal(backend_u64(&m, 6), r->gpa);
	assert_int_equal(backend_u64(&m, 8), r->offset);
	char *ram = mmap(NULL, 4096, PROT_READ, MAP_SHARED, m.fd[0],
			 (off_t)r->offset);
	assert_ptr_not_equal(ram, MAP_FAILED);
	r->host[7] = 'x';
	assert_int_equal(ram[7], 'x');
	(void)munmap(ram, 4096);
	backend_drop(&m);
}

static void expect_ring(unsigned nr)
{
	const struct driver_queue *q = &drv.queue[nr];
	uint64_t count, one = 1;
	struct backend_message m;

	backend_expect(NUM, &m);
	assert_int_equal(m.word[0], nr);
	assert_int_equal(m.word[1], q->size);
	backend_expect(BASE, &m);
	assert_int_equal(m.word[1], 0);
	backend_expect(ADDR, &m);
	assert_int_equal(m.word[0], nr);
	assert_int_equal(backend_u64(&m, 2), q->desc);
	assert_int_equal(backend_u64(&m, 4), q->used);
	assert_int_equal(backend_u64(&m, 6), q->avail);
	backend_expect(CALL, &m);
	assert_int_equal(backend_u64(&m, 0), nr);
	assert_int_equal(m.nr_fds, 1);
	(void)driver_interrupted(&drv, nr + 1);
	assert_int_equal(write(m.fd[0], &one, sizeof(one)), sizeof(one));
	assert_true(driver_interrupted(&drv, nr + 1));
	backend_drop(&m);
	backend_expect(KICK, &m);
	assert_int_equal(backend_u64(&m, 0), nr);
	/* One is there from the start, for buffers offered before. */
	assert_int_equal(read(m.fd[0], &count, sizeof(count)), sizeof(count));
	driver_kick(&drv, nr);
	assert_int_equal(read(m.fd[0], &count, sizeof(count)), sizeof(count));
	assert_int_equal(count, 1);
	backend_drop(&m);
}

static void the_backend_gets_ram_rings_kicks_and_interrupts(void **state)
{
	struct backend_message m;

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		backend_expect(SET_FEATURES, &m);
		assert_int_equal(backend_u64(&m, 0), FEATURES);
		expect_ram();
		expect_ring(0);
		expect_ring(1);
		assert_false(backend_next(&m));

		reset();
		backend_expect(STOP, &m);
		assert_int_equal(m.word[0], 0);
		backend_expect(STOP, &m);
		assert_int_equal(m.word[0], 1);
		backend_answer(STOP, REPLY, 1, 0);
		backend_answer(STOP, REPLY, 0, 0);
		driver_settle(&drv);
		assert_int_equal(status(), 0);
		(void)driver_start(&drv, FEATURES);
		driver_settle(&drv);
	}
	backend_skip();
}

static void what_a_queue_without_a_vector_says_is_unheard(void **state)
{
	struct backend_message m;
	uint64_t one = 1;

	(void)state;
	open_device(0);
	driver_enable(&drv);
	(void)driver_negotiate(&drv, FEATURES);
	/* What driver_setup_queue() does, the vector left out. */
	driver_queue_init(&drv.queue[0], &drv.gm, 0x1000, 16);
	driver_write(&drv, drv.common + VIRTIO_PCI_COMMON_Q_SIZE, 16, 2);
	driver_write(&drv, drv.common + VIRTIO_PCI_COMMON_Q_DESCLO,
		     drv.queue[0].desc, 8);
	driver_write(&drv, drv.common + VIRTIO_PCI_COMMON_Q_AVAILLO,
		     drv.queue[0].avail, 8);
	driver_write(&drv, drv.common + VIRTIO_PCI_COMMON_Q_USEDLO,
		     drv.queue[0].used, 8);
	driver_write(&drv, drv.common + VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
	driver_status(&drv, VIRTIO_CONFIG_S_DRIVER_OK);
	driver_settle(&drv);
	while (backend_next(&m) && m.request != CALL)
		backend_drop(&m);
	assert_int_equal(m.request, CALL);
	assert_int_equal(backend_u64(&m, 0), 0);
	/* virtiofsd ends when it has nothing to write to. */
	assert_int_equal(m.nr_fds, 1);
	assert_int_equal(write(m.fd[0], &one, sizeof(one)), sizeof(one));
	for (unsigned i = 0; i < 3; i++)
		assert_false(driver_interrupted(&drv, i));
	backend_drop(&m);
	/* The other queue was never enabled, and is not stopped either. */
	backend_skip();
	reset();
	backend_expect(STOP, &m);
	assert_false(backend_next(&m));
	backend_answer(STOP, REPLY, 0, 0);
	driver_settle(&drv);
	assert_int_equal(status(), 0);
}

static void a_reset_waits_for_the_backend(void **state)
{
	(void)state;
	backend_skip();
	reset();
	assert_int_not_equal(status(), 0);
	/* Meanwhile nothing can be changed. */
	driver_status(&drv, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	driver_write(&drv, drv.common + VIRTIO_PCI_COMMON_Q_SELECT, 1, 2);
	driver_write(&drv, drv.common + VIRTIO_PCI_COMMON_Q_DESCLO, 0, 4);
	assert_int_equal(drv.dev->queue[1].desc, drv.queue[1].desc);
	reset();
	backend_answer(STOP, REPLY, 0, 0);
	driver_settle(&drv);
	assert_int_not_equal(status(), 0);
	backend_answer(STOP, REPLY, 1, 7);
	driver_settle(&drv);
	assert_int_equal(status(), 0);
	assert_int_equal(drv.dev->queue[1].desc, 0);
}

static void a_reset_before_the_loop_ran_tells_nobody(void **state)
{
	struct backend_message m;

	(void)state;
	open_device(0);
	(void)driver_start(&drv, FEATURES);
	driver_write(&drv, drv.common + VIRTIO_PCI_COMMON_STATUS, 0, 1);
	assert_int_equal(status(), 0);
	driver_settle(&drv);
	assert_false(backend_next(&m));
}

static void a_backend_that_ends_leaves_errors(void **state)
{
	(void)state;
	gpa_t before = ask(1);
	end_backend();
	(void)driver_wait(&drv, 1, NULL);
	expect_refused(before, 1);
	gpa_t after = ask(2);
	assert_int_equal(driver_wait(&drv, 1, NULL), OUT);
	expect_refused(after, 2);
	assert_false(driver_needs_reset(&drv));
	/* For good: also behind a reset, which nobody is waited for. */
	driver_write(&drv, drv.common + VIRTIO_PCI_COMMON_STATUS, 0, 1);
	assert_int_equal(status(), 0);
	driver_restart(&drv, FEATURES);
	gpa_t again = ask(3);
	assert_int_equal(driver_wait(&drv, 1, NULL), OUT);
	expect_refused(again, 3);
}

/* What the backend has answered is not answered once more. */
static void answered_requests_stay_answered(void **state)
{
	struct driver_queue *q = &drv.queue[1];
	uint32_t id, len;

	(void)state;
	gpa_t first = ask(1);
	gpa_t second = ask(2);
	struct vq_used *used = driver_ptr(&drv, q->used, 64);
	used->ring[0].id = le32_make(0);
	used->ring[0].len = le32_make(99);
	used->idx = le16_make(1);
	end_backend();
	/* Whoever waits hears of it though the backend did not say so. */
	assert_true(driver_interrupted(&drv, 2));
	assert_true(driver_take(q, &id, &len));
	assert_int_equal(len, 99);
	assert_true(driver_take(q, &id, &len));
	assert_int_equal(len, OUT);
	assert_false(driver_take(q, &id, &len));
	assert_int_equal(*(char *)driver_ptr(&drv, first, 1), 0);
	expect_refused(second, 2);
}

static void expect_lost(void)
{
	driver_settle(&drv);
	gpa_t at = ask(5);
	(void)driver_wait(&drv, 1, NULL);
	expect_refused(at, 5);
}

static void answers_nobody_asked_for(void **state)
{
	(void)state;
	backend_answer(STOP, REPLY, 0, 0);
	expect_lost();
}

static void lies_during_a_reset(void **state)
{
	static const uint32_t lies[][4] = {
		{ STOP, REPLY, 2, 0 },	     { STOP, REPLY, UINT32_MAX, 0 },
		{ STOP, 1, 0, 0 },	     { GET_FEATURES, REPLY, 0, 0 },
		{ 0xffffffff, REPLY, 0, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		(void)setup(NULL);
		reset();
		assert_int_not_equal(status(), 0);
		backend_answer(lies[i][0], lies[i][1], lies[i][2], lies[i][3]);
		driver_settle(&drv);
		assert_int_equal(status(), 0);
		(void)driver_start(&drv, FEATURES);
		expect_lost();
		(void)teardown(NULL);
	}
	/* The same ring twice. */
	(void)setup(NULL);
	reset();
	backend_answer(STOP, REPLY, 0, 0);
	backend_answer(STOP, REPLY, 0, 0);
	driver_settle(&drv);
	assert_int_equal(status(), 0);
	(void)driver_start(&drv, FEATURES);
	expect_lost();
}

static void an_answer_in_pieces_and_half_a_one(void **state)
{
	const uint32_t m[5] = { STOP, REPLY, 8, 0, 0 };

	(void)state;
	reset();
	for (unsigned i = 0; i < sizeof(m); i++) {
		assert_int_equal(write(backend_fd, (const char *)m + i, 1), 1);
		driver_settle(&drv);
	}
	assert_int_not_equal(status(), 0);
	assert_int_equal(write(backend_fd, m, 12), 12);
	driver_settle(&drv);
	assert_int_not_equal(status(), 0);
	end_backend();
	assert_int_equal(status(), 0);
}

static void a_slow_backend_is_given_up(void **state)
{
	(void)state;
	open_device(20);
	(void)driver_start(&drv, FEATURES);
	driver_settle(&drv);
	reset();
	while (status() != 0)
		(void)loop_once(&drv.loop, 1);
	driver_settle(&drv);
	/* Too late. */
	(void)driver_start(&drv, FEATURES);
	expect_lost();
}

static void a_backend_that_does_not_read_is_given_up(void **state)
{
	char junk[4096] = { 0 };

	(void)state;
	open_device(0);
	while (send(backend_theirs, junk, sizeof(junk), MSG_DONTWAIT) > 0)
		;
	(void)driver_start(&drv, FEATURES);
	expect_lost();
}

static void bad_requests_to_a_lost_backend(void **state)
{
	struct driver_buf small[] = { { driver_alloc(&drv, 8), 8, false },
				      { driver_alloc(&drv, 8), 8, true } };

	(void)state;
	end_backend();
	(void)driver_chain(&drv.queue[1], small, 2);
	driver_kick(&drv, 1);
	assert_int_equal(driver_wait(&drv, 1, NULL), 0);
	/* FORGET has no answer. */
	struct driver_buf forget = { driver_alloc(&drv, 48), 48, false };
	(void)driver_chain(&drv.queue[0], &forget, 1);
	driver_kick(&drv, 0);
	assert_int_equal(driver_wait(&drv, 0, NULL), 0);
	assert_int_equal(driver_figure(&drv, "refused"), 2);
	driver_desc(&drv.queue[1], 2, 0, 16, VRING_DESC_F_NEXT, 2);
	driver_offer(&drv.queue[1], 2);
	driver_kick(&drv, 1);
	driver_settle(&drv);
	assert_true(driver_needs_reset(&drv));
}

static int try_open(const char *answered, size_t len, struct err *err)
{
	struct fs_config cfg = { .fd = backend_connect(),
				 .tag = "t",
				 .patience_ms = 10 };

	if (len)
		assert_int_equal(write(backend_fd, answered, len), len);
	if (answered)
		(void)shutdown(backend_fd, SHUT_WR);
	int r = driver_try_open(&drv, &fs_ops, &cfg, err);
	/* It is still ours. */
	assert_int_equal(close(cfg.fd), 0);
	(void)teardown(NULL);
	return r;
}

static void backends_that_are_none(void **state)
{
	uint32_t m[5] = { GET_FEATURES, REPLY, 8, 0, 0 };
	struct err err;

	(void)state;
	assert_int_equal(try_open("", 0, &err), -EPIPE);
	assert_string_equal(err.msg, "device 'fs': 't': the backend has ended");
	assert_int_equal(try_open(NULL, 0, &err), -ETIMEDOUT);
	assert_int_equal(try_open((char *)m, 11, &err), -EPIPE);
	assert_int_equal(try_open((char *)m, 20, &err), -ENOTSUP);
	m[2] = 9;
	assert_int_equal(try_open((char *)m, 20, &err), -EPROTO);
	assert_int_equal(try_open("HTTP/1.1 400 Bad Request", 24, &err),
			 -EPROTO);
}

#define RUNNING(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define CLOSED(f)  cmocka_unit_test_teardown(f, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUNNING(the_guest_sees_tag_and_queue),
		RUNNING(the_backend_gets_ram_rings_kicks_and_interrupts),
		CLOSED(what_a_queue_without_a_vector_says_is_unheard),
		RUNNING(a_reset_waits_for_the_backend),
		CLOSED(a_reset_before_the_loop_ran_tells_nobody),
		RUNNING(a_backend_that_ends_leaves_errors),
		RUNNING(answered_requests_stay_answered),
		RUNNING(answers_nobody_asked_for),
		CLOSED(lies_during_a_reset),
		RUNNING(an_answer_in_pieces_and_half_a_one),
		CLOSED(a_slow_backend_is_given_up),
		CLOSED(a_backend_that_does_not_read_is_given_up),
		RUNNING(bad_requests_to_a_lost_backend),
		cmocka_unit_test(backends_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
