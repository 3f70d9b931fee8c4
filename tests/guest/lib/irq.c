/* SPDX-License-Identifier: Apache-2.0 */
/*
 * irq.c - interrupt gates, local APIC, IOAPIC and INIT/SIPI for payload guests
 * (Intel SDM vol. 3, 6.14 and chapter 11).
 */
#include "tests/guest/lib/irq.h"

#include "tests/guest/lib/guest.h"
#include "vmm/core/layout.h"

#define CODE64	      8
#define GATE	      0x8e00
#define STUB_SIZE     16
#define AP_TRAMPOLINE UINT64_C(0x8000)

#define LAPIC_ID   (LAYOUT_LAPIC + 0x20)
#define LAPIC_EOI  (LAYOUT_LAPIC + 0xb0)
#define LAPIC_SVR  (LAYOUT_LAPIC + 0xf0)
#define LAPIC_ICR  (LAYOUT_LAPIC + 0x300)
#define SVR_ENABLE 0x1ff
#define ICR_INIT   0x000c4500 /* all but self, assert */
#define ICR_SIPI   0x000c4600

#define IOAPIC_SELECT LAYOUT_IOAPIC
#define IOAPIC_WINDOW (LAYOUT_IOAPIC + 0x10)
#define IOAPIC_PIN(n) (0x10 + 2 * (n))

struct gate {
	uint16_t offset_low, selector, type, offset_mid;
	uint32_t offset_high, reserved;
};

extern const char irq_stubs[], ap_trampoline[], ap_trampoline_end[];

void irq_entry(uint64_t vector, uint64_t error, uint64_t rip);
void ap_start(unsigned number);
void irq_sleep(void);

static struct gate idt[IRQ_VECTORS];
static unsigned counts[IRQ_VECTORS];

static void load_idt(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) p = { sizeof(idt) - 1, (uintptr_t)idt };

	__asm__ volatile("lidt %0" : : "m"(p));
}

void irq_init(void)
{
	for (unsigned i = 0; i < IRQ_VECTORS; i++) {
		uint32_t stub = (uint32_t)(uintptr_t)irq_stubs + i * STUB_SIZE;

		idt[i].offset_low = (uint16_t)stub;
		idt[i].offset_mid = (uint16_t)(stub >> 16);
		idt[i].selector = CODE64;
		idt[i].type = GATE;
	}
	load_idt();
}

void irq_entry(uint64_t vector, uint64_t error, uint64_t rip)
{
	if (vector < IRQ_FIRST) {
		say("exception", vector);
		say("error", error);
		say("rip", rip);
		reset();
	}
	irq_came((unsigned)vector);
	__atomic_fetch_add(&counts[vector], 1, __ATOMIC_SEQ_CST);
	write32(LAPIC_EOI, 0);
}

void lapic_enable(void)
{
	write32(LAPIC_SVR, SVR_ENABLE);
}

uint32_t lapic_id(void)
{
	return read32(LAPIC_ID) >> 24;
}

unsigned irq_count(unsigned vector)
{
	return __atomic_load_n(&counts[vector], __ATOMIC_SEQ_CST);
}

void irq_wait(unsigned vector, unsigned nr)
{
	while (irq_count(vector) < nr)
		irq_sleep();
}

void irq_window(void)
{
	__asm__ volatile("sti; nop; nop; cli" : : : "memory");
}

void ioapic_route(unsigned pin, unsigned vector)
{
	write32(IOAPIC_SELECT, IOAPIC_PIN(pin) + 1);
	write32(IOAPIC_WINDOW, lapic_id() << 24);
	write32(IOAPIC_SELECT, IOAPIC_PIN(pin));
	write32(IOAPIC_WINDOW, vector);
}

uint64_t msi_address(void)
{
	return LAYOUT_LAPIC | (uint64_t)lapic_id() << 12;
}

void smp_start(void)
{
	memcpy((void *)AP_TRAMPOLINE, ap_trampoline,
	       (size_t)(ap_trampoline_end - ap_trampoline));
	lapic_enable();
	write32(LAPIC_ICR, ICR_INIT);
	write32(LAPIC_ICR, ICR_SIPI | (AP_TRAMPOLINE >> 12));
}

__attribute__((weak)) void irq_came(unsigned vector)
{
	(void)vector;
}

__attribute__((weak)) void ap_main(unsigned number)
{
	(void)number;
}

void ap_start(unsigned number)
{
	load_idt();
	lapic_enable();
	ap_main(number);
}
