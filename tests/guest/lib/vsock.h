/* SPDX-License-Identifier: Apache-2.0 */
/* vsock.h - stream sockets over virtio (virtio 1.2, section 5.10). */
#ifndef TESTS_GUEST_LIB_VSOCK_H
#define TESTS_GUEST_LIB_VSOCK_H

#include <linux/virtio_vsock.h>

#include "tests/guest/lib/virtio.h"

#define VSOCK_HOST   2
#define VSOCK_BUFFER 16384 /* a packet, header included */
#define VSOCK_WINDOW 65536 /* what the host may send ahead */

enum { VSOCK_RX, VSOCK_TX, VSOCK_EVENT, VSOCK_QUEUES };

struct vsock {
	struct vdev dev;
	struct queue q[VSOCK_QUEUES];
	uint64_t cid;
};

struct stream {
	struct vsock *vs;
	uint32_t port, peer_port;
	uint32_t received, sent; /* bytes, wrapping */
	uint32_t peer_window, peer_received;
	bool peer_done; /* it sent SHUTDOWN or RST */
};

/* Find the device and start it, all receive buffers offered. */
void vsock_begin(struct vsock *vs);

/* Wait for the next packet; it stays valid until vsock_drop(). */
struct virtio_vsock_hdr *vsock_next(struct vsock *vs);
void vsock_drop(struct vsock *vs);

/* Send @head (addresses filled in from @s unless NULL) and @len bytes. */
void vsock_send(struct vsock *vs, struct virtio_vsock_hdr *head,
		const void *data, uint32_t len);
void stream_op(struct stream *s, uint16_t op, const void *data, uint32_t len);

/* Connect to the host.  False: refused. */
bool stream_dial(struct stream *s, struct vsock *vs, uint32_t port,
		 uint32_t peer_port);
/* Wait for a connection to @port; others are refused. */
void stream_accept(struct stream *s, struct vsock *vs, uint32_t port);
/* Send within the host's credit. */
void stream_write(struct stream *s, const void *data, uint32_t len);
/* The next bytes, with vsock_drop() due; 0: the peer is done. */
uint32_t stream_read(struct stream *s, const void **ret);
/* Wait until the peer takes and gives nothing any more, and agree. */
void stream_await_close(struct stream *s);
/* Say that what was read is used up. */
void stream_credit(struct stream *s);

#endif
