/* SPDX-License-Identifier: Apache-2.0 */
/* vsock.c - socket device (virtio 1.2, section 5.10): packets and queues. */
#include "devices/virtio/vsock.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "devices/virtio/iov.h"
#include "devices/virtio/models.h"
#include "devices/virtio/stats.h"
#include "vmm/lib/le.h"

#define QUEUE_SIZE 128
#define HEADER	   sizeof(struct virtio_vsock_hdr)
#define FIRST_CID  3

static void purge(struct vsock *vs)
{
	while (!list_empty(&vs->all))
		vsock_conn_free(
			container_of(vs->all.next, struct vsock_conn, all));
	vs->nr_refusals = 0;
	vs->tx_stalled = false;
	vs->purging = false;
}

bool vsock_enter(struct vsock *vs)
{
	(void)pthread_mutex_lock(&vs->dev->lock);
	bool up = vs->dev->started && virtio_running(vs->dev);

	/* Connections do not outlive their driver, or a broken device. */
	if (!vs->purging && up)
		return true;
	purge(vs);
	return false;
}

/* After any event: what it left to be said, or what it broke. */
static void finish(struct vsock *vs)
{
	if (vs->dev->started && virtio_running(vs->dev)) {
		vsock_pump(vs);
		virtio_used(vs->dev, VSOCK_RX);
	}
	if (!virtio_running(vs->dev))
		purge(vs);
}

void vsock_leave(struct vsock *vs)
{
	finish(vs);
	(void)pthread_mutex_unlock(&vs->dev->lock);
}

bool vsock_more_buffer(struct vsock *vs, struct vq_chain *c)
{
	struct vq *vq = &vs->dev->queue[VSOCK_RX].vq;
	int r = vq_pop(vq, c);

	/* One that holds no byte of data could never carry any. */
	if (r > 0 && c->write_len <= HEADER)
		r = vq_break(vq, "receive buffer too small");
	if (r < 0 && vq->size)
		virtio_broken(vs->dev, VSOCK_RX);
	return r > 0;
}

bool vsock_take_buffer(struct vsock *vs, struct vq_chain *c)
{
	return vsock_more_buffer(vs, c) ||
	       (vq_kicks_on(&vs->dev->queue[VSOCK_RX].vq) &&
		vsock_more_buffer(vs, c));
}

static void put_header(struct vsock *vs, const struct vq_chain *c,
		       struct virtio_vsock_hdr *h)
{
	uint32_t len = le32toh(h->len);

	h->src_cid = htole64(VSOCK_HOST_CID);
	h->dst_cid = htole64(vs->cid);
	h->type = htole16(VIRTIO_VSOCK_TYPE_STREAM);
	(void)iov_write(c->iov + c->nr_read, c->nr_write, 0, h, HEADER);
	vq_push(&vs->dev->queue[VSOCK_RX].vq, c->head, (uint32_t)HEADER + len);
}

void vsock_send(struct vsock *vs, const struct vq_chain *c,
		struct vsock_conn *conn, uint16_t op, uint32_t flags,
		uint32_t len)
{
	struct virtio_vsock_hdr h = {
		.src_port = htole32(conn->host_port),
		.dst_port = htole32(conn->guest_port),
		.len = htole32(len),
		.op = htole16(op),
		.flags = htole32(flags),
		.buf_alloc = htole32(VSOCK_BUFFER),
		.fwd_cnt = htole32(conn->forwarded),
	};

	conn->told = conn->forwarded;
	conn->owed &= ~(unsigned)OWES_CREDIT_UPDATE;
	put_header(vs, c, &h);
}

static void send_refusal(struct vsock *vs)
{
	const struct vsock_refusal *refusal = &vs->refusal[0];
	struct virtio_vsock_hdr h = {
		.src_port = htole32(refusal->host_port),
		.dst_port = htole32(refusal->guest_port),
		.op = htole16(VIRTIO_VSOCK_OP_RST),
	};

	put_header(vs, &vs->rx[0], &h);
	vs->nr_refusals--;
	memmove(&vs->refusal[0], &vs->refusal[1],
		vs->nr_refusals * sizeof(vs->refusal[0]));
}

