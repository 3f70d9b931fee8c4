/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs.c - shared directory (virtio 1.2, section 5.11).  The files are served by
 * a vhost-user backend, virtiofsd; here are its configuration space, and the
 * start and the end of its rings.
 *
 * While the device runs nothing passes through us: the backend has guest RAM,
 * the eventfd that the driver's kicks signal, and the one that is the
 * interrupt of the queue's MSI-X vector.  That vector is fixed from DRIVER_OK
 * on, and masking works on the eventfd (vmm/core/irq.h), so it needs no
 * forwarding.
 *
 * Messages come and go on the loop's thread, which waits for no answer: the
 * end of a ring is one, and until it has come the driver sees its reset not
 * done.  A backend that ends, breaks the protocol or lets a reset wait too long
 * is given up for good.  Its driver is then answered from here, by
 * an error for each request: Linux looks at no DEVICE_NEEDS_RESET here, and
 * whoever uses a file would hang for ever.
 */
#include <errno.h>
#include <linux/fuse.h>
#include <linux/virtio_fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "devices/backend/vhost_user.h"
#include "devices/virtio/iov.h"
#include "devices/virtio/models.h"
#include "devices/virtio/stats.h"
#include "vmm/lib/list.h"
#include "vmm/lib/log.h"

enum { HIPRIO, REQUEST, QUEUES };

#define PATIENCE_MS 30000 /* the host may be busy */
#define BATCH_MAX   64 /* refused requests a turn */

#define FEATURES                                                               \
	(VIRTIO_BIT(VIRTIO_F_VERSION_1) |                                      \
	 VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) |                             \
	 VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX))

enum state {
	IDLE,
	START_ASKED, /* the loop is to send what starts the rings */
	RUNS,
	STOP_ASKED,
	STOPPING, /* answers are to come */
};

/* All under dev->lock; loop sources are the loop's. */
struct fs {
	struct virtio_dev *dev;
	struct vhost_user link;
	struct loop_fd sock; /* link.fd; -1: closed */
	struct loop_fd wake; /* eventfd: look at the state */
	int unheard; /* eventfd: what a queue without a vector says */
	enum state state;
	unsigned running; /* a bit for each ring of the backend's */
	int patience; /* ms */
	int64_t deadline; /* of STOPPING, by vhost_user_now() */
	bool lost; /* there is no backend any more */
	char tag[sizeof(((struct virtio_fs_config *)0)->tag) + 1];
	uint64_t refused; /* counter: requests that no backend saw */
	struct vq_chain chain;
};

static void wake(const struct fs *fs)
{
	uint64_t one = 1;

	(void)!write(fs->wake.fd, &one, sizeof(one));
}

/* Any thread; what concerns the loop follows on its thread. */
static void lose(struct fs *fs, const char *why)
{
	if (fs->lost)
		return;
	fs->lost = true;
	fs->state = IDLE;
	log_error("fs: '%s': %s; whoever uses its files gets an error", fs->tag,
		  why);
	wake(fs);
}

static int start_rings(struct fs *fs)
{
	struct virtio_dev *dev = fs->dev;
	int r = vhost_user_set_features(&fs->link, dev->accepted);

	if (r == 0)
		r = vhost_user_set_memory(&fs->link, dev->gm);
	fs->running = 0;
	for (unsigned i = 0; r == 0 && i < QUEUES; i++) {
		const struct virtio_queue *q = &dev->queue[i];
		int call = virtio_irq_fd(dev, i);
		/* virtiofsd takes none for a mistake, and ends. */
		const struct vhost_user_ring ring = {
			.index = i,
			.size = q->size,
			.desc = q->desc,
			.avail = q->avail,
			.used = q->used,
			.kick = q->kick.fd,
			.call = call < 0 ? fs->unheard : call,
		};

		if (!q->enabled)
			continue;
		r = vhost_user_start_ring(&fs->link, &ring);
		fs->running |= 1U << i;
	}
	return r;
}

static int stop_rings(struct fs *fs)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < QUEUES; i++)
		if (fs->running & 1U << i)
			r = vhost_user_stop_ring(&fs->link, i);
	return r;
}

/* The backend is gone: its socket, and its work becomes ours. */
static void take_over(struct fs *fs)
{
	if (fs->sock.fd < 0)
		return;
	loop_remove(fs->dev->loop, &fs->sock);
	(void)close(fs->sock.fd);
	fs->sock.fd = -1;
	if (virtio_take_over(fs->dev) < 0)
		log_error("fs: '%s': its queues cannot be watched", fs->tag);
}

static void next_step(struct fs *fs)
{
	int r = 0;

	if (fs->state == START_ASKED) {
		fs->state = RUNS;
		r = start_rings(fs);
	} else if (fs->state == STOP_ASKED) {
		fs->state = fs->running ? STOPPING : IDLE;
		r = stop_rings(fs);
	}
	if (r == -EAGAIN)
		lose(fs, "its backend does not read what it is told");
	else if (r < 0)
		lose(fs, "its backend has ended");
	if (fs->lost)
		take_over(fs);
}

static void woken(struct loop_fd *src, uint32_t events)
{
	struct fs *fs = container_of(src, struct fs, wake);
	uint64_t count;

	(void)events;
	(void)!read(src->fd, &count, sizeof(count));
	(void)pthread_mutex_lock(&fs->dev->lock);
	next_step(fs);
	(void)pthread_mutex_unlock(&fs->dev->lock);
}

