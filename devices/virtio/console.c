/* SPDX-License-Identifier: Apache-2.0 */
/*
 * console.c - console device, one port (virtio 1.2, section 5.3).
 *
 * Where the serial port takes an exit for each byte and loses what nobody reads
 * in time, here a buffer is a request, and backpressure goes both ways: nothing
 * is read from the host while the guest has no buffer for it, and nothing is
 * taken from the guest while the host does not accept it.  A host side that is
 * gone for good takes everything.
 *
 * The host's descriptors never make the loop wait.  Whoever gave us a terminal
 * or a pipe may share it, so it is opened again for a non-blocking description
 * of our own; only where that is not possible theirs becomes non-blocking.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_console.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "devices/virtio/iov.h"
#include "devices/virtio/models.h"
#include "devices/virtio/stats.h"
#include "vmm/lib/io.h"
#include "vmm/lib/list.h"

enum { RX, TX, QUEUES }; /* to the guest, from the guest: 5.3.2 */

#define QUEUE_SIZE 64
#define BATCH_MAX  16 /* buffers each way before others have their turn */
/* Bytes at once: a disk behind a regular file is slow, too. */
#define BYTES_MAX 4096U
/* Bytes of a buffer: more than any driver prints at once. */
#define TEXT_MAX (1U << 20)

struct console {
	struct virtio_dev *dev;
	struct loop_fd in, out; /* ours; fd -1: closed */
	bool in_polled, out_polled; /* epoll knows them: no regular files */
	/* Under dev->lock. */
	bool rx_waiting; /* for buffers of the guest */
	bool tx_waiting; /* for the host to accept more */
	size_t written; /* of the first buffer that is offered */
	uint64_t rx_bytes, tx_bytes, rx_stalls, tx_stalls; /* counters */
	struct vq_chain chain;
	struct iovec part[VQ_SEGMENTS];
};

static bool live(const struct console *con, unsigned nr)
{
	return con->dev->started && virtio_running(con->dev) &&
	       con->dev->queue[nr].vq.size;
}

/*
 * What has hung up tells it whatever is asked for: a source that is not wanted
 * is not added again.  Changing what is watched needs no memory.
 */
static void ask(struct console *con, struct loop_fd *src, uint32_t events)
{
	if (src->fd >= 0 && (events || src->added))
		(void)loop_set(con->dev->loop, src, events);
}

/* Loop thread. */
static void watch(struct console *con)
{
	if (con->in_polled)
		ask(con, &con->in,
		    live(con, RX) && !con->rx_waiting ? EPOLLIN : 0);
	if (con->out_polled)
		ask(con, &con->out,
		    live(con, TX) && con->tx_waiting ? EPOLLOUT : 0);
}

/* Nobody is there any more. */
static void hang_up(struct console *con, struct loop_fd *src)
{
	loop_remove(con->dev->loop, src);
	(void)close(src->fd);
	src->fd = -1;
}

/* 1: a buffer was filled; 0: nothing to read, or nowhere to; -EPROTO. */
static int receive(struct console *con, struct vq *vq)
{
	struct vq_chain *c = &con->chain;
	int r = vq_pop(vq, c);

	if (r < 0)
		return r;
	if (r == 0) {
		con->rx_waiting = !vq_kicks_on(vq);
		stats_add(&con->rx_stalls, con->rx_waiting);
		return !con->rx_waiting;
	}
	unsigned nr = iov_slice(c->iov + c->nr_read, c->nr_write, 0, BYTES_MAX,
				con->part);
	if (nr == 0 || c->write_len == 0) {
		vq_push(vq, c->head, 0);
		return 1;
	}
	ssize_t n = readv(con->in.fd, con->part, (int)nr);
	if (n > 0) {
		stats_add(&con->rx_bytes, (uint64_t)n);
		vq_push(vq, c->head, (uint32_t)n);
		return 1;
	}
	int error = n < 0 ? errno : 0;
	vq_unpop(vq);
	if (error != EAGAIN && error != EINTR)
		hang_up(con, &con->in);
	return 0;
}

