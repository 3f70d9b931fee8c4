/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.c - the order in which a machine is filled: kernel, command line,
 * initramfs, description; then how its first CPU begins.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "firmware/acpi.h"
#include "firmware/fdt.h"
#include "firmware/kernel.h"
#include "vmm/core/layout.h"

#define PAGE UINT64_C(4096)
#define MIB  (UINT64_C(1) << 20)

static uint64_t to_mib(uint64_t bytes)
{
	return bytes / MIB + (bytes % MIB != 0);
}

int kernel_fits(const struct image *img, const struct gmem *gm, gpa_t end,
		struct err *err)
{
	if (end > LAYOUT_LOW_RAM_END)
		return err_say(err, ENOEXEC,
			       "'%s' wants memory up to 0x%" PRIx64
			       ", above the 3 GiB where a kernel may be; link "
			       "it lower",
			       img->name, end);
	if (end > gm->region[0].size)
		return err_say(err, ENOSPC,
			       "%" PRIu64 " MiB of memory is too small for "
			       "kernel '%s', which needs %" PRIu64
			       " MiB to begin; give it more",
			       to_mib(gm->size), img->name, to_mib(end));
	return 0;
}

static int load_kernel(const struct image *img, const struct gmem *gm,
		       struct kernel *ret, struct err *err)
{
	int r = elf_probe(img, err);
	if (r > 0)
		return elf_load(img, gm, ret, err);
	if (r == 0)
		r = bzimage_probe(img, err);
	if (r > 0)
		return bzimage_load(img, gm, ret, err);
	if (r < 0)
		return r;
	return err_say(err, ENOEXEC,
		       "'%s' is not a kernel (neither an ELF vmlinux nor a "
		       "bzImage); give one of these, uncompressed",
		       img->name);
}

static int load_cmdline(const struct machine *m, const struct kernel *k,
			struct err *err)
{
	size_t len = strlen(m->cmdline);
	uint64_t max = LAYOUT_CMDLINE_MAX - 1;

	if (max > k->cmdline_max)
		max = k->cmdline_max;
	if (len > max)
		return err_say(err, E2BIG,
			       "the kernel command line has %zu characters; "
			       "this kernel takes at most %" PRIu64,
			       len, max);

	int r = gmem_write(m->gm, LAYOUT_CMDLINE, m->cmdline, len + 1);
	assert(r == 0);
	return 0;
}

static uint64_t padded(const struct image *img)
{
	return (img->size + 3) & ~UINT64_C(3);
}

/* As high as it may go: far from where the kernel grows. */
static int place_initrd(const struct machine *m, const struct kernel *k,
			uint64_t size, gpa_t *ret, struct err *err)
{
	uint64_t bottom = (k->end + PAGE - 1) & ~(PAGE - 1);
	uint64_t top = m->gm->region[0].size;

	if (top > k->initrd_end)
		top = k->initrd_end;
	uint64_t room = top > bottom ? top - bottom : 0;
	if (size > room)
		return err_say(
			err, ENOSPC,
			"the initramfs is too large: it needs %" PRIu64
			" MiB where %" PRIu64 " MiB are left of %" PRIu64
			" MiB of memory; give the machine more memory or "
			"a smaller initramfs",
			to_mib(size), room / MIB, to_mib(m->gm->size));
	*ret = (top - size) & ~(PAGE - 1);
	return 0;
}

static int load_initrd(const struct machine *m, const struct kernel *k,
		       const struct image *initrd, unsigned nr,
		       struct payload *p, struct err *err)
{
	uint64_t size = 0;
	gpa_t at = 0;

	/* Files are at most INT64_MAX long: the sum is checked as it grows. */
	for (unsigned i = 0; i < nr; i++)
		size += size < LAYOUT_LOW_RAM_END ? padded(&initrd[i]) : 0;
	if (size == 0)
		return 0;
	int r = place_initrd(m, k, size, &at, err);
	if (r < 0)
		return r;

	p->initrd = at;
	p->initrd_size = size;
	for (unsigned i = 0; r == 0 && i < nr; i++) {
		r = image_load(&initrd[i], 0, initrd[i].size, m->gm, at, err);
		at += padded(&initrd[i]);
	}
	return r;
}

static void write_acpi(const struct machine *m, struct payload *p)
{
	unsigned char tables[ACPI_SIZE_MAX];
	size_t len = acpi_build(m, tables, LAYOUT_ACPI);
	int r = gmem_write(m->gm, LAYOUT_ACPI, tables, len);

	assert(r == 0);
	p->rsdp = LAYOUT_ACPI;
}

/* Behind the header of a setup_data item, whose list has this one member. */
static void write_fdt(const struct machine *m, struct payload *p)
{
	unsigned char tree[FDT_SIZE_MAX];
	size_t len = fdt_build(m, tree);
	struct setup_data head = { .type = SETUP_DTB, .len = (uint32_t)len };

	int r = gmem_write(m->gm, LAYOUT_SETUP_DATA, &head, sizeof(head));
	assert(r == 0);
	r = gmem_write(m->gm, LAYOUT_SETUP_DATA + sizeof(head), tree, len);
	assert(r == 0);
	p->setup_data = LAYOUT_SETUP_DATA;
}

/*
 * PVH where the kernel has it, but its start info has no place for a device
 * tree: then the 64-bit entry point, as for a bzImage.
 */
static int choose_entry(const struct machine *m, const struct image *img,
			const struct kernel *k, struct boot *ret,
			struct err *err)
{
	if (m->hw == MACHINE_ACPI && k->pvh_entry) {
		*ret = (struct boot){ .mode = BOOT_PVH,
				      .rip = k->pvh_entry,
				      .rbx = LAYOUT_START_INFO };
		return 0;
	}
	if (!k->long_entry)
		return err_say(err, ENOEXEC,
			       "'%s' has no 64-bit entry point, which a device "
			       "tree needs; use --hw acpi",
			       img->name);
	if (k->end > ZEROPAGE_MAPPED)
		return err_say(err, ENOEXEC,
			       "'%s' reaches above the first GiB, which is all "
			       "that is mapped at the start; link it lower",
			       img->name);
	*ret = (struct boot){ .mode = BOOT_LONG64,
			      .rip = k->long_entry,
			      .rsi = LAYOUT_ZERO_PAGE,
			      .cr3 = LAYOUT_PAGE_TABLES };
	return 0;
}

int firmware_load(const struct machine *m, const struct image *kernel,
		  const struct image *initrd, unsigned nr, struct boot *ret,
		  struct err *err)
{
	struct kernel k = { 0 };
	struct payload p = { 0 };
	struct boot boot = { 0 };

	int r = load_kernel(kernel, m->gm, &k, err);
	if (r == 0)
		r = choose_entry(m, kernel, &k, &boot, err);
	if (r == 0)
		r = load_cmdline(m, &k, err);
	if (r == 0)
		r = load_initrd(m, &k, initrd, nr, &p, err);
	if (r < 0)
		return r;

	if (m->hw == MACHINE_ACPI)
		write_acpi(m, &p);
	else
		write_fdt(m, &p);
	if (boot.mode == BOOT_PVH)
		pvh_write(m->gm, &p);
	else
		zeropage_write(m->gm, &k, &p);
	*ret = boot;
	return 0;
}
