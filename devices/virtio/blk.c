/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blk.c - block device (virtio 1.2, section 5.2).
 *
 * Each disk has a thread, which alone serves its queues: a slow disk stalls
 * nobody else.  In turns it takes what is offered, gives it to the engine
 * (devices/backend/engine.h), and hands back what the engine has done: a
 * system call and an interrupt for all that a turn found.
 *
 * A request beyond the disk's limits is left in its queue, and the thread
 * sleeps until it may go.  It does not listen to kicks meanwhile: a guest that
 * kicks on gains nothing, not even our time.
 *
 * Reset waits until nothing is in flight.  Guest RAM stays mapped as long as
 * the process lives, so even a disk that hangs writes nowhere else.
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "devices/virtio/blk_priv.h"
#include "devices/virtio/stats.h"
#include "vmm/lib/le.h"
#include "vmm/lib/list.h"
#include "vmm/lib/log.h"

#define QUEUE_SIZE VQ_SIZE_MAX
#define BLOCK_SIZE 4096U
#define STACK_SIZE (UINT64_C(128) * 1024)
#define WAKE_ONLY  1U /* of what the engine watches: not the kicks */
/* Secure erase, which comes next, is not offered. */
#define CONFIG_SIZE offsetof(struct virtio_blk_config, max_secure_erase_sectors)

/* How the thread waits for its next turn. */
struct pause {
	uint32_t listen;
	int64_t ns;
};

/* -------- growing -------- */

static void probed(struct blk *blk, struct blk_request *r)
{
	uint64_t size = r->io.off + blk->probe_piece.iov_len;
	uint64_t wanted = size;

	blk->probing = false;
	blk->in_flight--;
	/* Another size that was asked for meanwhile stays. */
	(void)__atomic_compare_exchange_n(&blk->wanted, &wanted, 0, false,
					  __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE);
	if (r->io.result < (int64_t)blk->probe_piece.iov_len)
		log_warn("disk '%s': it has not grown to %" PRIu64 " bytes",
			 blk->serial, size);
	else
		blk->grown = size / BLK_SECTOR;
}

static bool probe_due(const struct blk *blk)
{
	return !blk->probing && __atomic_load_n(&blk->wanted, __ATOMIC_ACQUIRE);
}

/* Is there a last block?  Read it: that needs no call but those for reading. */
static void probe(struct blk *blk)
{
	uint64_t wanted = __atomic_load_n(&blk->wanted, __ATOMIC_ACQUIRE);

	blk->probing = true;
	blk->in_flight++;
	blk->probe_piece = (struct iovec){ blk->probe_block, blk->block };
	blk->probe.io = (struct io){
		.kind = IO_READ,
		.iov = &blk->probe_piece,
		.nr = 1,
		.off = wanted - blk->block,
	};
	blk_submit(blk, &blk->probe, probed);
}

/*
 * A vCPU that resets the device holds dev->lock and waits for us, so we must
 * not wait for it.  True: nothing is left to be told, or the driver is gone
 * and whoever comes next wakes us.
 */
static bool tell_grown(struct blk *blk)
{
	struct virtio_dev *dev = blk->dev;
	struct virtio_blk_config *cfg = (void *)dev->config;

	if (!blk->grown)
		return true;
	if (pthread_mutex_trylock(&dev->lock) != 0)
		return !__atomic_load_n(&blk->allowed, __ATOMIC_ACQUIRE);
	__atomic_store_n(&blk->sectors, blk->grown, __ATOMIC_RELAXED);
	cfg->capacity = htole64(blk->grown);
	blk->grown = 0;
	virtio_config_changed(dev);
	(void)pthread_mutex_unlock(&dev->lock);
	return true;
}

/* -------- a turn -------- */

static void reap(struct blk *blk)
{
	struct io *io;

	while ((io = blk->engine->ops->reap(blk->engine))) {
		struct blk_request *r =
			container_of(io, struct blk_request, io);

		r->done(blk, r);
	}
}

