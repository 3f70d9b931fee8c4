/* SPDX-License-Identifier: Apache-2.0 */
/*
 * console_test.c - bytes both ways, hosts and guests that do not keep up or go
 * away, sizes, and drivers that break the rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_console.h>
#include <linux/virtio_pci.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devices/virtio/models.h"
#include "tests/harness/driver.h"
#include "vmm/lib/io.h"

enum { RX, TX };

#define MANY (300U << 10) /* more than a pipe holds */

static struct driver drv;
static int printed = -1; /* we read what the guest prints */
static int typed = -1; /* we write what it reads */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static void open_console(uint16_t cols, uint16_t rows)
{
	int out[2], in[2];

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	struct console_config cfg = { out[1], in[0], cols, rows };
	driver_open(&drv, &console_ops, &cfg);
	/* The device has its own; and did not touch ours. */
	assert_false(fcntl(out[1], F_GETFL) & O_NONBLOCK);
	(void)close(out[1]);
	(void)close(in[0]);
	printed = out[0];
	typed = in[1];
	assert_int_equal(io_set_nonblock(printed, true), 0);
	(void)driver_start(&drv, VIRTIO_BIT(VIRTIO_CONSOLE_F_SIZE));
	driver_settle(&drv);
}

static int setup(void **state)
{
	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	open_console(0, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	driver_close(&drv);
	close_fd(&printed);
	close_fd(&typed);
	return 0;
}

static unsigned char pattern(size_t i)
{
	return (unsigned char)(i * 7 + i / 251);
}

static gpa_t give_buffer(uint32_t len)
{
	struct driver_buf buf = { driver_alloc(&drv, len), len, true };

	(void)driver_chain(&drv.queue[RX], &buf, 1);
	driver_kick(&drv, RX);
	return buf.at;
}

static void queue_text(const char *text)
{
	uint32_t len = (uint32_t)strlen(text);
	gpa_t at = driver_alloc(&drv, len);
	struct driver_buf buf[] = { { at, 1, false },
				    { at + 1, len - 1, false } };

	memcpy(driver_ptr(&drv, at, len), text, len);
	(void)driver_chain(&drv.queue[TX], buf, 2);
}

static void queue_many(void)
{
	gpa_t at = driver_alloc(&drv, MANY);
	unsigned char *p = driver_ptr(&drv, at, MANY);
	struct driver_buf buf[] = { { at, 1000, false },
				    { at + 1000, MANY - 1000, false } };

	for (size_t i = 0; i < MANY; i++)
		p[i] = pattern(i);
	(void)driver_chain(&drv.queue[TX], buf, 2);
}

static void output_is_what_the_guest_prints(void **state)
{
	char got[16] = "";

	(void)state;
	queue_text("hello, ");
	queue_text("world");
	driver_kick(&drv, TX);
	assert_int_equal(driver_wait(&drv, TX, NULL), 0);
	assert_int_equal(driver_wait(&drv, TX, NULL), 0);
	assert_int_equal(read(printed, got, sizeof(got)), 12);
	assert_string_equal(got, "hello, world");
	assert_int_equal(driver_figure(&drv, "tx_bytes"), 12);
	assert_int_equal(driver_figure(&drv, "tx_stalls"), 0);
}

static void a_slow_reader_stops_the_guest(void **state)
{
	unsigned char got[3000];
	size_t n = 0;

	(void)state;
	queue_many();
	driver_kick(&drv, TX);
	driver_settle(&drv);
	assert_false(driver_take(&drv.queue[TX], NULL, NULL));
	assert_int_equal(driver_figure(&drv, "tx_stalls"), 1);
	/* Kicks do not hasten it. */
	for (int i = 0; i < 10; i++)
		driver_kick(&drv, TX);
	driver_settle(&drv);
	assert_int_equal(driver_figure(&drv, "tx_stalls"), 1);
	while (n < MANY) {
		ssize_t r = read(printed, got, sizeof(got));

		if (r < 0)
			assert_int_equal(errno, EAGAIN);
		for (ssize_t i = 0; i < r; i++, n++)
			if (got[i] != pattern(n))
				fail_msg("byte %zu differs", n);
		driver_settle(&drv);
	}
	assert_int_equal(driver_wait(&drv, TX, NULL), 0);
	assert_int_equal(driver_figure(&drv, "tx_bytes"), MANY);
}

static void a_reset_forgets_what_waits(void **state)
{
	char got[64];
	size_t n = 0;
	ssize_t r;

	(void)state;
	queue_many();
	driver_kick(&drv, TX);
	driver_settle(&drv);
	driver_restart(&drv, 0);
	driver_settle(&drv);
	while ((r = read(printed, got, sizeof(got))) > 0)
		n += (size_t)r;
	assert_true(n < MANY);
	driver_settle(&drv);
	queue_text("new");
	driver_kick(&drv, TX);
	assert_int_equal(driver_wait(&drv, TX, NULL), 0);
	assert_int_equal(read(printed, got, sizeof(got)), 3);
	assert_memory_equal(got, "new", 3);
}

static void a_reader_that_is_gone_takes_all(void **state)
{
	(void)state;
	queue_many();
	driver_kick(&drv, TX);
	driver_settle(&drv);
	close_fd(&printed);
	assert_int_equal(driver_wait(&drv, TX, NULL), 0);
	for (int i = 0; i < 100; i++) {
		queue_text("nobody");
		driver_kick(&drv, TX);
		assert_int_equal(driver_wait(&drv, TX, NULL), 0);
	}
	driver_settle(&drv);
}

static void input_comes_into_the_guests_buffers(void **state)
{
	(void)state;
	gpa_t at = give_buffer(64);
	assert_int_equal(write(typed, "ls -l\n", 6), 6);
	assert_int_equal(driver_wait(&drv, RX, NULL), 6);
	assert_memory_equal(driver_ptr(&drv, at, 6), "ls -l\n", 6);
	assert_int_equal(driver_figure(&drv, "rx_bytes"), 6);
}

static void input_waits_for_buffers(void **state)
{
	unsigned char text[1000];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = pattern(i);
	assert_int_equal(write(typed, text, sizeof(text)), sizeof(text));
	driver_settle(&drv);
	for (size_t n = 0; n < sizeof(text); n += 10) {
		gpa_t at = give_buffer(10);

		assert_int_equal(driver_wait(&drv, RX, NULL), 10);
		assert_memory_equal(driver_ptr(&drv, at, 10), text + n, 10);
		driver_settle(&drv);
	}
	assert_true(driver_figure(&drv, "rx_stalls") > 0);
	/* Unread, it costs the loop nothing: driver_settle() came to rest. */
}

static void what_was_typed_before_the_end_arrives(void **state)
{
	(void)state;
	assert_int_equal(write(typed, "exit\n", 5), 5);
	close_fd(&typed);
	driver_settle(&drv);
	gpa_t at = give_buffer(64);
	assert_int_equal(driver_wait(&drv, RX, NULL), 5);
	assert_memory_equal(driver_ptr(&drv, at, 5), "exit\n", 5);
	(void)give_buffer(64);
	driver_settle(&drv);
	assert_false(driver_take(&drv.queue[RX], NULL, NULL));
	/* Output goes on. */
	queue_text("bye");
	driver_kick(&drv, TX);
	assert_int_equal(driver_wait(&drv, TX, NULL), 0);
}

static void the_end_of_input_without_a_driver(void **state)
{
	(void)state;
	driver_write(&drv, drv.common + VIRTIO_PCI_COMMON_STATUS, 0, 1);
	assert_int_equal(write(typed, "early\n", 6), 6);
	close_fd(&typed);
	driver_settle(&drv);
	driver_restart(&drv, 0);
	gpa_t at = give_buffer(64);
	assert_int_equal(driver_wait(&drv, RX, NULL), 6);
	assert_memory_equal(driver_ptr(&drv, at, 6), "early\n", 6);
}

static uint32_t size_of_terminal(void)
{
	return (uint32_t)driver_read(&drv, drv.device, 4);
}

static unsigned generation(void)
{
	return (unsigned)driver_read(
		&drv, drv.common + VIRTIO_PCI_COMMON_CFGGENERATION, 1);
}

static void the_size_is_told_and_changes(void **state)
{
	(void)state;
	(void)teardown(NULL);
	open_console(100, 30);
	assert_true(drv.dev->offered & VIRTIO_BIT(VIRTIO_CONSOLE_F_SIZE));
	assert_int_equal(size_of_terminal(), 30U << 16 | 100);
	unsigned before = generation();
	assert_int_equal(console_resize(drv.dev, 80, 25), 0);
	assert_int_equal(size_of_terminal(), 25U << 16 | 80);
	assert_int_not_equal(generation(), before);
	/* Beyond it there is nothing: no ports, no emergency writes. */
	assert_int_equal(driver_read(&drv, drv.device + 4, 8), 0);
}

static void without_a_size_the_feature_is_missing(void **state)
{
	(void)state;
	assert_false(drv.dev->offered & VIRTIO_BIT(VIRTIO_CONSOLE_F_SIZE));
	assert_false(drv.dev->offered & VIRTIO_BIT(VIRTIO_CONSOLE_F_MULTIPORT));
	unsigned before = generation();
	assert_int_equal(console_resize(drv.dev, 80, 25), 0);
	assert_int_equal(generation(), before);
}

static void resize_of_another_device(void **state)
{
	(void)state;
	(void)teardown(NULL);
	driver_open(&drv, &rng_ops, NULL);
	assert_int_equal(console_resize(drv.dev, 80, 25), -ENODEV);
}

static void a_file_takes_the_output(void **state)
{
	char path[] = "/tmp/console.XXXXXX", got[8] = "";
	int fd = mkostemp(path, O_CLOEXEC);

	(void)state;
	(void)teardown(NULL);
	assert_true(fd >= 0);
	(void)unlink(path);
	struct console_config cfg = { .out_fd = fd, .in_fd = -1 };
	driver_open(&drv, &console_ops, &cfg);
	(void)driver_start(&drv, 0);
	queue_text("kept");
	driver_kick(&drv, TX);
	assert_int_equal(driver_wait(&drv, TX, NULL), 0);
	/* Nothing comes in. */
	(void)give_buffer(16);
	driver_settle(&drv);
	assert_false(driver_take(&drv.queue[RX], NULL, NULL));
	assert_int_equal(pread(fd, got, sizeof(got), 0), 4);
	assert_string_equal(got, "kept");
	(void)close(fd);
}

static void buffers_without_room(void **state)
{
	struct driver_buf in = { driver_alloc(&drv, 8), 8, false };
	struct driver_buf out = { driver_alloc(&drv, 8), 8, true };

	(void)state;
	/* Nothing of the input is lost in one that is not writable. */
	(void)driver_chain(&drv.queue[RX], &in, 1);
	driver_kick(&drv, RX);
	assert_int_equal(write(typed, "x", 1), 1);
	assert_int_equal(driver_wait(&drv, RX, NULL), 0);
	gpa_t at = give_buffer(8);
	assert_int_equal(driver_wait(&drv, RX, NULL), 1);
	assert_int_equal(*(char *)driver_ptr(&drv, at, 1), 'x');
	/* Nor is anything printed of one that is not readable. */
	(void)driver_chain(&drv.queue[TX], &out, 1);
	driver_kick(&drv, TX);
	assert_int_equal(driver_wait(&drv, TX, NULL), 0);
	assert_int_equal(driver_figure(&drv, "tx_bytes"), 0);
}

static void a_waiting_buffer_becomes_shorter(void **state)
{
	gpa_t at = driver_alloc(&drv, MANY);
	struct driver_buf buf = { at, MANY, false };
	char got[4096];

	(void)state;
	uint16_t head = driver_chain(&drv.queue[TX], &buf, 1);
	driver_kick(&drv, TX);
	driver_settle(&drv);
	assert_int_equal(driver_figure(&drv, "tx_stalls"), 1);
	driver_desc(&drv.queue[TX], head, at, 10, 0, 0);
	while (read(printed, got, sizeof(got)) > 0)
		;
	assert_int_equal(driver_wait(&drv, TX, NULL), 0);
	queue_text("next");
	driver_kick(&drv, TX);
	assert_int_equal(driver_wait(&drv, TX, NULL), 0);
	assert_int_equal(read(printed, got, sizeof(got)), 4);
}

static void a_text_without_end_breaks_the_queue(void **state)
{
	gpa_t at = driver_alloc(&drv, (1U << 20) + 1);
	struct driver_buf buf = { at, (1U << 20) + 1, false };

	(void)state;
	(void)driver_chain(&drv.queue[TX], &buf, 1);
	driver_kick(&drv, TX);
	driver_settle(&drv);
	assert_true(driver_needs_reset(&drv));
	assert_int_equal(driver_figure(&drv, "tx_bytes"), 0);
}

static void broken_rings_break_the_device(void **state)
{
	(void)state;
	for (unsigned nr = RX; nr <= TX; nr++) {
		uint16_t flags = nr == RX ? VRING_DESC_F_WRITE : 0;

		driver_desc(&drv.queue[nr], 0, DRIVER_RAM, 16, flags, 0);
		driver_offer(&drv.queue[nr], 0);
		assert_int_equal(write(typed, "x", 1), 1);
		driver_kick(&drv, nr);
		driver_settle(&drv);
		assert_true(driver_needs_reset(&drv));
		driver_restart(&drv, 0);
		driver_settle(&drv);
	}
	queue_text("well");
	driver_kick(&drv, TX);
	assert_int_equal(driver_wait(&drv, TX, NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(output_is_what_the_guest_prints),
		TEST(a_slow_reader_stops_the_guest),
		TEST(a_reset_forgets_what_waits),
		TEST(a_reader_that_is_gone_takes_all),
		TEST(input_comes_into_the_guests_buffers),
		TEST(input_waits_for_buffers),
		TEST(what_was_typed_before_the_end_arrives),
		TEST(the_end_of_input_without_a_driver),
		TEST(the_size_is_told_and_changes),
		TEST(without_a_size_the_feature_is_missing),
		TEST(resize_of_another_device),
		TEST(a_file_takes_the_output),
		TEST(buffers_without_room),
		TEST(a_waiting_buffer_becomes_shorter),
		TEST(a_text_without_end_breaks_the_queue),
		TEST(broken_rings_break_the_device),
	};

	return cmocka_run_group_tests_name("console", tests, NULL, NULL);
}