static void serve_rx(struct console *con)
{
	struct virtio_dev *dev = con->dev;
	struct vq *vq = &dev->queue[RX].vq;
	int r = 1;

	vq_kicks_off(vq);
	for (unsigned i = 0; con->in.fd >= 0 && i < BATCH_MAX && r > 0; i++)
		r = receive(con, vq);
	virtio_used(dev, RX);
	if (r < 0)
		virtio_broken(dev, RX);
	else if (r > 0 && con->in.fd >= 0 && !con->in_polled)
		virtio_again(dev, RX);
}

/*
 * The part that is due of the buffer in con->chain.  Bytes; 0: the host takes
 * none now; a host that is gone takes all.
 */
static size_t print(struct console *con, size_t len)
{
	const struct vq_chain *c = &con->chain;
	unsigned nr = iov_slice(c->iov, c->nr_read, con->written,
				len < BYTES_MAX ? len : BYTES_MAX, con->part);
	ssize_t n;

	if (con->out.fd < 0)
		return len;
	do {
		n = writev(con->out.fd, con->part, (int)nr);
	} while (n < 0 && errno == EINTR);
	if (n >= 0) {
		stats_add(&con->tx_bytes, (uint64_t)n);
		return (size_t)n;
	}
	if (errno == EAGAIN)
		return 0;
	/* A full disk may have room again. */
	if (con->out_polled)
		hang_up(con, &con->out);
	return len;
}

/* 1: bytes were taken; 0: there are none, or they wait; -EPROTO. */
static int transmit(struct console *con, struct vq *vq)
{
	struct vq_chain *c = &con->chain;
	int r = vq_pop(vq, c);

	if (r <= 0)
		return r < 0 ? r : vq_kicks_on(vq);
	if (c->read_len > TEXT_MAX)
		return vq_break(vq, "text longer than 1 MiB");
	/* The guest may have made it shorter meanwhile. */
	size_t len =
		c->read_len > con->written ? c->read_len - con->written : 0;
	size_t n = len ? print(con, len) : 0;
	if (n < len) {
		con->written += n;
		vq_unpop(vq);
		con->tx_waiting = n == 0 && con->out_polled;
		stats_add(&con->tx_stalls, n == 0);
		return n > 0;
	}
	con->written = 0;
	vq_push(vq, c->head, 0);
	return 1;
}

static void serve_tx(struct console *con)
{
	struct virtio_dev *dev = con->dev;
	struct vq *vq = &dev->queue[TX].vq;
	int r = 1;

	vq_kicks_off(vq);
	for (unsigned i = 0; i < BATCH_MAX && r > 0; i++)
		r = transmit(con, vq);
	virtio_used(dev, TX);
	if (r < 0)
		virtio_broken(dev, TX);
	else if (r > 0)
		virtio_again(dev, TX);
}

static void input_ready(struct loop_fd *src, uint32_t events)
{
	struct console *con = container_of(src, struct console, in);

	(void)pthread_mutex_lock(&con->dev->lock);
	if (live(con, RX) && !con->rx_waiting)
		serve_rx(con);
	/* What is left in it waits for the guest's buffers. */
	else if (events & (EPOLLHUP | EPOLLERR))
		loop_remove(con->dev->loop, src);
	watch(con);
	(void)pthread_mutex_unlock(&con->dev->lock);
}

static void output_ready(struct loop_fd *src, uint32_t events)
{
	struct console *con = container_of(src, struct console, out);

	(void)pthread_mutex_lock(&con->dev->lock);
	if (events & (EPOLLHUP | EPOLLERR))
		hang_up(con, &con->out);
	con->tx_waiting = false;
	if (live(con, TX))
		serve_tx(con);
	watch(con);
	(void)pthread_mutex_unlock(&con->dev->lock);
}

static void console_kick(struct virtio_dev *dev, unsigned nr)
{
	struct console *con = dev->state;

	if (nr == RX) {
		vq_kicks_off(&dev->queue[RX].vq);
		con->rx_waiting = false;
		if (!con->in_polled)
			serve_rx(con);
	} else if (!con->tx_waiting) {
		serve_tx(con);
	}
	watch(con);
}

static void console_start(struct virtio_dev *dev)
{
	struct console *con = dev->state;

	/* The kick that follows makes the loop look for buffers. */
	con->rx_waiting = true;
	con->tx_waiting = false;
	con->written = 0;
}