static bool serve_queues(struct blk *blk)
{
	unsigned nr = blk->dev->nr_queues;
	bool more = false;

	blk->held = 0;
	blk->stalled = false;
	if (blk->in_flight == 0)
		blk->alone_wanted = false;
	/* Each is the first once: no queue lives on what others leave. */
	for (unsigned i = 0; i < nr; i++)
		more |= blk_serve_queue(blk, (blk->first + i) % nr);
	if (++blk->first >= nr)
		blk->first = 0;
	return more;
}

/* One interrupt for all that was done. */
static void notify(struct blk *blk)
{
	for (unsigned i = 0; blk->dirty; i++, blk->dirty >>= 1)
		if (blk->dirty & 1)
			virtio_used(blk->dev, i);
}

/* Caller holds blk->serving. */
static struct pause turn(struct blk *blk)
{
	struct pause pause = { UINT32_MAX, -1 };
	bool more = false;

	reap(blk);
	if (probe_due(blk))
		probe(blk);
	if (__atomic_load_n(&blk->allowed, __ATOMIC_ACQUIRE))
		more = serve_queues(blk);
	unsigned in_flight = blk->in_flight;
	bool alone = blk->alone;
	/* An engine that does not wait is done by now. */
	reap(blk);
	notify(blk);
	if (blk->in_flight == 0)
		(void)pthread_cond_broadcast(&blk->idle);

	/* What kept requests back may be over already. */
	more |= blk->stalled && blk->in_flight < in_flight;
	more |= blk->alone_wanted && blk->in_flight == 0;
	more |= alone && !blk->alone;
	more = more && __atomic_load_n(&blk->allowed, __ATOMIC_ACQUIRE);
	if (more || probe_due(blk))
		pause.ns = 0;
	else if (blk->held)
		pause = (struct pause){ WAKE_ONLY, (int64_t)blk->held };
	return pause;
}

static struct pause locked_turn(struct blk *blk)
{
	(void)pthread_mutex_lock(&blk->serving);
	struct pause pause = turn(blk);
	(void)pthread_mutex_unlock(&blk->serving);
	if (!tell_grown(blk))
		pause.ns = 0;
	return pause;
}

uint64_t blk_serve(struct virtio_dev *dev)
{
	struct blk *blk = dev->state;
	struct pause pause;

	for (;;) {
		pause = locked_turn(blk);
		if (blk->in_flight == 0 && pause.ns != 0)
			break;
		blk->engine->ops->wait(blk->engine, 0, pause.ns == 0 ? 0 : -1);
	}
	return pause.ns > 0 ? (uint64_t)pause.ns : 0;
}

static void *blk_thread(void *arg)
{
	struct blk *blk = arg;
	struct pause pause = { UINT32_MAX, -1 };

	while (!__atomic_load_n(&blk->quit, __ATOMIC_ACQUIRE)) {
		blk->engine->ops->wait(blk->engine, pause.listen, pause.ns);
		pause = locked_turn(blk);
	}
	return NULL;
}

static void wake(const struct blk *blk)
{
	uint64_t one = 1;

	(void)!write(blk->wake, &one, sizeof(one));
}

/* -------- what the transport calls -------- */

static int blk_run(struct virtio_dev *dev, struct err *err)
{
	struct blk *blk = dev->state;

	return thread_start(&blk->thread, "blk", STACK_SIZE,
			    blk->engine->ops->role, blk_thread, blk, err);
}

static void blk_start(struct virtio_dev *dev)
{
	struct blk *blk = dev->state;

	__atomic_store_n(&blk->allowed, true, __ATOMIC_RELEASE);
	/* What the last driver had to wait for is forgotten, but not paid. */
	wake(blk);
}

static void blk_stop(struct virtio_dev *dev)
{
	struct blk *blk = dev->state;

	__atomic_store_n(&blk->allowed, false, __ATOMIC_RELEASE);
	if (!blk->thread.runs)
		(void)blk_serve(dev);
	(void)pthread_mutex_lock(&blk->serving);
	while (blk->in_flight > 0)
		(void)pthread_cond_wait(&blk->idle, &blk->serving);
	(void)pthread_mutex_unlock(&blk->serving);
}

static unsigned log2_of(uint32_t power)
{
	return (unsigned)__builtin_ctz(power);
}

