/* SPDX-License-Identifier: Apache-2.0 */
/* A vmlinux goes where it says, and a broken one is told what is wrong. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/harness/fw.h"
#include "vmm/core/layout.h"

static struct fw fw;

static void segment_is_copied_and_entered_by_its_note(void **state)
{
	(void)state;
	struct fw_elf e = fw_elf();
	unsigned char ram[sizeof(e.code) + 16];
	static const unsigned char zero[16];
	struct boot boot;

	assert_int_equal(fw_load(&fw, &e, sizeof(e), &boot), 0);
	assert_int_equal(boot.mode, BOOT_PVH);
	assert_int_equal(boot.rip, FW_ENTRY);
	assert_int_equal(boot.rbx, LAYOUT_START_INFO);
	assert_int_equal(gmem_read(&fw.gm, FW_KERNEL_AT, ram, sizeof(ram)), 0);
	assert_memory_equal(ram, e.code, sizeof(e.code));
	assert_memory_equal(ram + sizeof(e.code), zero, sizeof(zero));
}

static void entry_of_four_bytes_after_another_note_is_found(void **state)
{
	(void)state;
	struct {
		struct fw_elf elf;
		struct {
			Elf64_Nhdr head;
			char name[8]; /* of 5 bytes, padded */
			unsigned char desc[4]; /* of 1 byte, padded */
			Elf64_Nhdr xen;
			char xen_name[4];
			uint32_t entry;
		} notes;
	} f = { .elf = fw_elf(),
		.notes = { .head = { 5, 1, 18 },
			   .name = "Xen!",
			   .xen = { 4, 4, 18 },
			   .xen_name = "Xen",
			   .entry = FW_ENTRY + 4 } };
	struct boot boot;

	f.elf.notes.p_offset = sizeof(f.elf);
	f.elf.notes.p_filesz = sizeof(f.notes);
	assert_int_equal(fw_load(&fw, &f, sizeof(f), &boot), 0);
	assert_int_equal(boot.rip, FW_ENTRY + 4);
}

static void device_tree_enters_by_the_64_bit_protocol(void **state)
{
	(void)state;
	struct fw_elf e = fw_elf();
	struct boot boot;

	fw.m.hw = MACHINE_FDT;
	assert_int_equal(fw_load(&fw, &e, sizeof(e), &boot), 0);
	assert_int_equal(boot.mode, BOOT_LONG64);
	assert_int_equal(boot.rip, FW_LONG_ENTRY);
	assert_int_equal(boot.rsi, LAYOUT_ZERO_PAGE);
	assert_int_equal(boot.cr3, LAYOUT_PAGE_TABLES);

	e.head.e_entry = UINT64_C(0xffffffff81000000);
	fw_refuses(&fw, &e, sizeof(e), ENOEXEC, "use --hw acpi");
}

static void every_truncation_is_refused(void **state)
{
	(void)state;
	struct fw_elf e = fw_elf();

	for (size_t len = 4; len < sizeof(e); len++)
		fw_refuses(&fw, &e, len, EINVAL, "truncated");
}

static void other_machines_are_refused(void **state)
{
	(void)state;
	struct fw_elf e = fw_elf();

	e.head.e_machine = EM_AARCH64;
	fw_refuses(&fw, &e, sizeof(e), ENOEXEC, "arm64");
	e.head.e_machine = EM_S390;
	fw_refuses(&fw, &e, sizeof(e), ENOEXEC, "another machine");
	e = fw_elf();
	e.head.e_ident[EI_DATA] = ELFDATA2MSB;
	fw_refuses(&fw, &e, sizeof(e), ENOEXEC, "another machine");
	e = fw_elf();
	e.head.e_ident[EI_CLASS] = ELFCLASS32;
	fw_refuses(&fw, &e, sizeof(e), ENOEXEC, "32-bit");
	e = fw_elf();
	e.head.e_type = ET_REL;
	fw_refuses(&fw, &e, sizeof(e), ENOEXEC, "not executable");
}

static void header_table_must_lie_in_the_file(void **state)
{
	(void)state;
	struct fw_elf e = fw_elf();

	e.head.e_phoff = sizeof(e) - 1;
	fw_refuses(&fw, &e, sizeof(e), EINVAL, "program header table");
	e.head.e_phoff = UINT64_MAX;
	fw_refuses(&fw, &e, sizeof(e), EINVAL, "program header table");
	e = fw_elf();
	e.head.e_phnum = 0;
	fw_refuses(&fw, &e, sizeof(e), EINVAL, "program headers");
	e.head.e_phnum = 65535;
	fw_refuses(&fw, &e, sizeof(e), EINVAL, "program headers");
	e = fw_elf();
	e.head.e_phentsize = 1;
	fw_refuses(&fw, &e, sizeof(e), EINVAL, "program headers");
}

