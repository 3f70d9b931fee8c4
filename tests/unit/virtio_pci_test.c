/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio_pci_test.c - negotiation and registers, and drivers that break their
 * rules (bug classes 1, 2, 5 and 9).
 */
#include <linux/virtio_pci.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "devices/virtio/models.h"
#include "tests/harness/driver.h"
#include "vmm/lib/le.h"

#define STATUS	 VIRTIO_PCI_COMMON_STATUS
#define SELECT	 VIRTIO_PCI_COMMON_Q_SELECT
#define QSIZE	 VIRTIO_PCI_COMMON_Q_SIZE
#define ENABLE	 VIRTIO_PCI_COMMON_Q_ENABLE
#define DESC	 VIRTIO_PCI_COMMON_Q_DESCLO
#define USED	 VIRTIO_PCI_COMMON_Q_USEDLO
#define ACK	 VIRTIO_CONFIG_S_ACKNOWLEDGE
#define DRIVER	 VIRTIO_CONFIG_S_DRIVER
#define FEATURES VIRTIO_CONFIG_S_FEATURES_OK
#define OK	 VIRTIO_CONFIG_S_DRIVER_OK

static struct driver drv;

static int setup(void **state)
{
	(void)state;
	driver_open(&drv, &rng_ops, NULL);
	driver_enable(&drv);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	driver_close(&drv);
	return 0;
}

static uint64_t get(unsigned reg, unsigned len)
{
	return driver_read(&drv, drv.common + reg, len);
}

static void put(unsigned reg, uint64_t value, unsigned len)
{
	driver_write(&drv, drv.common + reg, value, len);
}

static uint32_t ask(uint32_t len)
{
	struct driver_buf buf = { driver_alloc(&drv, len), len, true };

	(void)driver_chain(&drv.queue[0], &buf, 1);
	driver_kick(&drv, 0);
	return driver_wait(&drv, 0, NULL);
}

static void the_function_is_a_modern_device(void **state)
{
	(void)state;
	assert_int_equal(driver_config_read(&drv, 0, 4), 0x10441af4);
	assert_true(driver_config_read(&drv, PCI_REVISION_ID, 1) >= 1);
	assert_int_equal(driver_config_read(&drv, PCI_INTERRUPT_PIN, 1), 0);
	assert_int_equal(get(VIRTIO_PCI_COMMON_NUMQ, 2), 1);
	assert_int_equal(get(STATUS, 1), 0);
	assert_int_equal(
		driver_config_read(&drv, drv.msix_cap + PCI_MSIX_FLAGS, 2) &
			PCI_MSIX_FLAGS_QSIZE,
		1);
}

static void features_not_offered_are_refused(void **state)
{
	(void)state;
	put(STATUS, ACK, 1);
	put(STATUS, ACK | DRIVER, 1);
	put(VIRTIO_PCI_COMMON_GFSELECT, 1, 4);
	put(VIRTIO_PCI_COMMON_GF, 1, 4);
	put(VIRTIO_PCI_COMMON_GFSELECT, 0, 4);
	put(VIRTIO_PCI_COMMON_GF, 1, 4);
	put(STATUS, ACK | DRIVER | FEATURES, 1);
	assert_int_equal(get(STATUS, 1), ACK | DRIVER);
	/* It may think again. */
	put(VIRTIO_PCI_COMMON_GF, 0, 4);
	put(STATUS, ACK | DRIVER | FEATURES, 1);
	assert_int_equal(get(STATUS, 1), ACK | DRIVER | FEATURES);
}

static void an_old_driver_is_refused(void **state)
{
	(void)state;
	put(STATUS, ACK | DRIVER, 1);
	put(STATUS, ACK | DRIVER | FEATURES, 1);
	assert_false(get(STATUS, 1) & FEATURES);
}

static void features_beyond_64_are_refused(void **state)
{
	(void)state;
	put(VIRTIO_PCI_COMMON_GFSELECT, 1, 4);
	put(VIRTIO_PCI_COMMON_GF, 1, 4);
	put(VIRTIO_PCI_COMMON_GFSELECT, 2, 4);
	put(VIRTIO_PCI_COMMON_GF, 1, 4);
	put(VIRTIO_PCI_COMMON_DFSELECT, 2, 4);
	assert_int_equal(get(VIRTIO_PCI_COMMON_DF, 4), 0);
	put(VIRTIO_PCI_COMMON_DFSELECT, UINT32_MAX, 4);
	assert_int_equal(get(VIRTIO_PCI_COMMON_DF, 4), 0);
	put(STATUS, ACK | DRIVER | FEATURES, 1);
	assert_false(get(STATUS, 1) & FEATURES);
}

