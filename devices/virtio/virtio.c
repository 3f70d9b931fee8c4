/* SPDX-License-Identifier: Apache-2.0 */
/* virtio.c - the life of a device: made, negotiated, started, reset. */
#include "devices/virtio/virtio.h"

#include <assert.h>
#include <errno.h>
#include <linux/virtio_pci.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "devices/virtio/pci.h"
#include "vmm/lib/list.h"
#include "vmm/lib/log.h"

#define ANY_DEVICE                                                             \
	(VIRTIO_BIT(VIRTIO_F_VERSION_1) |                                      \
	 VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) |                             \
	 VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX))
#define COMPLAINTS_MAX 8 /* log lines one device's driver may cause */

static uint8_t status_of(const struct virtio_dev *dev)
{
	return __atomic_load_n(&dev->status, __ATOMIC_ACQUIRE);
}

bool virtio_running(const struct virtio_dev *dev)
{
	uint8_t live = VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_NEEDS_RESET;

	return (status_of(dev) & live) == VIRTIO_CONFIG_S_DRIVER_OK &&
	       __atomic_load_n(&dev->master, __ATOMIC_ACQUIRE);
}

bool virtio_has(const struct virtio_dev *dev, unsigned bit)
{
	return dev->accepted & VIRTIO_BIT(bit);
}

static void signal_kick(const struct virtio_queue *q)
{
	uint64_t one = 1;

	/* A full counter means that the kick is waiting anyway. */
	(void)!write(q->kick.fd, &one, sizeof(one));
}

void virtio_again(struct virtio_dev *dev, unsigned nr)
{
	signal_kick(&dev->queue[nr]);
}

void virtio_used(struct virtio_dev *dev, unsigned nr)
{
	struct virtio_queue *q = &dev->queue[nr];

	if (vq_notify_needed(&q->vq))
		virtio_pci_queue_irq(dev->pci, q);
}

int virtio_take_over(struct virtio_dev *dev)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < dev->nr_queues; i++) {
		struct virtio_queue *q = &dev->queue[i];

		if (dev->started && q->vq.size) {
			vq_resume(&q->vq);
			virtio_pci_queue_irq(dev->pci, q);
		}
		r = loop_set(dev->loop, &q->kick, EPOLLIN);
		signal_kick(q);
	}
	return r;
}

void virtio_interrupt(struct virtio_dev *dev, unsigned nr)
{
	virtio_pci_queue_irq(dev->pci, &dev->queue[nr]);
}

int virtio_irq_fd(const struct virtio_dev *dev, unsigned nr)
{
	return virtio_pci_irq_fd(dev->pci, &dev->queue[nr]);
}

void virtio_serve(struct virtio_dev *dev, unsigned nr, struct vq_chain *chain,
		  unsigned most,
		  int (*serve)(struct virtio_dev *dev, unsigned nr))
{
	struct vq *vq = &dev->queue[nr].vq;
	int r = 1;

	for (unsigned i = 0; i < most && r > 0; i++) {
		r = vq_pop(vq, chain);
		if (r > 0 && serve(dev, nr) < 0)
			r = -EPROTO;
	}
	virtio_used(dev, nr);
	if (r < 0)
		virtio_broken(dev, nr);
	else if (r > 0 || vq_kicks_on(vq))
		virtio_again(dev, nr);
}

static void complain(struct virtio_dev *dev, unsigned nr, const char *why)
{
	unsigned n = __atomic_fetch_add(&dev->complaints, 1, __ATOMIC_RELAXED);

	if (n < COMPLAINTS_MAX)
		log_warn("%s: queue %u: %s; stopped until the driver resets "
			 "the device%s",
			 dev->ops->name, nr, why,
			 n + 1 == COMPLAINTS_MAX ? " (last such message)" : "");
}

void virtio_broken(struct virtio_dev *dev, unsigned nr)
{
	const char *why = dev->queue[nr].vq.broken;
	uint8_t old = __atomic_fetch_or(
		&dev->status, VIRTIO_CONFIG_S_NEEDS_RESET, __ATOMIC_ACQ_REL);

	if (old & VIRTIO_CONFIG_S_NEEDS_RESET)
		return;
	complain(dev, nr, why ? why : "request without room for the answer");
	virtio_pci_config_irq(dev->pci);
}

void virtio_config_changed(struct virtio_dev *dev)
{
	dev->generation++;
	if (status_of(dev) & VIRTIO_CONFIG_S_DRIVER_OK)
		virtio_pci_config_irq(dev->pci);
}

