/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest.h - what a payload guest has: a serial port to report on, the power
 * register to end with, and the machine's registers.
 *
 * A guest is one file with guest_main().  It prints what it found; the last
 * line says "pass", and the runner compares.  Ring 0 may be emulated at a few
 * million instructions a second, so guests stay small.
 */
#ifndef TESTS_GUEST_LIB_GUEST_H
#define TESTS_GUEST_LIB_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* PVH: xen/include/public/arch-x86/hvm/start_info.h, version 1. */
struct start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modules, cmdline, rsdp, memmap;
	uint32_t nr_memmap, reserved;
};

struct start_module {
	uint64_t addr, size, cmdline, reserved;
};

struct start_range {
	uint64_t addr, size;
	uint32_t type, reserved; /* type 1: RAM */
};

#define START_MAGIC 0x336ec578
#define START_RAM   1

/* The guest itself.  Returning powers off. */
void guest_main(const struct start_info *si);

static inline void out8(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline void out16(uint16_t port, uint16_t v)
{
	__asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline void out32(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline uint8_t in8(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

static inline uint16_t in16(uint16_t port)
{
	uint16_t v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

static inline uint32_t in32(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

/* Registers in memory; mov alone, so that any emulator takes it. */
#define MMIO_ACCESS(bits)                                                      \
	static inline uint##bits##_t read##bits(uint64_t addr)                 \
	{                                                                      \
		uint##bits##_t v;                                              \
		__asm__ volatile("mov (%1), %0"                                \
				 : "=r"(v)                                     \
				 : "r"(addr)                                   \
				 : "memory");                                  \
		return v;                                                      \
	}                                                                      \
	static inline void write##bits(uint64_t addr, uint##bits##_t v)        \
	{                                                                      \
		__asm__ volatile("mov %0, (%1)"                                \
				 :                                             \
				 : "r"(v), "r"(addr)                           \
				 : "memory");                                  \
	}
MMIO_ACCESS(8)
MMIO_ACCESS(16)
MMIO_ACCESS(32)
MMIO_ACCESS(64)
#undef MMIO_ACCESS

static inline void barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void *memset(void *dst, int c, size_t len);
void *memcpy(void *dst, const void *src, size_t len);
int memcmp(const void *a, const void *b, size_t len);

/* The serial port. */
void put(const char *s);
void put_hex(uint64_t v);
void put_dec(uint64_t v);
/* One line: "name: value". */
void say(const char *name, uint64_t v);
/* Bytes the host sent; waits for one. */
char get(void);

/* The end. */
void power_off(void) __attribute__((noreturn));
void reset(void) __attribute__((noreturn));

/* Prints "FAIL line N: text" and powers off unless @fact holds. */
#define check(fact) check_at((fact), #fact, __LINE__)
void check_at(bool fact, const char *text, int line);

/* A position-dependent sum: what the runner computes over the same bytes. */
uint32_t checksum(const void *data, size_t len);

extern char guest_end[]; /* first byte behind this program */

#endif