static void console_stop(struct virtio_dev *dev)
{
	/* The lock is held: the loop is not in a queue.  It finds out. */
	(void)dev;
}

/* A description of our own of what @fd is, non-blocking; or @fd's. */
static int own(int fd, int flags, struct err *err)
{
	char path[32];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "examine the console's descriptor");
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode)) {
		int mine =
			open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

		if (mine >= 0)
			return mine;
	}
	int mine = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (mine < 0)
		return err_set(err, errno, "duplicate a descriptor");
	int r = S_ISREG(st.st_mode) ? 0 : io_set_nonblock(mine, true);
	if (r == 0)
		return mine;
	(void)close(mine);
	return err_set(err, -r, "prepare the console's descriptor");
}

/* What cannot be polled never makes anyone wait: *@ret false. */
static int add(struct console *con, struct loop_fd *src, bool *ret,
	       struct err *err)
{
	int r = loop_set(con->dev->loop, src, 0);

	*ret = r == 0;
	return r < 0 && r != -EPERM ? err_set(err, -r, "watch the console") : 0;
}

static void close_both(struct console *con)
{
	if (con->in.fd >= 0)
		hang_up(con, &con->in);
	if (con->out.fd >= 0)
		hang_up(con, &con->out);
}

static void set_size(struct virtio_dev *dev, uint16_t cols, uint16_t rows)
{
	struct virtio_console_config *regs = (void *)dev->config;

	regs->cols = htole16(cols);
	regs->rows = htole16(rows);
}

static int console_open(struct virtio_dev *dev, const void *config,
			struct err *err)
{
	const struct console_config *cfg = config;
	struct console *con = dev->state;
	int r = 0;

	con->dev = dev;
	con->in = (struct loop_fd){ .fd = -1, .ready = input_ready };
	con->out = (struct loop_fd){ .fd = -1, .ready = output_ready };
	con->out.fd = r = own(cfg->out_fd, O_WRONLY, err);
	if (r >= 0)
		r = add(con, &con->out, &con->out_polled, err);
	if (r == 0 && cfg->in_fd >= 0) {
		con->in.fd = r = own(cfg->in_fd, O_RDONLY, err);
		if (r >= 0)
			r = add(con, &con->in, &con->in_polled, err);
	}
	if (r < 0) {
		close_both(con);
		return r;
	}
	set_size(dev, cfg->cols, cfg->rows);
	if (cfg->cols && cfg->rows)
		dev->offered = VIRTIO_BIT(VIRTIO_CONSOLE_F_SIZE);
	return 0;
}

static void console_close(struct virtio_dev *dev)
{
	close_both(dev->state);
}

int console_resize(struct virtio_dev *dev, uint16_t cols, uint16_t rows)
{
	if (dev->ops->open != console_open)
		return -ENODEV;
	(void)pthread_mutex_lock(&dev->lock);
	set_size(dev, cols, rows);
	if (virtio_has(dev, VIRTIO_CONSOLE_F_SIZE))
		virtio_config_changed(dev);
	(void)pthread_mutex_unlock(&dev->lock);
	return 0;
}

static void console_stats(const struct virtio_dev *dev,
			  const struct virtio_teller *to)
{
	const struct console *con = dev->state;

	stats_tell(to, "rx_bytes", &con->rx_bytes);
	stats_tell(to, "rx_stalls", &con->rx_stalls);
	stats_tell(to, "tx_bytes", &con->tx_bytes);
	stats_tell(to, "tx_stalls", &con->tx_stalls);
}

const struct virtio_ops console_ops = {
	.name = "console",
	.id = VIRTIO_ID_CONSOLE,
	.class_code = 0x078000,
	.nr_queues = QUEUES,
	.queue_size = QUEUE_SIZE,
	.state_size = sizeof(struct console),
	/* What follows belongs to features not offered. */
	.config_size = offsetof(struct virtio_console_config, max_nr_ports),
	.open = console_open,
	.close = console_close,
	.start = console_start,
	.stop = console_stop,
	.kick = console_kick,
	.stats = console_stats,
};
