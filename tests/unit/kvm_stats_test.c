/* SPDX-License-Identifier: Apache-2.0 */
/* kvm_stats_test.c - files as KVM_GET_STATS_FD gives them, and others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/core/kvm_stats.h"

#define NAME 48
#define DESC (sizeof(struct kvm_stats_desc) + NAME)
#define AT   0x400 /* of the figures */

static struct {
	unsigned nr;
	uint64_t exits, halts;
} heard;

static void hear(void *arg, const char *name, uint64_t value)
{
	(void)arg;
	heard.nr++;
	if (strcmp(name, "kvm_exits") == 0)
		heard.exits = value;
	if (strcmp(name, "kvm_halt_exits") == 0)
		heard.halts = value;
}

static void write_at(int fd, const void *data, size_t len, off_t at)
{
	assert_int_equal(pwrite(fd, data, len, at), len);
}

static void describe(int fd, unsigned i, const char *name, uint16_t size,
		     uint32_t offset)
{
	char buf[DESC] = { 0 };
	struct kvm_stats_desc d = { .size = size, .offset = offset };

	memcpy(buf, &d, sizeof(d));
	memcpy(buf + sizeof(d), name, strlen(name));
	write_at(fd, buf, DESC, 64 + (off_t)(i * DESC));
}

static int file(uint32_t nr, uint32_t name_size)
{
	struct kvm_stats_header h = {
		.name_size = name_size,
		.num_desc = nr,
		.desc_offset = 64,
		.data_offset = AT,
	};
	int fd = memfd_create("stats", MFD_CLOEXEC);

	assert_true(fd >= 0);
	write_at(fd, &h, sizeof(h), 0);
	return fd;
}

static void figures_are_found_by_name(void **state)
{
	uint64_t exits = 1000, halts = 7;
	int fd = file(4, NAME);
	struct kvm_stats s;

	(void)state;
	describe(fd, 0, "halt_poll_hist", 32, 0);
	describe(fd, 1, "exits", 1, 264);
	describe(fd, 2, "something_else", 1, 8);
	describe(fd, 3, "halt_exits", 1, 256);
	write_at(fd, &halts, 8, AT + 256);
	write_at(fd, &exits, 8, AT + 264);
	kvm_stats_use(&s, fd);
	assert_int_equal(s.at, AT + 256);
	assert_int_equal(s.len, 16);
	heard.nr = 0;
	kvm_stats_tell(&s, hear, NULL);
	assert_int_equal(heard.nr, 2);
	assert_int_equal(heard.exits, 1000);
	assert_int_equal(heard.halts, 7);
	/* Again: they have grown. */
	exits = 1001;
	write_at(fd, &exits, 8, AT + 264);
	kvm_stats_tell(&s, hear, NULL);
	assert_int_equal(heard.exits, 1001);
	/* The file ends before the figures: nothing is said. */
	assert_int_equal(ftruncate(fd, AT + 260), 0);
	heard.nr = 0;
	kvm_stats_tell(&s, hear, NULL);
	assert_int_equal(heard.nr, 0);
	kvm_stats_close(&s);
	assert_int_equal(s.fd, -1);
}

static void none(int fd)
{
	struct kvm_stats s;

	kvm_stats_use(&s, fd);
	assert_int_equal(s.fd, -1);
	heard.nr = 0;
	kvm_stats_tell(&s, hear, NULL);
	assert_int_equal(heard.nr, 0);
	kvm_stats_close(&s);
}

static void what_is_not_understood_is_left(void **state)
{
	char name[NAME];
	int fd;

	(void)state;
	none(-1);
	none(memfd_create("empty", MFD_CLOEXEC));
	none(file(0, NAME));
	none(file(1 << 20, NAME));
	none(file(1, 0));
	none(file(1, 1 << 20));
	none(file(3, NAME));

	/* A histogram, a place far away, a name without an end. */
	fd = file(3, NAME);
	describe(fd, 0, "exits", 2, 0);
	describe(fd, 1, "io_exits", 1, 1 << 30);
	memset(name, 'x', sizeof(name));
	describe(fd, 2, "", 1, 0);
	write_at(fd, name, NAME, 64 + 2 * DESC + sizeof(struct kvm_stats_desc));
	none(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_are_found_by_name),
		cmocka_unit_test(what_is_not_understood_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
