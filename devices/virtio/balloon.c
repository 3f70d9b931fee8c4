/* SPDX-License-Identifier: Apache-2.0 */
/*
 * balloon.c - memory that the guest does not need goes back to the host (virtio
 * 1.2, section 5.5): free pages which it reports by itself, and the balloon
 * that it inflates when it is asked to do with less.
 *
 * What comes back is a hole in RAM's file: it reads as zeros, and is allocated
 * again when it is touched.  So a guest that lies loses its own data, and
 * deflating needs nothing from us.
 *
 * Section 5.5.2 has reporting in queue 4.  Linux before 6.11 counts only queues
 * whose features were agreed on and uses 3, which belongs to free page hinting;
 * we do not offer that, so both are reporting here.
 */
#include "devices/virtio/balloon.h"

#include <linux/virtio_balloon.h>
#include <string.h>

#include "devices/virtio/iov.h"
#include "devices/virtio/models.h"
#include "devices/virtio/stats.h"
#include "vmm/lib/le.h"

#define QUEUE_SIZE 128
#define BATCH_MAX  8 /* requests of a queue before others have their turn */
#define PFNS_MAX   1024U /* of a request; Linux sends 256 */
#define PAGE	   (UINT64_C(1) << VIRTIO_BALLOON_PFN_SHIFT)
#define STATS_MAX  16U /* entries of a buffer */

enum { INFLATE, DEFLATE, STATS, REPORT_COMPACT, REPORT, QUEUES };

struct balloon {
	/* Under dev->lock. */
	uint64_t reported, inflated; /* counters, bytes given back */
	uint64_t figures;
	uint64_t stat[VIRTIO_BALLOON_S_NR];
	bool holds; /* a buffer of the driver's, to be given back for figures */
	uint16_t held;
	struct vq_chain chain;
};

/* Neighbours of one request, which become one call. */
struct run {
	uint64_t first, end; /* page frame numbers; empty when equal */
};

static void forget_stats(struct balloon *b)
{
	for (unsigned i = 0; i < VIRTIO_BALLOON_S_NR; i++)
		b->stat[i] = BALLOON_UNKNOWN;
}

static void give_back_run(const struct virtio_dev *dev, const struct run *run)
{
	struct balloon *b = dev->state;
	uint64_t len = (run->end - run->first) * PAGE;
	void *host;

	if (len == 0)
		return;
	host = gmem_ptr(dev->gm, run->first * PAGE, len);
	int64_t n = host ? gmem_give_back(dev->gm, host, len) : 0;
	if (n > 0)
		stats_add(&b->inflated, (uint64_t)n);
}

static void add_page(const struct virtio_dev *dev, struct run *run,
		     uint64_t pfn)
{
	/* A run over the border of a region would be lost as a whole. */
	if (!gmem_ptr(dev->gm, pfn * PAGE, PAGE))
		return;
	if (pfn == run->end && gmem_ptr(dev->gm, run->first * PAGE,
					(run->end + 1 - run->first) * PAGE)) {
		run->end++;
	} else if (pfn + 1 == run->first &&
		   gmem_ptr(dev->gm, pfn * PAGE, (run->end - pfn) * PAGE)) {
		run->first--;
	} else {
		give_back_run(dev, run);
		*run = (struct run){ pfn, pfn + 1 };
	}
}

/* Frame numbers, 32 bits each; those outside RAM and beyond PFNS_MAX are not.
 */
static void inflate(struct virtio_dev *dev, const struct vq_chain *c)
{
	struct run run = { 0 };
	le32_t pfn[64];
	size_t len;

	for (size_t off = 0; off < PFNS_MAX * sizeof(*pfn); off += len) {
		len = iov_read(c->iov, c->nr_read, off, pfn, sizeof(pfn));
		for (size_t i = 0; i < len / sizeof(*pfn); i++)
			add_page(dev, &run, le32_get(pfn[i]));
		if (len < sizeof(pfn))
			break;
	}
	give_back_run(dev, &run);
}

static void report(struct virtio_dev *dev, const struct vq_chain *c)
{
	struct balloon *b = dev->state;

	for (unsigned i = 0; i < c->nr_write; i++) {
		const struct iovec *v = &c->iov[c->nr_read + i];
		int64_t n = gmem_give_back(dev->gm, v->iov_base, v->iov_len);

		if (n > 0)
			stats_add(&b->reported, (uint64_t)n);
	}
}

static void take_stats(struct balloon *b, const struct vq_chain *c)
{
	struct virtio_balloon_stat s;

	for (unsigned i = 0; i < STATS_MAX; i++) {
		if (iov_read(c->iov, c->nr_read, i * sizeof(s), &s, sizeof(s)) <
		    sizeof(s))
			break;
		unsigned tag = le16toh((uint16_t)s.tag);
		if (tag < VIRTIO_BALLOON_S_NR)
			b->stat[tag] = le64toh((uint64_t)s.val);
	}
	b->figures++;
}

