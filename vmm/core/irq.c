/* SPDX-License-Identifier: Apache-2.0 */
/* irq.c - eventfds that KVM turns into interrupts. */
#include "vmm/core/irq.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm/core/kvm.h"
#include "vmm/core/layout.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

/* Of the low half: the high one may select more processors. */
#define LAPIC_WINDOW 0xfff00000U

/* KVM takes the whole table at once.  Caller holds chip->lock. */
static int write_routes(struct irqchip *chip)
{
	size_t max = 16 + chip->pins + chip->nr_msi;
	AUTO_FREE struct kvm_irq_routing *table =
		calloc(1, sizeof(*table) + max * sizeof(table->entries[0]));
	if (!table)
		return -ENOMEM;

	struct kvm_irq_routing_entry *e = table->entries;
	for (unsigned pin = 0; pin < chip->pins; pin++)
		*e++ = (struct kvm_irq_routing_entry){
			.gsi = pin,
			.type = KVM_IRQ_ROUTING_IRQCHIP,
			.u.irqchip = { KVM_IRQCHIP_IOAPIC, pin },
		};
	for (unsigned i = 0; i < chip->nr_msi; i++) {
		const struct irq_msi_route *m = &chip->msi[i];

		if (m->used && m->enabled)
			*e++ = (struct kvm_irq_routing_entry){
				.gsi = chip->pins + i,
				.type = KVM_IRQ_ROUTING_MSI,
				.u.msi = {
					.address_lo = (uint32_t)m->addr,
					.address_hi = (uint32_t)(m->addr >> 32),
					.data = m->data,
				},
			};
	}
	table->nr = (uint32_t)(e - table->entries);
	if (chip->vm_fd >= 0 &&
	    ioctl(chip->vm_fd, KVM_SET_GSI_ROUTING, table) < 0)
		return -errno;
	return 0;
}

int irqchip_init(struct irqchip *chip, int vm_fd, struct err *err)
{
	*chip = (struct irqchip){ .vm_fd = vm_fd, .pins = LAYOUT_MSI_GSI };
	(void)pthread_mutex_init(&chip->lock, NULL);

	/*
	 * KVM begins with each low pin also routed to the 8259, which nobody
	 * here programs: its interrupts would come as exceptions.
	 */
	int r = write_routes(chip);
	return r < 0 ? err_set(err, -r, "route interrupts") : 0;
}

void irqchip_done(struct irqchip *chip)
{
	free(chip->msi);
	chip->msi = NULL;
	(void)pthread_mutex_destroy(&chip->lock);
}

static int open_eventfd(struct irq *irq, struct irqchip *chip, struct err *err)
{
	*irq = (struct irq){ .chip = chip, .fd = -1, .resample_fd = -1 };
	irq->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (irq->fd < 0)
		return err_set(err, errno, "create an eventfd");
	return 0;
}

static int connect_irqfd(struct irq *irq, bool on)
{
	struct kvm_irqfd arg = {
		.fd = (uint32_t)irq->fd,
		.gsi = irq->gsi,
		.flags = on ? 0 : KVM_IRQFD_FLAG_DEASSIGN,
	};

	if (irq->connected == on)
		return 0;
	if (on && irq->level) {
		arg.flags |= KVM_IRQFD_FLAG_RESAMPLE;
		arg.resamplefd = (uint32_t)irq->resample_fd;
	}
	if (irq->chip->vm_fd >= 0 &&
	    ioctl(irq->chip->vm_fd, KVM_IRQFD, &arg) < 0)
		return -errno;
	irq->connected = on;
	return 0;
}

int irq_open_line(struct irq *irq, struct irqchip *chip, unsigned pin,
		  struct err *err)
{
	int r = open_eventfd(irq, chip, err);

	if (r < 0)
		return r;
	irq->gsi = pin;
	r = connect_irqfd(irq, true);
	if (r < 0) {
		irq_close(irq);
		return err_set(err, -r, "KVM_IRQFD");
	}
	return 0;
}

int irq_open_intx(struct irq *irq, struct irqchip *chip, unsigned gsi,
		  struct err *err)
{
	int r = open_eventfd(irq, chip, err);

