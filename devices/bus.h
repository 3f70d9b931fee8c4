/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus.h - address -> device, for MMIO and for I/O ports: one struct bus each.
 *
 * vCPU threads look up and call under the read lock, so that a range cannot
 * disappear under an access; ranges are added and removed under the write
 * lock.  So a handler must not change the bus that called it, nor look up on
 * it again (who waits to write goes before new readers): PCI keeps its BARs on
 * a bus of their own behind one range of the outer one, and moves them from
 * config-space writes, which come through another range.
 */
#ifndef DEVICES_BUS_H
#define DEVICES_BUS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define BUS_RANGES 256

/*
 * Handlers get the offset in the range and 1, 2, 4 or 8 bytes that lie inside
 * it, little-endian, and may be called by several vCPUs at once: they lock.
 */
struct bus_ops {
	void (*read)(void *owner, uint64_t off, void *data, unsigned len);
	void (*write)(void *owner, uint64_t off, const void *data,
		      unsigned len);
};

struct bus_range {
	uint64_t base, size;
	const struct bus_ops *ops;
	void *owner;
};

struct bus {
	pthread_rwlock_t lock; /* guards nr and range[] */
	unsigned nr;
	struct bus_range range[BUS_RANGES]; /* sorted by base, none overlap */
};

void bus_init(struct bus *bus);
void bus_done(struct bus *bus);

/* -EEXIST when it overlaps another range, -ENOSPC, -EINVAL (empty, wraps). */
int bus_add(struct bus *bus, uint64_t base, uint64_t size,
	    const struct bus_ops *ops, void *owner);
/* Remove the range that begins at @base; -ENOENT. */
int bus_remove(struct bus *bus, uint64_t base);

/*
 * An access of a vCPU.  Nobody there, or not wholly inside one range: reads
 * give all ones, writes vanish, and the result is false.
 */
bool bus_read(struct bus *bus, uint64_t addr, void *data, unsigned len);
bool bus_write(struct bus *bus, uint64_t addr, const void *data, unsigned len);

#endif