static void features_are_frozen_once_agreed(void **state)
{
	(void)state;
	(void)driver_negotiate(&drv, 0);
	put(VIRTIO_PCI_COMMON_GFSELECT, 0, 4);
	put(VIRTIO_PCI_COMMON_GF, UINT32_MAX, 4);
	assert_int_equal(get(VIRTIO_PCI_COMMON_GF, 4), 0);
}

static void ready_without_features_is_not_ready(void **state)
{
	(void)state;
	put(STATUS, ACK | DRIVER | OK, 1);
	assert_false(get(STATUS, 1) & OK);
	/* Nor in one go with them. */
	put(VIRTIO_PCI_COMMON_GFSELECT, 1, 4);
	put(VIRTIO_PCI_COMMON_GF, 1, 4);
	put(STATUS, ACK | DRIVER | FEATURES | OK, 1);
	assert_int_equal(get(STATUS, 1), ACK | DRIVER | FEATURES);
}

static void status_bits_are_not_taken_back(void **state)
{
	(void)state;
	(void)driver_negotiate(&drv, 0);
	put(STATUS, ACK, 1);
	assert_int_equal(get(STATUS, 1), ACK | DRIVER | FEATURES);
	put(STATUS, VIRTIO_CONFIG_S_FAILED, 1);
	assert_true(get(STATUS, 1) & VIRTIO_CONFIG_S_FAILED);
	/* The driver cannot say that the device is broken. */
	put(STATUS, VIRTIO_CONFIG_S_NEEDS_RESET, 1);
	assert_false(driver_needs_reset(&drv));
}

static void reset_is_as_power_on(void **state)
{
	unsigned char before[0x38];
	unsigned char after[0x38];

	(void)state;
	for (unsigned i = 0; i < sizeof(before); i++)
		before[i] = (unsigned char)get(i, 1);
	(void)driver_start(&drv, VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX));
	(void)ask(16);
	put(STATUS, 0, 1);
	for (unsigned i = 0; i < sizeof(after); i++)
		after[i] = (unsigned char)get(i, 1);
	assert_memory_equal(before, after, sizeof(before));
	assert_int_equal(driver_read(&drv, drv.isr, 1), 0);
}

/* Bug class 1: what was checked cannot change after it was enabled. */
static void queue_registers_freeze(void **state)
{
	(void)state;
	(void)driver_start(&drv, 0);
	uint64_t desc = get(DESC, 8);
	uint64_t size = get(QSIZE, 2);
	/* Before DRIVER_OK it is the same. */
	(void)driver_negotiate(&drv, 0);
	driver_setup_queue(&drv, 0);
	put(QSIZE, 2, 2);
	put(DESC, 0, 8);
	assert_int_equal(get(DESC, 8), desc);
	assert_int_equal(get(QSIZE, 2), size);

	driver_status(&drv, OK);
	put(QSIZE, 2, 2);
	put(DESC, 0, 4);
	put(DESC + 4, 0xffff, 4);
	put(USED, 0, 8);
	put(ENABLE, 0, 2);
	put(VIRTIO_PCI_COMMON_Q_MSIX, 0, 2);
	assert_int_equal(get(DESC, 8), desc);
	assert_int_equal(get(QSIZE, 2), size);
	assert_int_equal(get(ENABLE, 2), 1);
	assert_int_equal(get(VIRTIO_PCI_COMMON_Q_MSIX, 2), 1);
	assert_int_equal(ask(16), 16);
}

static void a_queue_enabled_late_is_not_enabled(void **state)
{
	(void)state;
	(void)driver_negotiate(&drv, 0);
	driver_status(&drv, OK);
	driver_setup_queue(&drv, 0);
	assert_int_equal(get(ENABLE, 2), 0);
	driver_kick(&drv, 0);
	driver_settle(&drv);
	assert_false(driver_needs_reset(&drv));
}

static void bad_queue_sizes_are_ignored(void **state)
{
	static const uint16_t bad[] = { 0, 3, 63, 65, 128, 0x8000, 0xffff };

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put(QSIZE, bad[i], 2);
		assert_int_equal(get(QSIZE, 2), 64);
	}
	put(QSIZE, 8, 2);
	assert_int_equal(get(QSIZE, 2), 8);
}

/* Bug class 2: queue_select. */
static void queues_that_do_not_exist(void **state)
{
	static const uint16_t bad[] = { 1, 4, 0x7fff, 0xffff };

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put(SELECT, bad[i], 2);
		assert_int_equal(get(QSIZE, 2), 0);
		put(QSIZE, 8, 2);
		put(ENABLE, 1, 2);
		put(DESC, UINT64_MAX, 8);
		put(VIRTIO_PCI_COMMON_Q_MSIX, 0, 2);
		assert_int_equal(get(ENABLE, 2), 0);
		assert_int_equal(get(DESC, 8), 0);
	}
	put(SELECT, 0, 2);
	assert_int_equal(get(QSIZE, 2), 64);
}

