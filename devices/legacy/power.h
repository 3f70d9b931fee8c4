/* SPDX-License-Identifier: Apache-2.0 */
/*
 * power.h - power-off, reset and the power button: the registers that the
 * ACPI tables name (ACPI 6.4 sections 4.8.3.7 and 4.8.4.6).
 *
 *   +0  SLEEP_CONTROL  write SLP_EN | SLP_TYP 5 << 2: power off
 *   +1  SLEEP_STATUS   reads 0
 *   +2  RESET          write POWER_RESET_VALUE: reset
 *   +3  reserved
 */
#ifndef DEVICES_LEGACY_POWER_H
#define DEVICES_LEGACY_POWER_H

#include "devices/bus.h"
#include "vmm/core/irq.h"

#define POWER_PORTS	  4
#define POWER_OFF_VALUE	  ((1 << 5) | (5 << 2))
#define POWER_RESET_VALUE 1

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
