/* SPDX-License-Identifier: Apache-2.0 */
/* rng.c - entropy device (virtio 1.2, section 5.4). */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "devices/virtio/models.h"
#include "devices/virtio/stats.h"

/* More than a driver ever needs, little enough not to hold the loop up. */
#define BYTES_MAX  65536U
#define BATCH_MAX  16
#define QUEUE_SIZE 64

struct rng {
	int fd; /* /dev/urandom: a read(), of which the jail knows already */
	uint64_t requests, bytes; /* counters */
	struct vq_chain chain;
};

static int rng_open(struct virtio_dev *dev, const void *config, struct err *err)
{
	struct rng *rng = dev->state;

	(void)config;
	rng->fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	return rng->fd < 0 ? err_set(err, errno, "open '/dev/urandom'") : 0;
}

static void rng_close(struct virtio_dev *dev)
{
	struct rng *rng = dev->state;

	if (rng->fd >= 0)
		(void)close(rng->fd);
}

static void rng_nothing(struct virtio_dev *dev)
{
	(void)dev;
}

/* Straight into guest RAM.  Returns how many bytes are random. */
static uint32_t fill(int fd, const struct vq_chain *c)
{
	uint32_t done = 0;

	for (unsigned i = 0; i < c->nr_write && done < BYTES_MAX; i++) {
		const struct iovec *v = &c->iov[c->nr_read + i];
		size_t len = v->iov_len;

		if (len > BYTES_MAX - done)
			len = BYTES_MAX - done;
		for (size_t at = 0; at < len;) {
			ssize_t n =
				read(fd, (char *)v->iov_base + at, len - at);
			if (n < 0 && errno == EINTR)
				continue;
			if (n <= 0)
				return done + (uint32_t)at;
			at += (size_t)n;
		}
		done += (uint32_t)len;
	}
	return done;
}

static int serve(struct virtio_dev *dev, unsigned nr)
{
	struct rng *rng = dev->state;
	uint32_t n = fill(rng->fd, &rng->chain);

	stats_add(&rng->requests, 1);
	stats_add(&rng->bytes, n);
	vq_push(&dev->queue[nr].vq, rng->chain.head, n);
	return 0;
}

static void rng_kick(struct virtio_dev *dev, unsigned nr)
{
	struct rng *rng = dev->state;

	virtio_serve(dev, nr, &rng->chain, BATCH_MAX, serve);
}

static void rng_stats(const struct virtio_dev *dev,
		      const struct virtio_teller *to)
{
	const struct rng *rng = dev->state;

	stats_tell(to, "requests", &rng->requests);
	stats_tell(to, "bytes", &rng->bytes);
}

const struct virtio_ops rng_ops = {
	.name = "rng",
	.id = VIRTIO_ID_RNG,
	.class_code = 0x00ff00,
	.nr_queues = 1,
	.queue_size = QUEUE_SIZE,
	.state_size = sizeof(struct rng),
	.open = rng_open,
	.close = rng_close,
	.start = rng_nothing,
	.stop = rng_nothing,
	.kick = rng_kick,
	.stats = rng_stats,
};