static void segment_must_lie_in_the_file(void **state)
{
	(void)state;
	struct fw_elf e = fw_elf();

	e.load.p_offset = UINT64_MAX - 1;
	fw_refuses(&fw, &e, sizeof(e), EINVAL, "truncated");
	e = fw_elf();
	e.load.p_filesz = e.load.p_memsz = UINT64_MAX;
	fw_refuses(&fw, &e, sizeof(e), EINVAL, "truncated");
	e = fw_elf();
	e.load.p_memsz = e.load.p_filesz - 1;
	fw_refuses(&fw, &e, sizeof(e), EINVAL, "size of segment 0");
	e.load.p_memsz = UINT64_MAX;
	fw_refuses(&fw, &e, sizeof(e), EINVAL, "size of segment 0");
}

static void segment_must_lie_in_ram(void **state)
{
	(void)state;
	struct fw_elf e = fw_elf();

	e.load.p_paddr = LAYOUT_KERNEL - 0x1000;
	fw_refuses(&fw, &e, sizeof(e), ENOEXEC, "below 1 MiB");

	e = fw_elf();
	e.load.p_memsz = 100 << 20;
	fw_refuses(&fw, &e, sizeof(e), ENOSPC,
		   "64 MiB of memory is too small for kernel 'kernel', which "
		   "needs 102 MiB");
	e.load.p_memsz = UINT64_C(4) << 30;
	fw_refuses(&fw, &e, sizeof(e), ENOEXEC, "above the 3 GiB");
}

static void note_must_name_an_entry_in_the_kernel(void **state)
{
	(void)state;
	struct fw_elf e = fw_elf();

	e.note.head.n_type = 17;
	fw_refuses(&fw, &e, sizeof(e), ENOEXEC, "has no PVH note");
	assert_non_null(strstr(fw.err.msg, "CONFIG_PVH=y"));
	e = fw_elf();
	e.notes.p_type = PT_NULL;
	fw_refuses(&fw, &e, sizeof(e), ENOEXEC, "has no PVH note");
	e = fw_elf();
	e.note.entry = FW_KERNEL_AT + sizeof(e.code);
	fw_refuses(&fw, &e, sizeof(e), EINVAL, "PVH entry point");
	e.note.entry = UINT64_MAX;
	fw_refuses(&fw, &e, sizeof(e), EINVAL, "PVH entry point");
	e = fw_elf();
	e.note.head.n_descsz = 2;
	fw_refuses(&fw, &e, sizeof(e), EINVAL, "PVH entry point");
}

/* An ordinary program is told that it is no kernel, not where to be linked. */
static void other_programs_lack_the_note(void **state)
{
	(void)state;
	struct fw_elf e = fw_elf();

	e.notes.p_type = PT_NULL;
	e.load.p_paddr = 0;
	fw_refuses(&fw, &e, sizeof(e), ENOEXEC, "has no PVH note");
}

static void note_longer_than_its_segment_is_refused(void **state)
{
	(void)state;
	struct fw_elf e = fw_elf();

	e.note.head.n_descsz = UINT32_MAX;
	fw_refuses(&fw, &e, sizeof(e), EINVAL, "a note is longer");
	e.note.head.n_namesz = UINT32_MAX;
	fw_refuses(&fw, &e, sizeof(e), EINVAL, "a note is longer");
	e = fw_elf();
	e.notes.p_offset = sizeof(e) - 8;
	fw_refuses(&fw, &e, sizeof(e), EINVAL, "note segment");
}

/* Whatever a byte becomes: an answer or a sentence, and ASan is content. */
static void any_changed_byte_is_survived(void **state)
{
	(void)state;
	static const unsigned char values[] = { 0, 1, 0x7f, 0x80, 0xff };

	for (size_t i = 0; i < offsetof(struct fw_elf, code); i++) {
		for (unsigned v = 0; v < sizeof(values); v++) {
			struct fw_elf e = fw_elf();
			struct boot boot;

			((unsigned char *)&e)[i] = values[v];
			fw.err = (struct err){ 0 };
			if (fw_load(&fw, &e, sizeof(e), &boot) < 0)
				assert_true(fw.err.msg[0]);
		}
	}
}

static int setup(void **state)
{
	(void)state;
	fw_init(&fw, 64);
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
		TEST(segment_is_copied_and_entered_by_its_note),
		TEST(entry_of_four_bytes_after_another_note_is_found),
		TEST(device_tree_enters_by_the_64_bit_protocol),
		TEST(every_truncation_is_refused),
		TEST(other_machines_are_refused),
		TEST(header_table_must_lie_in_the_file),
		TEST(segment_must_lie_in_the_file),
		TEST(segment_must_lie_in_ram),
		TEST(note_must_name_an_entry_in_the_kernel),
		TEST(other_programs_lack_the_note),
		TEST(note_longer_than_its_segment_is_refused),
		TEST(any_changed_byte_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