static void kicks_of_queues_that_do_not_exist(void **state)
{
	(void)state;
	(void)driver_start(&drv, 0);
	driver_settle(&drv);
	for (unsigned off = 1; off < 0x1000; off++)
		driver_write(&drv, drv.notify + off, 0, 2);
	assert_int_equal(loop_once(&drv.loop, 0), 0);
	assert_int_equal(ask(16), 16);
}

static void vectors_that_do_not_exist(void **state)
{
	(void)state;
	put(VIRTIO_PCI_COMMON_MSIX, 2, 2);
	assert_int_equal(get(VIRTIO_PCI_COMMON_MSIX, 2), VIRTIO_MSI_NO_VECTOR);
	put(VIRTIO_PCI_COMMON_MSIX, 1, 2);
	assert_int_equal(get(VIRTIO_PCI_COMMON_MSIX, 2), 1);
	put(VIRTIO_PCI_COMMON_Q_MSIX, 0xfffe, 2);
	assert_int_equal(get(VIRTIO_PCI_COMMON_Q_MSIX, 2),
			 VIRTIO_MSI_NO_VECTOR);
}

static void rings_outside_ram_break_the_device(void **state)
{
	(void)state;
	(void)driver_negotiate(&drv, 0);
	put(VIRTIO_PCI_COMMON_MSIX, 0, 2);
	driver_setup_queue(&drv, 0);
	/* Enabled, so frozen: begin again with other addresses. */
	(void)driver_negotiate(&drv, 0);
	put(DESC, DRIVER_RAM, 8);
	put(VIRTIO_PCI_COMMON_MSIX, 0, 2);
	put(ENABLE, 1, 2);
	driver_status(&drv, OK);
	assert_true(driver_needs_reset(&drv));
	assert_true(driver_interrupted(&drv, 0));
	driver_kick(&drv, 0);
	driver_settle(&drv);

	driver_restart(&drv, 0);
	assert_int_equal(ask(16), 16);
}

static void a_kick_without_a_queue_is_nothing(void **state)
{
	(void)state;
	driver_kick(&drv, 0);
	driver_settle(&drv);
	(void)driver_negotiate(&drv, 0);
	driver_status(&drv, OK);
	driver_kick(&drv, 0);
	driver_settle(&drv);
	assert_false(driver_needs_reset(&drv));
}

static void buffers_offered_before_ready_are_served(void **state)
{
	(void)state;
	(void)driver_negotiate(&drv, 0);
	driver_setup_queue(&drv, 0);
	struct driver_buf buf = { driver_alloc(&drv, 8), 8, true };
	(void)driver_chain(&drv.queue[0], &buf, 1);
	driver_status(&drv, OK);
	assert_int_equal(driver_wait(&drv, 0, NULL), 8);
}

