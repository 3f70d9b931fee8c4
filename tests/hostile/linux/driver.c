/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver.c - a virtio driver in user space: rings and buffers lie in a huge
 * page whose physical address /proc/self/pagemap tells.
 */
#include <fcntl.h>
#include <linux/virtio_pci.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hostile.h"

#define PAGE	 4096U
#define PFN_MASK ((UINT64_C(1) << 55) - 1)
#define NEED_BIT 0x40U
#define RING_MAX 256U /* RING_BYTES has room for it */

struct pages pages_get(void)
{
	struct pages p;
	uint64_t entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	p.at = mmap(NULL, HUGE_PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_LOCKED |
			    MAP_POPULATE,
		    -1, 0);
	if (p.at == MAP_FAILED)
		give_up("get a huge page");
	memset(p.at, 0, HUGE_PAGE);
	if (fd < 0 ||
	    pread(fd, &entry, sizeof(entry),
		  (off_t)((uintptr_t)p.at / PAGE * sizeof(entry))) !=
		    sizeof(entry) ||
	    !(entry & PFN_MASK))
		give_up("find out a physical address");
	(void)close(fd);
	p.physical = (entry & PFN_MASK) * PAGE;
	return p;
}

void device_reset(struct function *f)
{
	poke(f->bar + VIRTIO_PCI_COMMON_STATUS, 1, 0);
	while (peek(f->bar + VIRTIO_PCI_COMMON_STATUS, 1) != 0 && in_time())
		(void)sched_yield();
}

void device_negotiate(struct function *f, uint64_t without)
{
	volatile uint8_t *c = f->bar;

	poke(c + VIRTIO_PCI_COMMON_STATUS, 1, 1);
	poke(c + VIRTIO_PCI_COMMON_STATUS, 1, 3);
	for (unsigned i = 0; i < 2; i++) {
		poke(c + VIRTIO_PCI_COMMON_DFSELECT, 4, i);
		poke(c + VIRTIO_PCI_COMMON_GFSELECT, 4, i);
		poke(c + VIRTIO_PCI_COMMON_GF, 4,
		     peek(c + VIRTIO_PCI_COMMON_DF, 4) &
			     ~(uint32_t)(without >> (32 * i)));
	}
	poke(c + VIRTIO_PCI_COMMON_STATUS, 1, 0xb);
}

void ring_place(struct ring *r, struct function *f, unsigned nr,
		struct pages mem, unsigned slot)
{
	volatile uint8_t *c = f->bar;

	*r = (struct ring){
		.f = f,
		.nr = nr,
		.mem = mem,
		.base = mem.at + (size_t)slot * RING_BYTES,
	};
	memset(r->base, 0, RING_BYTES);
	uint64_t base = ring_physical(r, r->base);
	poke(c + VIRTIO_PCI_COMMON_Q_SELECT, 2, nr);
	r->size = (unsigned)peek(c + VIRTIO_PCI_COMMON_Q_SIZE, 2);
	if (r->size == 0 || r->size > RING_MAX)
		give_up("find a queue");
	poke(c + VIRTIO_PCI_COMMON_Q_DESCLO, 4, base);
	poke(c + VIRTIO_PCI_COMMON_Q_DESCHI, 4, base >> 32);
	base += RING_AVAIL;
	poke(c + VIRTIO_PCI_COMMON_Q_AVAILLO, 4, base);
	poke(c + VIRTIO_PCI_COMMON_Q_AVAILHI, 4, base >> 32);
	base += RING_USED - RING_AVAIL;
	poke(c + VIRTIO_PCI_COMMON_Q_USEDLO, 4, base);
	poke(c + VIRTIO_PCI_COMMON_Q_USEDHI, 4, base >> 32);
	poke(c + VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
}

uint64_t ring_physical(const struct ring *r, const void *p)
{
	return r->mem.physical + (uint64_t)((const uint8_t *)p - r->mem.at);
}

struct descriptor *ring_desc(const struct ring *r, unsigned i)
{
	return (struct descriptor *)(void *)r->base + i;
}

/* The index is released after the entry. */
void ring_offer(struct ring *r, unsigned head)
{
	uint16_t *avail = (uint16_t *)(void *)(r->base + RING_AVAIL);

	avail[2 + r->next % r->size] = (uint16_t)head;
	r->next++;
	__atomic_store_n(&avail[1], r->next, __ATOMIC_RELEASE);
}

void ring_kick(const struct ring *r)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	poke(r->f->bar + BAR_NOTIFY + (size_t)4 * r->nr, 2, r->nr);
}

uint16_t ring_used(const struct ring *r)
{
	uint16_t *used = (uint16_t *)(void *)(r->base + RING_USED);

	return __atomic_load_n(&used[1], __ATOMIC_ACQUIRE);
}

unsigned queues_of(const struct function *f)
{
	return (unsigned)peek(f->bar + VIRTIO_PCI_COMMON_NUMQ, 2);
}

bool needs_reset(const struct function *f)
{
	return peek(f->bar + VIRTIO_PCI_COMMON_STATUS, 1) & NEED_BIT;
}

unsigned device_start(struct function *f, struct pages mem, struct ring *rings,
		      uint64_t without)
{
	unsigned nr = queues_of(f);

	device_reset(f);
	device_negotiate(f, without);
	if (nr == 0 || nr > 4)
		give_up("believe the number of queues");
	for (unsigned i = 0; i < nr; i++)
		ring_place(&rings[i], f, i, mem, i);
	poke(f->bar + VIRTIO_PCI_COMMON_STATUS, 1, STATUS_RING);
	return nr;
}
