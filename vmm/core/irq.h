/* SPDX-License-Identifier: Apache-2.0 */
/*
 * irq.h - an interrupt line or an MSI as one small object.
 *
 * Each is an eventfd that KVM turns into the interrupt (irqfd), so raising
 * one takes no lock and no thread.  While an MSI is masked its eventfd is
 * disconnected and keeps what was raised: that is its pending bit, and KVM
 * delivers it when the eventfd is connected again.
 */
#ifndef VMM_CORE_IRQ_H
#define VMM_CORE_IRQ_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/lib/err.h"

/*
 * MSI routes of one VM; KVM's own limit on x86 is 4096 with the pins', see
 * KVM_MAX_IRQ_ROUTES.
 */
#define IRQ_MSI_MAX 4000

struct irqchip {
	int vm_fd; /* -1: no KVM (unit tests), eventfds stay unconnected */
	pthread_mutex_t lock; /* guards the table and KVM's copy of it */
	unsigned pins; /* IOAPIC pins routed one to one */
	unsigned nr_msi; /* entries of msi[] ever used */
	struct irq_msi_route {
		bool used, enabled;
		uint64_t addr;
		uint32_t data;
	} * msi; /* nr_msi of them */
};

struct irq {
	struct irqchip *chip;
	int fd; /* eventfd; -1: not open */
	int resample_fd; /* of a level line: eventfd, signalled at its EOI */
	uint32_t gsi;
	bool msi, level;
	bool connected; /* KVM listens to fd */
};

int irqchip_init(struct irqchip *chip, int vm_fd, struct err *err);
void irqchip_done(struct irqchip *chip);

/* An edge on IOAPIC pin @pin. */
int irq_open_line(struct irq *irq, struct irqchip *chip, unsigned pin,
		  struct err *err);
/*
 * A level on pin @gsi.  Raising it asserts the pin until the guest's EOI; KVM
 * then deasserts it and signals irq->resample_fd: who still wants the interrupt
 * raises it again (Documentation/virt/kvm/api.rst, KVM_IRQFD_FLAG_RESAMPLE).
 * Pins may be shared.
 */
int irq_open_intx(struct irq *irq, struct irqchip *chip, unsigned gsi,
		  struct err *err);
/* A masked MSI without an address.  -ENOSPC when IRQ_MSI_MAX are in use. */
int irq_open_msi(struct irq *irq, struct irqchip *chip, struct err *err);
/* Accepts one that was never opened (fd -1). */
void irq_close(struct irq *irq);

/*
 * What a write to the MSI-X table (or the MSI capability) amounts to.  The
 * values are the guest's: KVM ignores a message that no CPU takes, we what is
 * no message: an address outside of the window of the LAPICs (-EINVAL).  0 or
 * -errno, in which case the vector stays silent.
 */
int irq_set_msi(struct irq *irq, uint64_t addr, uint32_t data, bool masked);

/* Raise it; any thread. */
void irq_raise(const struct irq *irq);

/* Raised while masked and not delivered yet. */
bool irq_pending(const struct irq *irq);

#endif
