/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blk_transfer.c - reads and writes: straight between the disk and guest RAM.
 *
 * With O_DIRECT the host wants places and addresses aligned, and a guest need
 * not give such.  What is not goes piece by piece through a buffer of ours; a
 * write there may have to read what is around it first, so such a request is
 * alone with the disk.  There is one buffer: drivers that care for speed send
 * aligned requests.
 */
#include <errno.h>
#include <string.h>

#include "devices/virtio/blk_priv.h"
#include "devices/virtio/iov.h"
#include "devices/virtio/stats.h"

#define HEADER ((uint32_t)sizeof(struct virtio_blk_outhdr))

static bool is_write(const struct blk_request *r)
{
	return r->type == VIRTIO_BLK_T_OUT;
}

/* Without FLUSH the driver counts on every write being permanent. */
static bool durable(const struct blk *blk)
{
	return blk->cache != BLK_UNSAFE &&
	       !virtio_has(blk->dev, VIRTIO_BLK_F_FLUSH);
}

static void end(struct blk *blk, struct blk_request *r, uint8_t status)
{
	if (status == VIRTIO_BLK_S_OK)
		stats_add(is_write(r) ? &blk->stats.write_bytes
				      : &blk->stats.read_bytes,
			  r->len);
	if (r->bounced)
		blk->alone = false;
	if (is_write(r))
		blk_write_ends(blk, r);
	blk_finish(blk, r, status);
}

/* Drop the first @done bytes of what is left of the guest's pieces. */
static void advance(struct blk_request *r, size_t done)
{
	struct iovec *v = r->piece;

	while (r->nr > 0 && done >= v->iov_len) {
		done -= v->iov_len;
		v++;
		r->nr--;
	}
	r->piece = v;
	if (r->nr > 0) {
		v->iov_base = (char *)v->iov_base + done;
		v->iov_len -= done;
	}
}

static void moved(struct blk *blk, struct blk_request *r);

static void move(struct blk *blk, struct blk_request *r)
{
	r->io = (struct io){
		.kind = is_write(r) ? IO_WRITE : IO_READ,
		.durable = durable(blk),
		.iov = r->piece,
		.nr = r->nr,
		.off = r->off + r->moved,
	};
	blk_submit(blk, r, moved);
}

static void moved(struct blk *blk, struct blk_request *r)
{
	int64_t n = r->io.result;

	/* Nothing, and no error: somebody shrank the file. */
	if (n == 0 && r->len > 0)
		n = -EIO;
	if (n < 0) {
		end(blk, r, blk_status(blk, n));
		return;
	}
	r->moved += (uint32_t)n;
	if (r->moved >= r->len) {
		end(blk, r, VIRTIO_BLK_S_OK);
		return;
	}
	advance(r, (size_t)n);
	move(blk, r);
}

/* The part of @r that is in the buffer, or goes there. */
struct window {
	uint64_t begin, end; /* aligned, in the disk */
	uint32_t skip, len; /* of it, what is the request's */
};

static struct window window(const struct blk *blk, const struct blk_request *r)
{
	uint64_t mask = blk->raw.align - 1;
	uint64_t from = r->off + r->moved;
	struct window w = { .begin = from & ~mask };

	w.skip = (uint32_t)(from - w.begin);
	w.len = r->len - r->moved;
	if (w.len > BLK_BOUNCE - w.skip)
		w.len = BLK_BOUNCE - w.skip;
	w.end = (from + w.len + mask) & ~mask;
	return w;
}

static void bounce(struct blk *blk, struct blk_request *r,
		   const struct window *w, enum io_kind kind,
		   void (*done)(struct blk *blk, struct blk_request *r))
{
	/* `few` is free: the guest's pieces are in the other place then. */
	r->few[0] = (struct iovec){ blk->bounce, w->end - w->begin };
	r->io = (struct io){
		.kind = kind,
		.durable = durable(blk),
		.iov = r->few,
		.nr = 1,
		.off = w->begin,
	};
	blk_submit(blk, r, done);
}

static void bounce_next(struct blk *blk, struct blk_request *r);

