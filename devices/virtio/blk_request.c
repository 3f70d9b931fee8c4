/* SPDX-License-Identifier: Apache-2.0 */
/* blk_request.c - requests: taken, checked, paid for, begun and handed back. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>

#include "devices/virtio/blk_priv.h"
#include "devices/virtio/iov.h"
#include "devices/virtio/stats.h"
#include "vmm/lib/le.h"
#include "vmm/lib/log.h"

#define BATCH_MAX 64 /* requests of a queue before others have their turn */

bool blk_in_range(const struct blk *blk, uint64_t sector, uint64_t sectors)
{
	uint64_t all = __atomic_load_n(&blk->sectors, __ATOMIC_RELAXED);

	return sector <= all && sectors <= all - sector;
}

/* A disk that fails does so for each request: a line for each kind. */
static void tell(struct blk *blk, int error)
{
	static const int kinds[] = { EIO, ENOSPC, EDQUOT, EFBIG };
	unsigned i = 0;

	while (i < sizeof(kinds) / sizeof(kinds[0]) && kinds[i] != error)
		i++;
	if (blk->told & 1U << i)
		return;
	blk->told |= 1U << i;
	log_warn("disk '%s': %s; the guest gets an error, now and when it "
		 "happens again",
		 blk->serial, strerrordesc_np(error));
}

uint8_t blk_status(struct blk *blk, int64_t result)
{
	if (result >= 0)
		return VIRTIO_BLK_S_OK;
	if (result == -EOPNOTSUPP)
		return VIRTIO_BLK_S_UNSUPP;
	tell(blk, (int)-result);
	return VIRTIO_BLK_S_IOERR;
}

/* Does the request in hand have more than struct blk_request has room for? */
static bool needs_extra(const struct blk *blk)
{
	return blk->chain.nr_read + blk->chain.nr_write > BLK_FEW ||
	       blk->nr_ranges > 0 || blk_must_bounce(blk);
}

static union blk_extra *take_extra(struct blk *blk)
{
	union blk_extra *x = blk->free_extra;

	if (x)
		blk->free_extra = x->next;
	else
		x = &blk->slots->extra[blk->extras_used++];
	return x;
}

/* There is one of each. */
static struct blk_request *take_request(struct blk *blk)
{
	struct blk_request *r = blk->free;

	if (r)
		blk->free = r->next;
	else
		r = &blk->slots->request[blk->requests_used++];
	r->extra = needs_extra(blk) ? take_extra(blk) : NULL;
	if (++blk->in_flight > blk->stats.most)
		stats_set(&blk->stats.most, blk->in_flight);
	return r;
}

void blk_submit(struct blk *blk, struct blk_request *r,
		void (*done)(struct blk *blk, struct blk_request *r))
{
	r->done = done;
	blk->engine->ops->submit(blk->engine, &r->io);
}

void blk_finish(struct blk *blk, struct blk_request *r, uint8_t status)
{
	struct vq *vq = &blk->dev->queue[r->queue].vq;

	(void)iov_write(&r->status, 1, 0, &status, sizeof(status));
	vq_push(vq, r->head, r->written);
	if (status == VIRTIO_BLK_S_IOERR)
		stats_add(&blk->stats.errors, 1);
	blk->dirty |= UINT64_C(1) << r->queue;
	blk->in_flight--;
	if (r->extra) {
		r->extra->next = blk->free_extra;
		blk->free_extra = r->extra;
	}
	r->next = blk->free;
	blk->free = r;
}

/* -------- discard and write-zeroes -------- */

static void next_range(struct blk *blk, struct blk_request *r);

static void end_ranges(struct blk *blk, struct blk_request *r, uint8_t status)
{
	blk_write_ends(blk, r);
	blk_finish(blk, r, status);
}

static void range_done(struct blk *blk, struct blk_request *r)
{
	bool zero = r->type == VIRTIO_BLK_T_WRITE_ZEROES;

	/* Not every file system can do both modes; either reads as zeros. */
	if (r->io.result == -EOPNOTSUPP && zero && !r->other_mode) {
		r->other_mode = true;
		next_range(blk, r);
		return;
	}
	uint8_t status = blk_status(blk, r->io.result);
	if (status != VIRTIO_BLK_S_OK) {
		end_ranges(blk, r, status);
		return;
	}
	r->range++;
	next_range(blk, r);
}

