/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout.h - the guest-physical map of an x86 machine, one table.
 *
 *   0000_0000  RAM; its first page, the EBDA and the BIOS area hold what a
 *              firmware would have left there (below)
 *   c000_0000  end of low RAM at most; the rest continues at 1_0000_0000
 *   d000_0000  32-bit MMIO window: BARs; begins lower if they need more
 *   e000_0000  ECAM, 1 MiB for each bus there is
 *   fec0_0000  IOAPIC      fee0_0000  local APICs
 *   fffb_d000  TSS, identity map: KVM on Intel wants three pages and one
 *   1_0000_0000  the rest of RAM, what may be plugged in, files of --pmem,
 *                then 64-bit MMIO windows
 */
#ifndef VMM_CORE_LAYOUT_H
#define VMM_CORE_LAYOUT_H

#include <stdint.h>

#define LAYOUT_LOW_RAM_END  UINT64_C(0xc0000000)
#define LAYOUT_MMIO32	    UINT64_C(0xd0000000)
#define LAYOUT_MMIO32_END   UINT64_C(0xe0000000)
#define LAYOUT_ECAM	    UINT64_C(0xe0000000)
#define LAYOUT_ECAM_BUS	    UINT64_C(0x100000) /* of it, for each bus */
#define LAYOUT_ECAM_END	    UINT64_C(0xf0000000)
#define LAYOUT_IOAPIC	    UINT64_C(0xfec00000)
#define LAYOUT_LAPIC	    UINT64_C(0xfee00000)
#define LAYOUT_IDENTITY_MAP UINT64_C(0xfffbc000)
#define LAYOUT_TSS	    UINT64_C(0xfffbd000)
#define LAYOUT_HIGH_RAM	    UINT64_C(0x100000000)

/* Below 1 MiB, where a BIOS would have put them. */
#define LAYOUT_GDT	   UINT64_C(0x500)
#define LAYOUT_START_INFO  UINT64_C(0x1000) /* PVH start info, modules, map */
#define LAYOUT_ZERO_PAGE   UINT64_C(0x7000) /* boot_params */
#define LAYOUT_PAGE_TABLES UINT64_C(0x9000) /* long mode, 0x9000..0xbfff */
#define LAYOUT_CMDLINE	   UINT64_C(0x20000)
#define LAYOUT_CMDLINE_MAX UINT64_C(0x800)
#define LAYOUT_SETUP_DATA  UINT64_C(0x40000) /* device tree, up to 64 KiB */
#define LAYOUT_EBDA	   UINT64_C(0x9fc00) /* end of conventional RAM */
#define LAYOUT_ACPI	   UINT64_C(0xe0000) /* RSDP first, then the tables */
#define LAYOUT_ACPI_END	   UINT64_C(0x100000)
#define LAYOUT_KERNEL	   UINT64_C(0x100000)

/* I/O ports. */
#define LAYOUT_COM1	  0x3f8
#define LAYOUT_PCI_IO	  UINT64_C(0x1000) /* I/O BARs */
#define LAYOUT_PCI_IO_END UINT64_C(0x10000)

/*
 * The power registers that the ACPI tables promise and devices/legacy/power.c
 * keeps (ACPI 6.4 sections 4.8.3.7 and 4.8.4.6): a byte each.
 */
#define LAYOUT_POWER	     0x600
#define LAYOUT_POWER_PORTS   4 /* the last one is reserved */
#define LAYOUT_SLEEP_CONTROL (LAYOUT_POWER + 0)
#define LAYOUT_SLEEP_STATUS  (LAYOUT_POWER + 1) /* reads 0 */
#define LAYOUT_RESET	     (LAYOUT_POWER + 2)
#define LAYOUT_SLEEP_OFF     5 /* SLP_TYP of S5 */
#define LAYOUT_OFF_VALUE     ((1 << 5) | (LAYOUT_SLEEP_OFF << 2)) /* SLP_EN */
#define LAYOUT_RESET_VALUE   1

/* Interrupt lines (GSI = IOAPIC pin). */
#define LAYOUT_COM1_IRQ	 4
#define LAYOUT_POWER_IRQ 5 /* generic event: the power button */
#define LAYOUT_MSI_GSI	 24 /* MSI routes begin above the IOAPIC's pins */

/*
 * Interrupt pin @pin (1: INTA#) of a function in slot @slot of root bus @root
 * (0, 1, ..): neighbours have different lines.
 */
#define LAYOUT_PCI_GSI(root, slot, pin) (16 + ((root) + (slot) + (pin)-1) % 8)

#endif