/* Only the ends of rings are answers, each once and when asked for. */
static void hear(struct fs *fs)
{
	int ring = vhost_user_stopped(&fs->link, QUEUES);

	if (ring == -EAGAIN)
		return;
	if (ring == -EPROTO)
		lose(fs, "its backend breaks the protocol");
	else if (ring < 0)
		lose(fs, "its backend has ended");
	else if (fs->state != STOPPING || !(fs->running & 1U << ring))
		lose(fs, "its backend answers what it was not asked");
	else
		fs->running &= ~(1U << ring);
	if (fs->state == STOPPING && !fs->running)
		fs->state = IDLE;
	if (fs->lost)
		take_over(fs);
}

static void heard(struct loop_fd *src, uint32_t events)
{
	struct fs *fs = container_of(src, struct fs, sock);

	(void)events;
	(void)pthread_mutex_lock(&fs->dev->lock);
	hear(fs);
	(void)pthread_mutex_unlock(&fs->dev->lock);
}

static void fs_start(struct virtio_dev *dev)
{
	struct fs *fs = dev->state;

	if (fs->lost)
		return;
	fs->state = START_ASKED;
	wake(fs);
}

static void fs_stop(struct virtio_dev *dev)
{
	struct fs *fs = dev->state;

	if (fs->state == START_ASKED)
		fs->state = IDLE;
	if (fs->state != RUNS)
		return;
	fs->state = STOP_ASKED;
	fs->deadline = vhost_user_now() + fs->patience;
	wake(fs);
}

static bool fs_stopped(struct virtio_dev *dev)
{
	struct fs *fs = dev->state;

	if (fs->state != IDLE && vhost_user_now() > fs->deadline)
		lose(fs, "its backend has not ended its work in time");
	return fs->state == IDLE;
}

/* An error for the driver, or nothing where no answer is expected. */
static int refuse(struct virtio_dev *dev, unsigned nr)
{
	struct fs *fs = dev->state;
	const struct vq_chain *c = &fs->chain;
	struct fuse_in_header in;
	struct fuse_out_header out = { .len = sizeof(out), .error = -ENOTCONN };
	uint32_t n = 0;

	if (iov_read(c->iov, c->nr_read, 0, &in, sizeof(in)) == sizeof(in)) {
		out.unique = in.unique;
		n = (uint32_t)iov_write(c->iov + c->nr_read, c->nr_write, 0,
					&out, sizeof(out));
	}
	vq_push(&dev->queue[nr].vq, c->head, n);
	stats_add(&fs->refused, 1);
	return 0;
}

/* Only once the backend is lost. */
static void fs_kick(struct virtio_dev *dev, unsigned nr)
{
	struct fs *fs = dev->state;

	virtio_serve(dev, nr, &fs->chain, BATCH_MAX, refuse);
}

static int watch(struct fs *fs, struct err *err)
{
	fs->wake.ready = woken;
	fs->sock.ready = heard;
	fs->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fs->unheard = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fs->wake.fd < 0 || fs->unheard < 0)
		return err_set(err, errno, "create an eventfd");
	int r = loop_set(fs->dev->loop, &fs->wake, EPOLLIN);
	if (r == 0)
		r = loop_set(fs->dev->loop, &fs->sock, EPOLLIN);
	return r < 0 ? err_set(err, -r, "watch the backend") : 0;
}

static int fs_open(struct virtio_dev *dev, const void *config, struct err *err)
{
	struct virtio_fs_config *space = (void *)dev->config;
	const struct fs_config *cfg = config;
	struct fs *fs = dev->state;
	uint64_t features = 0;

	fs->dev = dev;
	fs->wake.fd = fs->unheard = -1;
	fs->patience = cfg->patience_ms ? cfg->patience_ms : PATIENCE_MS;
	fs->sock.fd = fs->link.fd = cfg->fd;
	(void)snprintf(fs->tag, sizeof(fs->tag), "%s", cfg->tag);
	memcpy(space->tag, fs->tag, sizeof(space->tag));
	space->num_request_queues = htole32(1);

	int r = vhost_user_features(&fs->link, fs->patience, &features, err);
	if (r == 0 && (features & FEATURES) != FEATURES)
		r = err_say(err, ENOTSUP,
			    "the backend lacks features of virtio 1.2");
	if (r == 0)
		r = watch(fs, err);
	if (r == 0)
		return 0;
	/* It stays its giver's. */
	loop_remove(dev->loop, &fs->sock);
	fs->sock.fd = -1;
	return err_wrap(err, "'%s'", fs->tag);
}

static void fs_close(struct virtio_dev *dev)
{
	struct fs *fs = dev->state;

	loop_remove(dev->loop, &fs->sock);
	loop_remove(dev->loop, &fs->wake);
	if (fs->wake.fd >= 0)
		(void)close(fs->wake.fd);
	if (fs->unheard >= 0)
		(void)close(fs->unheard);
	if (fs->sock.fd >= 0)
		(void)close(fs->sock.fd);
}

/* What the backend does it counts itself, if it does. */
static void fs_stats(const struct virtio_dev *dev,
		     const struct virtio_teller *to)
{
	const struct fs *fs = dev->state;

	to->word(to->arg, "tag", fs->tag);
	stats_tell(to, "refused", &fs->refused);
}

const struct virtio_ops fs_ops = {
	.name = "fs",
	.id = VIRTIO_ID_FS,
	.class_code = 0x018000,
	.nr_queues = QUEUES,
	.queue_size = VQ_SIZE_MAX,
	.state_size = sizeof(struct fs),
	.config_size = sizeof(struct virtio_fs_config),
	.open = fs_open,
	.close = fs_close,
	.start = fs_start,
	.stop = fs_stop,
	.stopped = fs_stopped,
	.kick = fs_kick,
	.stats = fs_stats,
	.serves_itself = true,
};
