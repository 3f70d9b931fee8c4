/* SPDX-License-Identifier: Apache-2.0 */
/*
 * msix.h - the MSI-X table and pending bits of one function (PCI Express base
 * specification, 6.1.4 and 7.7.2).  Its owner routes BAR accesses here and
 * keeps the capability; msix_raise() comes from any thread and takes no lock.
 */
#ifndef DEVICES_PCI_MSIX_H
#define DEVICES_PCI_MSIX_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/core/irq.h"
#include "vmm/lib/err.h"

#define MSIX_VECTORS_MAX 2048 /* what Message Control can say */
#define MSIX_ENTRY_SIZE	 16

struct msix_vector {
	uint32_t addr_lo, addr_hi, data;
	bool masked;
	struct irq irq; /* fd -1 while lazy and never unmasked */
};

struct msix {
	pthread_mutex_t lock; /* guards the vectors' words and all_masked */
	unsigned nr;
	bool enabled; /* atomic: also read by msix_raise() */
	bool all_masked;
	struct irqchip *chip;
	struct msix_vector *vector; /* nr of them */
	/*
	 * The owner's, set after msix_init(); NULL: none.  The irq of vector
	 * @nr was opened just now: whoever raises it may be told of its
	 * eventfd.  The lock is held.
	 */
	void (*opened)(struct msix *msix, unsigned nr);
};

/*
 * @nr vectors (1 to MSIX_VECTORS_MAX), masked.  @lazy: each opens its irq when
 * it is first unmasked, and stays silent should that fail; else all are open
 * from the start.  msix_done() accepts one that failed or is zeroed.
 */
int msix_init(struct msix *msix, struct irqchip *chip, unsigned nr, bool lazy,
	      struct err *err);
void msix_done(struct msix *msix);

/* Bytes of the pending bits of @nr vectors. */
static inline uint64_t msix_pba_size(unsigned nr)
{
	return (nr + UINT64_C(63)) / 64 * 8;
}

/* Message Control was written: MSI-X Enable, Function Mask. */
void msix_control(struct msix *msix, bool enabled, bool all_masked);

/*
 * Guest accesses at @off of the table or the pending bits.  Only aligned
 * accesses of 4 or 8 bytes count; others read 0 and write nothing.
 */
void msix_table_read(struct msix *msix, uint64_t off, void *data, unsigned len);
void msix_table_write(struct msix *msix, uint64_t off, const void *data,
		      unsigned len);
void msix_pba_read(struct msix *msix, uint64_t off, void *data, unsigned len);

/* Raise vector @nr; one that does not exist is ignored. */
void msix_raise(struct msix *msix, unsigned nr);

#endif
