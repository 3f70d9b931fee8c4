/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blk.c - block device (virtio 1.2, section 5.2).
 *
 * Each disk has a thread, which alone serves its queue: a slow disk stalls
 * nobody else, and a request is carried out between its pop and its push, so
 * none is in flight when the thread lets go of `serving`.  Reset takes that
 * lock, hence waits for one request.
 *
 * A request beyond the disk's limits is left in its queue, and the thread
 * sleeps without the lock until it may go.  It does not listen to kicks
 * meanwhile: a guest that kicks on gains nothing, not even our time.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/virtio_blk.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "devices/backend/limit.h"
#include "devices/backend/raw.h"
#include "devices/virtio/iov.h"
#include "devices/virtio/models.h"
#include "vmm/core/thread.h"
#include "vmm/lib/le.h"
#include "vmm/lib/log.h"

#define SECTOR	     512U
#define QUEUE_SIZE   VQ_SIZE_MAX
#define RANGES_MAX   16 /* of one discard or write-zeroes request */
#define RANGE_MAX    UINT32_C(0x400000) /* sectors of each: 2 GiB */
#define BLOCK_SIZE   4096U
#define STACK_SIZE   (UINT64_C(128) * 1024)
#define SERIAL_BYTES VIRTIO_BLK_ID_BYTES
/* Secure erase, which comes next, is not offered. */
#define CONFIG_SIZE offsetof(struct virtio_blk_config, max_secure_erase_sectors)

struct blk {
	struct virtio_dev *dev;
	struct raw raw;
	bool readonly;
	uint64_t sectors;
	char serial[SERIAL_BYTES];
	struct thread thread;
	bool quit; /* atomic */
	bool allowed; /* atomic: between start and stop */
	pthread_mutex_t serving; /* held while the thread uses the queue */
	int wake; /* eventfd: look at `quit` and the queue now, limits or not */
	/* The thread's. */
	struct limit limit;
	struct vq_chain chain;
	struct virtio_blk_outhdr header; /* of `chain`, read once */
	size_t nr_ranges;
	struct virtio_blk_discard_write_zeroes range[RANGES_MAX];
	struct iovec data[VQ_SEGMENTS];
};

static bool in_range(const struct blk *blk, uint64_t sector, uint64_t sectors)
{
	return sector <= blk->sectors && sectors <= blk->sectors - sector;
}

static uint8_t status_of(int r)
{
	if (r == 0)
		return VIRTIO_BLK_S_OK;
	return r == -EOPNOTSUPP ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_IOERR;
}

/* Readable bytes after the header, or writable ones before the status. */
static uint8_t transfer(struct blk *blk, uint64_t sector, bool write)
{
	const struct vq_chain *c = &blk->chain;
	uint32_t len =
		write ? c->read_len - (uint32_t)sizeof(struct virtio_blk_outhdr)
		      : c->write_len - 1;
	unsigned nr;

	if (len % SECTOR || !in_range(blk, sector, len / SECTOR))
		return VIRTIO_BLK_S_IOERR;
	if (!write) {
		nr = iov_slice(c->iov + c->nr_read, c->nr_write, 0, len,
			       blk->data);
		return status_of(
			raw_read(&blk->raw, blk->data, nr, sector * SECTOR));
	}

	if (blk->readonly)
		return VIRTIO_BLK_S_IOERR;
	nr = iov_slice(c->iov, c->nr_read, sizeof(struct virtio_blk_outhdr),
		       len, blk->data);
	int r = raw_write(&blk->raw, blk->data, nr, sector * SECTOR);
	/* Without FLUSH the driver counts on every write being permanent. */
	if (r == 0 && !virtio_has(blk->dev, VIRTIO_BLK_F_FLUSH))
		r = raw_flush(&blk->raw);
	return status_of(r);
}

static uint8_t one_range(const struct blk *blk,
			 const struct virtio_blk_discard_write_zeroes *range,
			 bool zero)
{
	uint64_t sector = le64toh(range->sector);
	uint32_t sectors = le32toh(range->num_sectors);
	uint32_t flags = le32toh(range->flags);
	uint32_t unmap = VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;

	if (flags & ~(zero ? unmap : 0))
		return VIRTIO_BLK_S_UNSUPP;
	if (sectors > RANGE_MAX || !in_range(blk, sector, sectors))
		return VIRTIO_BLK_S_IOERR;

	uint64_t off = sector * SECTOR;
	uint64_t len = (uint64_t)sectors * SECTOR;
	return status_of(zero ? raw_zero(&blk->raw, off, len, flags & unmap)
			      : raw_discard(&blk->raw, off, len));
}