	if (r < 0)
		return r;
	irq->gsi = gsi;
	irq->level = true;
	irq->resample_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (irq->resample_fd < 0) {
		r = err_set(err, errno, "create an eventfd");
		irq_close(irq);
		return r;
	}
	r = connect_irqfd(irq, true);
	if (r < 0) {
		irq_close(irq);
		return err_set(err, -r, "KVM_IRQFD with a resample eventfd");
	}
	return 0;
}

/* The number of a free route, made if need be.  Caller holds chip->lock. */
static int take_route(struct irqchip *chip)
{
	unsigned i = 0;

	while (i < chip->nr_msi && chip->msi[i].used)
		i++;
	if (i == IRQ_MSI_MAX)
		return -ENOSPC;
	if (i == chip->nr_msi) {
		struct irq_msi_route *msi =
			reallocarray(chip->msi, i + 1, sizeof(*msi));

		if (!msi)
			return -ENOMEM;
		chip->msi = msi;
		chip->nr_msi++;
	}
	chip->msi[i] = (struct irq_msi_route){ .used = true };
	return (int)i;
}

int irq_open_msi(struct irq *irq, struct irqchip *chip, struct err *err)
{
	int r = open_eventfd(irq, chip, err);

	if (r < 0)
		return r;
	irq->msi = true;

	(void)pthread_mutex_lock(&chip->lock);
	int route = take_route(chip);
	(void)pthread_mutex_unlock(&chip->lock);

	if (route < 0) {
		(void)close(irq->fd);
		irq->fd = -1;
		return route == -ENOSPC
			       ? err_say(err, ENOSPC,
					 "more than %d MSI vectors",
					 IRQ_MSI_MAX)
			       : err_set(err, -route, "make an MSI route");
	}
	irq->gsi = chip->pins + (unsigned)route;
	return 0;
}

/*
 * A message is a write to the window of the LAPICs (Intel SDM 3A, 11.11.1).
 * KVM would take any address for one, of whose bits it looks at a few; a
 * device's write to elsewhere is no interrupt.
 */
static bool is_message(uint64_t addr)
{
	return (addr & LAPIC_WINDOW) == (LAYOUT_LAPIC & LAPIC_WINDOW);
}

int irq_set_msi(struct irq *irq, uint64_t addr, uint32_t data, bool masked)
{
	struct irqchip *chip = irq->chip;
	int r = 0;

	if (masked)
		return connect_irqfd(irq, false);
	if (!is_message(addr)) {
		r = connect_irqfd(irq, false);
		return r < 0 ? r : -EINVAL;
	}

	(void)pthread_mutex_lock(&chip->lock);
	struct irq_msi_route *m = &chip->msi[irq->gsi - chip->pins];
	if (!m->enabled || m->addr != addr || m->data != data) {
		m->enabled = true;
		m->addr = addr;
		m->data = data;
		r = write_routes(chip);
		if (r < 0)
			m->enabled = false;
	}
	(void)pthread_mutex_unlock(&chip->lock);

	return r < 0 ? r : connect_irqfd(irq, true);
}

void irq_close(struct irq *irq)
{
	if (irq->fd < 0)
		return;
	(void)connect_irqfd(irq, false);
	if (irq->msi) {
		struct irqchip *chip = irq->chip;

		(void)pthread_mutex_lock(&chip->lock);
		chip->msi[irq->gsi - chip->pins] = (struct irq_msi_route){ 0 };
		(void)pthread_mutex_unlock(&chip->lock);
	}
	(void)close(irq->fd);
	irq->fd = -1;
	/* Zeroed, it may be 0 where it was never one. */
	if (irq->level && irq->resample_fd >= 0)
		(void)close(irq->resample_fd);
	irq->resample_fd = -1;
}

void irq_raise(const struct irq *irq)
{
	uint64_t one = 1;

	/* A full counter means that the interrupt is pending anyway. */
	if (irq->fd >= 0)
		(void)!write(irq->fd, &one, sizeof(one));
}

bool irq_pending(const struct irq *irq)
{
	return irq->fd >= 0 && !irq->connected &&
	       io_poll_now(irq->fd, POLLIN) != 0;
}
