/* SPDX-License-Identifier: Apache-2.0 */
/* serial.h - a 16550A for early messages, panics and payload guests. */
#ifndef DEVICES_LEGACY_SERIAL_H
#define DEVICES_LEGACY_SERIAL_H

#include <pthread.h>
#include <stdint.h>

#include "devices/bus.h"
#include "vmm/core/irq.h"
#include "vmm/core/loop.h"

#define SERIAL_FIFO 64

struct serial {
	pthread_mutex_t lock; /* guards everything below */
	int out_fd; /* owned by the caller; written without waiting */
	struct irq irq;
	struct loop *loop; /* of the input; NULL without one */
	struct loop_fd in;
	uint8_t ier, lcr, mcr, scr, dll, dlm, fcr;
	bool thr_empty_irq;
	uint8_t fifo[SERIAL_FIFO];
	unsigned fifo_head, fifo_len;
	uint64_t dropped; /* bytes that nobody read in time */
};

/*
 * At LAYOUT_COM1 on @pio.  @out_fd takes what the guest prints; a reader that
 * does not keep up loses bytes, never the guest its time.  @in_fd (-1: none)
 * is read on @loop.  Both stay the caller's.
 */
int serial_init(struct serial *s, struct bus *pio, struct irqchip *chip,
		struct loop *loop, int out_fd, int in_fd, struct err *err);
/* The loop no longer runs. */
void serial_done(struct serial *s);

#endif