/* Loop thread: the driver kicked, or we did. */
static void kicked(struct loop_fd *src, uint32_t events)
{
	struct virtio_queue *q = container_of(src, struct virtio_queue, kick);
	struct virtio_dev *dev = q->dev;
	uint64_t count;

	(void)events;
	(void)!read(src->fd, &count, sizeof(count));
	(void)pthread_mutex_lock(&dev->lock);
	if (dev->started && virtio_running(dev) && q->vq.size)
		dev->ops->kick(dev, (unsigned)(q - dev->queue));
	(void)pthread_mutex_unlock(&dev->lock);
}

static void reset_queue(struct virtio_queue *q)
{
	q->vq = (struct vq){ 0 };
	q->size = q->dev->ops->queue_size;
	q->desc = q->avail = q->used = 0;
	q->enabled = false;
	__atomic_store_n(&q->vector, VIRTIO_MSI_NO_VECTOR, __ATOMIC_RELAXED);
}

/* Nobody serves a queue any more. */
static void forget(struct virtio_dev *dev)
{
	for (unsigned i = 0; i < dev->nr_queues; i++)
		reset_queue(&dev->queue[i]);
	dev->accepted = 0;
	dev->unknown_features = false;
	virtio_pci_reset(dev->pci);
	__atomic_store_n(&dev->status, 0, __ATOMIC_RELEASE);
}

uint8_t virtio_status(struct virtio_dev *dev)
{
	if (dev->resetting && dev->ops->stopped(dev)) {
		dev->resetting = false;
		forget(dev);
	}
	return status_of(dev);
}

static void reset(struct virtio_dev *dev)
{
	if (dev->started) {
		dev->started = false;
		virtio_pci_update_kicks(dev->pci);
		dev->ops->stop(dev);
		dev->resetting = dev->ops->stopped != NULL;
	}
	if (dev->resetting)
		(void)virtio_status(dev);
	else
		forget(dev);
}

/* What the driver said of its queues becomes pointers. */
static void start(struct virtio_dev *dev)
{
	__atomic_fetch_or(&dev->status, VIRTIO_CONFIG_S_DRIVER_OK,
			  __ATOMIC_ACQ_REL);

	for (unsigned i = 0; i < dev->nr_queues; i++) {
		struct virtio_queue *q = &dev->queue[i];
		struct vq_setup setup = {
			.size = q->size,
			.desc = q->desc,
			.avail = q->avail,
			.used = q->used,
			.indirect =
				virtio_has(dev, VIRTIO_RING_F_INDIRECT_DESC),
			.event_idx = virtio_has(dev, VIRTIO_RING_F_EVENT_IDX),
		};

		if (!q->enabled)
			continue;
		if (vq_init(&q->vq, dev->gm, &setup) < 0) {
			(void)vq_break(&q->vq, "rings misplaced");
			virtio_broken(dev, i);
		}
	}
	if (status_of(dev) & VIRTIO_CONFIG_S_NEEDS_RESET)
		return;

	dev->started = true;
	dev->ops->start(dev);
	virtio_pci_update_kicks(dev->pci);
	/* Some drivers offer buffers before they set DRIVER_OK. */
	for (unsigned i = 0; i < dev->nr_queues; i++)
		signal_kick(&dev->queue[i]);
}

void virtio_accept(struct virtio_dev *dev, uint32_t select, uint32_t bits)
{
	if (status_of(dev) & VIRTIO_CONFIG_S_FEATURES_OK)
		return;
	if (select > 1) {
		dev->unknown_features |= bits != 0;
		return;
	}
	unsigned shift = 32 * select;
	dev->accepted &= ~(UINT64_C(0xffffffff) << shift);
	dev->accepted |= (uint64_t)bits << shift;
}

/* Section 2.2: a subset of what is offered, and a modern driver. */
static bool acceptable(const struct virtio_dev *dev)
{
	return !dev->unknown_features && !(dev->accepted & ~dev->offered) &&
	       virtio_has(dev, VIRTIO_F_VERSION_1);
}