static void describe(struct virtio_dev *dev, const struct blk *blk)
{
	uint32_t block = blk->block;
	uint32_t physical =
		blk->raw.physical > block ? blk->raw.physical : block;
	struct virtio_blk_config cfg = {
		.capacity = htole64(blk->sectors),
		/* All of a chain but header and status. */
		.seg_max = htole32(QUEUE_SIZE - 2),
		.blk_size = htole32(block),
		.physical_block_exp = (uint8_t)log2_of(physical / block),
		.min_io_size = htole16((uint16_t)(physical / block)),
		.num_queues = htole16((uint16_t)dev->nr_queues),
		.max_discard_sectors = htole32(BLK_RANGE_MAX),
		.max_discard_seg = htole32(BLK_RANGES_MAX),
		.discard_sector_alignment = htole32(BLOCK_SIZE / BLK_SECTOR),
		.max_write_zeroes_sectors = htole32(BLK_RANGE_MAX),
		.max_write_zeroes_seg = htole32(BLK_RANGES_MAX),
		.write_zeroes_may_unmap = 1,
	};

	memcpy(dev->config, &cfg, CONFIG_SIZE);
	dev->offered = VIRTIO_BIT(VIRTIO_BLK_F_SEG_MAX) |
		       VIRTIO_BIT(VIRTIO_BLK_F_BLK_SIZE) |
		       VIRTIO_BIT(VIRTIO_BLK_F_TOPOLOGY) |
		       VIRTIO_BIT(VIRTIO_BLK_F_FLUSH);
	dev->offered |= blk->readonly
				? VIRTIO_BIT(VIRTIO_BLK_F_RO)
				: VIRTIO_BIT(VIRTIO_BLK_F_DISCARD) |
					  VIRTIO_BIT(VIRTIO_BLK_F_WRITE_ZEROES);
	if (dev->nr_queues > 1)
		dev->offered |= VIRTIO_BIT(VIRTIO_BLK_F_MQ);
}

static int measure(struct blk *blk, const struct blk_config *cfg,
		   struct err *err)
{
	int r = raw_init(&blk->raw, cfg->fd, cfg->cache == BLK_NONE, err);
	if (r < 0)
		return r;

	/* With O_DIRECT smaller blocks would be read and written twice. */
	blk->block = blk->raw.align > BLK_SECTOR ? blk->raw.align : BLK_SECTOR;
	uint64_t rest = blk->raw.size % blk->block;
	if (rest)
		log_warn("blk: the disk's last %" PRIu64 " bytes are not a "
			 "whole sector, ignoring them",
			 rest);
	if (blk->raw.size < blk->block)
		return err_say(err, EINVAL, "the disk is empty");
	blk->sectors = (blk->raw.size - rest) / BLK_SECTOR;
	return 0;
}

/* Most of it is never touched: pages come with the requests. */
static int allocate(struct blk *blk, struct err *err)
{
	bool direct = blk->raw.align > 1;

	blk->slots = calloc(1, sizeof(*blk->slots));
	blk->probe_block = aligned_alloc(blk->block, blk->block);
	if (direct)
		blk->bounce = aligned_alloc(RAW_ALIGN_MAX, BLK_BOUNCE);
	if (!blk->slots || !blk->probe_block || (direct && !blk->bounce))
		return err_set(err, ENOMEM, "allocate a disk's requests");
	return 0;
}

static int open_engine(struct blk *blk, const struct engine_ops *ops,
		       struct err *err)
{
	int watched[1 + BLK_QUEUES_MAX] = { blk->wake }; /* WAKE_ONLY */

	for (unsigned i = 0; i < blk->dev->nr_queues; i++)
		watched[1 + i] = blk->dev->queue[i].kick.fd;
	return engine_open(ops, &blk->raw, watched, 1 + blk->dev->nr_queues,
			   &blk->engine, err);
}