static void a_device_without_bus_mastering_waits(void **state)
{
	struct driver_buf buf = { .len = 8, .write = true };

	(void)state;
	(void)driver_start(&drv, 0);
	driver_settle(&drv);
	driver_config_write(&drv, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	buf.at = driver_alloc(&drv, 8);
	(void)driver_chain(&drv.queue[0], &buf, 1);
	driver_kick(&drv, 0);
	driver_settle(&drv);
	assert_false(driver_take(&drv.queue[0], NULL, NULL));
	driver_config_write(&drv, PCI_COMMAND,
			    PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
	assert_int_equal(driver_wait(&drv, 0, NULL), 8);
}

static void a_polling_driver_reads_the_isr(void **state)
{
	(void)state;
	(void)driver_start(&drv, 0);
	assert_int_equal(driver_read(&drv, drv.isr, 1), 0);
	(void)ask(8);
	assert_int_equal(driver_read(&drv, drv.isr, 1), 1);
	assert_int_equal(driver_read(&drv, drv.isr, 1), 0);
}

/* Bug class 9: every size at every place of the BAR, read and written. */
static void odd_accesses_everywhere(void **state)
{
	static const unsigned len[] = { 1, 2, 4, 8 };

	(void)state;
	for (unsigned l = 0; l < 4; l++)
		for (unsigned off = 0; off + len[l] <= 0x4000; off++)
			(void)driver_read(&drv, off, len[l]);
	for (unsigned l = 0; l < 4; l++)
		for (unsigned off = 0; off + len[l] <= 0x4000; off++)
			driver_write(&drv, off, UINT64_MAX, len[l]);
	driver_settle(&drv);
	/* Natural width only: half a register is none. */
	put(STATUS, 0, 1);
	put(STATUS, ACK, 2);
	put(STATUS, ACK, 4);
	assert_int_equal(get(STATUS, 1), 0);
	put(QSIZE, 8, 1);
	put(QSIZE, 8, 4);
	assert_int_equal(get(QSIZE, 2), 64);
	put(DESC + 2, UINT64_MAX, 4);
	put(DESC, UINT64_MAX, 2);
	assert_int_equal(get(DESC, 8), 0);

	driver_restart(&drv, 0);
	assert_int_equal(ask(16), 16);
}

static void addresses_in_one_piece_or_two(void **state)
{
	(void)state;
	put(DESC, UINT64_C(0x1122334455667788), 8);
	assert_int_equal(get(DESC, 4), 0x55667788);
	assert_int_equal(get(DESC + 4, 4), 0x11223344);
	put(DESC, 0x10, 4);
	assert_int_equal(get(DESC, 8), UINT64_C(0x1122334400000010));
}

static void the_bar_moves_under_a_running_device(void **state)
{
	(void)state;
	(void)driver_start(&drv, 0);
	assert_int_equal(ask(8), 8);
	driver_config_write(&drv, PCI_BASE_ADDRESS_0, 0xd8000000, 4);
	assert_int_equal(get(STATUS, 1), 0xff);
	drv.bar = 0xd8000000;
	assert_int_equal(ask(8), 8);
}

static void interrupts_follow_the_function_mask(void **state)
{
	(void)state;
	(void)driver_start(&drv, 0);
	driver_config_write(&drv, drv.msix_cap + PCI_MSIX_FLAGS,
			    PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL, 2);
	struct driver_buf buf = { driver_alloc(&drv, 8), 8, true };
	(void)driver_chain(&drv.queue[0], &buf, 1);
	driver_kick(&drv, 0);
	driver_settle(&drv);
	assert_true(driver_take(&drv.queue[0], NULL, NULL));
	assert_int_equal(driver_read(&drv, drv.pba, 8), 1 << 1);
	driver_config_write(&drv, drv.msix_cap + PCI_MSIX_FLAGS,
			    PCI_MSIX_FLAGS_ENABLE, 2);
	assert_int_equal(driver_read(&drv, drv.pba, 8), 0);
	assert_true(driver_interrupted(&drv, 1));
}

static void *hammer(void *arg)
{
	const unsigned *seed = arg;
	unsigned x = *seed;

	for (unsigned i = 0; i < 20000; i++) {
		x = x * 1664525 + 1013904223;
		unsigned off = (x >> 8) % 0x4000;

		if (x & 1)
			driver_write(&drv, off, x >> 16, 1U << (x >> 1 & 3));
		else
			(void)driver_read(&drv, off, 1U << (x >> 1 & 3));
		if (i % 64 == 0)
			driver_config_write(&drv, PCI_COMMAND, x >> 16, 2);
		if (i % 128 == 0)
			put(STATUS, 0, 1);
	}
	return NULL;
}

/* Several processors at once, while the loop serves (bug class 5). */
static void processors_that_fight_over_registers(void **state)
{
	static const unsigned seed[] = { 1, 2, 3 };
	pthread_t thread[3];

	(void)state;
	(void)driver_start(&drv, 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, hammer,
						(void *)(uintptr_t)&seed[i]),
				 0);
	for (unsigned i = 0; i < 1000; i++)
		(void)loop_once(&drv.loop, 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	driver_settle(&drv);
	driver_restart(&drv, 0);
	assert_int_equal(ask(16), 16);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_function_is_a_modern_device),
		TEST(features_not_offered_are_refused),
		TEST(an_old_driver_is_refused),
		TEST(features_beyond_64_are_refused),
		TEST(features_are_frozen_once_agreed),
		TEST(ready_without_features_is_not_ready),
		TEST(status_bits_are_not_taken_back),
		TEST(reset_is_as_power_on),
		TEST(queue_registers_freeze),
		TEST(a_queue_enabled_late_is_not_enabled),
		TEST(bad_queue_sizes_are_ignored),
		TEST(queues_that_do_not_exist),
		TEST(kicks_of_queues_that_do_not_exist),
		TEST(vectors_that_do_not_exist),
		TEST(rings_outside_ram_break_the_device),
		TEST(a_kick_without_a_queue_is_nothing),
		TEST(buffers_offered_before_ready_are_served),
		TEST(a_device_without_bus_mastering_waits),
		TEST(a_polling_driver_reads_the_isr),
		TEST(odd_accesses_everywhere),
		TEST(addresses_in_one_piece_or_two),
		TEST(the_bar_moves_under_a_running_device),
		TEST(interrupts_follow_the_function_mask),
		TEST(processors_that_fight_over_registers),
	};

	return cmocka_run_group_tests_name("virtio-pci", tests, NULL, NULL);
}
