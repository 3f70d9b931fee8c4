/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vq.h - the device's half of a split virtqueue (virtio 1.2, section 2.7).
 *
 *   descriptor table            available ring          used ring
 *   [addr len flags next]  <--  idx, heads the    -->   idx, heads we are
 *   [addr len flags next]       driver offers           done with, lengths
 *
 * The three live in guest RAM and the driver may rewrite any of it at any
 * time.  Each field is loaded once, checked, and the copy is used.  A driver
 * that breaks a rule breaks its queue: every later call says -EPROTO until
 * the device is reset.
 *
 * No lock inside: whoever serves the queue calls, one thread at a time.
 */
#ifndef DEVICES_VIRTIO_VQ_H
#define DEVICES_VIRTIO_VQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "vmm/core/gmem.h"
#include "vmm/lib/le.h"

#define VQ_SIZE_MAX 256
/*
 * A chain is no longer than the queue; a few more pieces for buffers that lie
 * across two regions of RAM.
 */
#define VQ_SEGMENTS (VQ_SIZE_MAX + 8)

struct vq_desc {
	le64_t addr;
	le32_t len;
	le16_t flags;
	le16_t next;
};

struct vq_avail {
	le16_t flags;
	le16_t idx;
	le16_t ring[]; /* size entries, then used_event */
};

struct vq_used_elem {
	le32_t id;
	le32_t len;
};

struct vq_used {
	le16_t flags;
	le16_t idx;
	struct vq_used_elem ring[]; /* size entries, then avail_event */
};

/* What the driver configured. */
struct vq_setup {
	uint16_t size;
	gpa_t desc, avail, used;
	bool indirect, event_idx; /* negotiated features */
};

struct vq {
	const struct gmem *gm;
	uint16_t size; /* 0: not set up */
	bool indirect, event_idx;
	const unsigned char *desc; /* size struct vq_desc */
	struct vq_avail *avail;
	struct vq_used *used;
	uint16_t next_avail; /* index of the next chain we take */
	uint16_t seen_avail; /* the driver's index when last looked at */
	uint16_t next_used;
	uint16_t signalled; /* next_used when the interrupt was last decided */
	const char *broken; /* why; NULL while the driver behaves */
};

/*
 * A request: the driver's buffers in order, pointing into guest RAM, those to
 * read also into a rom of gmem.h.  Bytes to read are iov[0..nr_read), bytes to
 * write iov[nr_read..nr_read+nr_write).
 */
struct vq_chain {
	uint16_t head;
	unsigned nr_read, nr_write;
	uint32_t read_len, write_len; /* bytes, together below 4 GiB */
	struct iovec iov[VQ_SEGMENTS];
};

/* -EINVAL when size, alignment or place of the rings is not acceptable. */
int vq_init(struct vq *vq, const struct gmem *gm, const struct vq_setup *setup);
/*
 * A queue that somebody else has served up to now, in order, as far as its
 * used ring says: go on from there.
 */
void vq_resume(struct vq *vq);

/* Take the next request.  1: @c is filled; 0: none waiting; -EPROTO. */
int vq_pop(struct vq *vq, struct vq_chain *c);
/* Put the request popped last back: nothing of it was used. */
void vq_unpop(struct vq *vq);
/* Hand back the request @head of which the first @written bytes are ours. */
void vq_push(struct vq *vq, uint16_t head, uint32_t written);
/*
 * Several that the driver must see at once (virtio 1.2, 5.1.6.3): fill entry
 * @i, counted from the next free one, for each, then show all @nr.
 */
void vq_fill(struct vq *vq, uint16_t i, uint16_t head, uint32_t written);
void vq_show(struct vq *vq, uint16_t nr);

/* After a batch of vq_push(): does the driver want an interrupt? */
bool vq_notify_needed(struct vq *vq);

/* Ask the driver not to kick (a hint). */
void vq_kicks_off(struct vq *vq);
/*
 * Ask for a kick when more comes.  True: more has come meanwhile, possibly
 * without a kick; take it first.
 */
bool vq_kicks_on(struct vq *vq);

/* Break the queue; @why is a string constant.  Returns -EPROTO. */
int vq_break(struct vq *vq, const char *why);

#endif
