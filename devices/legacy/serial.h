/* SPDX-License-Identifier: Apache-2.0 */
/* serial.h - a 16550A for early messages, panics and payload guests. */
#ifndef DEVICES_LEGACY_SERIAL_H
#define DEVICES_LEGACY_SERIAL_H

#include <pthread.h>
#include <stdint.h>

#include "devices/backend/limit.h"
#include "devices/bus.h"
#include "vmm/core/irq.h"
#include "vmm/core/loop.h"

#define SERIAL_FIFO 64
/*
 * Bytes of output a second unless serial_limit() says otherwise; a real port
 * has 11520.  Somebody keeps what a guest prints, so there is always a limit.
 */
#define SERIAL_RATE (UINT64_C(1) << 20)

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
	struct limit limit; /* of the output */
	uint64_t dropped; /* bytes that nobody read in time */
	uint64_t flooded; /* bytes dropped because of the limit */
};

/*
 * At LAYOUT_COM1 on @pio.  @out_fd takes what the guest prints; a reader that
 * does not keep up loses bytes, never the guest its time, and neither does a
 * guest that prints more than its limit.  @in_fd (-1: none) is read on @loop.
 * Both stay the caller's.
 */
int serial_init(struct serial *s, struct bus *pio, struct irqchip *chip,
		struct loop *loop, int out_fd, int in_fd, struct err *err);
/* Before the guest runs: @rate bytes a second, at least 1. */
void serial_limit(struct serial *s, uint64_t rate);
/* The loop no longer runs.  Says how much the limit cost. */
void serial_done(struct serial *s);

#endif
