/* SPDX-License-Identifier: Apache-2.0 */
/* irq.h - interrupts and the other processors, for payload guests. */
#ifndef TESTS_GUEST_LIB_IRQ_H
#define TESTS_GUEST_LIB_IRQ_H

#include <stdbool.h>
#include <stdint.h>

#define IRQ_VECTORS 48 /* 0..31 exceptions, 32.. interrupts */
#define IRQ_FIRST   32

/* Every vector gets a handler; exceptions print and reset. */
void irq_init(void);

/* Enable this processor's local APIC. */
void lapic_enable(void);
uint32_t lapic_id(void);

/* How often interrupt @vector came so far. */
unsigned irq_count(unsigned vector);
/* Sleep until it came @nr times in all. */
void irq_wait(unsigned vector, unsigned nr);
/* Let interrupts in for a moment. */
void irq_window(void);

/* Called at each interrupt, before it is ended; a guest may have its own. */
void irq_came(unsigned vector);

/*
 * IOAPIC pin @pin raises @vector here, edge-triggered; or with other flags of
 * an IOAPIC entry in @vector.
 */
void ioapic_route(unsigned pin, unsigned vector);

/* Where an MSI has to be written to raise @vector on this processor. */
uint64_t msi_address(void);

/* Wake all other processors: each calls ap_main() and halts when it returns. */
void smp_start(void);
void ap_main(unsigned number);

#endif
