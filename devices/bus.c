/* SPDX-License-Identifier: Apache-2.0 */
/* bus.c - address -> device. */
#include "devices/bus.h"

#include <errno.h>
#include <string.h>

void bus_init(struct bus *bus)
{
	pthread_rwlockattr_t attr;

	/*
	 * By default readers go first, and the processors of a hostile guest
	 * can see to it that there always is one: no range would ever go.
	 */
	*bus = (struct bus){ 0 };
	(void)pthread_rwlockattr_init(&attr);
	(void)pthread_rwlockattr_setkind_np(
		&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	(void)pthread_rwlock_init(&bus->lock, &attr);
	(void)pthread_rwlockattr_destroy(&attr);
}

void bus_done(struct bus *bus)
{
	(void)pthread_rwlock_destroy(&bus->lock);
}

/* Index of the first range that ends above @addr. */
static unsigned lower_bound(const struct bus *bus, uint64_t addr)
{
	unsigned lo = 0;
	unsigned hi = bus->nr;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;
		const struct bus_range *r = &bus->range[mid];

		if (r->base + (r->size - 1) < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int bus_add(struct bus *bus, uint64_t base, uint64_t size,
	    const struct bus_ops *ops, void *owner)
{
	int r = 0;

	if (size == 0 || size - 1 > UINT64_MAX - base)
		return -EINVAL;

	(void)pthread_rwlock_wrlock(&bus->lock);
	unsigned i = lower_bound(bus, base);
	if (i < bus->nr && bus->range[i].base <= base + (size - 1)) {
		r = -EEXIST;
	} else if (bus->nr == BUS_RANGES) {
		r = -ENOSPC;
	} else {
		memmove(&bus->range[i + 1], &bus->range[i],
			(bus->nr - i) * sizeof(bus->range[0]));
		bus->range[i] = (struct bus_range){ base, size, ops, owner };
		bus->nr++;
	}
	(void)pthread_rwlock_unlock(&bus->lock);
	return r;
}

int bus_remove(struct bus *bus, uint64_t base)
{
	int r = -ENOENT;

	(void)pthread_rwlock_wrlock(&bus->lock);
	unsigned i = lower_bound(bus, base);
	if (i < bus->nr && bus->range[i].base == base) {
		bus->nr--;
		memmove(&bus->range[i], &bus->range[i + 1],
			(bus->nr - i) * sizeof(bus->range[0]));
		r = 0;
	}
	(void)pthread_rwlock_unlock(&bus->lock);
	return r;
}

/* Caller holds the read lock. */
static const struct bus_range *find(const struct bus *bus, uint64_t addr,
				    unsigned len)
{
	unsigned i = lower_bound(bus, addr);

	if (i == bus->nr)
		return NULL;
	const struct bus_range *r = &bus->range[i];
	if (addr < r->base || len > r->size - (addr - r->base))
		return NULL;
	return r;
}

bool bus_read(struct bus *bus, uint64_t addr, void *data, unsigned len)
{
	(void)pthread_rwlock_rdlock(&bus->lock);
	const struct bus_range *r = find(bus, addr, len);
	if (r)
		r->ops->read(r->owner, addr - r->base, data, len);
	else
		memset(data, 0xff, len);
	(void)pthread_rwlock_unlock(&bus->lock);
	return r != NULL;
}

bool bus_write(struct bus *bus, uint64_t addr, const void *data, unsigned len)
{
	(void)pthread_rwlock_rdlock(&bus->lock);
	const struct bus_range *r = find(bus, addr, len);
	if (r)
		r->ops->write(r->owner, addr - r->base, data, len);
	(void)pthread_rwlock_unlock(&bus->lock);
	return r != NULL;
}
