/* SPDX-License-Identifier: Apache-2.0 */
/*
 * msix_test.c - the vector table: masks, pending bits, and accesses of every
 * size and place (bug class 9).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "devices/pci/msix.h"
#include "vmm/lib/le.h"

#define NR 3

static struct irqchip chip;
static struct msix msix;

static int setup(void **state)
{
	(void)state;
	assert_int_equal(irqchip_init(&chip, -1, NULL), 0);
	assert_int_equal(msix_init(&msix, &chip, NR, false, NULL), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	msix_done(&msix);
	irqchip_done(&chip);
	return 0;
}

static uint64_t table_read(uint64_t off, unsigned len)
{
	le64_t v = { 0 };

	msix_table_read(&msix, off, &v, len);
	return le64_get(v);
}

static void table_write(uint64_t off, uint64_t value, unsigned len)
{
	le64_t v = le64_make(value);

	msix_table_write(&msix, off, &v, len);
}

static uint64_t pending(void)
{
	le64_t v = { 0 };

	msix_pba_read(&msix, 0, &v, 8);
	return le64_get(v);
}

static void vectors_begin_masked(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NR; i++) {
		assert_int_equal(table_read(16 * i + 12, 4), 1);
		assert_false(msix.vector[i].irq.connected);
	}
}

static void a_vector_is_live_when_nothing_masks_it(void **state)
{
	const struct irq *irq = &msix.vector[1].irq;

	(void)state;
	table_write(16, 0xfee00000, 4);
	table_write(20, 0x1, 4);
	table_write(24, 0x41, 4);
	table_write(28, 0, 4);
	assert_false(irq->connected); /* MSI-X is off */
	msix_control(&msix, true, false);
	assert_true(irq->connected);
	assert_int_equal(chip.msi[irq->gsi - chip.pins].addr,
			 UINT64_C(0x1fee00000));
	assert_int_equal(chip.msi[irq->gsi - chip.pins].data, 0x41);
	msix_control(&msix, true, true);
	assert_false(irq->connected);
	msix_control(&msix, true, false);
	table_write(28, 1, 4);
	assert_false(irq->connected);
}

static void masked_vectors_stay_pending(void **state)
{
	(void)state;
	msix_control(&msix, true, false);
	msix_raise(&msix, 0);
	msix_raise(&msix, 2);
	assert_int_equal(pending(), 5);
	le32_t word;
	msix_pba_read(&msix, 0, &word, 4);
	assert_int_equal(le32_get(word), 5);
	msix_pba_read(&msix, 4, &word, 4);
	assert_int_equal(le32_get(word), 0);
	/* Unmasked, it is KVM's to deliver, if it is a message. */
	table_write(12, 0, 4);
	assert_int_equal(pending(), 5);
	assert_false(msix.vector[0].irq.connected);
	table_write(0, 0xfed00000, 4);
	assert_false(msix.vector[0].irq.connected);
	table_write(0, 0xfee00000, 4);
	assert_true(msix.vector[0].irq.connected);
	assert_int_equal(pending(), 4);
}

static void disabled_is_not_pending(void **state)
{
	(void)state;
	msix_raise(&msix, 0);
	assert_int_equal(pending(), 0);
}

static void words_and_pairs_of_words(void **state)
{
	(void)state;
	table_write(32, UINT64_C(0x1122334455667788), 8);
	assert_int_equal(table_read(32, 4), 0x55667788);
	assert_int_equal(table_read(36, 4), 0x11223344);
	table_write(40, UINT64_C(0xfffffffe00000099), 8);
	assert_int_equal(table_read(40, 8), 0x99);
	assert_int_equal(table_read(32, 8), UINT64_C(0x1122334455667788));
}

