/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acpi.c - RSDP, XSDT and the tables behind it have valid checksums; MCFG
 * names the ECAM window, MADT one entry for each processor, FADT the power
 * registers (ACPI 6.4, chapter 5).
 */
#include "tests/guest/lib/guest.h"
#include "vmm/core/layout.h"

#define HEADER	    36
#define RSDP_SIZE   36
#define RSDP_XSDT   24
#define MCFG_BASE   44
#define FADT_RESET  120 /* its address, behind 4 bytes of description */
#define FADT_SLEEP  248
#define FADT_DSDT64 140
#define MADT_ENTRY  44
#define LAPIC_ENTRY 0

static uint64_t load(uint64_t addr, unsigned len)
{
	uint64_t v = 0;

	memcpy(&v, (const void *)addr, len);
	return v;
}

static bool sums_to_zero(uint64_t addr, uint64_t len)
{
	uint8_t sum = 0;

	for (uint64_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + read8(addr + i));
	return sum == 0;
}

static void count_processors(uint64_t madt)
{
	uint64_t end = madt + load(madt + 4, 4);
	unsigned nr = 0;

	for (uint64_t e = madt + MADT_ENTRY; e < end; e += load(e + 1, 1)) {
		check(load(e + 1, 1) >= 2);
		if (load(e, 1) == LAPIC_ENTRY)
			nr++;
	}
	say("processors", nr);
}

static void table(uint64_t addr)
{
	char name[5] = "";

	memcpy(name, (const void *)addr, 4);
	put(name);
	put("\n");
	check(sums_to_zero(addr, load(addr + 4, 4)));
	if (memcmp(name, "MCFG", 4) == 0)
		say("ecam", load(addr + MCFG_BASE, 8));
	if (memcmp(name, "APIC", 4) == 0)
		count_processors(addr);
	if (memcmp(name, "FACP", 4) == 0) {
		say("reset", load(addr + FADT_RESET, 8));
		say("sleep", load(addr + FADT_SLEEP, 8));
		table(load(addr + FADT_DSDT64, 8));
	}
}

void guest_main(const struct start_info *si)
{
	uint64_t xsdt = load(si->rsdp + RSDP_XSDT, 8);

	check(memcmp((const void *)si->rsdp, "RSD PTR ", 8) == 0);
	check(sums_to_zero(si->rsdp, 20));
	check(sums_to_zero(si->rsdp, RSDP_SIZE));
	check(memcmp((const void *)xsdt, "XSDT", 4) == 0);
	check(sums_to_zero(xsdt, load(xsdt + 4, 4)));
	for (uint64_t e = HEADER; e < load(xsdt + 4, 4); e += 8)
		table(load(xsdt + e, 8));
	put("pass\n");
}
