/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mem.c - memory that a guest plugs in and out in blocks, as it is asked to
 * (virtio 1.2, section 5.15).
 *
 * The blocks are a region of guest memory that no map tells of (gmem.h).  All
 * of it is mapped from the start, as holes of a file, so plugging is an entry
 * in a bitmap and unplugging a hole punched.  A guest that touches a block
 * which is not plugged in gets pages all the same, and pays for them: they
 * count in its VM's cgroup, whose limit follows what is requested.  Section
 * 5.15.4 lets a device do that, and VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE has
 * good drivers keep away from them.
 *
 * What is plugged in stays so over a reset of the device (5.15.5.2).
 */
#include "devices/virtio/mem.h"

#include <errno.h>
#include <linux/virtio_mem.h>
#include <stdlib.h>
#include <string.h>

#include "devices/virtio/iov.h"
#include "devices/virtio/models.h"
#include "devices/virtio/stats.h"

#define QUEUE_SIZE 64
#define BATCH_MAX  8 /* requests before others have their turn */
#define BITS	   64U

/* What the guest's Linux adds at a time: x86, memory_block_size_bytes(). */
#define SECTION	      (UINT64_C(128) << 20)
#define SECTION_LARGE (UINT64_C(2) << 30)
#define LARGE	      (UINT64_C(64) << 30)

struct mem {
	const struct gmem_region *region;
	uint64_t most; /* bytes, whole blocks */
	/* Under dev->lock. */
	uint64_t *map; /* a bit for each block: plugged in */
	uint64_t plugged, requested; /* counters, bytes */
	uint64_t plugs, unplugs, refused; /* counters, requests */
	struct vq_chain chain;
};

struct range {
	uint64_t first, nr; /* blocks of the region */
};

static struct virtio_mem_config *config_of(struct virtio_dev *dev)
{
	return (void *)dev->config;
}

static bool has(const struct mem *m, uint64_t block)
{
	return m->map[block / BITS] & (UINT64_C(1) << block % BITS);
}

static uint64_t count(const struct mem *m, const struct range *r)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < r->nr; i++)
		n += has(m, r->first + i);
	return n;
}

static void mark(struct virtio_dev *dev, const struct range *r, bool in)
{
	struct mem *m = dev->state;
	uint64_t len = r->nr * MEM_BLOCK;

	for (uint64_t i = r->first; i < r->first + r->nr; i++)
		if (in)
			m->map[i / BITS] |= UINT64_C(1) << i % BITS;
		else
			m->map[i / BITS] &= ~(UINT64_C(1) << i % BITS);
	stats_set(&m->plugged, in ? m->plugged + len : m->plugged - len);
	/* Its driver asked for it: nothing to interrupt it for (5.15.6.2). */
	config_of(dev)->plugged_size = htole64(m->plugged);
	dev->generation++;
}

/* Blocks of the region, and of nothing else. */
static bool find_range(const struct mem *m, uint64_t addr, uint16_t nr,
		       struct range *ret)
{
	const struct gmem_region *r = m->region;
	uint64_t off = addr - r->gpa;

	if (addr < r->gpa || off >= r->size || off % MEM_BLOCK || nr == 0 ||
	    nr > (r->size - off) / MEM_BLOCK)
		return false;
	*ret = (struct range){ off / MEM_BLOCK, nr };
	return true;
}

static uint16_t plug(struct virtio_dev *dev, const struct range *r)
{
	struct mem *m = dev->state;

	if (count(m, r) > 0)
		return VIRTIO_MEM_RESP_ERROR;
	if (m->plugged > m->requested ||
	    r->nr > (m->requested - m->plugged) / MEM_BLOCK)
		return VIRTIO_MEM_RESP_NACK;
	mark(dev, r, true);
	stats_add(&m->plugs, 1);
	return VIRTIO_MEM_RESP_ACK;
}

/* Back to the host, whether plugged in or touched without. */
static int give_back(const struct virtio_dev *dev, const struct range *r)
{
	const struct mem *m = dev->state;
	int64_t n =
		gmem_give_back(dev->gm, m->region->host + r->first * MEM_BLOCK,
			       r->nr * MEM_BLOCK);

	return n < 0 ? (int)n : 0;
}

static uint16_t unplug(struct virtio_dev *dev, const struct range *r)
{
	struct mem *m = dev->state;

	if (count(m, r) < r->nr)
		return VIRTIO_MEM_RESP_ERROR;
	if (give_back(dev, r) < 0)
		return VIRTIO_MEM_RESP_BUSY;
	mark(dev, r, false);
	stats_add(&m->unplugs, 1);
	return VIRTIO_MEM_RESP_ACK;
}

static uint16_t unplug_all(struct virtio_dev *dev)
{
	struct mem *m = dev->state;
	const struct range all = { 0, m->region->size / MEM_BLOCK };

	if (give_back(dev, &all) < 0)
		return VIRTIO_MEM_RESP_BUSY;
	memset(m->map, 0, (all.nr + BITS - 1) / BITS * sizeof(*m->map));
	stats_set(&m->plugged, 0);
	config_of(dev)->plugged_size = 0;
	dev->generation++;
	stats_add(&m->unplugs, 1);
	return VIRTIO_MEM_RESP_ACK;
}

static uint16_t state_of(const struct mem *m, const struct range *r)
{
	uint64_t n = count(m, r);

	if (n == 0)
		return VIRTIO_MEM_STATE_UNPLUGGED;
	return n == r->nr ? VIRTIO_MEM_STATE_PLUGGED : VIRTIO_MEM_STATE_MIXED;
}

