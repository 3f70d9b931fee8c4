/* SPDX-License-Identifier: Apache-2.0 */
/* What a PVH kernel reads: start info, module, memory map. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/harness/fw.h"
#include "vmm/core/layout.h"

/* The boot ABI, written down a second time. */
struct start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modlist, cmdline, rsdp, memmap;
	uint32_t memmap_entries, reserved;
};

struct range {
	uint64_t address, size;
	uint32_t type, reserved;
};

struct module {
	uint64_t address, size, cmdline, reserved;
};

static struct fw fw;
static struct start_info info;

static void boot(uint64_t mib, const struct image *initrd, unsigned nr)
{
	struct fw_elf e = fw_elf();
	struct boot boot;

	fw_init(&fw, mib);
	fw.img = fw_image(&e, sizeof(e), "kernel");
	assert_int_equal(
		firmware_load(&fw.m, &fw.img, initrd, nr, &boot, &fw.err), 0);
	assert_int_equal(gmem_read(&fw.gm, boot.rbx, &info, sizeof(info)), 0);
}

static void start_info_is_version_1(void **state)
{
	(void)state;
	char cmdline[6];
	char rsdp[8];

	boot(64, NULL, 0);
	assert_int_equal(info.magic, 0x336ec578);
	assert_int_equal(info.version, 1);
	assert_int_equal(info.flags, 0);
	assert_int_equal(info.nr_modules, 0);
	assert_int_equal(gmem_read(&fw.gm, info.cmdline, cmdline, 6), 0);
	assert_string_equal(cmdline, "quiet");
	assert_int_equal(gmem_read(&fw.gm, info.rsdp, rsdp, 8), 0);
	assert_memory_equal(rsdp, "RSD PTR ", 8);
}

static void initramfs_is_the_one_module(void **state)
{
	(void)state;
	struct image piece[2] = { fw_image("first", 5, "a"),
				  fw_image("second", 6, "b") };
	struct module mod;
	char content[16];

	boot(64, piece, 2);
	assert_int_equal(info.nr_modules, 1);
	assert_int_equal(gmem_read(&fw.gm, info.modlist, &mod, sizeof(mod)), 0);
	assert_int_equal(mod.size, 16);
	assert_int_equal(mod.address, (64 << 20) - 4096);
	assert_int_equal(gmem_read(&fw.gm, mod.address, content, 16), 0);
	assert_memory_equal(content, "first\0\0\0second\0\0", 16);
	image_done(&piece[0]);
	image_done(&piece[1]);
}

static void check_map(const struct range *want, unsigned nr)
{
	assert_int_equal(info.memmap_entries, nr);
	for (unsigned i = 0; i < nr; i++) {
		struct range r;

		assert_int_equal(gmem_read(&fw.gm, info.memmap + i * sizeof(r),
					   &r, sizeof(r)),
				 0);
		assert_memory_equal(&r, &want[i], sizeof(r));
	}
}

static void map_of_64_mib(void **state)
{
	(void)state;
	static const struct range want[] = {
		{ 0, 0x9fc00, 1, 0 },
		{ 0x9fc00, 0x400, 2, 0 },
		{ 0xe0000, 0x20000, 2, 0 },
		{ 0x100000, 0x3f00000, 1, 0 },
		{ 0xe0000000, 0x10000000, 2, 0 },
	};

	boot(64, NULL, 0);
	check_map(want, 5);
}

static void map_of_6_gib_continues_above_the_hole(void **state)
{
	(void)state;
	static const struct range want[] = {
		{ 0, 0x9fc00, 1, 0 },
		{ 0x9fc00, 0x400, 2, 0 },
		{ 0xe0000, 0x20000, 2, 0 },
		{ 0x100000, 0xbff00000, 1, 0 },
		{ 0xe0000000, 0x10000000, 2, 0 },
		{ 0x100000000, 0xc0000000, 1, 0 },
	};

	boot(6144, NULL, 0);
	check_map(want, 6);
}

static int teardown(void **state)
{
	(void)state;
	image_done(&fw.img);
	fw_done(&fw);
	return 0;
}

#define TEST(f) cmocka_unit_test_teardown(f, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(start_info_is_version_1),
		TEST(initramfs_is_the_one_module),
		TEST(map_of_64_mib),
		TEST(map_of_6_gib_continues_above_the_hole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
