/* SPDX-License-Identifier: Apache-2.0 */
/* attack.c - talking to the runner, and the second processor. */
#include "tests/hostile/lib/attack.h"

#include "tests/guest/lib/irq.h"
#include "vmm/core/layout.h"

#define SERIAL_VECTOR 47
#define WAKE_VECTOR   46

/* Of the 16550. */
#define IER	     (LAYOUT_COM1 + 1)
#define FCR	     (LAYOUT_COM1 + 2)
#define LCR	     (LAYOUT_COM1 + 3)
#define MCR	     (LAYOUT_COM1 + 4)
#define LSR	     (LAYOUT_COM1 + 5)
#define RX_ON	     1
#define FCR_CLEAR_RX 2

#define LAPIC_ICR   (LAYOUT_LAPIC + 0x300)
#define ICR_OTHERS  0x000c4000 /* fixed, assert, all but self */
#define ICR_PENDING 0x1000

static uint64_t end_of_ram;
static void (*body)(void);
static bool is_there;
static unsigned stops = 1; /* how often it was to stop */
static unsigned stopped; /* of these it has */

void irq_sleep(void);

/* As after a reset, whatever an attack did to it. */
static void restore_serial(void)
{
	out8(LCR, 0);
	out8(MCR, 0);
	out8(IER, 0);
	out8(FCR, FCR_CLEAR_RX);
}

char attack_get(void)
{
	ioapic_route(LAYOUT_COM1_IRQ, SERIAL_VECTOR);
	out8(IER, RX_ON);
	while (!(in8(LSR) & RX_ON))
		irq_sleep();
	char c = (char)in8(LAYOUT_COM1);
	out8(IER, 0);
	return c;
}

static void tell(const char *word, const char *what, const char *name)
{
	restore_serial();
	put("\n"); /* behind whatever was said */
	put(word);
	if (what) {
		put(what);
		put(": ");
	}
	put(name);
	put("\n");
	(void)attack_get();
}

void attack_done(const char *what, const char *name)
{
	tell("done ", what, name);
}

void attack_host(const char *word)
{
	tell("host ", NULL, word);
}

void attack_all(const char *what, const struct attack *list, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		list[i].run();
		attack_done(what, list[i].name);
	}
}

void attack_end(void)
{
	restore_serial();
	put("\npass\n");
	power_off();
}

uint64_t ram_end(void)
{
	return end_of_ram;
}

uint32_t any(void)
{
	static uint64_t state = 1; /* Knuth's MMIX generator */

	state = state * UINT64_C(6364136223846793005) +
		UINT64_C(1442695040888963407);
	return (uint32_t)(state >> 32);
}

static bool has_second(void)
{
	unsigned a = 1, b, c, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
	return (b >> 16 & 0xff) > 1;
}

void attack_begin(const struct start_info *si)
{
	const struct start_range *map = (const void *)si->memmap;

	for (uint32_t i = 0; i < si->nr_memmap; i++)
		if (map[i].type == START_RAM &&
		    map[i].addr + map[i].size > end_of_ram)
			end_of_ram = map[i].addr + map[i].size;
	lapic_enable();
	if (has_second()) {
		smp_start();
		is_there = true;
		second_stop();
	}
	tell("ready", NULL, "");
}

/* The second processor.  Interrupts are off but in irq_sleep(). */
void ap_main(unsigned number)
{
	(void)number;
	for (;;) {
		/* In this order: seeing a stop means seeing no body. */
		unsigned seen = __atomic_load_n(&stops, __ATOMIC_ACQUIRE);
		void (*what)(void) = __atomic_load_n(&body, __ATOMIC_ACQUIRE);

		if (what) {
			what();
			continue;
		}
		__atomic_store_n(&stopped, seen, __ATOMIC_RELEASE);
		/* A wake-up sent since the last sleep ends it at once. */
		irq_sleep();
	}
}

static void wake(void)
{
	write32(LAPIC_ICR, ICR_OTHERS | WAKE_VECTOR);
	while (read32(LAPIC_ICR) & ICR_PENDING)
		;
}

void second_go(void (*what)(void))
{
	check(is_there);
	__atomic_store_n(&body, what, __ATOMIC_RELEASE);
	wake();
}

void second_stop(void)
{
	__atomic_store_n(&body, NULL, __ATOMIC_RELEASE);
	unsigned nr = __atomic_add_fetch(&stops, 1, __ATOMIC_RELEASE);
	wake();
	while (__atomic_load_n(&stopped, __ATOMIC_ACQUIRE) != nr)
		__asm__ volatile("pause");
}