void virtio_set_status(struct virtio_dev *dev, uint8_t status)
{
	uint8_t old = virtio_status(dev);
	uint8_t added = (uint8_t)(status & ~old);
	uint8_t plain = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
			VIRTIO_CONFIG_S_FAILED;

	if (dev->resetting)
		return;
	if (status == 0) {
		reset(dev);
		return;
	}

	/* Section 2.1.1: a driver clears no bit; one that tries has not. */
	__atomic_fetch_or(&dev->status, (uint8_t)(added & plain),
			  __ATOMIC_ACQ_REL);
	if ((added & VIRTIO_CONFIG_S_FEATURES_OK) && acceptable(dev))
		__atomic_fetch_or(&dev->status, VIRTIO_CONFIG_S_FEATURES_OK,
				  __ATOMIC_ACQ_REL);
	if ((added & VIRTIO_CONFIG_S_DRIVER_OK) &&
	    (old & VIRTIO_CONFIG_S_FEATURES_OK))
		start(dev);
}

bool virtio_configurable(const struct virtio_dev *dev,
			 const struct virtio_queue *q)
{
	return !q->enabled && !(status_of(dev) & VIRTIO_CONFIG_S_DRIVER_OK);
}

void virtio_set_master(struct virtio_dev *dev, bool on)
{
	if (dev->master == on)
		return;
	__atomic_store_n(&dev->master, on, __ATOMIC_RELEASE);
	if (dev->started && dev->ops->master)
		dev->ops->master(dev, on);
	for (unsigned i = 0; on && i < dev->nr_queues; i++)
		signal_kick(&dev->queue[i]);
}

static int open_queues(struct virtio_dev *dev, struct err *err)
{
	for (unsigned i = 0; i < dev->nr_queues; i++) {
		struct virtio_queue *q = &dev->queue[i];

		q->kick.ready = kicked;
		q->kick.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (q->kick.fd < 0)
			return err_set(err, errno, "create an eventfd");
		if (dev->ops->serves_itself)
			continue;
		int r = loop_set(dev->loop, &q->kick, EPOLLIN);
		if (r < 0)
			return err_set(err, -r, "watch a queue");
	}
	return 0;
}

static int make_queues(struct virtio_dev *dev, const void *config)
{
	const struct virtio_ops *ops = dev->ops;

	dev->nr_queues = ops->queues ? ops->queues(config) : ops->nr_queues;
	assert(dev->nr_queues > 0 && dev->nr_queues <= VIRTIO_QUEUES_MAX);
	dev->queue = calloc(dev->nr_queues, sizeof(*dev->queue));
	if (!dev->queue)
		return -ENOMEM;
	for (unsigned i = 0; i < dev->nr_queues; i++) {
		dev->queue[i].dev = dev;
		dev->queue[i].kick.fd = -1;
		dev->queue[i].fast_kick = -1;
		reset_queue(&dev->queue[i]);
	}
	return 0;
}

/* The model last: it may take descriptors over, and nothing fails after. */
static int build(struct virtio_dev *dev, const void *config,
		 const struct virtio_env *env, struct err *err)
{
	dev->state = calloc(1, dev->ops->state_size);
	if (!dev->state || make_queues(dev, config) < 0)
		return err_set(err, ENOMEM, "allocate");

	int r = open_queues(dev, err);
	if (r == 0)
		r = virtio_pci_open(dev, env, err);
	if (r == 0) {
		dev->opened = true;
		r = dev->ops->open(dev, config, err);
		dev->offered |= ANY_DEVICE;
	}
	return r;
}

int virtio_open(const struct virtio_ops *ops, const void *config,
		const struct virtio_env *env, struct virtio_dev **ret,
		struct err *err)
{
	struct virtio_dev *dev = calloc(1, sizeof(*dev));
	if (!dev)
		return err_set(err, ENOMEM, "device '%s'", ops->name);

	dev->ops = ops;
	dev->gm = env->gm;
	dev->loop = env->loop;
	(void)pthread_mutex_init(&dev->lock, NULL);

	int r = build(dev, config, env, err);
	if (r < 0) {
		virtio_close(dev);
		(void)err_wrap(err, "device '%s'", ops->name);
		return r;
	}
	*ret = dev;
	return 0;
}

void virtio_close(struct virtio_dev *dev)
{
	if (!dev)
		return;
	if (dev->started) {
		dev->started = false;
		virtio_pci_update_kicks(dev->pci);
		dev->ops->stop(dev);
	}
	if (dev->opened)
		dev->ops->close(dev);
	virtio_pci_close(dev->pci);
	for (unsigned i = 0; dev->queue && i < dev->nr_queues; i++) {
		struct loop_fd *kick = &dev->queue[i].kick;

		loop_remove(dev->loop, kick);
		if (kick->fd >= 0)
			(void)close(kick->fd);
	}
	(void)pthread_mutex_destroy(&dev->lock);
	free(dev->queue);
	free(dev->state);
	free(dev);
}
