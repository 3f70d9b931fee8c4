/* SPDX-License-Identifier: Apache-2.0 */
/* gmem_test.c - guest RAM: its edges, its hole, and a host that refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "vmm/core/gmem.h"
#include "vmm/core/layout.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

#define SHMEM_ENABLED "/sys/kernel/mm/transparent_hugepage/shmem_enabled"

#define MIB UINT64_C(0x100000)
#define GIB UINT64_C(0x40000000)

static int make(struct gmem *gm, uint64_t size, struct err *err)
{
	const struct gmem_config ram = { .size = size };

	return gmem_init(gm, &ram, err);
}

static void nothing_is_touched_in_advance(void **state)
{
	struct gmem gm;
	struct err err;
	struct stat st;

	(void)state;
	assert_int_equal(make(&gm, 6 * GIB, &err), 0);
	assert_int_equal(fstat(gm.fd, &st), 0);
	assert_int_equal(st.st_size, 6 * GIB);
	assert_int_equal(st.st_blocks, 0);
	assert_int_equal(gmem_end(&gm),
			 LAYOUT_HIGH_RAM + 6 * GIB - LAYOUT_LOW_RAM_END);
	gmem_done(&gm);
	assert_int_equal(gm.fd, -1);
}

static void what_may_be_plugged_in_lies_behind(void **state)
{
	static const struct {
		uint64_t size;
		gpa_t at;
	} row[] = {
		{ 64 * MIB, 4 * GIB },	    { 3 * GIB, 4 * GIB },
		{ 4 * GIB, 6 * GIB },	    { 5 * GIB, 6 * GIB },
		{ 5 * GIB + MIB, 8 * GIB },
	};
	struct err err;
	struct stat st;

	(void)state;
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const struct gmem_config ram = { .size = row[i].size,
						 .pluggable = GIB };
		struct gmem gm;

		assert_int_equal(gmem_init(&gm, &ram, &err), 0);
		const struct gmem_region *r = gmem_pluggable(&gm);
		assert_int_equal(gm.size, row[i].size);
		assert_int_equal(r->gpa, row[i].at);
		assert_int_equal(r->size, GIB);
		assert_int_equal(gmem_end(&gm), row[i].at + GIB);
		assert_int_equal(fstat(gm.fd, &st), 0);
		assert_int_equal(st.st_size, row[i].size + GIB);
		assert_int_equal(st.st_blocks, 0);
		assert_non_null(gmem_ptr(&gm, row[i].at, GIB));
		assert_null(gmem_ptr(&gm, row[i].at + 1, GIB));
		/* No node has a share of it. */
		uint64_t sum = 0;
		for (unsigned n = 0; n < gm.nr_ranges; n++)
			sum += gm.range[n].size;
		assert_int_equal(sum, row[i].size);
		gmem_done(&gm);
	}
}

/* What shmem_enabled says is for memfds; whoever may mount asks for himself. */
static void a_touch_allocates_a_huge_page(void **state)
{
	AUTO_CLOSE int may = fsopen("tmpfs", FSOPEN_CLOEXEC);
	AUTO_FREE char *allowed = NULL;
	struct gmem gm;
	struct err err;
	struct stat st;

	(void)state;
	if (may < 0 || io_read_file(SHMEM_ENABLED, 256, &allowed, &err) < 0 ||
	    strstr(allowed, "[deny]"))
		skip();
	assert_int_equal(make(&gm, 64 * MIB, &err), 0);
	assert_int_equal(gmem_write(&gm, 5 * MIB, "a", 1), 0);
	assert_int_equal(fstat(gm.fd, &st), 0);
	assert_int_equal(st.st_blocks * 512, 2 * MIB);
	gmem_done(&gm);
}

static void edges_hold(void **state)
{
	static const struct {
		gpa_t gpa;
		uint64_t len;
		int r;
	} cases[] = {
		{ 0, 8, 0 },
		{ 64 * MIB - 8, 8, 0 },
		{ 64 * MIB - 7, 8, -EFAULT },
		{ 64 * MIB, 1, -EFAULT },
		{ LAYOUT_HIGH_RAM, 1, -EFAULT },
		{ UINT64_MAX, 1, -EFAULT },
		{ UINT64_MAX - 3, 8, -EFAULT },
	};
	struct gmem gm;
	struct err err;
	char buf[8] = "abcdefg";

	(void)state;
	assert_int_equal(make(&gm, 64 * MIB, &err), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
			gmem_write(&gm, cases[i].gpa, buf, cases[i].len),
			cases[i].r);
		assert_int_equal(
			gmem_read(&gm, cases[i].gpa, buf, cases[i].len),
			cases[i].r);
		assert_true(!!gmem_ptr(&gm, cases[i].gpa, cases[i].len) ==
			    (cases[i].r == 0));
	}
	assert_null(gmem_ptr(&gm, 8, UINT64_MAX));
	assert_string_equal(buf, "abcdefg");
	gmem_done(&gm);
}