/* Into blk->range; none when their number is not acceptable. */
static void read_ranges(struct blk *blk)
{
	const struct vq_chain *c = &blk->chain;
	size_t head = sizeof(struct virtio_blk_outhdr);
	size_t len = c->read_len - head;

	blk->nr_ranges = 0;
	if (len > sizeof(blk->range) || len % sizeof(blk->range[0]))
		return;
	(void)iov_read(c->iov, c->nr_read, head, blk->range, len);
	blk->nr_ranges = len / sizeof(blk->range[0]);
}

static uint8_t ranges(const struct blk *blk, bool zero)
{
	size_t len = blk->chain.read_len - sizeof(struct virtio_blk_outhdr);
	uint8_t status = VIRTIO_BLK_S_OK;

	if (blk->readonly || len != blk->nr_ranges * sizeof(blk->range[0]))
		return VIRTIO_BLK_S_IOERR;
	for (size_t i = 0; i < blk->nr_ranges; i++) {
		status = one_range(blk, &blk->range[i], zero);
		if (status != VIRTIO_BLK_S_OK)
			break;
	}
	return status;
}

static uint8_t identify(const struct blk *blk)
{
	const struct vq_chain *c = &blk->chain;
	size_t len = c->write_len - 1;

	if (len > SERIAL_BYTES)
		len = SERIAL_BYTES;
	(void)iov_write(c->iov + c->nr_read, c->nr_write, 0, blk->serial, len);
	return VIRTIO_BLK_S_OK;
}

