/* SPDX-License-Identifier: Apache-2.0 */
/* vq.c - the device's half of a split virtqueue. */
#include "devices/virtio/vq.h"

#include <errno.h>
#include <linux/virtio_ring.h>

_Static_assert(sizeof(struct vq_desc) == 16, "virtio 1.2, 2.7.5");
_Static_assert(sizeof(struct vq_used_elem) == 8, "virtio 1.2, 2.7.8");

int vq_break(struct vq *vq, const char *why)
{
	if (!vq->broken)
		vq->broken = why;
	return -EPROTO;
}

int vq_init(struct vq *vq, const struct gmem *gm, const struct vq_setup *setup)
{
	unsigned size = setup->size;

	*vq = (struct vq){ 0 };
	if (size == 0 || size > VQ_SIZE_MAX || (size & (size - 1)))
		return -EINVAL;
	if (setup->desc % 16 || setup->avail % 2 || setup->used % 4)
		return -EINVAL;

	/* Both rings with the event index behind them, used or not. */
	void *desc = gmem_ptr(gm, setup->desc, sizeof(struct vq_desc) * size);
	void *avail =
		gmem_ptr(gm, setup->avail,
			 sizeof(struct vq_avail) + sizeof(le16_t) * (size + 1));
	void *used = gmem_ptr(gm, setup->used,
			      sizeof(struct vq_used) +
				      sizeof(struct vq_used_elem) * size +
				      sizeof(le16_t));
	if (!desc || !avail || !used)
		return -EINVAL;

	*vq = (struct vq){
		.gm = gm,
		.size = setup->size,
		.indirect = setup->indirect,
		.event_idx = setup->event_idx,
		.desc = desc,
		.avail = avail,
		.used = used,
	};
	return 0;
}

void vq_resume(struct vq *vq)
{
	uint16_t done = le16_load_acquire(&vq->used->idx);

	vq->next_used = vq->signalled = done;
	vq->next_avail = vq->seen_avail = done;
}

/* The driver writes it: above this index we need no interrupt. */
static le16_t *used_event(const struct vq *vq)
{
	return &vq->avail->ring[vq->size];
}

/* We write it: above this index the driver need not kick. */
static le16_t *avail_event(const struct vq *vq)
{
	return (le16_t *)(void *)&vq->used->ring[vq->size];
}

struct desc_copy {
	gpa_t addr;
	uint32_t len;
	uint16_t flags, next;
};

/*
 * Each field is loaded once: the driver may be writing at this moment.  Section
 * 2.7.5.3 asks for no alignment of an indirect table, so there is none.
 */
static struct desc_copy fetch(const unsigned char *d)
{
	return (struct desc_copy){
		.addr = le64_load_once(d + offsetof(struct vq_desc, addr)),
		.len = le32_load_once(d + offsetof(struct vq_desc, len)),
		.flags = le16_load_once(d + offsetof(struct vq_desc, flags)),
		.next = le16_load_once(d + offsetof(struct vq_desc, next)),
	};
}

static int add_buffer(struct vq *vq, struct vq_chain *c,
		      const struct desc_copy *d)
{
	bool write = d->flags & VRING_DESC_F_WRITE;
	unsigned nr = c->nr_read + c->nr_write;
	unsigned before = nr;

	if (!write && c->nr_write)
		return vq_break(vq, "readable buffer after a writable one");
	if (d->len > UINT32_MAX - c->read_len - c->write_len)
		return vq_break(vq, "chain of 4 GiB or more");

	int r = write ? gmem_iov(vq->gm, d->addr, d->len, c->iov, &nr,
				 VQ_SEGMENTS)
		      : gmem_iov_read(vq->gm, d->addr, d->len, c->iov, &nr,
				      VQ_SEGMENTS);
	if (r == -ENOSPC)
		return vq_break(vq, "chain of too many pieces");
	if (r < 0)
		return vq_break(vq, "buffer outside RAM");

	if (write) {
		c->nr_write += nr - before;
		c->write_len += d->len;
	} else {
		c->nr_read += nr - before;
		c->read_len += d->len;
	}
	return 0;
}

static int walk(struct vq *vq, struct vq_chain *c, const unsigned char *table,
		unsigned nr, uint16_t i, bool nested);

/* Section 2.7.5.3: the last of the chain may be a table of its own. */
static int walk_indirect(struct vq *vq, struct vq_chain *c,
			 const struct desc_copy *d)
{
	unsigned nr = d->len / (unsigned)sizeof(struct vq_desc);

	if (!vq->indirect)
		return vq_break(vq, "indirect table without the feature");
	if (d->flags & VRING_DESC_F_NEXT)
		return vq_break(vq, "indirect descriptor with a successor");
	if (nr == 0 || nr > vq->size || d->len % sizeof(struct vq_desc))
		return vq_break(vq, "indirect table of a bad size");

	const unsigned char *table = gmem_ptr(vq->gm, d->addr, d->len);
	if (!table)
		return vq_break(vq, "indirect table outside RAM");
	return walk(vq, c, table, nr, 0, true);
}