static void odd_accesses_do_nothing(void **state)
{
	static const struct {
		unsigned off, len;
	} odd[] = {
		{ 0, 1 },	{ 0, 2 },    { 1, 4 },	{ 2, 4 },
		{ 4, 8 },	{ 12, 8 },   { 44, 8 }, { 45, 4 },
		{ 16 * NR, 4 }, { 47, 1 },   { 46, 4 }, { 16 * NR, 8 },
		{ 0x7fc, 4 },	{ 2047, 8 }, { 40, 3 },
	};
	uint32_t before[NR * 4];
	uint32_t after[NR * 4];

	(void)state;
	table_write(0, UINT64_C(0xa5a5a5a55a5a5a5a), 8);
	for (unsigned i = 0; i < NR * 4; i++)
		before[i] = (uint32_t)table_read(4 * i, 4);
	for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		table_write(odd[i].off, UINT64_MAX, odd[i].len);
		assert_int_equal(table_read(odd[i].off, odd[i].len), 0);
	}
	for (unsigned i = 0; i < NR * 4; i++)
		after[i] = (uint32_t)table_read(4 * i, 4);
	assert_memory_equal(before, after, sizeof(before));
	le64_t v;
	msix_pba_read(&msix, 8, &v, 8);
	assert_int_equal(le64_get(v), 0);
	msix_pba_read(&msix, 1, &v, 4);
}

static unsigned opened_nr, opened;

static void on_opened(struct msix *m, unsigned nr)
{
	assert_ptr_equal(m, &msix);
	opened_nr = nr;
	opened++;
}

/* As many vectors as there can be cost nothing until they are used. */
static void lazy_vectors_open_when_unmasked(void **state)
{
	(void)state;
	msix_done(&msix);
	assert_int_equal(msix_init(&msix, &chip, MSIX_VECTORS_MAX, true, NULL),
			 0);
	msix.opened = on_opened;
	opened = 0;
	assert_int_equal(chip.nr_msi, NR);

	table_write(16 * 2047, 0xfee00000, 4);
	table_write(16 * 2047 + 12, 0, 4);
	assert_int_equal(msix.vector[2047].irq.fd, -1); /* MSI-X is off */
	msix_control(&msix, true, false);
	assert_int_equal(opened, 1);
	assert_int_equal(opened_nr, 2047);
	assert_true(msix.vector[2047].irq.connected);

	/* Masked again it stays open, and pends in the last word. */
	table_write(16 * 2047 + 12, 1, 4);
	msix_raise(&msix, 2047);
	le64_t v;
	msix_pba_read(&msix, 248, &v, 8);
	assert_int_equal(le64_get(v), UINT64_C(1) << 63);
	le32_t word;
	msix_pba_read(&msix, 252, &word, 4);
	assert_int_equal(le32_get(word), UINT32_C(1) << 31);
	msix_pba_read(&msix, 256, &v, 8);
	assert_int_equal(le64_get(v), 0);
	table_write(16 * 2047 + 12, 0, 4);
	assert_int_equal(opened, 1);
	assert_int_equal(msix.vector[0].irq.fd, -1);
	msix_raise(&msix, 0); /* never opened: nobody to tell */
}

static void vectors_that_do_not_exist_are_ignored(void **state)
{
	(void)state;
	msix_control(&msix, true, false);
	msix_raise(&msix, NR);
	msix_raise(&msix, 0xffff);
	assert_int_equal(pending(), 0);
}

static void more_vectors_than_there_are(void **state)
{
	struct err err = { 0 };
	struct msix many;

	(void)state;
	assert_int_equal(
		msix_init(&many, &chip, MSIX_VECTORS_MAX + 1, true, &err),
		-ENOSPC);
	assert_true(err.msg[0]);
	msix_done(&many);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(vectors_begin_masked),
		TEST(a_vector_is_live_when_nothing_masks_it),
		TEST(masked_vectors_stay_pending),
		TEST(disabled_is_not_pending),
		TEST(words_and_pairs_of_words),
		TEST(odd_accesses_do_nothing),
		TEST(lazy_vectors_open_when_unmasked),
		TEST(vectors_that_do_not_exist_are_ignored),
		TEST(more_vectors_than_there_are),
	};

	return cmocka_run_group_tests_name("msix", tests, NULL, NULL);
}
