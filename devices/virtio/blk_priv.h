/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blk_priv.h - the parts of the block device to each other.
 *
 *   blk.c           the device: its queues, thread, start and stop, growing
 *   blk_request.c   from a chain of descriptors to operations of the engine
 *   blk_transfer.c  reads and writes
 *   blk_flush.c     flushes, and the writes they wait for
 *
 * All but what is marked is the serving thread's, under blk->serving.
 */
#ifndef DEVICES_VIRTIO_BLK_PRIV_H
#define DEVICES_VIRTIO_BLK_PRIV_H

#include <linux/virtio_blk.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "devices/backend/engine.h"
#include "devices/backend/limit.h"
#include "devices/virtio/models.h"
#include "vmm/core/thread.h"

#define BLK_SECTOR     RAW_SECTOR
#define BLK_RANGES_MAX 16 /* of one discard or write-zeroes request */
#define BLK_RANGE_MAX  UINT32_C(0x400000) /* sectors of each: 2 GiB */
#define BLK_SERIAL     VIRTIO_BLK_ID_BYTES
#define BLK_FEW	       8 /* pieces of most requests */
#define BLK_EXTRAS     64 /* requests in flight that have more */
#define BLK_BOUNCE     (RAW_ALIGN_MAX << 1) /* bytes; see blk_transfer.c */

struct blk;

/* What only some requests need.  There are few, so a guest cannot fill much. */
union blk_extra {
	union blk_extra *next; /* free ones */
	struct iovec piece[VQ_SEGMENTS];
	struct virtio_blk_discard_write_zeroes range[BLK_RANGES_MAX];
};

/* A request in flight. */
struct blk_request {
	struct io io;
	void (*done)(struct blk *blk, struct blk_request *r);
	struct blk_request *next; /* in a list of them */
	uint32_t type;
	uint16_t head;
	uint8_t queue;
	union blk_extra *extra; /* or NULL */
	bool bounced; /* through blk->bounce */
	bool other_mode; /* of write-zeroes: the first one is not supported */
	uint32_t written; /* of the chain, status included */
	struct iovec status; /* the byte in guest RAM */
	/* Reads and writes: where in the disk, and the guest's pieces. */
	uint64_t off;
	uint32_t len, moved; /* bytes, and of these done */
	unsigned nr;
	struct iovec *piece; /* `few`, or those of `extra` */
	struct iovec few[BLK_FEW];
	/* Discards and write-zeroes. */
	unsigned nr_ranges, range; /* the one in hand */
	/* What orders flushes and writes: blk_flush.c. */
	uint32_t epoch;
	unsigned waits;
};

/* Zeroed pages that are not touched before they are needed. */
struct blk_slots {
	struct blk_request request[ENGINE_DEPTH];
	union blk_extra extra[BLK_EXTRAS];
};

/* Read by anyone (stats.h). */
struct blk_stats {
	uint64_t reads, writes, flushes, discards, zeroes;
	uint64_t read_bytes, write_bytes, errors;
	uint64_t stalls; /* a queue had to wait: too many in flight, limits */
	uint64_t most; /* in flight at once */
};

struct blk {
	struct virtio_dev *dev;
	struct raw raw;
	enum blk_cache cache;
	uint32_t block; /* bytes: what the guest is told to deal in */
	uint64_t sectors; /* atomic: written under dev->lock */
	char serial[BLK_SERIAL + 1];
	bool readonly;
	bool quit; /* atomic */
	bool allowed; /* atomic: between start and stop */
	struct thread thread;
	uint64_t wanted; /* atomic: bytes it has grown to; 0: it has not */
	pthread_mutex_t serving; /* held while the thread uses the queues */
	pthread_cond_t idle; /* nothing is in flight */
	int wake; /* eventfd: look at all of this now, limits or not */
	unsigned first; /* queue of the next turn */

	struct engine *engine;
	struct limit limit;
	struct blk_stats stats;
	unsigned told; /* kinds of errors that the log has: a bit for each */
	unsigned in_flight; /* requests that are not finished */
	struct blk_slots *slots;
	/* Of both kinds; those behind were never touched. */
	unsigned requests_used, extras_used;
	struct blk_request *free;
	union blk_extra *free_extra;
	uint64_t dirty; /* queues to be notified, a bit for each */

	/* Why queues are not looked at. */
	uint64_t held; /* nanoseconds, for their limits */
	bool stalled; /* every request, or extra, is in flight */
	bool alone_wanted; /* the next one waits to be alone */
	bool alone; /* one is */

	/* blk_flush.c */
	bool flushing;
	uint32_t epoch;
	unsigned writes; /* in flight */
	struct blk_request *flush, **last_flush; /* a queue of those waiting */
	struct blk_request *covered; /* of the flush in flight */

	unsigned char *bounce; /* with O_DIRECT; BLK_BOUNCE bytes */
	/* To see whether the disk has grown. */
	struct blk_request probe;
	unsigned char *probe_block;
	struct iovec probe_piece;
	bool probing;
	uint64_t grown; /* sectors that were found; 0: nothing new */

	/* The request in hand. */
	struct vq_chain chain;
	struct virtio_blk_outhdr header; /* of `chain`, read once */
	size_t nr_ranges;
	struct virtio_blk_discard_write_zeroes range[BLK_RANGES_MAX];
};

/* blk_request.c */

/*
 * Take requests from queue @nr.  True: there are more, and nothing but
 * fairness kept them from being taken.
 */
bool blk_serve_queue(struct blk *blk, unsigned nr);
/* Hand it back with @status; @r is free. */
void blk_finish(struct blk *blk, struct blk_request *r, uint8_t status);
/* VIRTIO_BLK_S_ for a result of the engine's; the first of a kind is logged. */
uint8_t blk_status(struct blk *blk, int64_t result);
bool blk_in_range(const struct blk *blk, uint64_t sector, uint64_t sectors);
/* Give r->io to the engine; @done is called when it is reaped. */
void blk_submit(struct blk *blk, struct blk_request *r,
		void (*done)(struct blk *blk, struct blk_request *r));

/* blk_transfer.c */

/* Does the request in hand need the bounce buffer, hence to be alone? */
bool blk_must_bounce(const struct blk *blk);
/* Read or write what the chain in hand says. */
void blk_transfer(struct blk *blk, struct blk_request *r);

/* blk_flush.c */

/* A request that changes the disk began, or is over. */
void blk_write_begins(struct blk *blk, struct blk_request *r);
void blk_write_ends(struct blk *blk, const struct blk_request *r);
/* Finish @r when all that was written before it is on the medium. */
void blk_flush(struct blk *blk, struct blk_request *r);

#endif
