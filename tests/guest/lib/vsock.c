/* SPDX-License-Identifier: Apache-2.0 */
/* vsock.c - stream sockets over virtio, for payload guests. */
#include "tests/guest/lib/vsock.h"

static unsigned char buffer[QUEUE_SIZE][VSOCK_BUFFER]
	__attribute__((aligned(4096)));

static void offer(struct vsock *vs, uint16_t i)
{
	queue_desc(&vs->q[VSOCK_RX], i, buffer[i], VSOCK_BUFFER,
		   VRING_DESC_F_WRITE, 0);
	queue_offer(&vs->q[VSOCK_RX], i);
}

void vsock_begin(struct vsock *vs)
{
	check(virtio_find(VIRTIO_ID_VSOCK, 0, &vs->dev));
	virtio_begin(&vs->dev, 0, VSOCK_QUEUES, vs->q);
	vs->cid = read64(vs->dev.config);
	for (uint16_t i = 0; i < QUEUE_SIZE; i++)
		offer(vs, i);
	queue_kick(&vs->q[VSOCK_RX]);
}

static uint32_t current(const struct vsock *vs)
{
	const struct queue *q = &vs->q[VSOCK_RX];

	return q->used->ring[q->seen % q->size].id;
}

struct virtio_vsock_hdr *vsock_next(struct vsock *vs)
{
	while (!queue_used(&vs->q[VSOCK_RX]))
		__asm__ volatile("pause");
	return (void *)buffer[current(vs)];
}

void vsock_drop(struct vsock *vs)
{
	uint16_t i = (uint16_t)current(vs);

	(void)queue_wait(&vs->q[VSOCK_RX]);
	offer(vs, i);
	queue_kick(&vs->q[VSOCK_RX]);
}

void vsock_send(struct vsock *vs, struct virtio_vsock_hdr *head,
		const void *data, uint32_t len)
{
	struct queue *q = &vs->q[VSOCK_TX];

	queue_desc(q, 0, head, sizeof(*head), len ? VRING_DESC_F_NEXT : 0, 1);
	queue_desc(q, 1, data, len, 0, 0);
	queue_offer(q, 0);
	queue_kick(q);
	(void)queue_wait(q);
}

void stream_op(struct stream *s, uint16_t op, const void *data, uint32_t len)
{
	static struct virtio_vsock_hdr head;

	head = (struct virtio_vsock_hdr){
		.src_cid = s->vs->cid,
		.dst_cid = VSOCK_HOST,
		.src_port = s->port,
		.dst_port = s->peer_port,
		.len = len,
		.type = VIRTIO_VSOCK_TYPE_STREAM,
		.op = op,
		.buf_alloc = VSOCK_WINDOW,
		.fwd_cnt = s->received,
	};
	if (op == VIRTIO_VSOCK_OP_SHUTDOWN)
		head.flags = VIRTIO_VSOCK_SHUTDOWN_SEND;
	vsock_send(s->vs, &head, data, len);
}

static bool belongs(const struct stream *s, const struct virtio_vsock_hdr *h)
{
	check(h->src_cid == VSOCK_HOST && h->dst_cid == s->vs->cid);
	check(h->type == VIRTIO_VSOCK_TYPE_STREAM);
	return h->dst_port == s->port && h->src_port == s->peer_port;
}

static void note_credit(struct stream *s, const struct virtio_vsock_hdr *h)
{
	s->peer_window = h->buf_alloc;
	s->peer_received = h->fwd_cnt;
	if (h->op == VIRTIO_VSOCK_OP_RST ||
	    (h->op == VIRTIO_VSOCK_OP_SHUTDOWN &&
	     (h->flags & VIRTIO_VSOCK_SHUTDOWN_SEND)))
		s->peer_done = true;
	if (h->op == VIRTIO_VSOCK_OP_CREDIT_REQUEST)
		stream_credit(s);
}

bool stream_dial(struct stream *s, struct vsock *vs, uint32_t port,
		 uint32_t peer_port)
{
	*s = (struct stream){ .vs = vs, .port = port, .peer_port = peer_port };
	stream_op(s, VIRTIO_VSOCK_OP_REQUEST, NULL, 0);
	for (;;) {
		const struct virtio_vsock_hdr *h = vsock_next(vs);
		bool ours = belongs(s, h);
		uint16_t op = h->op;

		if (ours)
			note_credit(s, h);
		vsock_drop(vs);
		if (ours && op == VIRTIO_VSOCK_OP_RESPONSE)
			return true;
		if (ours && op == VIRTIO_VSOCK_OP_RST)
			return false;
	}
}

void stream_accept(struct stream *s, struct vsock *vs, uint32_t port)
{
	*s = (struct stream){ .vs = vs };
	for (;;) {
		const struct virtio_vsock_hdr *h = vsock_next(vs);
		bool request = h->op == VIRTIO_VSOCK_OP_REQUEST;

		s->port = h->dst_port;
		s->peer_port = h->src_port;
		if (request)
			note_credit(s, h);
		vsock_drop(vs);
		if (request && s->port == port) {
			stream_op(s, VIRTIO_VSOCK_OP_RESPONSE, NULL, 0);
			return;
		}
		if (request)
			stream_op(s, VIRTIO_VSOCK_OP_RST, NULL, 0);
	}
}

static uint32_t credit(const struct stream *s)
{
	return s->peer_window - (s->sent - s->peer_received);
}

void stream_write(struct stream *s, const void *data, uint32_t len)
{
	const unsigned char *p = data;

	while (len) {
		uint32_t part = len < credit(s) ? len : credit(s);

		if (part) {
			stream_op(s, VIRTIO_VSOCK_OP_RW, p, part);
			s->sent += part;
			p += part;
			len -= part;
			continue;
		}
		const struct virtio_vsock_hdr *h = vsock_next(s->vs);
		check(!belongs(s, h) || h->op != VIRTIO_VSOCK_OP_RST);
		if (belongs(s, h))
			note_credit(s, h);
		vsock_drop(s->vs);
	}
}

uint32_t stream_read(struct stream *s, const void **ret)
{
	while (!s->peer_done) {
		const struct virtio_vsock_hdr *h = vsock_next(s->vs);

		if (belongs(s, h)) {
			note_credit(s, h);
			if (h->op == VIRTIO_VSOCK_OP_RW) {
				check(h->len <= VSOCK_BUFFER - sizeof(*h));
				s->received += h->len;
				*ret = h + 1;
				return h->len;
			}
		}
		vsock_drop(s->vs);
	}
	return 0;
}

void stream_await_close(struct stream *s)
{
	bool closed = false;

	while (!closed) {
		const struct virtio_vsock_hdr *h = vsock_next(s->vs);

		if (belongs(s, h) && h->op == VIRTIO_VSOCK_OP_RST)
			closed = true;
		if (belongs(s, h) && h->op == VIRTIO_VSOCK_OP_SHUTDOWN &&
		    h->flags == (VIRTIO_VSOCK_SHUTDOWN_SEND |
				 VIRTIO_VSOCK_SHUTDOWN_RCV))
			closed = true;
		vsock_drop(s->vs);
	}
	stream_op(s, VIRTIO_VSOCK_OP_RST, NULL, 0);
}

void stream_credit(struct stream *s)
{
	stream_op(s, VIRTIO_VSOCK_OP_CREDIT_UPDATE, NULL, 0);
}
