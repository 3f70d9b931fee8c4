/* SPDX-License-Identifier: Apache-2.0 */
/* button.c - "stop" presses the power button: an edge on its line. */
#include "tests/guest/lib/guest.h"
#include "tests/guest/lib/irq.h"
#include "vmm/core/layout.h"

#define VECTOR 40

void guest_main(const struct start_info *si)
{
	(void)si;
	lapic_enable();
	ioapic_route(LAYOUT_POWER_IRQ, VECTOR);
	put("ready\n");
	irq_wait(VECTOR, 1);
	put("pass\n");
}
