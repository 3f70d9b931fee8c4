/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live.c - attacks on devices that the kernel's drivers are using.  They begin
 * with what a device has to ignore, after which the traffic must go on, and
 * end with what the drivers do not survive.
 */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hostile.h"

#define VECTORS 4U
#define SECTOR	512

static struct function *any(void)
{
	return &function[dice() % nr_functions];
}

/*
 * Queue registers are frozen while the driver works, and so are features; only
 * the selectors follow, and the drivers use those at their start alone.
 */
static void registers(void)
{
	static const unsigned reg[] = {
		VIRTIO_PCI_COMMON_DFSELECT,  VIRTIO_PCI_COMMON_DF,
		VIRTIO_PCI_COMMON_GFSELECT,  VIRTIO_PCI_COMMON_GF,
		VIRTIO_PCI_COMMON_NUMQ,	     VIRTIO_PCI_COMMON_CFGGENERATION,
		VIRTIO_PCI_COMMON_Q_SELECT,  VIRTIO_PCI_COMMON_Q_SIZE,
		VIRTIO_PCI_COMMON_Q_MSIX,    VIRTIO_PCI_COMMON_Q_ENABLE,
		VIRTIO_PCI_COMMON_Q_NOFF,    VIRTIO_PCI_COMMON_Q_DESCLO,
		VIRTIO_PCI_COMMON_Q_DESCHI,  VIRTIO_PCI_COMMON_Q_AVAILLO,
		VIRTIO_PCI_COMMON_Q_AVAILHI, VIRTIO_PCI_COMMON_Q_USEDLO,
		VIRTIO_PCI_COMMON_Q_USEDHI,
	};

	do {
		struct function *f = any();
		uint64_t d = dice();
		unsigned at = reg[d % (sizeof(reg) / sizeof(reg[0]))];
		unsigned size = 1U << (d >> 8) % 4;

		if (at == VIRTIO_PCI_COMMON_Q_SELECT)
			poke(f->bar + at, 2, (d >> 16) % 5);
		else
			poke(f->bar + at, size, wild());
		(void)peek(f->bar + (d >> 24) % BAR_ISR, size);
		/* Device configuration is for reading. */
		poke(f->bar + BAR_DEVICE + (d >> 32) % 0x100, size, wild());
	} while (going_on());
}

static unsigned msix_capability(const struct function *f)
{
	unsigned at = (unsigned)peek(f->config + PCI_CAPABILITY_LIST, 1);

	for (unsigned i = 0; at && i < 48; i++) {
		if (peek(f->config + at, 1) == PCI_CAP_ID_MSIX)
			return at;
		at = (unsigned)peek(f->config + at + 1, 1);
	}
	give_up("find the MSI-X capability");
}

/* Read-only registers, capabilities, BAR sizes; the command register stays. */
static void config(void)
{
	do {
		struct function *f = any();
		uint64_t d = dice();
		unsigned at = (d >> 8) % 4096;
		unsigned size = 1U << (d >> 24) % 4;

		if ((at + size > PCI_COMMAND && at < PCI_STATUS) ||
		    (at + size > PCI_BASE_ADDRESS_0 &&
		     at < PCI_CAPABILITY_LIST))
			continue;
		/* The MSI-X control word is another attack's. */
		unsigned flags = msix_capability(f) + PCI_MSIX_FLAGS;
		if (at + size > flags && at < flags + 2)
			continue;
		poke(f->config + at, size, wild());
		(void)peek(f->config + (d >> 32) % (4096 - 8), size);
	} while (going_on());
}

/* The BAR goes over RAM, other BARs, the ECAM, the APICs; and comes back. */
static void moving_bars(void)
{
	do {
		struct function *f = any();

		for (unsigned i = 0; i < 8; i++) {
			poke(f->config + PCI_BASE_ADDRESS_0, 4,
			     i % 2 ? (uint32_t)wild() : any()->address);
			(void)peek(f->bar, 4);
			poke(f->bar + BAR_NOTIFY, 2, 0);
		}
		poke(f->config + PCI_BASE_ADDRESS_0, 4, f->address);
		kick_all(f);
	} while (going_on());
}

