/* SPDX-License-Identifier: Apache-2.0 */
/* A bzImage is loaded where it prefers, or refused with the reason. */
#include <asm/bootparam.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/harness/fw.h"
#include "vmm/core/layout.h"

#define SETUP	  (2 * 512)
#define PAYLOAD	  1024
#define PREFERRED 0x1000000

/* A bzImage of one setup sector, sound until a test changes it. */
struct bz {
	unsigned char boot[0x1f1];
	struct setup_header hdr;
	unsigned char rest[SETUP - 0x1f1 - sizeof(struct setup_header)];
	unsigned char payload[PAYLOAD];
};

static struct fw fw;
static struct bz bz;

static void header_goes_to_the_zero_page(void **state)
{
	(void)state;
	struct boot_params bp;
	unsigned char ram[PAYLOAD];
	struct boot boot;

	assert_int_equal(fw_load(&fw, &bz, sizeof(bz), &boot), 0);
	assert_int_equal(boot.mode, BOOT_LONG64);
	assert_int_equal(boot.rip, PREFERRED + 0x200);
	assert_int_equal(gmem_read(&fw.gm, PREFERRED, ram, sizeof(ram)), 0);
	assert_memory_equal(ram, bz.payload, sizeof(ram));

	assert_int_equal(gmem_read(&fw.gm, boot.rsi, &bp, sizeof(bp)), 0);
	assert_int_equal(bp.hdr.version, 0x20f);
	assert_int_equal(bp.hdr.init_size, 1 << 20);
	assert_int_equal(bp.hdr.type_of_loader, 0xff);
	assert_int_equal(bp.hdr.cmd_line_ptr, LAYOUT_CMDLINE);
	assert_int_equal(bp.acpi_rsdp_addr, LAYOUT_ACPI);
	assert_int_equal(bp.sentinel, 0);
	assert_int_equal(bp.e820_entries, 5);
	assert_int_equal(bp.e820_table[3].addr, 0x100000);
	assert_int_equal(bp.e820_table[3].size, 63 << 20);
}

static void first_gigabyte_is_mapped_to_itself(void **state)
{
	(void)state;
	struct boot boot;
	uint64_t table;
	uint64_t entry;

	assert_int_equal(fw_load(&fw, &bz, sizeof(bz), &boot), 0);
	assert_int_equal(gmem_read(&fw.gm, boot.cr3, &table, 8), 0);
	assert_int_equal(table & 0xfff, 3);
	assert_int_equal(gmem_read(&fw.gm, table & ~0xfffULL, &table, 8), 0);
	assert_int_equal(table & 0xfff, 3);
	for (unsigned i = 0; i < 512; i++) {
		gpa_t at = (table & ~0xfffULL) + i * 8;

		assert_int_equal(gmem_read(&fw.gm, at, &entry, 8), 0);
		assert_int_equal(entry, (uint64_t)i << 21 | 0x83);
	}
}

static void initramfs_ends_where_the_kernel_says(void **state)
{
	(void)state;
	struct image initrd = fw_hole(5000, "initrd");
	struct image img;
	struct boot_params bp;
	struct boot boot;

	bz.hdr.initrd_addr_max = 0x27fffff;
	img = fw_image(&bz, sizeof(bz), "kernel");
	assert_int_equal(firmware_load(&fw.m, &img, &initrd, 1, &boot, &fw.err),
			 0);
	assert_int_equal(gmem_read(&fw.gm, boot.rsi, &bp, sizeof(bp)), 0);
	assert_int_equal(bp.hdr.ramdisk_image, 0x2800000 - 8192);
	assert_int_equal(bp.hdr.ramdisk_size, 5000);
	image_done(&img);

	bz.hdr.initrd_addr_max = PREFERRED;
	img = fw_image(&bz, sizeof(bz), "kernel");
	assert_int_equal(firmware_load(&fw.m, &img, &initrd, 1, &boot, &fw.err),
			 -ENOSPC);
	image_done(&img);
	image_done(&initrd);
}

static void device_tree_comes_as_setup_data(void **state)
{
	(void)state;
	struct boot_params bp;
	struct setup_data data;
	unsigned char magic[4];
	struct boot boot;

	fw.m.hw = MACHINE_FDT;
	assert_int_equal(fw_load(&fw, &bz, sizeof(bz), &boot), 0);
	assert_int_equal(gmem_read(&fw.gm, boot.rsi, &bp, sizeof(bp)), 0);
	assert_int_equal(bp.acpi_rsdp_addr, 0);
	assert_int_equal(bp.hdr.setup_data, LAYOUT_SETUP_DATA);
	assert_int_equal(gmem_read(&fw.gm, LAYOUT_SETUP_DATA, &data, 16), 0);
	assert_int_equal(data.type, SETUP_DTB);
	assert_int_equal(data.next, 0);
	assert_int_equal(gmem_read(&fw.gm, LAYOUT_SETUP_DATA + 16, magic, 4),
			 0);
	assert_memory_equal(magic, "\xd0\x0d\xfe\xed", 4);
}