/* The first thing it owes, in the order the guest must see them. */
static void send_owed(struct vsock *vs, struct vsock_conn *conn)
{
	static const struct {
		unsigned what;
		uint16_t op;
	} order[] = {
		{ OWES_RESET, VIRTIO_VSOCK_OP_RST },
		{ OWES_REQUEST, VIRTIO_VSOCK_OP_REQUEST },
		{ OWES_RESPONSE, VIRTIO_VSOCK_OP_RESPONSE },
		{ OWES_CREDIT_UPDATE, VIRTIO_VSOCK_OP_CREDIT_UPDATE },
		{ OWES_CREDIT_REQUEST, VIRTIO_VSOCK_OP_CREDIT_REQUEST },
		{ OWES_SHUTDOWN, VIRTIO_VSOCK_OP_SHUTDOWN },
	};
	unsigned i = 0;

	while (!(conn->owed & order[i].what))
		i++;
	conn->owed &= ~order[i].what;
	if (order[i].what == OWES_SHUTDOWN)
		conn->shut_told = conn->shut_want;
	vsock_send(vs, &vs->rx[0], conn, order[i].op,
		   order[i].what == OWES_SHUTDOWN ? conn->shut_want : 0, 0);

	if (order[i].what == OWES_RESET) {
		vsock_conn_free(conn);
		return;
	}
	list_remove(&conn->owing);
	if (conn->owed)
		list_append(&vs->owing, &conn->owing);
}

void vsock_pump(struct vsock *vs)
{
	for (;;) {
		/* A credit update may have gone with something else. */
		struct list *first = vs->owing.next;
		struct vsock_conn *conn =
			container_of(first, struct vsock_conn, owing);

		if (first != &vs->owing && conn->owed == 0) {
			list_remove(first);
			continue;
		}
		if (first == &vs->owing && vs->nr_refusals == 0)
			break;
		if (!vsock_take_buffer(vs, &vs->rx[0]))
			break;
		if (vs->nr_refusals)
			send_refusal(vs);
		else
			send_owed(vs, conn);
	}
	if (vs->tx_stalled && vs->nr_refusals < VSOCK_REFUSALS) {
		vs->tx_stalled = false;
		virtio_again(vs->dev, VSOCK_TX);
	}
}

/* There is room: serve_tx() saw to that. */
static void refuse(struct vsock *vs, const struct virtio_vsock_hdr *h)
{
	vs->refusal[vs->nr_refusals++] = (struct vsock_refusal){
		.host_port = le32toh(h->dst_port),
		.guest_port = le32toh(h->src_port),
	};
}

static void note_credit(struct vsock_conn *conn,
			const struct virtio_vsock_hdr *h)
{
	conn->peer_buf_alloc = le32toh(h->buf_alloc);
	conn->peer_fwd_cnt = le32toh(h->fwd_cnt);
	if (vsock_conn_credit(conn) > 0)
		conn->credit_asked = false;
}

/* The guest wants to connect to port dst_port of ours. */
static void requested(struct vsock *vs, const struct virtio_vsock_hdr *h)
{
	struct vsock_conn *conn = vsock_conn_new(vs, -1, VSOCK_DIALING);

	if (!conn) {
		stats_add(&vs->refused, 1);
		refuse(vs, h);
		return;
	}
	vsock_conn_name(conn, le32toh(h->dst_port), le32toh(h->src_port));
	note_credit(conn, h);
	if (vsock_host_dial(conn) < 0) {
		stats_add(&vs->refused, 1);
		vsock_conn_reset(conn);
	}
}

static void responded(struct vsock_conn *conn)
{
	if (conn->state == VSOCK_REQUESTED && vsock_host_accepted(conn) == 0)
		vsock_conn_opened(conn);
	else
		vsock_conn_reset(conn);
}