static int blk_open(struct virtio_dev *dev, const void *config, struct err *err)
{
	const struct blk_config *cfg = config;
	struct blk *blk = dev->state;

	blk->dev = dev;
	blk->last_flush = &blk->flush;
	(void)pthread_mutex_init(&blk->serving, NULL);
	(void)pthread_cond_init(&blk->idle, NULL);
	limit_init(&blk->limit, cfg->bytes_limit, cfg->ops_limit);
	blk->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (blk->wake < 0)
		return err_set(err, errno, "create an eventfd");

	blk->readonly = cfg->readonly;
	blk->cache = cfg->cache;
	if (cfg->serial)
		memcpy(blk->serial, cfg->serial,
		       strnlen(cfg->serial, BLK_SERIAL));
	int r = measure(blk, cfg, err);
	if (r == 0)
		r = allocate(blk, err);
	if (r == 0)
		r = open_engine(blk, cfg->engine, err);
	/* The descriptor is ours on success only. */
	if (r < 0)
		blk->raw.fd = -1;
	else
		describe(dev, blk);
	return r;
}

static void blk_close(struct virtio_dev *dev)
{
	struct blk *blk = dev->state;

	if (blk->thread.runs) {
		__atomic_store_n(&blk->quit, true, __ATOMIC_RELEASE);
		wake(blk);
		thread_join(&blk->thread);
	}
	engine_close(blk->engine);
	if (blk->engine && blk->raw.fd >= 0)
		(void)close(blk->raw.fd);
	if (blk->wake >= 0)
		(void)close(blk->wake);
	free(blk->bounce);
	free(blk->probe_block);
	free(blk->slots);
	(void)pthread_cond_destroy(&blk->idle);
	(void)pthread_mutex_destroy(&blk->serving);
}

static void blk_kick(struct virtio_dev *dev, unsigned nr)
{
	/* Kicks wake the thread, not the loop (serves_itself). */
	(void)dev;
	(void)nr;
}

static unsigned blk_queues(const void *config)
{
	const struct blk_config *cfg = config;

	return cfg->queues ? cfg->queues : 1;
}

int blk_grow(struct virtio_dev *dev, const char *serial, uint64_t bytes)
{
	struct blk *blk = dev->state;

	if (dev->ops->open != blk_open || strcmp(blk->serial, serial) != 0)
		return -ENODEV;

	uint64_t sectors = __atomic_load_n(&blk->sectors, __ATOMIC_RELAXED);
	bytes -= bytes % blk->block;
	if (bytes / BLK_SECTOR < sectors || bytes > INT64_MAX)
		return -ERANGE;
	__atomic_store_n(&blk->wanted, bytes, __ATOMIC_RELEASE);
	wake(blk);
	return 0;
}

static void blk_tell(const struct virtio_dev *dev,
		     const struct virtio_teller *to)
{
	const struct blk *blk = dev->state;
	const struct blk_stats *s = &blk->stats;

	to->word(to->arg, "id", blk->serial);
	to->word(to->arg, "aio", blk->engine->ops->name);
	to->figure(to->arg, "bytes", stats_get(&blk->sectors) * BLK_SECTOR);
	to->figure(to->arg, "queues", dev->nr_queues);
	stats_tell(to, "reads", &s->reads);
	stats_tell(to, "read_bytes", &s->read_bytes);
	stats_tell(to, "writes", &s->writes);
	stats_tell(to, "write_bytes", &s->write_bytes);
	stats_tell(to, "flushes", &s->flushes);
	stats_tell(to, "discards", &s->discards);
	stats_tell(to, "write_zeroes", &s->zeroes);
	stats_tell(to, "errors", &s->errors);
	stats_tell(to, "stalls", &s->stalls);
	stats_tell(to, "most_in_flight", &s->most);
}

const struct virtio_ops blk_ops = {
	.name = "blk",
	.id = VIRTIO_ID_BLOCK,
	.class_code = 0x018000,
	.queues = blk_queues,
	.queue_size = QUEUE_SIZE,
	.state_size = sizeof(struct blk),
	.config_size = CONFIG_SIZE,
	.open = blk_open,
	.close = blk_close,
	.run = blk_run,
	.start = blk_start,
	.stop = blk_stop,
	.kick = blk_kick,
	.stats = blk_tell,
	.serves_itself = true,
};

_Static_assert(CONFIG_SIZE <= VIRTIO_CONFIG_MAX, "virtio 1.2, 5.2.4");
_Static_assert(BLK_QUEUES_MAX < ENGINE_WATCHED, "and the eventfd to wake");
