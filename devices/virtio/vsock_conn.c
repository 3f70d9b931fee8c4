/* SPDX-License-Identifier: Apache-2.0 */
/* vsock_conn.c - one connection: its bytes, its credit, its end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devices/virtio/iov.h"
#include "devices/virtio/stats.h"
#include "devices/virtio/vsock.h"

#define BOTH_WAYS (VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND)
#define READS_MAX 2 /* system calls for one connection before others' turn */
#define READ_MAX  65536U /* bytes of one */
#define HEADER	  sizeof(struct virtio_vsock_hdr)

/* Where bytes can go: pieces in vs->part. */
struct room {
	unsigned nr;
	size_t len;
};

static void conn_ready(struct loop_fd *src, uint32_t events);

static struct list *bucket_of(struct vsock *vs, uint32_t host_port,
			      uint32_t guest_port)
{
	return &vs->bucket[(host_port * 31 + guest_port) % VSOCK_BUCKETS];
}

struct vsock_conn *vsock_conn_new(struct vsock *vs, int fd,
				  enum vsock_state state)
{
	if (vs->nr == VSOCK_CONNECTIONS)
		return NULL;
	struct vsock_conn *conn = calloc(1, sizeof(*conn));
	if (!conn)
		return NULL;

	conn->vs = vs;
	conn->state = state;
	conn->src.fd = fd;
	conn->src.ready = conn_ready;
	list_append(&vs->all, &conn->all);
	list_init(&conn->bucket);
	list_init(&conn->owing);
	list_init(&conn->starved);
	vs->nr++;
	return conn;
}

static void close_host(struct vsock_conn *conn)
{
	loop_remove(conn->vs->dev->loop, &conn->src);
	if (conn->src.fd >= 0)
		(void)close(conn->src.fd);
	conn->src.fd = -1;
	list_remove(&conn->starved);
	free(conn->buf);
	conn->buf = NULL;
	conn->buf_len = 0;
}

void vsock_conn_free(struct vsock_conn *conn)
{
	struct vsock *vs = conn->vs;

	close_host(conn);
	list_remove(&conn->all);
	list_remove(&conn->bucket);
	list_remove(&conn->owing);
	vs->nr--;
	free(conn);
	vsock_host_room(vs);
}

void vsock_conn_name(struct vsock_conn *conn, uint32_t host_port,
		     uint32_t guest_port)
{
	conn->host_port = host_port;
	conn->guest_port = guest_port;
	list_append(bucket_of(conn->vs, host_port, guest_port), &conn->bucket);
}

struct vsock_conn *vsock_conn_find(struct vsock *vs, uint32_t host_port,
				   uint32_t guest_port)
{
	list_for_each (node, bucket_of(vs, host_port, guest_port)) {
		struct vsock_conn *conn =
			container_of(node, struct vsock_conn, bucket);

		if (conn->host_port == host_port &&
		    conn->guest_port == guest_port)
			return conn;
	}
	return NULL;
}

void vsock_conn_owe(struct vsock_conn *conn, unsigned what)
{
	if (conn->state == VSOCK_DRAINING)
		return;
	conn->owed |= what;
	list_remove(&conn->owing);
	list_append(&conn->vs->owing, &conn->owing);
}

void vsock_conn_reset(struct vsock_conn *conn)
{
	close_host(conn);
	conn->state = VSOCK_RESETTING;
	conn->deadline = 0;
	conn->owed = 0;
	vsock_conn_owe(conn, OWES_RESET);
}

uint32_t vsock_conn_credit(const struct vsock_conn *conn)
{
	uint32_t in_flight = conn->sent - conn->peer_fwd_cnt;

	/* The guest's numbers: nonsense only makes us silent. */
	return in_flight >= conn->peer_buf_alloc
		       ? 0
		       : conn->peer_buf_alloc - in_flight;
}

