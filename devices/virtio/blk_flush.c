/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blk_flush.c - flushes (virtio 1.2, section 5.2.6.2).
 *
 * What was completed before a flush was offered must be permanent when the
 * flush is.  We give more than that: a flush waits for every write that was
 * taken before it, completed or not, from whichever queue.  One flush is in
 * flight at a time and does for all that could go by then, so a guest that
 * flushes much does not make the host flush as much.
 *
 * Epochs: each flush begins one.  A write belongs to the epoch in which it was
 * taken; a flush counts those before it that are not over.
 */
#include "devices/virtio/blk_priv.h"

static void flushed(struct blk *blk, struct blk_request *r);

/* Those at the head of the queue that need not wait, by one operation. */
static void try_flush(struct blk *blk)
{
	struct blk_request *first = blk->flush;
	struct blk_request *last = NULL;

	if (blk->flushing)
		return;
	/* A later one waits for whatever an earlier one does. */
	while (blk->flush && blk->flush->waits == 0) {
		last = blk->flush;
		blk->flush = last->next;
	}
	if (!last)
		return;
	last->next = NULL;
	if (!blk->flush)
		blk->last_flush = &blk->flush;
	blk->covered = first;
	blk->flushing = true;
	first->io = (struct io){ .kind = IO_FLUSH };
	blk_submit(blk, first, flushed);
}

static void flushed(struct blk *blk, struct blk_request *r)
{
	uint8_t status = blk_status(blk, r->io.result);
	struct blk_request *next = blk->covered;

	blk->covered = NULL;
	blk->flushing = false;
	while (next) {
		struct blk_request *one = next;

		next = one->next;
		blk_finish(blk, one, status);
	}
	try_flush(blk);
}

void blk_flush(struct blk *blk, struct blk_request *r)
{
	if (blk->readonly || blk->cache == BLK_UNSAFE) {
		blk_finish(blk, r, VIRTIO_BLK_S_OK);
		return;
	}
	r->epoch = blk->epoch++;
	r->waits = blk->writes;
	r->next = NULL;
	*blk->last_flush = r;
	blk->last_flush = &r->next;
	try_flush(blk);
}

void blk_write_begins(struct blk *blk, struct blk_request *r)
{
	r->epoch = blk->epoch;
	blk->writes++;
}

void blk_write_ends(struct blk *blk, const struct blk_request *r)
{
	blk->writes--;
	for (struct blk_request *f = blk->flush; f; f = f->next)
		/* Before that flush; the numbers may have wrapped. */
		if ((int32_t)(f->epoch - r->epoch) >= 0)
			f->waits--;
	try_flush(blk);
}