/* A packet for a connection we have; @iov: the chain, header in front. */
static void handle(struct vsock_conn *conn, const struct virtio_vsock_hdr *h)
{
	const struct vq_chain *c = &conn->vs->tx;
	bool open = conn->state == VSOCK_OPEN;
	uint32_t len = le32toh(h->len);

	if (le16toh(h->op) == VIRTIO_VSOCK_OP_RST) {
		vsock_conn_gone(conn);
		return;
	}
	if (conn->state == VSOCK_RESETTING)
		return;
	note_credit(conn, h);

	switch (le16toh(h->op)) {
	case VIRTIO_VSOCK_OP_RESPONSE:
		responded(conn);
		return;
	case VIRTIO_VSOCK_OP_RW:
		if (!open)
			break;
		unsigned nr = iov_slice(c->iov, c->nr_read, HEADER, len,
					conn->vs->part);
		vsock_conn_deliver(conn, conn->vs->part, nr, len);
		return;
	case VIRTIO_VSOCK_OP_SHUTDOWN:
		if (!open)
			break;
		vsock_conn_shutdown(conn, le32toh(h->flags));
		return;
	case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
		if (!open)
			break;
		vsock_conn_owe(conn, OWES_CREDIT_UPDATE);
		vsock_conn_watch(conn);
		return;
	case VIRTIO_VSOCK_OP_CREDIT_UPDATE:
		vsock_conn_watch(conn);
		return;
	default:
		break;
	}
	/* Out of turn, or unknown. */
	vsock_conn_reset(conn);
}

static int take_packet(struct vsock *vs, struct vq *vq)
{
	struct virtio_vsock_hdr h;
	const struct vq_chain *c = &vs->tx;
	int r = vq_pop(vq, &vs->tx);

	if (r <= 0)
		return r < 0 ? r : vq_kicks_on(vq);
	if (iov_read(c->iov, c->nr_read, 0, &h, HEADER) != HEADER)
		return vq_break(vq, "packet without a header");
	/* This copy of the length is the one that is used. */
	if (le32toh(h.len) > c->read_len - HEADER)
		return vq_break(vq, "packet shorter than its header says");

	/* Nobody may speak for another; there is no answer to a liar. */
	if (le64toh(h.src_cid) == vs->cid &&
	    le64toh(h.dst_cid) == VSOCK_HOST_CID) {
		struct vsock_conn *conn = vsock_conn_find(
			vs, le32toh(h.dst_port), le32toh(h.src_port));
		bool stream = le16toh(h.type) == VIRTIO_VSOCK_TYPE_STREAM;
		bool reset = le16toh(h.op) == VIRTIO_VSOCK_OP_RST;

		if (conn && stream)
			handle(conn, &h);
		else if (stream && le16toh(h.op) == VIRTIO_VSOCK_OP_REQUEST)
			requested(vs, &h);
		else if (!reset)
			refuse(vs, &h);
	}
	vq_push(vq, c->head, 0);
	return 1;
}

static void serve_tx(struct vsock *vs)
{
	struct virtio_dev *dev = vs->dev;
	struct vq *vq = &dev->queue[VSOCK_TX].vq;
	int r = 1;

	vq_kicks_off(vq);
	for (unsigned i = 0; i < VSOCK_BATCH && r > 0; i++) {
		/* Each packet may need one. */
		if (vs->nr_refusals == VSOCK_REFUSALS) {
			vs->tx_stalled = true;
			stats_add(&vs->tx_stalls, 1);
			break;
		}
		r = take_packet(vs, vq);
	}
	virtio_used(dev, VSOCK_TX);
	if (r < 0)
		virtio_broken(dev, VSOCK_TX);
	else if (r > 0 && !vs->tx_stalled)
		virtio_again(dev, VSOCK_TX);
}

/* The loop serves them in the order in which they are watched. */
static void watch_all(struct list *waiting)
{
	while (!list_empty(waiting)) {
		struct vsock_conn *conn =
			container_of(waiting->next, struct vsock_conn, starved);

		list_remove(&conn->starved);
		vsock_conn_watch(conn);
	}
}

