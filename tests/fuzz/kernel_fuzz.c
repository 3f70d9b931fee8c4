/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel_fuzz.c - a kernel file (ELF with and without a PVH note, bzImage),
 * an initramfs of any size and a command line of any length, in a small
 * machine.  The file comes first, so that seeds are kernels; the last 8 bytes
 * are the machine's.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/input.h"
#include "tests/harness/fw.h"

#define TAIL 8

static void load(struct fw *fw, const uint8_t *data, size_t size,
		 struct input *tail)
{
	struct boot boot = { .rip = 0 };
	uint8_t how = input_u8(tail);
	/* In pages: up to 256 MiB, four times the RAM. */
	uint64_t pages = input_u16(tail);
	size_t cmdline = input_u16(tail);
	struct image kernel = fw_image(data, size, "kernel");
	struct image initrd[2] = { { .fd = -1 }, { .fd = -1 } };
	unsigned nr = 0;

	if (how & 4 && pages)
		initrd[nr++] = fw_hole(pages * 4096, "one");
	if (how & 8)
		initrd[nr++] = fw_hole(1 + (uint64_t)input_u8(tail), "two");
	char *text = malloc(cmdline + 1);
	MUST(text);
	memset(text, 'x', cmdline);
	text[cmdline] = '\0';
	fw->m.cmdline = text;
	fw->m.hw = how & 1 ? MACHINE_FDT : MACHINE_ACPI;
	fw->m.cpus = how & 2 ? 64 : 1;

	int r = firmware_load(&fw->m, &kernel, initrd, nr, &boot, &fw->err);
	MUST(r <= 0);
	/* Who is refused is told why; who is not has somewhere to begin. */
	MUST((r < 0) == (fw->err.msg[0] != '\0'));
	MUST(r < 0 || gmem_ptr(&fw->gm, boot.rip, 1));
	free(text);
	image_done(&kernel);
	for (unsigned i = 0; i < nr; i++)
		image_done(&initrd[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fw fw;

	input_begin();
	if (size <= TAIL)
		return 0;
	struct input tail = { data + size - TAIL, TAIL };
	fw_init(&fw, 64);
	load(&fw, data, size - TAIL, &tail);
	fw_done(&fw);
	return 0;
}
