/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.h - the one description of the machine, for its two writers
 * (acpi.c, fdt.c) and for the loaders.  Everything a BIOS would have told.
 */
#ifndef FIRMWARE_MACHINE_H
#define FIRMWARE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/core/gmem.h"
#include "vmm/core/layout.h"
#include "vmm/lib/err.h"

enum machine_hw { MACHINE_ACPI, MACHINE_FDT };

/* A NUMA node; its RAM is what gmem.range says. */
struct machine_node {
	unsigned first_cpu, nr_cpus;
	uint8_t distance[GMEM_MAX_NODES]; /* to node i; 10: itself */
};

/* PCI's bus 0, one for each NUMA node, two for what bus 0 has no room for. */
#define MACHINE_ROOTS 11

struct machine_window {
	uint64_t base, size; /* size 0: none */
};

/* A PCI host bridge: a root bus, and the buses below its ports. */
struct machine_root {
	unsigned bus, last_bus;
	int node; /* NUMA node it is close to; -1: not said */
	bool ports; /* there are PCI Express ports */
	uint32_t intx; /* bit N: interrupt pins of slot N are in use */
	struct machine_window io, mmio32, mmio64;
};

struct machine {
	const struct gmem *gm;
	unsigned cpus; /* APIC id = index */
	enum machine_hw hw;
	bool serial; /* a 16550 at COM1 */
	unsigned nr_nodes; /* 0: no NUMA; MACHINE_ACPI only */
	struct machine_node node[GMEM_MAX_NODES];
	const char *cmdline;
	unsigned nr_roots;
	struct machine_root root[MACHINE_ROOTS]; /* [0] has bus 0 */
};

/* How many PCI buses there are; they are numbered from 0. */
unsigned machine_buses(const struct machine *m);

/*
 * The kernel or a piece of the initramfs: an open file and the size it had.
 * It is read straight into guest RAM, never mapped: no second copy, and a
 * file cut short meanwhile is an error, not a SIGBUS.
 */
struct image {
	int fd; /* owned; valid while size > 0 */
	uint64_t size; /* 0: nothing here */
	const char *name; /* borrowed */
};

/*
 * How vCPU 0 begins.  PVH: 32-bit protected mode, paging off, flat segments,
 * rbx = start info.  LONG64: 64-bit mode with the identity map that the
 * loader wrote at LAYOUT_PAGE_TABLES, rsi = boot_params.
 */
enum boot_mode { BOOT_PVH, BOOT_LONG64 };

struct boot {
	enum boot_mode mode;
	uint64_t rip;
	uint64_t rbx;
	uint64_t rsi;
	uint64_t cr3; /* LONG64 only */
};

/*
 * Take a duplicate of @fd, whose file @name (for messages, the caller's) must
 * be regular and not empty: -EINVAL with a sentence otherwise.  image_done()
 * closes it, and accepts a zeroed struct.
 */
int image_open(int fd, const char *name, struct image *ret, struct err *err);
void image_done(struct image *img);

/*
 * Put kernel, the @nr pieces of the initramfs (one after the other, each
 * padded to four bytes), command line and machine description into guest
 * RAM, which must be fresh (all zero), and say how to begin.  ELF vmlinux
 * (with a PVH note) and bzImage are told apart by their magic.
 *
 * Errors carry a sentence that names the file, the reason and the remedy:
 * -ENOEXEC not a kernel we can boot, -EINVAL damaged, -ENOSPC does not fit,
 * -E2BIG command line too long, -EIO and the like from reading.
 */
int firmware_load(const struct machine *m, const struct image *kernel,
		  const struct image *initrd, unsigned nr, struct boot *ret,
		  struct err *err);

#endif
