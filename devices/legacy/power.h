/* SPDX-License-Identifier: Apache-2.0 */
/*
 * power.h - power-off, reset and the power button: the registers that the
 * ACPI tables name; vmm/core/layout.h says where, and what turns off.
 */
#ifndef DEVICES_LEGACY_POWER_H
#define DEVICES_LEGACY_POWER_H

#include "devices/bus.h"
#include "vmm/core/irq.h"

struct power {
	struct irq button;
	void (*off)(void *arg); /* on a vCPU's thread, without a lock */
	void (*reset)(void *arg);
	void *arg;
};

/* At LAYOUT_POWER on @pio; set off, reset and arg before. */
int power_init(struct power *p, struct bus *pio, struct irqchip *chip,
	       struct err *err);
void power_done(struct power *p);

/* Press the button: an edge on LAYOUT_POWER_IRQ.  Any thread. */
void power_press(const struct power *p);

#endif