static void bounced(struct blk *blk, struct blk_request *r)
{
	struct window w = window(blk, r);
	int64_t n = r->io.result;

	if (n >= 0 && (uint64_t)n < w.skip + w.len)
		n = -EIO;
	if (n < 0) {
		end(blk, r, blk_status(blk, n));
		return;
	}
	if (!is_write(r))
		(void)iov_write(r->piece, r->nr, r->moved, blk->bounce + w.skip,
				w.len);
	r->moved += w.len;
	if (r->moved < r->len)
		bounce_next(blk, r);
	else
		end(blk, r, VIRTIO_BLK_S_OK);
}

static void overlay(struct blk *blk, struct blk_request *r)
{
	struct window w = window(blk, r);

	(void)iov_read(r->piece, r->nr, r->moved, blk->bounce + w.skip, w.len);
	bounce(blk, r, &w, IO_WRITE, bounced);
}

/* What is around a write's part was read. */
static void surrounded(struct blk *blk, struct blk_request *r)
{
	struct window w = window(blk, r);
	int64_t n = r->io.result;

	if (n >= 0 && (uint64_t)n < w.end - w.begin)
		n = -EIO;
	if (n < 0)
		end(blk, r, blk_status(blk, n));
	else
		overlay(blk, r);
}

static void bounce_next(struct blk *blk, struct blk_request *r)
{
	struct window w = window(blk, r);
	bool whole = w.skip == 0 && w.begin + w.len == w.end;

	if (!is_write(r))
		bounce(blk, r, &w, IO_READ, bounced);
	else if (whole)
		overlay(blk, r);
	else
		bounce(blk, r, &w, IO_READ, surrounded);
}

/* Readable bytes after the header, or writable ones before the status. */
static unsigned pieces(const struct vq_chain *c, bool write, struct iovec *ret)
{
	if (write)
		return iov_slice(c->iov, c->nr_read, HEADER,
				 c->read_len - HEADER, ret);
	return iov_slice(c->iov + c->nr_read, c->nr_write, 0, c->write_len - 1,
			 ret);
}

bool blk_must_bounce(const struct blk *blk)
{
	const struct vq_chain *c = &blk->chain;
	uint32_t type = le32toh(blk->header.type);
	uint64_t mask = blk->raw.align - 1;
	uint64_t all = le64toh(blk->header.sector) * BLK_SECTOR;

	if (mask == 0 || (type != VIRTIO_BLK_T_IN && type != VIRTIO_BLK_T_OUT))
		return false;

	/* Header and status may share their pieces with data: then so be it. */
	const struct iovec *v = c->iov;
	unsigned nr = c->nr_read;
	size_t skip = HEADER;
	size_t left = c->read_len - HEADER;
	if (type == VIRTIO_BLK_T_IN) {
		v += nr;
		nr = c->nr_write;
		skip = 0;
		left = c->write_len - 1;
	}
	for (unsigned i = 0; i < nr && left > 0; i++) {
		struct iovec part;

		if (iov_slice(&v[i], 1, skip, left, &part) == 0) {
			skip -= v[i].iov_len;
			continue;
		}
		skip = 0;
		left -= part.iov_len;
		all |= (uintptr_t)part.iov_base | part.iov_len;
	}
	return all & mask;
}

void blk_transfer(struct blk *blk, struct blk_request *r)
{
	const struct vq_chain *c = &blk->chain;
	bool write = is_write(r);
	uint64_t sector = le64toh(blk->header.sector);

	stats_add(write ? &blk->stats.writes : &blk->stats.reads, 1);
	r->len = write ? c->read_len - HEADER : c->write_len - 1;
	if (r->len % BLK_SECTOR ||
	    !blk_in_range(blk, sector, r->len / BLK_SECTOR) ||
	    (write && blk->readonly)) {
		blk_finish(blk, r, VIRTIO_BLK_S_IOERR);
		return;
	}
	if (r->len == 0) {
		blk_finish(blk, r, VIRTIO_BLK_S_OK);
		return;
	}

	r->off = sector * BLK_SECTOR;
	r->moved = 0;
	r->bounced = blk_must_bounce(blk);
	r->piece = r->few;
	if (r->extra)
		r->piece = r->extra->piece;
	r->nr = pieces(c, write, r->piece);
	if (write)
		blk_write_begins(blk, r);
	if (r->bounced) {
		blk->alone = true;
		bounce_next(blk, r);
	} else {
		move(blk, r);
	}
}