/* One is held; of more the older ones go back without having been used. */
static void serve_stats(struct virtio_dev *dev, struct vq *vq)
{
	struct balloon *b = dev->state;

	if (b->holds)
		vq_push(vq, b->held, 0);
	b->holds = true;
	b->held = b->chain.head;
	take_stats(b, &b->chain);
}

static int serve(struct virtio_dev *dev, unsigned nr)
{
	struct balloon *b = dev->state;
	struct vq *vq = &dev->queue[nr].vq;

	switch (nr) {
	case INFLATE:
		inflate(dev, &b->chain);
		break;
	case STATS:
		serve_stats(dev, vq);
		return 0;
	case REPORT_COMPACT:
	case REPORT:
		report(dev, &b->chain);
		break;
	default: /* DEFLATE: the guest takes its pages by touching them */
		break;
	}
	vq_push(vq, b->chain.head, 0);
	return 0;
}

static void balloon_kick(struct virtio_dev *dev, unsigned nr)
{
	struct balloon *b = dev->state;

	virtio_serve(dev, nr, &b->chain, BATCH_MAX, serve);
}

/* `actual` is the driver's to write, and nothing else. */
static void balloon_config_write(struct virtio_dev *dev, unsigned off,
				 const void *data, unsigned len)
{
	const unsigned at = offsetof(struct virtio_balloon_config, actual);

	if (off == at && len == sizeof(le32_t))
		memcpy(dev->config + at, data, len);
}

static void balloon_stop(struct virtio_dev *dev)
{
	struct balloon *b = dev->state;

	b->holds = false;
	forget_stats(b);
	/* What it had in its balloon it has again. */
	memset(dev->config + offsetof(struct virtio_balloon_config, actual), 0,
	       sizeof(le32_t));
}

static void balloon_start(struct virtio_dev *dev)
{
	(void)dev;
}

static int balloon_open(struct virtio_dev *dev, const void *config,
			struct err *err)
{
	(void)config;
	(void)err;
	forget_stats(dev->state);
	dev->offered = VIRTIO_BIT(VIRTIO_BALLOON_F_STATS_VQ) |
		       VIRTIO_BIT(VIRTIO_BALLOON_F_DEFLATE_ON_OOM) |
		       VIRTIO_BIT(VIRTIO_BALLOON_F_REPORTING);
	return 0;
}

static void balloon_close(struct virtio_dev *dev)
{
	(void)dev;
}

void balloon_resize(struct virtio_dev *dev, uint64_t bytes)
{
	struct virtio_balloon_config *cfg = (void *)dev->config;
	uint64_t ram = dev->gm->size;

	if (bytes < BALLOON_LEAST)
		bytes = BALLOON_LEAST;
	if (bytes > ram)
		bytes = ram;
	(void)pthread_mutex_lock(&dev->lock);
	cfg->num_pages = htole32((uint32_t)((ram - bytes) / PAGE));
	virtio_config_changed(dev);
	(void)pthread_mutex_unlock(&dev->lock);
}

void balloon_status(struct virtio_dev *dev, struct balloon_status *ret)
{
	const struct virtio_balloon_config *cfg = (void *)dev->config;
	struct balloon *b = dev->state;

	(void)pthread_mutex_lock(&dev->lock);
	*ret = (struct balloon_status){
		.target = (uint64_t)le32toh(cfg->num_pages) * PAGE,
		.actual = (uint64_t)le32toh(cfg->actual) * PAGE,
		.reported = b->reported,
		.driver = dev->started && virtio_running(dev),
		.figures = b->figures,
		.free = b->stat[VIRTIO_BALLOON_S_MEMFREE],
		.available = b->stat[VIRTIO_BALLOON_S_AVAIL],
		.total = b->stat[VIRTIO_BALLOON_S_MEMTOT],
		.caches = b->stat[VIRTIO_BALLOON_S_CACHES],
	};
	if (ret->actual > dev->gm->size)
		ret->actual = dev->gm->size;
	if (b->holds && ret->driver) {
		b->holds = false;
		vq_push(&dev->queue[STATS].vq, b->held, 0);
		virtio_used(dev, STATS);
	}
	(void)pthread_mutex_unlock(&dev->lock);
}

static void balloon_stats(const struct virtio_dev *dev,
			  const struct virtio_teller *to)
{
	const struct balloon *b = dev->state;

	stats_tell(to, "reported_bytes", &b->reported);
	stats_tell(to, "inflated_bytes", &b->inflated);
}

const struct virtio_ops balloon_ops = {
	.name = "balloon",
	.id = VIRTIO_ID_BALLOON,
	.class_code = 0x00ff00,
	.nr_queues = QUEUES,
	.queue_size = QUEUE_SIZE,
	.state_size = sizeof(struct balloon),
	/* What follows belongs to features not offered. */
	.config_size =
		offsetof(struct virtio_balloon_config, free_page_hint_cmd_id),
	.open = balloon_open,
	.close = balloon_close,
	.start = balloon_start,
	.stop = balloon_stop,
	.kick = balloon_kick,
	.config_write = balloon_config_write,
	.stats = balloon_stats,
};
