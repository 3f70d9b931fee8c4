/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pmem.c - persistent memory (virtio 1.2, section 5.19), read-only.
 *
 * The device says where the memory is and answers flushes; the memory itself is
 * a slot of KVM's, which the guest reads without us.  The specification has no
 * feature for read-only: what a guest writes there is an exit to the monitor,
 * which forgets it, and so there is never anything to flush.
 */
#include <errno.h>
#include <linux/virtio_pmem.h>
#include <stdio.h>
#include <string.h>

#include "devices/virtio/iov.h"
#include "devices/virtio/models.h"
#include "devices/virtio/stats.h"
#include "vmm/lib/le.h"

#define BATCH_MAX  64
#define QUEUE_SIZE 64
/* Section 5.19.6.2 knows success, 0; everything else is a failure. */
#define FLUSH_FAILED 1U

struct pmem {
	char id[21];
	uint64_t size; /* constant */
	uint64_t flushes, errors; /* counters */
	struct vq_chain chain;
};

static int pmem_open(struct virtio_dev *dev, const void *config,
		     struct err *err)
{
	const struct pmem_config *c = config;
	struct pmem *pmem = dev->state;
	const struct {
		le64_t start, size;
	} place = { le64_make(c->gpa), le64_make(c->size) };

	(void)err;
	_Static_assert(sizeof(place) == sizeof(struct virtio_pmem_config),
		       "section 5.19.4");
	(void)snprintf(pmem->id, sizeof(pmem->id), "%s", c->id);
	pmem->size = c->size;
	memcpy(dev->config, &place, sizeof(place));
	return 0;
}

static void pmem_nothing(struct virtio_dev *dev)
{
	(void)dev;
}

static int serve(struct virtio_dev *dev, unsigned nr)
{
	struct pmem *pmem = dev->state;
	const struct vq_chain *c = &pmem->chain;
	le32_t type = le32_make(UINT32_MAX);
	le32_t ret = le32_make(FLUSH_FAILED);

	if (iov_read(c->iov, c->nr_read, 0, &type, sizeof(type)) ==
		    sizeof(type) &&
	    le32_get(type) == VIRTIO_PMEM_REQ_TYPE_FLUSH) {
		stats_add(&pmem->flushes, 1);
		ret = le32_make(0);
	} else {
		stats_add(&pmem->errors, 1);
	}
	vq_push(&dev->queue[nr].vq, c->head,
		(uint32_t)iov_write(c->iov + c->nr_read, c->nr_write, 0, &ret,
				    sizeof(ret)));
	return 0;
}

static void pmem_kick(struct virtio_dev *dev, unsigned nr)
{
	struct pmem *pmem = dev->state;

	virtio_serve(dev, nr, &pmem->chain, BATCH_MAX, serve);
}

static void pmem_stats(const struct virtio_dev *dev,
		       const struct virtio_teller *to)
{
	const struct pmem *pmem = dev->state;

	to->word(to->arg, "id", pmem->id);
	stats_tell(to, "bytes", &pmem->size);
	stats_tell(to, "flushes", &pmem->flushes);
	stats_tell(to, "errors", &pmem->errors);
}

const struct virtio_ops pmem_ops = {
	.name = "pmem",
	.id = VIRTIO_ID_PMEM,
	.class_code = 0x058000, /* memory controller, other */
	.nr_queues = 1,
	.queue_size = QUEUE_SIZE,
	.state_size = sizeof(struct pmem),
	.config_size = sizeof(struct virtio_pmem_config),
	.open = pmem_open,
	.close = pmem_nothing,
	.start = pmem_nothing,
	.stop = pmem_nothing,
	.kick = pmem_kick,
	.stats = pmem_stats,
};