static void old_and_32_bit_kernels_are_refused(void **state)
{
	(void)state;
	bz.hdr.version = 0x20b;
	fw_refuses(&fw, &bz, sizeof(bz), ENOEXEC, "boot protocol 2.11");
	bz.hdr.version = 0x20c;
	bz.hdr.xloadflags = 0;
	fw_refuses(&fw, &bz, sizeof(bz), ENOEXEC, "no 64-bit entry point");
}

static void every_truncation_is_refused(void **state)
{
	(void)state;
	for (size_t len = 0x206; len < sizeof(bz); len++)
		fw_refuses(&fw, &bz, len, EINVAL, "truncated");
	bz.hdr.syssize = UINT32_MAX;
	fw_refuses(&fw, &bz, sizeof(bz), EINVAL,
		   "promises 68719477744 bytes, the file has 2048");
	bz.hdr.syssize = PAYLOAD / 16;
	bz.hdr.setup_sects = 0; /* an old way to say 4 */
	fw_refuses(&fw, &bz, sizeof(bz), EINVAL, "promises 3584 bytes");
}

static void what_follows_the_kernel_is_not_loaded(void **state)
{
	(void)state;
	unsigned char ram[16];
	static const unsigned char zero[16];
	struct boot boot;

	/* A signature, for one. */
	bz.hdr.syssize = PAYLOAD / 16 - 1;
	assert_int_equal(fw_load(&fw, &bz, sizeof(bz), &boot), 0);
	assert_int_equal(gmem_read(&fw.gm, PREFERRED + PAYLOAD - 16, ram, 16),
			 0);
	assert_memory_equal(ram, zero, 16);
}

static void impossible_headers_are_refused(void **state)
{
	(void)state;
	bz.hdr.pref_address = 0x1000;
	fw_refuses(&fw, &bz, sizeof(bz), EINVAL, "damaged");
	bz.hdr.pref_address = UINT64_MAX;
	fw_refuses(&fw, &bz, sizeof(bz), ENOEXEC, "above the 3 GiB");
	bz.hdr.pref_address = PREFERRED;
	bz.hdr.syssize = 0;
	fw_refuses(&fw, &bz, sizeof(bz), EINVAL, "damaged");
	bz.hdr.syssize = PAYLOAD / 16;
	bz.hdr.boot_flag = 0;
	fw_refuses(&fw, &bz, sizeof(bz), EINVAL, "damaged");
}

static void small_memory_is_told_what_would_do(void **state)
{
	(void)state;
	bz.hdr.init_size = 80 << 20;
	fw_refuses(&fw, &bz, sizeof(bz), ENOSPC,
		   "64 MiB of memory is too small for kernel 'kernel', which "
		   "needs 96 MiB");
}

static void what_is_mapped_at_the_start_is_the_limit(void **state)
{
	(void)state;
	fw_done(&fw);
	fw_init(&fw, 2048);
	bz.hdr.init_size = 1 << 30;
	fw_refuses(&fw, &bz, sizeof(bz), ENOEXEC, "first GiB");
}

static void any_changed_byte_is_survived(void **state)
{
	(void)state;
	static const unsigned char values[] = { 0, 1, 0x7f, 0x80, 0xff };
	const struct bz sound = bz;

	for (size_t i = 0x1f0; i < 0x270; i++) {
		for (unsigned v = 0; v < sizeof(values); v++) {
			struct boot boot;

			bz = sound;
			((unsigned char *)&bz)[i] = values[v];
			fw.err = (struct err){ 0 };
			if (fw_load(&fw, &bz, sizeof(bz), &boot) < 0)
				assert_true(fw.err.msg[0]);
		}
	}
}

static int setup(void **state)
{
	(void)state;
	fw_init(&fw, 64);
	bz = (struct bz){
		.hdr = {
			.setup_sects = 1,
			.syssize = PAYLOAD / 16,
			.boot_flag = 0xaa55,
			.jump = 0x6aeb, /* the header ends at 0x202 + 0x6a */
			.header = 0x53726448,
			.version = 0x20f,
			.loadflags = LOADED_HIGH,
			.initrd_addr_max = 0x7fffffff,
			.kernel_alignment = 0x200000,
			.relocatable_kernel = 1,
			.xloadflags = XLF_KERNEL_64,
			.cmdline_size = 2047,
			.pref_address = PREFERRED,
			.init_size = 1 << 20,
		},
	};
	memset(bz.boot, 0xee, sizeof(bz.boot)); /* must not be taken over */
	memset(bz.payload, 0xaa, sizeof(bz.payload));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fw_done(&fw);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(header_goes_to_the_zero_page),
		TEST(first_gigabyte_is_mapped_to_itself),
		TEST(initramfs_ends_where_the_kernel_says),
		TEST(device_tree_comes_as_setup_data),
		TEST(old_and_32_bit_kernels_are_refused),
		TEST(every_truncation_is_refused),
		TEST(what_follows_the_kernel_is_not_loaded),
		TEST(impossible_headers_are_refused),
		TEST(small_memory_is_told_what_would_do),
		TEST(what_is_mapped_at_the_start_is_the_limit),
		TEST(any_changed_byte_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