static void answer(struct virtio_dev *dev, const struct virtio_mem_req *req,
		   struct virtio_mem_resp *resp)
{
	struct mem *m = dev->state;
	uint16_t type = le16toh((uint16_t)req->type);
	uint16_t r = VIRTIO_MEM_RESP_ERROR;
	struct range range;

	/* PLUG, UNPLUG and STATE have the same fields. */
	bool good =
		find_range(m, le64toh((uint64_t)req->u.plug.addr),
			   le16toh((uint16_t)req->u.plug.nb_blocks), &range);
	if (type == VIRTIO_MEM_REQ_UNPLUG_ALL) {
		r = unplug_all(dev);
	} else if (good && type == VIRTIO_MEM_REQ_PLUG) {
		r = plug(dev, &range);
	} else if (good && type == VIRTIO_MEM_REQ_UNPLUG) {
		r = unplug(dev, &range);
	} else if (good && type == VIRTIO_MEM_REQ_STATE) {
		resp->u.state.state = htole16(state_of(m, &range));
		r = VIRTIO_MEM_RESP_ACK;
	}
	if (r != VIRTIO_MEM_RESP_ACK)
		stats_add(&m->refused, 1);
	resp->type = htole16(r);
}

/* A request that is cut short is answered as an unknown one. */
static int serve(struct virtio_dev *dev, unsigned nr)
{
	struct mem *m = dev->state;
	struct vq *vq = &dev->queue[nr].vq;
	const struct vq_chain *c = &m->chain;
	struct virtio_mem_req req;
	struct virtio_mem_resp resp = { 0 };

	if (c->write_len < sizeof(resp))
		return vq_break(vq, "request without room for the answer");
	if (iov_read(c->iov, c->nr_read, 0, &req, sizeof(req)) < sizeof(req))
		req.type = htole16(UINT16_MAX);
	answer(dev, &req, &resp);
	(void)iov_write(c->iov + c->nr_read, c->nr_write, 0, &resp,
			sizeof(resp));
	vq_push(vq, c->head, sizeof(resp));
	return 0;
}

static void mem_kick(struct virtio_dev *dev, unsigned nr)
{
	struct mem *m = dev->state;

	virtio_serve(dev, nr, &m->chain, BATCH_MAX, serve);
}

static int mem_open(struct virtio_dev *dev, const void *config, struct err *err)
{
	const struct mem_config *mc = config;
	struct virtio_mem_config *cfg = config_of(dev);
	struct mem *m = dev->state;

	m->region = gmem_pluggable(dev->gm);
	m->most = mc->most - mc->most % MEM_BLOCK;
	if (!m->region || m->region->size % MEM_BLOCK ||
	    m->most > m->region->size)
		return err_say(err, EINVAL, "no region of guest memory for it");
	m->map = calloc((m->region->size / MEM_BLOCK + BITS - 1) / BITS,
			sizeof(*m->map));
	if (!m->map)
		return err_set(err, ENOMEM, "allocate");
	*cfg = (struct virtio_mem_config){
		.block_size = htole64(MEM_BLOCK),
		.addr = htole64(m->region->gpa),
		.region_size = htole64(m->region->size),
		.usable_region_size = htole64(m->region->size),
	};
	dev->offered = VIRTIO_BIT(VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE);
	return 0;
}

static void mem_close(struct virtio_dev *dev)
{
	struct mem *m = dev->state;

	free(m->map);
}

static void mem_start(struct virtio_dev *dev)
{
	(void)dev;
}

static void mem_stop(struct virtio_dev *dev)
{
	(void)dev;
}

uint64_t mem_region_size(uint64_t ram, uint64_t most)
{
	uint64_t unit = ram < LARGE ? SECTION : SECTION_LARGE;

	return (most + unit - 1) / unit * unit;
}

void mem_request(struct virtio_dev *dev, uint64_t bytes)
{
	struct mem *m = dev->state;

	if (bytes > m->most)
		bytes = m->most;
	(void)pthread_mutex_lock(&dev->lock);
	stats_set(&m->requested, bytes - bytes % MEM_BLOCK);
	config_of(dev)->requested_size = htole64(m->requested);
	virtio_config_changed(dev);
	(void)pthread_mutex_unlock(&dev->lock);
}

void mem_status(struct virtio_dev *dev, struct mem_status *ret)
{
	const struct mem *m = dev->state;

	(void)pthread_mutex_lock(&dev->lock);
	*ret = (struct mem_status){
		.most = m->most,
		.requested = m->requested,
		.plugged = m->plugged,
		.driver = dev->started && virtio_running(dev),
	};
	(void)pthread_mutex_unlock(&dev->lock);
}

static void mem_stats(const struct virtio_dev *dev,
		      const struct virtio_teller *to)
{
	const struct mem *m = dev->state;

	stats_tell(to, "plugged_bytes", &m->plugged);
	stats_tell(to, "requested_bytes", &m->requested);
	stats_tell(to, "plugs", &m->plugs);
	stats_tell(to, "unplugs", &m->unplugs);
	stats_tell(to, "refused", &m->refused);
}

const struct virtio_ops mem_ops = {
	.name = "mem",
	.id = VIRTIO_ID_MEM,
	.class_code = 0x00ff00,
	.nr_queues = 1,
	.queue_size = QUEUE_SIZE,
	.state_size = sizeof(struct mem),
	.config_size = sizeof(struct virtio_mem_config),
	.open = mem_open,
	.close = mem_close,
	.start = mem_start,
	.stop = mem_stop,
	.kick = mem_kick,
	.stats = mem_stats,
};