/* Those that waited for receive buffers may read their sockets again. */
static void feed(struct vsock *vs)
{
	vq_kicks_off(&vs->dev->queue[VSOCK_RX].vq);
	watch_all(&vs->starved);
	watch_all(&vs->sated);
}

static void vsock_kick(struct virtio_dev *dev, unsigned nr)
{
	struct vsock *vs = dev->state;

	if (vs->purging)
		purge(vs);
	if (nr == VSOCK_TX)
		serve_tx(vs);
	else if (nr == VSOCK_RX)
		feed(vs);
	finish(vs);
}

static void purge_ready(struct loop_fd *src, uint32_t events)
{
	struct vsock *vs = container_of(src, struct vsock, purge);
	uint64_t count;

	(void)events;
	(void)!read(src->fd, &count, sizeof(count));
	(void)vsock_enter(vs);
	vsock_leave(vs);
}

static void vsock_start(struct virtio_dev *dev)
{
	(void)dev;
}

static void vsock_stop(struct virtio_dev *dev)
{
	struct vsock *vs = dev->state;
	uint64_t one = 1;

	/* Sockets are the loop's; no queue is touched for them any more. */
	vs->purging = true;
	(void)!write(vs->purge.fd, &one, sizeof(one));
}

static int vsock_open(struct virtio_dev *dev, const void *config,
		      struct err *err)
{
	const struct vsock_config *cfg = config;
	struct vsock *vs = dev->state;
	struct virtio_vsock_config regs = { .guest_cid = htole64(cfg->cid) };

	vs->dev = dev;
	vs->cid = cfg->cid;
	vs->listen.fd = vs->dial.fd = vs->timer.fd = vs->purge.fd = -1;
	list_init(&vs->all);
	list_init(&vs->owing);
	list_init(&vs->starved);
	list_init(&vs->sated);
	for (unsigned i = 0; i < VSOCK_BUCKETS; i++)
		list_init(&vs->bucket[i]);

	if (cfg->cid < FIRST_CID || cfg->cid >= UINT32_MAX)
		return err_say(err, EINVAL,
			       "vsock address %llu is reserved; take one from "
			       "%d to 4294967294",
			       (unsigned long long)cfg->cid, FIRST_CID);
	vs->purge.ready = purge_ready;
	vs->purge.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (vs->purge.fd < 0)
		return err_set(err, errno, "create an eventfd");
	int r = loop_set(dev->loop, &vs->purge, EPOLLIN);
	if (r < 0)
		return err_set(err, -r, "watch an eventfd");

	memcpy(dev->config, &regs, sizeof(regs));
	return vsock_host_open(vs, cfg->listen_fd, cfg->dial_fd, err);
}

static void vsock_close(struct virtio_dev *dev)
{
	struct vsock *vs = dev->state;

	purge(vs);
	vsock_host_close(vs);
	loop_remove(dev->loop, &vs->purge);
	if (vs->purge.fd >= 0)
		(void)close(vs->purge.fd);
}

static void vsock_stats(const struct virtio_dev *dev,
			const struct virtio_teller *to)
{
	const struct vsock *vs = dev->state;

	stats_tell(to, "rx_bytes", &vs->rx_bytes);
	stats_tell(to, "tx_bytes", &vs->tx_bytes);
	stats_tell(to, "opened", &vs->opened);
	stats_tell(to, "refused", &vs->refused);
	stats_tell(to, "rx_stalls", &vs->rx_stalls);
	stats_tell(to, "tx_stalls", &vs->tx_stalls);
}

const struct virtio_ops vsock_ops = {
	.name = "vsock",
	.id = VIRTIO_ID_VSOCK,
	.class_code = 0x078000,
	.nr_queues = VSOCK_QUEUES,
	.queue_size = QUEUE_SIZE,
	.state_size = sizeof(struct vsock),
	.config_size = sizeof(struct virtio_vsock_config),
	.open = vsock_open,
	.close = vsock_close,
	.start = vsock_start,
	.stop = vsock_stop,
	.kick = vsock_kick,
	.stats = vsock_stats,
};