void vsock_conn_watch(struct vsock_conn *conn)
{
	struct loop *loop = conn->vs->dev->loop;
	uint32_t events = 0;

	if (conn->src.fd < 0)
		return;
	if (conn->state == VSOCK_HELLO)
		events = EPOLLIN;
	if (conn->state == VSOCK_OPEN) {
		if (!conn->host_eof && list_empty(&conn->starved) &&
		    !(conn->guest_shut & VIRTIO_VSOCK_SHUTDOWN_RCV) &&
		    vsock_conn_credit(conn) > 0)
			events |= EPOLLIN;
	}
	if (conn->buf_len)
		events |= EPOLLOUT;
	/* A hang-up is reported for ever: look away until we can act on it. */
	if (events == 0 && conn->hup)
		loop_remove(loop, &conn->src);
	else if (loop_set(loop, &conn->src, events) < 0)
		vsock_conn_reset(conn);
}

void vsock_conn_opened(struct vsock_conn *conn)
{
	conn->state = VSOCK_OPEN;
	conn->deadline = 0;
	stats_add(&conn->vs->opened, 1);
	vsock_conn_watch(conn);
}

/* Tell the guest about directions that have ended. */
static void shut(struct vsock_conn *conn, uint32_t flags)
{
	conn->shut_want |= flags;
	if (conn->shut_want == conn->shut_told)
		return;
	vsock_conn_owe(conn, OWES_SHUTDOWN);
	/* It answers with a reset; if not, we do not wait for ever. */
	if (conn->shut_want == BOTH_WAYS && conn->state == VSOCK_OPEN)
		vsock_host_hurry(conn);
}

static void forward(struct vsock_conn *conn, uint32_t bytes)
{
	conn->forwarded += bytes;
	/*
	 * Half the buffer at once: an update for every packet would cost as
	 * much as the packets.  What it holds back can't stop the guest, which
	 * has the other half.
	 */
	if (conn->forwarded - conn->told >= VSOCK_BUFFER / 2)
		vsock_conn_owe(conn, OWES_CREDIT_UPDATE);
}

/* Nobody will ever read what the guest sends. */
static void deafen(struct vsock_conn *conn)
{
	forward(conn, conn->buf_len);
	free(conn->buf);
	conn->buf = NULL;
	conn->buf_len = 0;
	conn->host_deaf = true;
	shut(conn, VIRTIO_VSOCK_SHUTDOWN_RCV);
}

/* The guest said that it is done with one direction or both. */
static void settle_shutdown(struct vsock_conn *conn)
{
	if (conn->state != VSOCK_OPEN || conn->buf_len)
		return;
	if (conn->guest_shut == BOTH_WAYS)
		vsock_conn_reset(conn);
	else if (conn->guest_shut & VIRTIO_VSOCK_SHUTDOWN_SEND)
		(void)shutdown(conn->src.fd, SHUT_WR);
}

void vsock_conn_shutdown(struct vsock_conn *conn, uint32_t flags)
{
	uint32_t news = flags & BOTH_WAYS & ~conn->guest_shut;

	conn->guest_shut |= news;
	if (news & VIRTIO_VSOCK_SHUTDOWN_RCV)
		(void)shutdown(conn->src.fd, SHUT_RD);
	settle_shutdown(conn);
	vsock_conn_watch(conn);
}

