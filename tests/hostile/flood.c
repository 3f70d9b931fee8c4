/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flood.c - the serial port: more output than anybody reads, more input than
 * fits, its registers and its interrupt without end; and the power registers.
 */
#include "tests/guest/lib/irq.h"
#include "tests/guest/lib/pci.h"
#include "tests/hostile/lib/attack.h"

#define THR    LAYOUT_COM1
#define IER    (LAYOUT_COM1 + 1)
#define FCR    (LAYOUT_COM1 + 2)
#define LCR    (LAYOUT_COM1 + 3)
#define MCR    (LAYOUT_COM1 + 4)
#define LSR    (LAYOUT_COM1 + 5)
#define REGS   8
#define BURST  4096 /* bytes by one instruction */
#define BURSTS 6

/* More than the runner's pipe holds, while it does not read. */
static void out_without_end(void)
{
	memset((void *)SCRATCH, '#', BURST);
	attack_host("read-nothing");
	for (unsigned i = 0; i < BURSTS; i++) {
		uint64_t from = SCRATCH;
		uint64_t n = BURST;

		__asm__ volatile("rep outsb"
				 : "+S"(from), "+c"(n)
				 : "d"(THR)
				 : "memory");
	}
	(void)attack_get(); /* it has read all there was */
}

static void empty_interrupts(void)
{
	ioapic_route(LAYOUT_COM1_IRQ, 45);
	for (unsigned i = 0; i < 500; i++) {
		out8(IER, 0);
		out8(IER, 2);
		out8(THR, '#');
		irq_window();
	}
	out8(IER, 0);
}

static void looped_back(void)
{
	out8(MCR, 0x1f);
	for (unsigned i = 0; i < 500; i++)
		out8(THR, (uint8_t)i);
	for (unsigned i = 0; i < 100; i++)
		(void)in8(THR);
	check(!(in8(LSR) & 1));
}

static void any_register(void)
{
	for (unsigned i = 0; i < 1000; i++) {
		uint16_t reg = (uint16_t)(LAYOUT_COM1 + any() % REGS);

		/* Not a byte to the runner: divisor latch, or loopback. */
		out8(MCR, 0x10);
		if (reg == MCR)
			continue;
		if (any() % 2)
			out8(reg, (uint8_t)any());
		else
			(void)in8(reg);
		out16(reg, (uint16_t)any());
		(void)in32(reg);
	}
}

/*
 * The flood is many an x and, behind it, what the runner always sends.  The
 * first x has ended attack_host(); here goes the rest.
 */
static void drain(void)
{
	for (;;) {
		while (!(in8(LSR) & 1))
			;
		if (in8(THR) == 'n')
			return;
	}
}

static void input_without_end(void)
{
	attack_host("input 10000");
	drain();
}

/* At most 64 bytes each time: the last one is not among them. */
static void input_cleared_as_it_comes(void)
{
	attack_host("input 10000");
	for (unsigned i = 0; i < 100; i++)
		out8(FCR, i % 2 ? 7 : 6);
	drain();
}

static void power_values(void)
{
	for (unsigned reg = 0; reg < LAYOUT_POWER_PORTS; reg++)
		for (unsigned v = 0; v < 256; v++) {
			uint16_t port = (uint16_t)(LAYOUT_POWER + reg);

			(void)in8(port);
			if ((port == LAYOUT_SLEEP_CONTROL &&
			     v == LAYOUT_OFF_VALUE) ||
			    (port == LAYOUT_RESET && v == LAYOUT_RESET_VALUE))
				continue;
			out8(port, (uint8_t)v);
		}
}

/* Across registers, and across the end of them. */
static void power_in_pieces(void)
{
	for (uint16_t port = LAYOUT_POWER - 4;
	     port < LAYOUT_POWER + LAYOUT_POWER_PORTS + 1; port++) {
		(void)in16(port);
		(void)in32(port);
		out16(port, 0xffff);
		out32(port, UINT32_MAX);
		out16(port, 0);
		out32(port, 0);
	}
}

static void ioapic_without_end(void)
{
	for (unsigned i = 0; i < 200; i++) {
		write32(LAYOUT_IOAPIC, any() % 256);
		(void)read32(LAYOUT_IOAPIC + 0x10);
		(void)read64(LAYOUT_IOAPIC + any() % 64);
	}
	/* Ours: the serial port's and the power button's. */
	for (unsigned i = 0; i < 200; i++) {
		ioapic_route(LAYOUT_COM1_IRQ, 32 + any() % 16);
		ioapic_route(LAYOUT_POWER_IRQ, 0x18000 | (32 + any() % 16));
		out8(IER, 2);
		irq_window();
		out8(IER, 0);
	}
	ioapic_route(LAYOUT_POWER_IRQ, 0x10000);
}

static const struct attack attacks[] = {
	{ "output without end", out_without_end },
	{ "interrupts without end", empty_interrupts },
	{ "looped back", looped_back },
	{ "any register", any_register },
	{ "input without end", input_without_end },
	{ "input cleared as it comes", input_cleared_as_it_comes },
	{ "power: every value but two", power_values },
	{ "power: odd sizes and places", power_in_pieces },
	{ "IOAPIC: routes without end", ioapic_without_end },
};

void guest_main(const struct start_info *si)
{
	attack_begin(si);
	attack_all("serial", attacks, ELEMENTS(attacks));
	attack_end();
}
