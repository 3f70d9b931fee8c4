/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio.h - what a device model is, and what it may ask of the transport.
 *
 * A model sees its queues, guest memory, a loop and its backend; never the VM,
 * another device or a global.  virtio.c keeps the rules of virtio 1.2,
 * sections 2.1, 2.2 and 3.1.1 (status and features); pci.c is the transport.
 *
 * Threads: register accesses come from vCPU threads, kicks from the loop's
 * thread; each takes virtio_dev.lock around what it calls in the model.  So
 * does a model in its own loop callbacks.  Only the loop's thread touches loop
 * sources: `stop`, which runs on a vCPU's thread, leaves them to it.
 */
#ifndef DEVICES_VIRTIO_VIRTIO_H
#define DEVICES_VIRTIO_VIRTIO_H

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices/pci/pci.h"
#include "devices/virtio/vq.h"
#include "vmm/core/gmem.h"
#include "vmm/core/irq.h"
#include "vmm/core/loop.h"
#include "vmm/lib/err.h"

#define VIRTIO_QUEUES_MAX 64 /* of a device; pci.h has room for them */
#define VIRTIO_CONFIG_MAX 64 /* bytes of device configuration */
#define VIRTIO_BIT(n)	  (UINT64_C(1) << (n))

struct virtio_dev;
struct virtio_pci;

/* Whoever wants to know figures. */
struct virtio_teller {
	void (*figure)(void *arg, const char *name, uint64_t value);
	void (*word)(void *arg, const char *name, const char *value);
	void *arg;
};

struct virtio_ops {
	const char *name;
	uint16_t id; /* virtio 1.2, section 5 */
	uint32_t class_code; /* PCI, 24 bits */
	unsigned nr_queues; /* unless `queues` says otherwise */
	/* How many, 1 to VIRTIO_QUEUES_MAX, with this `config`.  Optional. */
	unsigned (*queues)(const void *config);
	uint16_t queue_size; /* the most a driver may configure */
	size_t state_size; /* of dev->state, zeroed */
	size_t config_size; /* of dev->config */
	/*
	 * `config` is the model's own struct (models.h).  Sets dev->offered
	 * and fills dev->config.  On failure `close` is called too.
	 */
	int (*open)(struct virtio_dev *dev, const void *config,
		    struct err *err);
	/* Accepts a half-opened device; the loop no longer runs. */
	void (*close)(struct virtio_dev *dev);
	/* Before the first vCPU runs: start threads.  Optional. */
	int (*run)(struct virtio_dev *dev, struct err *err);
	/* The driver is there (DRIVER_OK); enabled queues are usable. */
	void (*start)(struct virtio_dev *dev);
	/* Reset: when it returns, nobody touches a queue any more... */
	void (*stop)(struct virtio_dev *dev);
	/*
	 * ... unless the model has this: then nobody does once it says true.
	 * Until then the driver reads a status that is not 0, waits, and can
	 * change nothing (section 2.4.2).  Asked when the status is read; lock
	 * held; must come true in bounded time.
	 */
	bool (*stopped)(struct virtio_dev *dev);
	/* Requests may be waiting in queue @nr.  Loop thread, lock held. */
	void (*kick)(struct virtio_dev *dev, unsigned nr);
	/*
	 * The driver wrote [@off, @off + @len) of the configuration, inside
	 * config_size; the model decides what of it becomes dev->config.
	 * Lock held.  NULL: nothing is writable.
	 */
	void (*config_write)(struct virtio_dev *dev, unsigned off,
			     const void *data, unsigned len);
	/*
	 * Say each figure that the device counts.  Any thread, no lock, and
	 * never waits: the device may hang in its backend (stats.h).
	 * Optional.
	 */
	void (*stats)(const struct virtio_dev *dev,
		      const struct virtio_teller *to);
	/*
	 * PCI Bus Master Enable became @on while a driver is there.  Optional:
	 * for those whose queues somebody else serves.  Lock held.
	 */
	void (*master)(struct virtio_dev *dev, bool on);
	/* Kicks are not for the loop: the model waits on kick.fd itself. */
	bool serves_itself;
};

