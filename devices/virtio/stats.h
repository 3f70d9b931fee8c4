/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats.h - what a device counts.  Each counter has one writer at a time (the
 * device's lock or its thread) and may be read by anyone at any moment, so a
 * device that hangs in its backend can still be asked.
 */
#ifndef DEVICES_VIRTIO_STATS_H
#define DEVICES_VIRTIO_STATS_H

#include <stdint.h>

#include "devices/virtio/virtio.h"

static inline uint64_t stats_get(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static inline void stats_set(uint64_t *counter, uint64_t value)
{
	__atomic_store_n(counter, value, __ATOMIC_RELAXED);
}

static inline void stats_add(uint64_t *counter, uint64_t n)
{
	stats_set(counter, stats_get(counter) + n);
}

static inline void stats_tell(const struct virtio_teller *to, const char *name,
			      const uint64_t *counter)
{
	to->figure(to->arg, name, stats_get(counter));
}

#endif
