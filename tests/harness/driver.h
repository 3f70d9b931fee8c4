/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver.h - the guest's half of a virtio device: pretend RAM, a queue as a
 * driver keeps it, and a PCI driver that finds, negotiates and kicks through
 * configuration space and BAR.  No KVM, no root: interrupts are the eventfds
 * that KVM would listen to.  What fails here fails the test.
 */
#ifndef TESTS_HARNESS_DRIVER_H
#define TESTS_HARNESS_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/bus.h"
#include "devices/pci/pci.h"
#include "devices/virtio/virtio.h"
#include "vmm/core/gmem.h"
#include "vmm/core/irq.h"
#include "vmm/core/loop.h"

#define DRIVER_RAM	  (16U << 20)
#define DRIVER_PLUGGABLE  (128U << 20) /* beside it */
#define DRIVER_QUEUES_MAX 16
#define DRIVER_TIMEOUT	  20000 /* ms; only a failing test waits so long */

/* A queue in guest RAM at `base`: table, available ring, used ring. */
struct driver_queue {
	struct gmem *gm;
	uint16_t size;
	gpa_t desc, avail, used;
	uint16_t next_desc; /* the next free entry, round and round */
	uint16_t avail_idx, used_idx;
};

struct driver_buf {
	gpa_t at;
	uint32_t len;
	bool write; /* the device writes it */
};

/* Bytes that a queue of @size takes. */
#define DRIVER_QUEUE_BYTES(size) (32U * (size) + 64U)

void driver_queue_init(struct driver_queue *q, struct gmem *gm, gpa_t base,
		       uint16_t size);
void driver_queue_setup(const struct driver_queue *q, struct vq_setup *ret);
/* Write entry @i of the table, or of any table at @table. */
void driver_desc(struct driver_queue *q, uint16_t i, gpa_t addr, uint32_t len,
		 uint16_t flags, uint16_t next);
void driver_desc_at(struct gmem *gm, gpa_t table, uint16_t i, gpa_t addr,
		    uint32_t len, uint16_t flags, uint16_t next);
/* Put chain @head in the available ring. */
void driver_offer(struct driver_queue *q, uint16_t head);
/* Make a chain of @nr buffers, offer it; its head. */
uint16_t driver_chain(struct driver_queue *q, const struct driver_buf *buf,
		      unsigned nr);
/* Take an entry off the used ring; false when there is none. */
bool driver_take(struct driver_queue *q, uint32_t *ret_id, uint32_t *ret_len);

/* A machine with one device. */
struct driver {
	struct gmem gm;
	struct irqchip chip;
	struct loop loop;
	struct bus mmio, pio;
	struct pci_host host;
	struct virtio_dev *dev;
	unsigned slot;
	uint64_t bar;
	unsigned common, isr, notify, device, table, pba; /* in the BAR */
	unsigned msix_cap;
	struct driver_queue queue[DRIVER_QUEUES_MAX];
	gpa_t next; /* of driver_alloc() */
};

/* The machine with @ops (NULL: none) on it; 0 or virtio_open()'s -errno. */
int driver_try_open(struct driver *d, const struct virtio_ops *ops,
		    const void *config, struct err *err);
void driver_open(struct driver *d, const struct virtio_ops *ops,
		 const void *config);
void driver_close(struct driver *d);

/*
 * Enable the function, reset, accept what of @features is offered (VERSION_1
 * added), set up every queue and go.  The features agreed on.
 */
uint64_t driver_start(struct driver *d, uint64_t features);
/* Parts of it. */
void driver_enable(struct driver *d);
uint64_t driver_negotiate(struct driver *d, uint64_t features);
void driver_setup_queue(struct driver *d, unsigned nr);
void driver_status(struct driver *d, uint8_t bit);
/* Reset, and what a driver does again after it. */
void driver_restart(struct driver *d, uint64_t features);

uint32_t driver_config_read(struct driver *d, unsigned reg, unsigned len);
void driver_config_write(struct driver *d, unsigned reg, uint32_t value,
			 unsigned len);
/* Registers in the BAR. */
uint64_t driver_read(struct driver *d, unsigned off, unsigned len);
void driver_write(struct driver *d, unsigned off, uint64_t value, unsigned len);

gpa_t driver_alloc(struct driver *d, uint32_t len);
void *driver_ptr(struct driver *d, gpa_t at, uint32_t len);

void driver_kick(struct driver *d, unsigned nr);
/* The interrupt of vector @nr was raised since it was last asked. */
bool driver_interrupted(struct driver *d, unsigned nr);
/* Serve the loop until @nr has a used entry; takes it.  Its length. */
uint32_t driver_wait(struct driver *d, unsigned nr, uint32_t *ret_id);
/* Serve the loop until @done(@arg) says so. */
void driver_until(struct driver *d, bool (*done)(void *arg), void *arg);
/* Serve what is ready, until nothing is; fails when that never comes. */
void driver_settle(struct driver *d);
bool driver_needs_reset(struct driver *d);
/* What the device's statistics say of @name, which must be there. */
uint64_t driver_figure(struct driver *d, const char *name);

#endif
