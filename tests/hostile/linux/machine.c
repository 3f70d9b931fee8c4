/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.c - attacks on what is no virtio device: I/O ports, physical
 * addresses where nobody is, the power registers; and the list of all attacks
 * for which the devices have no driver.
 */
#include <string.h>
#include <sys/io.h>

#include "hostile.h"

#define COM1	0x3f8U
#define POWER	0x600U /* vmm/core/layout.h */
#define RESET	(POWER + 2)
#define PORTS	0x10000U
#define MIB	((size_t)1 << 20)
#define WINDOW	(256 * MIB)
#define HOLE_AT 0xc0000000U
#define ABOVE	UINT64_C(0x100000000)
/* In no register of ours does such a value make an interrupt of KVM's. */
#define HARMLESS 0x0fffffffU

static void port(unsigned at, unsigned size, uint32_t value)
{
	uint16_t p = (uint16_t)at;

	switch (size) {
	case 1:
		(void)inb(p);
		outb((unsigned char)value, p);
		break;
	case 2:
		(void)inw(p);
		outw((unsigned short)value, p);
		break;
	default:
		(void)inl(p);
		outl(value, p);
		break;
	}
}

/* Reads and writes of every size, all 64 Ki ports in turn. */
static void ports(void)
{
	static const uint32_t value[] = { 0, 0xffffffff, 0x80000000, 1 };
	unsigned at = (unsigned)dice() % PORTS;

	do {
		uint64_t d = dice();
		unsigned size = 1U << d % 3;

		at = (at + 1) % PORTS;
		/* The serial port has an attack of its own, power as well. */
		if (at + size > PORTS || (at + size > COM1 && at < COM1 + 8) ||
		    (at + size > POWER && at < POWER + 4))
			continue;
		port(at, size,
		     d & 0x100 ? value[(d >> 16) % 4] : (uint32_t)(d >> 32));
	} while (going_on());
}

/* Every value but the two that end the machine. */
static void power(void)
{
	do {
		uint64_t d = dice();
		unsigned at = POWER - 3 + (unsigned)(d % 8);
		uint32_t value = (uint32_t)(d >> 32);

		if ((at <= POWER &&
		     (value >> 8 * (POWER - at) & 0xff) == 0x34) ||
		    (at <= RESET && (value >> 8 * (RESET - at) & 0xff) == 1))
			continue;
		port(at, 1U << (d >> 8) % 3, value);
	} while (going_on());
}

/* Windows, ECAM, holes: any size, any alignment, across pages and ends. */
static void mmio(void)
{
	const struct {
		uint64_t at;
		size_t size;
	} place[] = {
		{ WINDOW_AT, WINDOW },	  { WINDOW_AT, MIB },
		{ ECAM_AT, 4 * MIB },	  { ECAM_AT, MIB },
		{ HOLE_AT, MIB },	  { ABOVE, 16 * MIB },
		{ 0xf0000000, 16 * MIB }, { 0xfff00000, MIB },
	};
	volatile uint8_t *map[sizeof(place) / sizeof(place[0])];
	const unsigned nr = sizeof(place) / sizeof(place[0]);

	for (unsigned i = 0; i < nr; i++) {
		map[i] = map_physical(place[i].at, place[i].size);
		if (!map[i])
			give_up("map physical addresses");
	}
	do {
		uint64_t d = dice();
		unsigned i = (unsigned)(d % nr);
		size_t at = (d >> 8) % (place[i].size - 8);
		unsigned size = 1U << (d >> 40) % 4;

		if (d >> 63)
			at |= 0xffd; /* across a page's end */
		if (at + size > place[i].size)
			continue;
		(void)peek(map[i] + at, size);
		poke(map[i] + at, size, wild() & HARMLESS);
	} while (going_on());
}

static void reset(void)
{
	shared->done++;
	outb(1, RESET);
}

const struct attack driver_attacks[] = {
	{ "chains", attack_chains, 65 },
	{ "places", attack_places, 12 },
	{ "flipping", attack_flipping, 32 },
	{ "vsock-lies", attack_vsock_lies, 64 },
	{ "serial", attack_serial, 2 },
	{ "power", power, 256 },
	{ "mmio", mmio, 256 },
	{ "ports", ports, 256 },
	{ "random", attack_random, 256 },
	{ "reset", reset, 1 },
	{ NULL, NULL, 0 },
};