/* Follow the chain from @i.  One longer than the table must be a loop. */
static int walk(struct vq *vq, struct vq_chain *c, const unsigned char *table,
		unsigned nr, uint16_t i, bool nested)
{
	for (unsigned n = 0; n < nr; n++) {
		if (i >= nr)
			return vq_break(vq, "descriptor outside the table");

		struct desc_copy d = fetch(table + sizeof(struct vq_desc) * i);
		if (d.flags & VRING_DESC_F_INDIRECT) {
			if (nested)
				return vq_break(vq, "nested indirect table");
			return walk_indirect(vq, c, &d);
		}

		int r = add_buffer(vq, c, &d);
		if (r < 0 || !(d.flags & VRING_DESC_F_NEXT))
			return r;
		i = d.next;
	}
	return vq_break(vq, "descriptor chain loops");
}

int vq_pop(struct vq *vq, struct vq_chain *c)
{
	if (vq->broken || vq->size == 0)
		return -EPROTO;

	if (vq->seen_avail == vq->next_avail) {
		/*
		 * Pairs with the driver's release of idx after it filled the
		 * ring and the descriptors: these are visible to us now.
		 */
		vq->seen_avail = le16_load_acquire(&vq->avail->idx);
		uint16_t waiting = (uint16_t)(vq->seen_avail - vq->next_avail);
		if (waiting > vq->size)
			return vq_break(vq, "avail index ran ahead");
		if (waiting == 0)
			return 0;
	}

	unsigned slot = vq->next_avail & (vq->size - 1U);
	c->head = le16toh(
		__atomic_load_n(&vq->avail->ring[slot].raw, __ATOMIC_RELAXED));
	c->nr_read = c->nr_write = 0;
	c->read_len = c->write_len = 0;

	int r = walk(vq, c, vq->desc, vq->size, c->head, false);
	if (r < 0)
		return r;
	vq->next_avail++;
	return 1;
}

void vq_unpop(struct vq *vq)
{
	if (!vq->broken)
		vq->next_avail--;
}

void vq_fill(struct vq *vq, uint16_t i, uint16_t head, uint32_t written)
{
	if (vq->broken || vq->size == 0)
		return;

	unsigned slot = (uint16_t)(vq->next_used + i) & (vq->size - 1U);
	struct vq_used_elem *e = &vq->used->ring[slot];
	__atomic_store_n(&e->id.raw, htole32(head), __ATOMIC_RELAXED);
	__atomic_store_n(&e->len.raw, htole32(written), __ATOMIC_RELAXED);
}

void vq_show(struct vq *vq, uint16_t nr)
{
	if (vq->broken || vq->size == 0)
		return;
	vq->next_used = (uint16_t)(vq->next_used + nr);
	/* Pairs with the driver's acquire of idx before it reads entries. */
	le16_store_release(&vq->used->idx, vq->next_used);
}

void vq_push(struct vq *vq, uint16_t head, uint32_t written)
{
	vq_fill(vq, 0, head, written);
	vq_show(vq, 1);
}

bool vq_notify_needed(struct vq *vq)
{
	uint16_t old = vq->signalled;

	if (vq->broken || vq->size == 0)
		return false;
	/*
	 * The used index must be visible before we read what the driver wants:
	 * it writes used_event (or flags), fences, and looks at the used index
	 * again.  So one of us sees the other's store.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	vq->signalled = vq->next_used;
	if (vq->next_used == old)
		return false;
	if (!vq->event_idx)
		return !(le16toh(__atomic_load_n(&vq->avail->flags.raw,
						 __ATOMIC_RELAXED)) &
			 VRING_AVAIL_F_NO_INTERRUPT);

	uint16_t event = le16toh(
		__atomic_load_n(&used_event(vq)->raw, __ATOMIC_RELAXED));
	return vring_need_event(event, vq->next_used, old);
}

void vq_kicks_off(struct vq *vq)
{
	/* With event indices an old avail_event keeps the driver silent. */
	if (vq->size && !vq->event_idx)
		__atomic_store_n(&vq->used->flags.raw,
				 htole16(VRING_USED_F_NO_NOTIFY),
				 __ATOMIC_RELAXED);
}

bool vq_kicks_on(struct vq *vq)
{
	if (vq->broken || vq->size == 0)
		return false;
	if (vq->event_idx)
		__atomic_store_n(&avail_event(vq)->raw, htole16(vq->next_avail),
				 __ATOMIC_RELAXED);
	else
		__atomic_store_n(&vq->used->flags.raw, htole16(0),
				 __ATOMIC_RELAXED);
	/*
	 * The driver stores its index, fences, and reads what we just wrote;
	 * we do it the other way round.  So one of us sees the other's store.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return le16_load_acquire(&vq->avail->idx) != vq->next_avail;
}