static void command(void)
{
	do {
		struct function *f = any();

		for (unsigned i = 0; i < 8; i++) {
			poke(f->config + PCI_COMMAND, 2, dice());
			poke(f->bar + BAR_NOTIFY, 2, 0);
		}
		poke(f->config + PCI_COMMAND, 2,
		     PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
		kick_all(f);
	} while (going_on());
}

/* Vectors and functions masked and not, while interrupts arrive. */
static void masks(void)
{
	do {
		struct function *f = any();
		uint64_t d = dice();
		volatile uint8_t *entry =
			f->bar + BAR_TABLE + 16 * (d % VECTORS);
		unsigned flags = msix_capability(f) + PCI_MSIX_FLAGS;
		uint64_t old = peek(f->config + flags, 2);

		for (unsigned i = 0; i < 8; i++)
			poke(entry + 12, 4, i & 1);
		if ((d >> 8) % 4 == 0) {
			poke(f->config + flags, 2,
			     old | PCI_MSIX_FLAGS_MASKALL);
			(void)peek(f->bar + BAR_PBA, 8);
			poke(f->config + flags, 2, old);
		}
		poke(entry + 12, 4, 0);
		(void)peek(f->bar + BAR_ISR, 1);
	} while (going_on());
}

/*
 * Addresses that are no interrupt's.  KVM looks at their low bits all the same,
 * so the data stays within the vectors that Linux survives.
 */
static void wild_vectors(void)
{
	do {
		struct function *f = any();
		uint64_t d = dice();
		volatile uint8_t *entry =
			f->bar + BAR_TABLE + 16 * (d % VECTORS);
		uint32_t address = (uint32_t)peek(entry, 4);
		uint32_t data = (uint32_t)peek(entry + 8, 4);

		for (unsigned i = 0; i < 4; i++) {
			poke(entry, 4, wild() & ~UINT64_C(0xfff00000));
			poke(entry + 4, 4, wild());
			poke(entry + 8, 4, 0x30 + dice() % 0xa0);
			/* Behind the last entry, and no whole one. */
			poke(f->bar + BAR_TABLE + 16 * VECTORS +
				     (d >> 8) % 0xf00,
			     1U << (d >> 24) % 4, wild());
			poke(entry + (d >> 36) % 13, 1U << (d >> 24) % 2,
			     wild());
			(void)peek(f->bar + BAR_TABLE + (d >> 32) % 0xff8, 8);
			kick_all(f);
		}
		poke(entry, 4, address);
		poke(entry + 4, 4, 0);
		poke(entry + 8, 4, data);
		poke(entry + 12, 4, 0);
	} while (going_on());
}

/* Any value: SMI, NMI, INIT for processors that are not there, or are. */
static void deadly_vectors(void)
{
	do {
		struct function *f = any();

		for (unsigned i = 0; i < VECTORS; i++) {
			volatile uint8_t *entry =
				f->bar + BAR_TABLE + (size_t)16 * i;

			poke(entry, 4, 0xfee00000 | (dice() & 0xfffff));
			poke(entry + 8, 4, dice());
			poke(entry + 12, 4, 0);
		}
		kick_all(f);
	} while (going_on());
}

/* Resets and every other state, in the middle of traffic. */
static void status(void)
{
	do {
		struct function *f = any();
		uint64_t d = dice();

		poke(f->bar + VIRTIO_PCI_COMMON_STATUS, 1, d % 4 ? d >> 8 : 0);
		kick_all(f);
		(void)peek(f->bar + VIRTIO_PCI_COMMON_STATUS, 1);
	} while (going_on());
}

/*
 * /dev/mem does not show RAM, but a device writes there: the second disk,
 * driven from here, puts its first sectors over the rings that the drivers use,
 * whose addresses stand in the registers.
 */
static uint64_t live_ring(struct function *f)
{
	uint64_t d = dice();
	unsigned reg = VIRTIO_PCI_COMMON_Q_DESCLO + 8 * (unsigned)(d % 3);

	poke(f->bar + VIRTIO_PCI_COMMON_Q_SELECT, 2, (d >> 8) % 2);
	return peek(f->bar + reg, 4) | peek(f->bar + reg + 4, 4) << 32;
}

static void prepare_sectors(void)
{
	uint64_t words[SECTOR];
	int fd = open("/dev/vdb", O_WRONLY | O_CLOEXEC);

	for (unsigned i = 0; i < SECTOR; i++)
		words[i] = wild();
	if (fd < 0 || write(fd, words, sizeof(words)) != sizeof(words) ||
	    fsync(fd) < 0)
		give_up("write to the second disk");
	(void)close(fd);
}

static void live_rings(void)
{
	struct function *arm = of_type(TYPE_BLK, 1);
	struct ring r;

	prepare_sectors();
	unbind(arm);
	(void)device_start(arm, pages_get(), &r, 0);
	uint64_t *head = (uint64_t *)(void *)(r.base + RING_BYTES);
	for (unsigned n = 0; going_on(); n++) {
		struct function *f = any();
		uint64_t target = f == arm ? 0 : live_ring(f);

		if (target == 0)
			continue;
		head[0] = 0; /* VIRTIO_BLK_T_IN */
		head[1] = dice() % 8;
		*ring_desc(&r, 0) =
			(struct descriptor){ ring_physical(&r, head), 16,
					     DESC_NEXT, 1 };
		*ring_desc(&r, 1) =
			(struct descriptor){ target, SECTOR,
					     DESC_NEXT | DESC_WRITE, 2 };
		*ring_desc(&r, 2) =
			(struct descriptor){ ring_physical(&r, head + 2), 1,
					     DESC_WRITE, 0 };
		ring_offer(&r, 0);
		ring_kick(&r);
		while (ring_used(&r) != r.next && in_time())
			if (needs_reset(arm))
				give_up("use the second disk");
		kick_all(f);
	}
}

const struct attack live_attacks[] = {
	{ "registers", registers, 256 },
	{ "config", config, 256 },
	{ "masks", masks, 16 },
	{ "moving-bars", moving_bars, 16 },
	{ "command", command, 16 },
	{ "wild-vectors", wild_vectors, 16 },
	{ "connections", attack_connections, 64 },
	{ "status", status, 64 },
	{ "live-rings", live_rings, 16 },
	{ "deadly-vectors", deadly_vectors, 4 },
	{ NULL, NULL, 0 },
};