static int mode_of(const struct blk_request *r, uint32_t flags)
{
	bool punch = true;

	if (r->type == VIRTIO_BLK_T_WRITE_ZEROES) {
		punch = flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
		punch ^= r->other_mode;
	}
	return FALLOC_FL_KEEP_SIZE |
	       (punch ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE);
}

static uint8_t check_range(const struct blk *blk, bool zero, uint64_t sector,
			   uint32_t sectors, uint32_t flags)
{
	uint32_t unmap = VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;

	if (flags & ~(zero ? unmap : 0))
		return VIRTIO_BLK_S_UNSUPP;
	if (sectors > BLK_RANGE_MAX || !blk_in_range(blk, sector, sectors))
		return VIRTIO_BLK_S_IOERR;
	return VIRTIO_BLK_S_OK;
}

static void next_range(struct blk *blk, struct blk_request *r)
{
	const union blk_extra *extra = r->extra;
	bool zero = r->type == VIRTIO_BLK_T_WRITE_ZEROES;

	for (; r->range < r->nr_ranges; r->range++) {
		uint64_t sector = le64toh(extra->range[r->range].sector);
		uint32_t sectors = le32toh(extra->range[r->range].num_sectors);
		uint32_t flags = le32toh(extra->range[r->range].flags);
		uint8_t status = check_range(blk, zero, sector, sectors, flags);

		if (status != VIRTIO_BLK_S_OK) {
			end_ranges(blk, r, status);
			return;
		}
		if (sectors == 0)
			continue;
		r->io = (struct io){
			.kind = IO_ALLOCATE,
			.mode = mode_of(r, flags),
			.off = sector * BLK_SECTOR,
			.len = (uint64_t)sectors * BLK_SECTOR,
		};
		blk_submit(blk, r, range_done);
		return;
	}
	end_ranges(blk, r, VIRTIO_BLK_S_OK);
}

static void ranges(struct blk *blk, struct blk_request *r, uint64_t *counter)
{
	size_t len = blk->chain.read_len - sizeof(blk->header);

	stats_add(counter, 1);
	if (blk->readonly || len != blk->nr_ranges * sizeof(blk->range[0])) {
		blk_finish(blk, r, VIRTIO_BLK_S_IOERR);
		return;
	}
	if (len > 0)
		memcpy(r->extra->range, blk->range, len);
	r->nr_ranges = (unsigned)blk->nr_ranges;
	r->range = 0;
	r->other_mode = false;
	blk_write_begins(blk, r);
	next_range(blk, r);
}

/* Into blk->range; none when their number is not acceptable. */
static void read_ranges(struct blk *blk)
{
	const struct vq_chain *c = &blk->chain;
	uint32_t type = le32toh(blk->header.type);
	size_t head = sizeof(blk->header);
	size_t len = c->read_len - head;

	blk->nr_ranges = 0;
	if (type != VIRTIO_BLK_T_DISCARD && type != VIRTIO_BLK_T_WRITE_ZEROES)
		return;
	if (len > sizeof(blk->range) || len % sizeof(blk->range[0]))
		return;
	(void)iov_read(c->iov, c->nr_read, head, blk->range, len);
	blk->nr_ranges = len / sizeof(blk->range[0]);
}

/* -------- all of them -------- */

static uint8_t identify(const struct blk *blk)
{
	const struct vq_chain *c = &blk->chain;
	size_t len = c->write_len - 1;

	if (len > BLK_SERIAL)
		len = BLK_SERIAL;
	(void)iov_write(c->iov + c->nr_read, c->nr_write, 0, blk->serial, len);
	return VIRTIO_BLK_S_OK;
}