/* The RAM on both sides of the hole is not one piece. */
static void nothing_crosses_the_hole(void **state)
{
	struct gmem gm;
	struct err err;
	uint64_t v = UINT64_C(0x1122334455667788), got = 0;

	(void)state;
	assert_int_equal(make(&gm, 4 * GIB, &err), 0);
	assert_int_equal(gm.nr, 2);
	assert_int_equal(gmem_write(&gm, LAYOUT_LOW_RAM_END - 4, &v, 8),
			 -EFAULT);
	assert_int_equal(gmem_read(&gm, LAYOUT_LOW_RAM_END - 4, &got, 4), 0);
	assert_int_equal(got, 0);
	assert_int_equal(gmem_write(&gm, LAYOUT_HIGH_RAM, &v, 8), 0);
	assert_int_equal(gmem_read(&gm, LAYOUT_HIGH_RAM, &got, 8), 0);
	assert_true(got == v);
	assert_null(gmem_ptr(&gm, LAYOUT_LOW_RAM_END, 1));
	assert_null(gmem_ptr(&gm, LAYOUT_HIGH_RAM - 1, 2));
	gmem_done(&gm);
}

static void a_host_that_refuses_is_said(void **state)
{
	struct gmem gm;
	struct err err = { 0 };

	(void)state;
	/* More than any address space of user programs. */
	int r = make(&gm, UINT64_C(1) << 57, &err);
	assert_true(r == -ENOMEM || r == -EINVAL || r == -EFBIG);
	assert_non_null(strstr(err.msg, "MiB of guest RAM ("));
	assert_non_null(strstr(err.msg, "; give the VM less"));
	assert_int_equal(gm.fd, -1);
}

/* Behind RAM: for those who read, and found by nobody else. */
static void a_rom_is_read_only(void **state)
{
	static const unsigned char file[8192] = { 1, 2, 3 };
	const gpa_t at = LAYOUT_HIGH_RAM + 128 * MIB;
	struct iovec iov[2];
	struct gmem gm;
	struct err err;
	unsigned nr = 0;
	char byte;

	(void)state;
	assert_int_equal(make(&gm, 64 * MIB, &err), 0);
	assert_int_equal(gmem_add_rom(&gm, at, sizeof(file), file), 0);
	assert_int_equal(gmem_end(&gm), at + sizeof(file));

	assert_int_equal(gmem_iov_read(&gm, at + 1, 8191, iov, &nr, 2), 0);
	assert_int_equal(gmem_iov_read(&gm, 64 * MIB - 1, 1, iov, &nr, 2), 0);
	assert_int_equal(nr, 2);
	assert_ptr_equal(iov[0].iov_base, file + 1);
	assert_int_equal(iov[0].iov_len, 8191);
	assert_ptr_equal(iov[1].iov_base, gmem_ptr(&gm, 64 * MIB - 1, 1));
	assert_int_equal(gmem_iov_read(&gm, at, 1, iov, &nr, 2), -ENOSPC);

	nr = 0;
	assert_int_equal(gmem_iov_read(&gm, at - 1, 1, iov, &nr, 2), -EFAULT);
	assert_int_equal(gmem_iov_read(&gm, at - 1, 2, iov, &nr, 2), -EFAULT);
	assert_int_equal(gmem_iov_read(&gm, at + 8191, 2, iov, &nr, 2),
			 -EFAULT);
	assert_int_equal(gmem_iov_read(&gm, at + 1, UINT64_MAX, iov, &nr, 2),
			 -EFAULT);
	assert_int_equal(gmem_iov_read(&gm, at, 0, iov, &nr, 2), 0);
	assert_int_equal(nr, 0);
	assert_int_equal(gmem_iov(&gm, at, 1, iov, &nr, 2), -EFAULT);
	assert_int_equal(gmem_read(&gm, at, &byte, 1), -EFAULT);
	assert_int_equal(gmem_write(&gm, at, "a", 1), -EFAULT);
	assert_null(gmem_ptr(&gm, at, 1));

	for (gpa_t next = gmem_end(&gm); gm.nr_roms < GMEM_ROMS;)
		assert_int_equal(gmem_add_rom(&gm, next++, 1, file), 0);
	assert_int_equal(gmem_add_rom(&gm, gmem_end(&gm), 1, file), -ENOSPC);
	gmem_done(&gm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_may_be_plugged_in_lies_behind),
		cmocka_unit_test(nothing_is_touched_in_advance),
		cmocka_unit_test(a_touch_allocates_a_huge_page),
		cmocka_unit_test(edges_hold),
		cmocka_unit_test(nothing_crosses_the_hole),
		cmocka_unit_test(a_host_that_refuses_is_said),
		cmocka_unit_test(a_rom_is_read_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
