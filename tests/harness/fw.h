/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fw.h - a machine without KVM for the tests of firmware/: RAM, a
 * description, and kernel files made in memory.
 */
#ifndef TESTS_HARNESS_FW_H
#define TESTS_HARNESS_FW_H

#include <elf.h>
#include <stddef.h>

#include "firmware/machine.h"

#define FW_KERNEL_AT   0x200000 /* where the segment of fw_elf goes */
#define FW_KERNEL_SIZE 0x3000 /* and how much RAM it takes */
#define FW_ENTRY       (FW_KERNEL_AT + 0x10)
#define FW_LONG_ENTRY  (FW_KERNEL_AT + 0x20)

struct fw {
	struct gmem gm;
	struct machine m;
	struct image img;
	struct err err;
};

/* A vmlinux of one segment and one note, sound until a test changes it. */
struct fw_elf {
	Elf64_Ehdr head;
	Elf64_Phdr load;
	Elf64_Phdr notes;
	struct {
		Elf64_Nhdr head;
		char name[4];
		uint64_t entry;
	} note;
	unsigned char code[256];
};

/* RAM of @mib MiB, one CPU, ACPI, no serial port. */
void fw_init(struct fw *fw, uint64_t mib);
void fw_done(struct fw *fw);

/* @len bytes as an open file called @name; image_done() is the caller's. */
struct image fw_image(const void *bytes, size_t len, const char *name);

/* A file of @size bytes, all of them a hole. */
struct image fw_hole(uint64_t size, const char *name);

struct fw_elf fw_elf(void);

/* firmware_load() of @len bytes called 'kernel', without initramfs. */
int fw_load(struct fw *fw, const void *bytes, size_t len, struct boot *ret);

/* The same must fail with @code, nothing in the answer, @text in the message.
 */
void fw_refuses(struct fw *fw, const void *bytes, size_t len, int code,
		const char *text);

/*
 * Run @argv with its output thrown away: exit status, or 127 when there is no
 * such program.
 */
int fw_run_tool(const char *const argv[]);

#endif