/* What is finished later must not look at the chain in hand any more. */
static void begin(struct blk *blk, struct blk_request *r)
{
	const struct vq_chain *c = &blk->chain;

	r->type = le32toh(blk->header.type);
	r->head = c->head;
	r->written = c->write_len;
	r->bounced = false;
	(void)iov_slice(c->iov + c->nr_read, c->nr_write, c->write_len - 1, 1,
			&r->status);

	switch (r->type) {
	case VIRTIO_BLK_T_IN:
	case VIRTIO_BLK_T_OUT:
		blk_transfer(blk, r);
		break;
	case VIRTIO_BLK_T_FLUSH:
		stats_add(&blk->stats.flushes, 1);
		blk_flush(blk, r);
		break;
	case VIRTIO_BLK_T_GET_ID:
		blk_finish(blk, r, identify(blk));
		break;
	case VIRTIO_BLK_T_DISCARD:
		ranges(blk, r, &blk->stats.discards);
		break;
	case VIRTIO_BLK_T_WRITE_ZEROES:
		ranges(blk, r, &blk->stats.zeroes);
		break;
	default:
		blk_finish(blk, r, VIRTIO_BLK_S_UNSUPP);
		break;
	}
}

/*
 * Nanoseconds until the request in hand may go; 0: now, and it is paid for.
 * Each range of a discard or write-zeroes request is an operation, and what
 * write-zeroes covers counts as written: the host may have to.
 */
static uint64_t charge(struct blk *blk)
{
	const struct vq_chain *c = &blk->chain;
	uint64_t bytes = 0, ops = 1;

	switch (le32toh(blk->header.type)) {
	case VIRTIO_BLK_T_IN:
		bytes = c->write_len - 1;
		break;
	case VIRTIO_BLK_T_OUT:
		bytes = c->read_len - sizeof(blk->header);
		break;
	case VIRTIO_BLK_T_WRITE_ZEROES:
		for (size_t i = 0; i < blk->nr_ranges; i++)
			bytes += (uint64_t)le32toh(blk->range[i].num_sectors) *
				 BLK_SECTOR;
		ops = blk->nr_ranges;
		break;
	case VIRTIO_BLK_T_DISCARD:
		ops = blk->nr_ranges;
		break;
	default:
		break;
	}
	return limit_take(&blk->limit, bytes, ops ? ops : 1);
}

/* May the request in hand go now?  If not, blk says why. */
static bool may_go(struct blk *blk)
{
	if (blk_must_bounce(blk) && blk->in_flight > 0) {
		blk->alone_wanted = true;
		return false;
	}
	if (needs_extra(blk) && !blk->free_extra &&
	    blk->extras_used == BLK_EXTRAS) {
		blk->stalled = true;
		return false;
	}
	blk->held = charge(blk);
	return blk->held == 0;
}

/* 1: one was begun; 0: none is there, or it may not go; -EPROTO: broken. */
static int serve_one(struct blk *blk, unsigned nr)
{
	struct vq *vq = &blk->dev->queue[nr].vq;
	struct vq_chain *c = &blk->chain;
	int r = vq_pop(vq, c);

	if (r <= 0)
		return r;
	if (c->write_len < 1)
		return vq_break(vq, "request without room for its status");
	if (iov_read(c->iov, c->nr_read, 0, &blk->header,
		     sizeof(blk->header)) != sizeof(blk->header))
		return vq_break(vq, "request without a header");
	read_ranges(blk);
	if (!may_go(blk)) {
		vq_unpop(vq);
		return 0;
	}

	struct blk_request *request = take_request(blk);
	request->queue = (uint8_t)nr;
	begin(blk, request);
	return 1;
}

/* Nothing keeps requests from being taken.  Pairs with the store of stop(). */
static bool open_to_all(const struct blk *blk)
{
	return __atomic_load_n(&blk->allowed, __ATOMIC_ACQUIRE) &&
	       virtio_running(blk->dev) && !blk->held && !blk->alone &&
	       !blk->alone_wanted && !blk->stalled;
}

bool blk_serve_queue(struct blk *blk, unsigned nr)
{
	struct vq *vq = &blk->dev->queue[nr].vq;
	unsigned n = 0;

	if (vq->size == 0)
		return false;
	vq_kicks_off(vq);
	while (open_to_all(blk)) {
		if (n++ == BATCH_MAX)
			return true;
		if (blk->in_flight >= ENGINE_DEPTH) {
			blk->stalled = true;
			break;
		}
		int r = serve_one(blk, nr);
		if (r < 0) {
			virtio_broken(blk->dev, nr);
			return false;
		}
		if (r == 0 && open_to_all(blk) && !vq_kicks_on(vq))
			return false;
	}
	/* What could not go is still there: whoever lets it go comes back. */
	stats_add(&blk->stats.stalls,
		  blk->held || blk->alone_wanted || blk->stalled);
	return false;
}
