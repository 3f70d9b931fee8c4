/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zeropage.c - what a kernel entered by the 64-bit boot protocol finds:
 * boot_params in rsi, and itself mapped one to one.  Linux,
 * Documentation/arch/x86/boot.rst, "64-bit Boot Protocol".
 */
#include <assert.h>

#include "firmware/e820.h"
#include "firmware/kernel.h"
#include "vmm/core/layout.h"
#include "vmm/lib/le.h"

#define PTE_TABLE  3U /* present, writable */
#define PTE_LARGE  0x83U /* the same, and a page of 2 MiB */
#define LARGE_PAGE (UINT64_C(2) << 20)

_Static_assert(sizeof(struct boot_params) == 4096, "the zero page is a page");

static void write_low(const struct gmem *gm, gpa_t at, const void *buf,
		      size_t len)
{
	/* Below 1 MiB there is always RAM: kernel_fits() saw to it. */
	int r = gmem_write(gm, at, buf, len);

	assert(r == 0);
}

static void write_page_tables(const struct gmem *gm)
{
	const gpa_t pdpt = LAYOUT_PAGE_TABLES + 0x1000;
	const gpa_t pd = LAYOUT_PAGE_TABLES + 0x2000;
	le64_t to_pdpt = le64_make(pdpt | PTE_TABLE);
	le64_t to_pd = le64_make(pd | PTE_TABLE);
	le64_t large[512];

	for (unsigned i = 0; i < 512; i++)
		large[i] = le64_make(i * LARGE_PAGE | PTE_LARGE);
	write_low(gm, LAYOUT_PAGE_TABLES, &to_pdpt, sizeof(to_pdpt));
	write_low(gm, pdpt, &to_pd, sizeof(to_pd));
	write_low(gm, pd, large, sizeof(large));
}

static void fill_map(const struct gmem *gm, struct boot_params *bp)
{
	struct e820 map;

	e820_build(gm, &map);
	for (unsigned i = 0; i < map.nr; i++)
		bp->e820_table[i] = (struct boot_e820_entry){
			.addr = map.range[i].start,
			.size = map.range[i].size,
			.type = map.range[i].type,
		};
	bp->e820_entries = (uint8_t)map.nr;
}

void zeropage_write(const struct gmem *gm, const struct kernel *k,
		    const struct payload *p)
{
	struct boot_params bp = { .hdr = k->hdr };

	bp.hdr.type_of_loader = 0xff; /* none that has a number */
	bp.hdr.cmd_line_ptr = (uint32_t)LAYOUT_CMDLINE;
	bp.hdr.ramdisk_image = (uint32_t)p->initrd;
	bp.hdr.ramdisk_size = (uint32_t)p->initrd_size;
	bp.hdr.setup_data = p->setup_data;
	bp.acpi_rsdp_addr = p->rsdp;
	fill_map(gm, &bp);
	write_low(gm, LAYOUT_ZERO_PAGE, &bp, sizeof(bp));
	write_page_tables(gm);
}
