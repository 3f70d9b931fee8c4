/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acpi.h - the machine as ACPI tables (hardware-reduced, ACPI 6.4).
 *
 * acpi_tables.c lays out the tables, dsdt.c writes the one with code in it,
 * acpi_numa.c those of a machine with NUMA nodes.
 */
#ifndef FIRMWARE_ACPI_H
#define FIRMWARE_ACPI_H

#include <stddef.h>
#include <stdint.h>

#include "firmware/machine.h"
#include "vmm/lib/le.h"

/*
 * Room for all tables of 64 CPUs and of MACHINE_ROOTS host bridges with 16
 * slots that use interrupt pins, and half as much again.
 */
#define ACPI_SIZE_MAX 12288

struct acpi_header {
	char signature[4];
	le32_t length;
	uint8_t revision;
	uint8_t checksum;
	char oem_id[6];
	char oem_table[8];
	le32_t oem_revision;
	char creator[4];
	le32_t creator_revision;
} __attribute__((packed));

/*
 * Write RSDP and tables into @buf, which will lie at @base (16-byte aligned,
 * below 4 GiB) in the guest; the RSDP comes first.  Returns their length.
 * Only @m's contents decide it; @m->cpus is 1 to 64.
 */
size_t acpi_build(const struct machine *m, unsigned char buf[ACPI_SIZE_MAX],
		  gpa_t base);

/* The code of the DSDT, after its header, into @buf.  Returns its length. */
size_t dsdt_build(const struct machine *m, unsigned char *buf, size_t size);

/* What follows the headers of SRAT and SLIT, for @m->nr_nodes > 0; as above. */
size_t srat_build(const struct machine *m, unsigned char *buf, size_t size);
size_t slit_build(const struct machine *m, unsigned char *buf, size_t size);

/* The byte that makes all @len bytes add up to 0 when it replaces a 0. */
uint8_t acpi_checksum(const unsigned char *bytes, size_t len);

#endif