struct virtio_queue {
	struct virtio_dev *dev;
	struct vq vq; /* size 0 unless the driver enabled it */
	struct loop_fd kick; /* eventfd, signalled by the driver */
	/*
	 * The eventfd that KVM signals instead, for who waits for the driver
	 * without us; -1: kick.fd.  The model sets it in `start` and back in
	 * `stop`.
	 */
	int fast_kick;
	/* As the driver wrote them; frozen while enabled. */
	uint16_t size, vector; /* vector: atomic */
	uint64_t desc, avail, used;
	bool enabled;
	bool kvm_kicks; /* KVM signals it, not we; pci.c's */
};

/* What is counted of each device, whatever its model; atomic. */
struct virtio_counts {
	uint64_t exits; /* accesses to its registers that left the guest */
	uint64_t interrupts; /* that we asked for; a model that is served by
				somebody else has more */
};

struct virtio_dev {
	const struct virtio_ops *ops;
	void *state;
	const struct gmem *gm;
	struct loop *loop;
	pthread_mutex_t lock; /* guards what is not marked atomic */
	uint64_t offered, accepted; /* features: ours, the driver's choice */
	uint8_t status; /* atomic */
	bool master; /* atomic: PCI Bus Master Enable, may we touch RAM? */
	bool opened, started; /* ops->open was called; ops->start was */
	bool resetting; /* ops->stop was, ops->stopped is not true yet */
	bool unknown_features; /* driver wants bits above 63 */
	unsigned complaints; /* atomic: log lines this guest caused */
	struct virtio_counts counts;
	uint8_t generation; /* of config[] */
	_Alignas(8) unsigned char config[VIRTIO_CONFIG_MAX];
	unsigned nr_queues;
	struct virtio_queue *queue; /* nr_queues of them */
	struct virtio_pci *pci;
};

struct virtio_env {
	struct gmem *gm;
	struct irqchip *chip;
	struct loop *loop;
	struct pci_host *pci;
};

/*
 * Make a device of model @ops and put its function on the bus.  @config is
 * the model's struct of models.h; descriptors in it belong to the device on
 * success only.  -errno with a sentence.
 */
int virtio_open(const struct virtio_ops *ops, const void *config,
		const struct virtio_env *env, struct virtio_dev **ret,
		struct err *err);
/* No vCPU and no loop runs any more.  Accepts NULL. */
void virtio_close(struct virtio_dev *dev);

/* What models call; any thread, no lock needed. */

/* The driver is ready, lets us touch RAM, and the device is not broken. */
bool virtio_running(const struct virtio_dev *dev);
/* After vq_push(): interrupt the driver if it asked for that. */
void virtio_used(struct virtio_dev *dev, unsigned nr);
/* Interrupt it, whatever it asked for. */
void virtio_interrupt(struct virtio_dev *dev, unsigned nr);
/* Queue @nr broke: DEVICE_NEEDS_RESET, a configuration interrupt, a log. */
void virtio_broken(struct virtio_dev *dev, unsigned nr);
/* dev->config was changed; the lock is still held. */
void virtio_config_changed(struct virtio_dev *dev);
/* Have `kick` called again for queue @nr: work was left for fairness. */
void virtio_again(struct virtio_dev *dev, unsigned nr);
/*
 * A `kick` for models that answer at once: @serve gets each request of queue
 * @nr, which stands in @chain, and ends it; @most of them before others have
 * their turn.  It returns 0, or -EPROTO when it broke the queue.  Lock held.
 */
void virtio_serve(struct virtio_dev *dev, unsigned nr, struct vq_chain *chain,
		  unsigned most,
		  int (*serve)(struct virtio_dev *dev, unsigned nr));
/*
 * For a model whose queues are served by somebody else: the eventfd that
 * interrupts the driver for queue @nr, which may be raised as often as one
 * likes; -1 when it wants none, or MSI-X is off.  It stays the same while the
 * device runs.
 */
int virtio_irq_fd(const struct virtio_dev *dev, unsigned nr);
/*
 * ... who is gone: from now on `kick` is called for them, although the model
 * serves_itself.  What is in the used rings counts as done; the driver is
 * interrupted, should its last answers lie there unseen.  Loop thread, lock
 * held.
 */
int virtio_take_over(struct virtio_dev *dev);
/* Was feature bit @bit negotiated? */
bool virtio_has(const struct virtio_dev *dev, unsigned bit);

#endif
