/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serial_limit_test.c - a guest that floods its serial port, by a clock that
 * the tests move.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/legacy/serial.h"
#include "vmm/core/layout.h"
#include "vmm/lib/io.h"

#define MCR	 4
#define MCR_LOOP 0x10

static struct timespec now = { .tv_sec = 1000 };

/* In place of libc's. */
int clock_gettime(clockid_t clock, struct timespec *ret)
{
	(void)clock;
	*ret = now;
	return 0;
}

static struct {
	struct bus pio;
	struct irqchip chip;
	struct loop loop;
	struct serial serial;
	int out;
} g;

static int setup(void **state)
{
	struct err err = { 0 };

	(void)state;
	bus_init(&g.pio);
	assert_int_equal(irqchip_init(&g.chip, -1, &err), 0);
	assert_int_equal(loop_init(&g.loop, &err), 0);
	g.out = memfd_create("out", MFD_CLOEXEC);
	assert_true(g.out >= 0);
	assert_int_equal(serial_init(&g.serial, &g.pio, &g.chip, &g.loop, g.out,
				     -1, &err),
			 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	serial_done(&g.serial);
	(void)close(g.out);
	loop_done(&g.loop);
	irqchip_done(&g.chip);
	bus_done(&g.pio);
	return 0;
}

static void print(unsigned bytes)
{
	const uint8_t byte = 'x';

	for (unsigned i = 0; i < bytes; i++)
		assert_true(bus_write(&g.pio, LAYOUT_COM1, &byte, 1));
}

static void came_out(uint64_t bytes)
{
	struct stat st;

	assert_int_equal(fstat(g.out, &st), 0);
	assert_int_equal(st.st_size, bytes);
}

static void what_exceeds_the_rate_is_dropped(void **state)
{
	(void)state;
	serial_limit(&g.serial, 100);
	print(150);
	came_out(100);
	now.tv_nsec += 500 * 1000 * 1000;
	print(60);
	came_out(150);
	now.tv_sec += 3600;
	print(1000);
	came_out(250);
	assert_int_equal(g.serial.flooded, 50 + 10 + 900);
	assert_int_equal(g.serial.dropped, 0);
	now.tv_nsec = 0;
	g.serial.flooded = 0;
}

/* Nobody asked for a limit, and there is one. */
static void a_flood_is_bounded_by_default(void **state)
{
	(void)state;
	print((unsigned)SERIAL_RATE + 12345);
	came_out(SERIAL_RATE);
	assert_int_equal(g.serial.flooded, 12345);
	g.serial.flooded = 0;
}

/* The guest's time goes on, and so do its interrupts. */
static void the_port_stays_ready(void **state)
{
	uint8_t lsr;

	(void)state;
	serial_limit(&g.serial, 1);
	print(2);
	assert_true(bus_read(&g.pio, LAYOUT_COM1 + 5, &lsr, 1));
	assert_int_equal(lsr & 0x60, 0x60);
	assert_true(g.serial.thr_empty_irq);
	g.serial.flooded = 0;
}

static void loopback_costs_nothing(void **state)
{
	const uint8_t loop = MCR_LOOP, out = 0;

	(void)state;
	serial_limit(&g.serial, 10);
	assert_true(bus_write(&g.pio, LAYOUT_COM1 + MCR, &loop, 1));
	print(1000);
	assert_true(bus_write(&g.pio, LAYOUT_COM1 + MCR, &out, 1));
	print(10);
	came_out(10);
	assert_int_equal(g.serial.flooded, 0);
}

/* One line in the log, in the end, however much it was. */
static void the_loss_is_said_once(void **state)
{
	int log = memfd_create("log", MFD_CLOEXEC);
	int err = dup(STDERR_FILENO);
	char text[400] = "";

	assert_true(log >= 0 && err >= 0);
	(void)setup(state);
	serial_limit(&g.serial, 7);
	assert_int_equal(dup2(log, STDERR_FILENO), STDERR_FILENO);
	print(5007);
	(void)teardown(state);
	assert_int_equal(dup2(err, STDERR_FILENO), STDERR_FILENO);

	assert_true(io_pread_full(log, text, sizeof(text) - 1, 0) > 0);
	assert_non_null(strstr(text, "more than 7 bytes a second"));
	assert_non_null(strstr(text, " 5000 bytes were dropped\n"));
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	(void)close(err);
	(void)close(log);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_exceeds_the_rate_is_dropped),
		TEST(a_flood_is_bounded_by_default),
		TEST(the_port_stays_ready),
		TEST(loopback_costs_nothing),
		cmocka_unit_test(the_loss_is_said_once),
	};

	return cmocka_run_group_tests_name("serial limit", tests, NULL, NULL);
}