/* Bytes that the host took; 0: it is full or deaf. */
static size_t put(struct vsock_conn *conn, struct iovec *iov, unsigned nr)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = nr };
	ssize_t n;

	do {
		n = sendmsg(conn->src.fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		return (size_t)n;
	if (errno != EAGAIN)
		deafen(conn);
	return 0;
}

/* Keep what the host did not take; credit says that there is room. */
static int keep(struct vsock_conn *conn, const struct iovec *iov, unsigned nr,
		size_t off, uint32_t len)
{
	if (!conn->buf) {
		conn->buf = malloc(VSOCK_BUFFER);
		conn->buf_at = conn->buf_len = 0;
	}
	if (!conn->buf)
		return -ENOMEM;

	while (len > 0) {
		uint32_t at = (conn->buf_at + conn->buf_len) % VSOCK_BUFFER;
		uint32_t n = VSOCK_BUFFER - at;

		if (n > len)
			n = len;
		(void)iov_read(iov, nr, off, conn->buf + at, n);
		conn->buf_len += n;
		off += n;
		len -= n;
	}
	return 0;
}

void vsock_conn_deliver(struct vsock_conn *conn, struct iovec *iov, unsigned nr,
			uint32_t len)
{
	size_t done = 0;

	if (len > VSOCK_BUFFER - (conn->received - conn->forwarded) ||
	    (conn->guest_shut & VIRTIO_VSOCK_SHUTDOWN_SEND)) {
		vsock_conn_reset(conn);
		return;
	}
	conn->received += len;
	stats_add(&conn->vs->tx_bytes, len);
	if (conn->buf_len == 0 && len > 0 && !conn->host_deaf)
		done = put(conn, iov, nr);
	if (conn->host_deaf)
		done = len;
	forward(conn, (uint32_t)done);
	if (done < len && keep(conn, iov, nr, done, len - (uint32_t)done) < 0)
		vsock_conn_reset(conn);
	vsock_conn_watch(conn);
}

/* The host can take more. */
static void flush(struct vsock_conn *conn)
{
	while (conn->buf_len) {
		uint32_t first = VSOCK_BUFFER - conn->buf_at;
		struct iovec iov = {
			.iov_base = conn->buf + conn->buf_at,
			.iov_len =
				conn->buf_len < first ? conn->buf_len : first,
		};
		uint32_t n = (uint32_t)put(conn, &iov, 1);

		if (n == 0)
			break;
		conn->buf_at = (conn->buf_at + n) % VSOCK_BUFFER;
		conn->buf_len -= n;
		forward(conn, n);
	}
	if (conn->buf_len == 0) {
		free(conn->buf);
		conn->buf = NULL;
		settle_shutdown(conn);
	}
}

static void host_ended(struct vsock_conn *conn)
{
	conn->host_eof = true;
	shut(conn, VIRTIO_VSOCK_SHUTDOWN_SEND);
	if (conn->hup)
		deafen(conn);
}

/* Not to be read until the guest has receive buffers; @fed: it had some now. */
static void starve(struct vsock_conn *conn, bool fed)
{
	struct vsock *vs = conn->vs;

	list_remove(&conn->starved);
	list_append(fed ? &vs->sated : &vs->starved, &conn->starved);
	stats_add(&vs->rx_stalls, 1);
}

/*
 * Receive buffers for @most bytes, in the order the guest offered them:
 * vs->rx[0..), and the room behind their headers as vs->part.  Returns their
 * number; @ret is @nr pieces that hold @len bytes.
 */
static unsigned gather(struct vsock *vs, size_t most, struct room *ret)
{
	struct room room = { 0 };
	unsigned nr = 0;

	while (nr < VSOCK_GATHER && room.len < most) {
		struct vq_chain *c = &vs->rx[nr];
		size_t want = most - room.len;

		if (nr ? !vsock_more_buffer(vs, c) : !vsock_take_buffer(vs, c))
			break;
		/* The first one always fits: no chain has more pieces. */
		if (c->nr_write > VQ_SEGMENTS - room.nr) {
			vq_unpop(&vs->dev->queue[VSOCK_RX].vq);
			break;
		}
		if (want > c->write_len - HEADER)
			want = c->write_len - HEADER;
		room.nr += iov_slice(c->iov + c->nr_read, c->nr_write, HEADER,
				     want, vs->part + room.nr);
		room.len += want;
		nr++;
	}
	*ret = room;
	return nr;
}

/* @len bytes are in the first of @nr buffers; the others go back unused. */
static void send_gathered(struct vsock_conn *conn, unsigned nr, size_t len)
{
	struct vsock *vs = conn->vs;
	unsigned used = 0;

	stats_add(&vs->rx_bytes, len);
	conn->sent += (uint32_t)len;
	for (; used < nr && len > 0; used++) {
		const struct vq_chain *c = &vs->rx[used];
		size_t n = c->write_len - HEADER;

		if (n > len)
			n = len;
		vsock_send(vs, c, conn, VIRTIO_VSOCK_OP_RW, 0, (uint32_t)n);
		len -= n;
	}
	for (; used < nr; used++)
		vq_unpop(&vs->dev->queue[VSOCK_RX].vq);
}

/*
 * Bytes from the host to the guest.  @fed: not the first in this turn.  True:
 * there may be more.
 */
static bool forward_some(struct vsock_conn *conn, bool fed)
{
	struct vsock *vs = conn->vs;
	uint32_t credit = vsock_conn_credit(conn);
	struct room room;

	if (credit == 0) {
		if (!conn->credit_asked) {
			vsock_conn_owe(conn, OWES_CREDIT_REQUEST);
			stats_add(&vs->rx_stalls, 1);
		}
		conn->credit_asked = true;
		return false;
	}
	unsigned nr = gather(vs, credit < READ_MAX ? credit : READ_MAX, &room);
	if (nr == 0) {
		starve(conn, fed);
		return false;
	}

	struct msghdr msg = { .msg_iov = vs->part, .msg_iovlen = room.nr };
	ssize_t n = recvmsg(conn->src.fd, &msg, MSG_DONTWAIT);
	int error = n < 0 ? errno : 0;
	send_gathered(conn, nr, n > 0 ? (size_t)n : 0);
	if (n > 0)
		return (size_t)n == room.len;
	if (error == EAGAIN || error == EINTR)
		return false;
	if (error == 0)
		host_ended(conn);
	else
		vsock_conn_reset(conn);
	return false;
}

static bool readable(const struct vsock_conn *conn)
{
	return conn->state == VSOCK_OPEN && !conn->host_eof &&
	       !(conn->guest_shut & VIRTIO_VSOCK_SHUTDOWN_RCV);
}

void vsock_conn_gone(struct vsock_conn *conn)
{
	if (conn->state != VSOCK_OPEN || conn->buf_len == 0) {
		vsock_conn_free(conn);
		return;
	}
	list_remove(&conn->bucket);
	list_remove(&conn->owing);
	list_remove(&conn->starved);
	conn->owed = 0;
	conn->deadline = 0;
	conn->state = VSOCK_DRAINING;
	vsock_conn_watch(conn);
}

static void serve_open(struct vsock_conn *conn, uint32_t events)
{
	if (events & EPOLLOUT)
		flush(conn);
	if (conn->state != VSOCK_OPEN)
		return;
	/* What is owed, a response above all, goes before bytes. */
	if (conn->owed)
		vsock_pump(conn->vs);
	if (conn->owed) {
		starve(conn, false);
		return;
	}
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		for (unsigned i = 0; i < READS_MAX && readable(conn); i++)
			if (!forward_some(conn, i > 0))
				break;
	if (conn->state == VSOCK_OPEN && conn->hup && !readable(conn) &&
	    !conn->host_deaf) {
		deafen(conn);
		shut(conn, BOTH_WAYS);
	}
}

static void serve(struct vsock_conn *conn, uint32_t events)
{
	if (events & (EPOLLHUP | EPOLLERR))
		conn->hup = true;
	if (conn->state == VSOCK_OPEN)
		serve_open(conn, events);
	else if (conn->hup)
		/* The program gave up before the guest answered. */
		vsock_conn_reset(conn);
	vsock_conn_watch(conn);
}

/* May free. */
static void drain(struct vsock_conn *conn)
{
	flush(conn);
	if (conn->buf_len)
		vsock_conn_watch(conn);
	else
		vsock_conn_free(conn);
}

static void conn_ready(struct loop_fd *src, uint32_t events)
{
	struct vsock_conn *conn = container_of(src, struct vsock_conn, src);
	struct vsock *vs = conn->vs;

	if (vsock_enter(vs)) {
		if (conn->state == VSOCK_HELLO)
			vsock_host_greeting(conn);
		else if (conn->state == VSOCK_DRAINING)
			drain(conn);
		else
			serve(conn, events);
	}
	vsock_leave(vs);
}
