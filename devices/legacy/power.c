/* SPDX-License-Identifier: Apache-2.0 */
/* power.c - power-off, reset and the power button. */
#include "devices/legacy/power.h"

#include <errno.h>
#include <string.h>

#include "vmm/core/layout.h"

static void power_read(void *owner, uint64_t off, void *data, unsigned len)
{
	(void)owner;
	(void)off;
	memset(data, 0, len);
}

static void power_write(void *owner, uint64_t off, const void *data,
			unsigned len)
{
	const struct power *p = owner;
	uint64_t port = LAYOUT_POWER + off;
	uint8_t v = *(const uint8_t *)data;

	(void)len;
	if (port == LAYOUT_SLEEP_CONTROL && v == LAYOUT_OFF_VALUE)
		p->off(p->arg);
	else if (port == LAYOUT_RESET && v == LAYOUT_RESET_VALUE)
		p->reset(p->arg);
}

static const struct bus_ops power_ops = {
	.read = power_read,
	.write = power_write,
};

int power_init(struct power *p, struct bus *pio, struct irqchip *chip,
	       struct err *err)
{
	p->button.fd = -1;
	int r = irq_open_line(&p->button, chip, LAYOUT_POWER_IRQ, err);
	if (r < 0)
		return err_wrap(err, "power button");
	r = bus_add(pio, LAYOUT_POWER, LAYOUT_POWER_PORTS, &power_ops, p);
	if (r < 0)
		return err_set(err, -r, "claim the power registers' I/O ports");
	return 0;
}

void power_done(struct power *p)
{
	irq_close(&p->button);
}

void power_press(const struct power *p)
{
	irq_raise(&p->button);
}