static uint8_t execute(struct blk *blk)
{
	uint64_t sector = le64toh(blk->header.sector);

	switch (le32toh(blk->header.type)) {
	case VIRTIO_BLK_T_IN:
		return transfer(blk, sector, false);
	case VIRTIO_BLK_T_OUT:
		return transfer(blk, sector, true);
	case VIRTIO_BLK_T_FLUSH:
		return status_of(blk->readonly ? 0 : raw_flush(&blk->raw));
	case VIRTIO_BLK_T_GET_ID:
		return identify(blk);
	case VIRTIO_BLK_T_DISCARD:
		return ranges(blk, false);
	case VIRTIO_BLK_T_WRITE_ZEROES:
		return ranges(blk, true);
	default:
		return VIRTIO_BLK_S_UNSUPP;
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
				 SECTOR;
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

/*
 * 1: one request done; 0: none is waiting, or it may not go before @ret_wait
 * nanoseconds are over; -EPROTO: broken.
 */
static int serve_one(struct blk *blk, struct vq *vq, uint64_t *ret_wait)
{
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

	*ret_wait = charge(blk);
	if (*ret_wait) {
		vq_unpop(vq);
		return 0;
	}
	uint8_t status = execute(blk);
	(void)iov_write(c->iov + c->nr_read, c->nr_write, c->write_len - 1,
			&status, sizeof(status));
	vq_push(vq, c->head, c->write_len);
	return 1;
}

/*
 * Caller holds blk->serving.  Nanoseconds until the next request may go; 0:
 * there is none.
 */
static uint64_t drain(struct blk *blk)
{
	struct vq *vq = &blk->dev->queue[0].vq;
	uint64_t wait = 0;
	int r;

	do {
		r = 1;
		vq_kicks_off(vq);
		/* Pairs with the store in blk_stop(): do not keep it waiting.
		 */
		while (r > 0 &&
		       __atomic_load_n(&blk->allowed, __ATOMIC_ACQUIRE) &&
		       virtio_running(blk->dev))
			r = serve_one(blk, vq, &wait);
		/* One interrupt for all that was done. */
		virtio_used(blk->dev, 0);
		if (r < 0)
			virtio_broken(blk->dev, 0);
	} while (r == 0 && wait == 0 && vq_kicks_on(vq));
	return wait;
}

/* For a kick; or for @wait nanoseconds, unless we are wanted before. */
static void wait_for_work(const struct blk *blk, uint64_t wait)
{
	struct timespec left = limit_timespec(wait);
	struct pollfd p = {
		.fd = wait ? blk->wake : blk->dev->queue[0].kick.fd,
		.events = POLLIN,
	};
	uint64_t count;

	(void)ppoll(&p, 1, wait ? &left : NULL, NULL);
	(void)!read(p.fd, &count, sizeof(count));
}

uint64_t blk_serve(struct virtio_dev *dev)
{
	struct blk *blk = dev->state;
	uint64_t wait = 0;

	(void)pthread_mutex_lock(&blk->serving);
	if (__atomic_load_n(&blk->allowed, __ATOMIC_ACQUIRE))
		wait = drain(blk);
	(void)pthread_mutex_unlock(&blk->serving);
	return wait;
}

static void *blk_thread(void *arg)
{
	struct blk *blk = arg;
	uint64_t wait = 0;

	while (!__atomic_load_n(&blk->quit, __ATOMIC_ACQUIRE)) {
		wait_for_work(blk, wait);
		wait = blk_serve(blk->dev);
	}
	return NULL;
}

/* Both for what it waits for and what it may wait for. */
static void wake(struct blk *blk)
{
	uint64_t one = 1;

	virtio_again(blk->dev, 0);
	(void)!write(blk->wake, &one, sizeof(one));
}

static int blk_run(struct virtio_dev *dev, struct err *err)
{
	struct blk *blk = dev->state;

	return thread_start(&blk->thread, "blk", STACK_SIZE, JAIL_DISK,
			    blk_thread, blk, err);
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
	/* The request in hand, if any, ends before we get the lock. */
	(void)pthread_mutex_lock(&blk->serving);
	(void)pthread_mutex_unlock(&blk->serving);
}

static void describe(struct virtio_dev *dev, const struct blk *blk)
{
	struct virtio_blk_config cfg = {
		.capacity = htole64(blk->sectors),
		/* All of a chain but header and status. */
		.seg_max = htole32(QUEUE_SIZE - 2),
		.blk_size = htole32(SECTOR),
		.max_discard_sectors = htole32(RANGE_MAX),
		.max_discard_seg = htole32(RANGES_MAX),
		.discard_sector_alignment = htole32(BLOCK_SIZE / SECTOR),
		.max_write_zeroes_sectors = htole32(RANGE_MAX),
		.max_write_zeroes_seg = htole32(RANGES_MAX),
		.write_zeroes_may_unmap = 1,
	};

	memcpy(dev->config, &cfg, CONFIG_SIZE);
	dev->offered = VIRTIO_BIT(VIRTIO_BLK_F_SEG_MAX) |
		       VIRTIO_BIT(VIRTIO_BLK_F_BLK_SIZE) |
		       VIRTIO_BIT(VIRTIO_BLK_F_FLUSH);
	dev->offered |= blk->readonly
				? VIRTIO_BIT(VIRTIO_BLK_F_RO)
				: VIRTIO_BIT(VIRTIO_BLK_F_DISCARD) |
					  VIRTIO_BIT(VIRTIO_BLK_F_WRITE_ZEROES);
}

static int blk_open(struct virtio_dev *dev, const void *config, struct err *err)
{
	const struct blk_config *cfg = config;
	struct blk *blk = dev->state;

	blk->dev = dev;
	blk->raw.fd = -1;
	(void)pthread_mutex_init(&blk->serving, NULL);
	limit_init(&blk->limit, cfg->bytes_limit, cfg->ops_limit);
	blk->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (blk->wake < 0)
		return err_set(err, errno, "create an eventfd");

	struct raw raw;
	int r = raw_init(&raw, cfg->fd, err);
	if (r < 0)
		return r;
	if (raw.size % SECTOR)
		log_warn("blk: the disk's last %" PRIu64 " bytes are not a "
			 "whole sector, ignoring them",
			 raw.size % SECTOR);
	if (raw.size < SECTOR)
		return err_say(err, EINVAL, "the disk is empty");

	blk->readonly = cfg->readonly;
	blk->sectors = raw.size / SECTOR;
	if (cfg->serial)
		memcpy(blk->serial, cfg->serial,
		       strnlen(cfg->serial, SERIAL_BYTES));
	describe(dev, blk);
	blk->raw = raw;
	return 0;
}

static void blk_close(struct virtio_dev *dev)
{
	struct blk *blk = dev->state;

	if (blk->thread.runs) {
		__atomic_store_n(&blk->quit, true, __ATOMIC_RELEASE);
		wake(blk);
		thread_join(&blk->thread);
	}
	if (blk->wake >= 0)
		(void)close(blk->wake);
	if (blk->raw.fd >= 0)
		(void)close(blk->raw.fd);
	(void)pthread_mutex_destroy(&blk->serving);
}

static void blk_kick(struct virtio_dev *dev, unsigned nr)
{
	/* Kicks wake the thread, not the loop (serves_itself). */
	(void)dev;
	(void)nr;
}

const struct virtio_ops blk_ops = {
	.name = "blk",
	.id = VIRTIO_ID_BLOCK,
	.class_code = 0x018000,
	.nr_queues = 1,
	.queue_size = QUEUE_SIZE,
	.state_size = sizeof(struct blk),
	.config_size = CONFIG_SIZE,
	.open = blk_open,
	.close = blk_close,
	.run = blk_run,
	.start = blk_start,
	.stop = blk_stop,
	.kick = blk_kick,
	.serves_itself = true,
};

_Static_assert(CONFIG_SIZE <= VIRTIO_CONFIG_MAX, "virtio 1.2, 5.2.4");
