/* SPDX-License-Identifier: Apache-2.0 */
/* e820.c - the map of RAM and of what is kept from it. */
#include "firmware/e820.h"

#include <assert.h>

#include "vmm/core/layout.h"

static void add(struct e820 *map, gpa_t start, gpa_t end, enum e820_type type)
{
	assert(map->nr < E820_RANGES && start < end);
	map->range[map->nr++] = (struct e820_range){ start, end - start, type };
}

void e820_build(const struct gmem *gm, struct e820 *ret)
{
	gpa_t low_end = gm->region[0].size;

	*ret = (struct e820){ 0 };
	add(ret, 0, LAYOUT_EBDA, E820_RAM);
	add(ret, LAYOUT_EBDA, 0xa0000, E820_RESERVED);
	add(ret, LAYOUT_ACPI, LAYOUT_ACPI_END, E820_RESERVED);
	add(ret, LAYOUT_ACPI_END, low_end, E820_RAM);
	add(ret, LAYOUT_ECAM, LAYOUT_ECAM_END, E820_RESERVED);
	/* What may be plugged in comes by its device, not by the map. */
	if (gm->nr_ram > 1)
		add(ret, gm->region[1].gpa,
		    gm->region[1].gpa + gm->region[1].size, E820_RAM);
}
