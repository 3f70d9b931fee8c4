/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vsock.h - between the three files of the socket device (virtio 1.2, section
 * 5.10): vsock.c speaks with the driver, vsock_conn.c moves the bytes of a
 * connection, vsock_host.c makes connections with the host's side.
 *
 * A connection owes the guest packets as flags, not as a queue: whatever
 * happens, it owes each kind at most once.  So memory is bounded by the number
 * of connections.  Bytes to the guest wait in the host's socket; bytes from
 * the guest wait in a buffer of VSOCK_BUFFER bytes, which is the credit it
 * has.
 *
 * All of it runs on the loop's thread under dev->lock.
 */
#ifndef DEVICES_VIRTIO_VSOCK_H
#define DEVICES_VIRTIO_VSOCK_H

#include <linux/virtio_vsock.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "devices/backend/limit.h"
#include "devices/virtio/virtio.h"
#include "vmm/core/loop.h"
#include "vmm/lib/list.h"

#define VSOCK_HOST_CID	  UINT64_C(2)
#define VSOCK_CONNECTIONS 512
#define VSOCK_BUFFER	  131072U /* a power of two */
#define VSOCK_REFUSALS	  64 /* resets owed for connections unknown */
#define VSOCK_BUCKETS	  128
#define VSOCK_PATIENCE_S  10 /* for a greeting, an answer, an end */
#define VSOCK_HELLO_MAX	  32 /* bytes of "CONNECT port\n" */
#define VSOCK_BATCH	  64 /* packets before others have their turn */
#define VSOCK_GATHER	  16 /* receive buffers filled by one system call */
#define VSOCK_DIALS	  1000 /* a second that the keeper is asked */

enum { VSOCK_RX, VSOCK_TX, VSOCK_EVENT, VSOCK_QUEUES };

enum vsock_state {
	VSOCK_HELLO, /* a host program is to say where it wants to go */
	VSOCK_REQUESTED, /* the guest is to answer */
	VSOCK_DIALING, /* the keeper is to answer */
	VSOCK_OPEN,
	VSOCK_RESETTING, /* only owes the guest a reset */
	VSOCK_DRAINING, /* the guest is gone, the host reads what it sent */
};

enum vsock_owed {
	OWES_REQUEST = 1,
	OWES_RESPONSE = 2,
	OWES_SHUTDOWN = 4,
	OWES_CREDIT_UPDATE = 8,
	OWES_CREDIT_REQUEST = 16,
	OWES_RESET = 32,
};

struct vsock_conn {
	struct vsock *vs;
	struct list all; /* vs->all */
	struct list bucket; /* by ports; none while VSOCK_HELLO */
	struct list owing; /* vs->owing while `owed` */
	struct list starved; /* readable, guest has no buffer; or in no list */
	struct loop_fd src; /* the host's socket, or -1 */
	enum vsock_state state;
	unsigned owed;
	uint32_t host_port, guest_port;
	uint64_t cookie; /* of the dial request */
	uint64_t deadline; /* seconds, CLOCK_MONOTONIC; 0: none */
	char hello[VSOCK_HELLO_MAX];
	unsigned hello_len;

	/* Towards the guest, in its counting (section 5.10.6.3). */
	uint32_t sent, peer_buf_alloc, peer_fwd_cnt;
	bool credit_asked;
	bool host_eof; /* the host sends no more */
	bool hup; /* the host's socket is gone both ways */
	uint32_t shut_want, shut_told; /* VIRTIO_VSOCK_SHUTDOWN_* */

	/* From the guest. */
	uint32_t received, forwarded, told; /* told: of forwarded */
	unsigned char *buf; /* VSOCK_BUFFER bytes while any wait, or NULL */
	uint32_t buf_at, buf_len;
	bool host_deaf; /* the host reads no more: bytes vanish */
	uint32_t guest_shut; /* VIRTIO_VSOCK_SHUTDOWN_* */
};

struct vsock {
	struct virtio_dev *dev;
	uint64_t cid;
	struct loop_fd listen, dial, timer, purge;
	struct limit dials; /* of the guest's; what exceeds it is refused */
	bool timer_on;
	bool purging; /* reset: connections end when the loop comes by */
	struct list all, owing;
	/*
	 * Connections that wait for receive buffers: those that got none in
	 * their turn, and those that got some.  The former are served first,
	 * or one that is always readable would take each buffer that comes.
	 */
	struct list starved, sated;
	struct list bucket[VSOCK_BUCKETS];
	unsigned nr;
	uint32_t next_port;
	uint64_t next_cookie;
	struct vsock_refusal {
		uint32_t host_port, guest_port;
	} refusal[VSOCK_REFUSALS];
	unsigned nr_refusals;
	/* Counters; rx is to the guest. */
	uint64_t rx_bytes, tx_bytes, opened, refused;
	/* For the guest's buffers and credit; for room for refusals. */
	uint64_t rx_stalls, tx_stalls;
	bool tx_stalled; /* too many refusals: not taking packets */
	struct vq_chain rx[VSOCK_GATHER], tx;
	struct iovec part[VQ_SEGMENTS];
};

/* vsock.c */

/*
 * Around what the loop calls for this device.  False: there is no driver, and
 * no connection either (those it had are gone).
 */
bool vsock_enter(struct vsock *vs);
void vsock_leave(struct vsock *vs);
/* Take a receive buffer into @c; false: the guest has none, and is to say so
 * when it has. */
bool vsock_take_buffer(struct vsock *vs, struct vq_chain *c);
/* The same for one buffer more; without it nothing is asked of the guest. */
bool vsock_more_buffer(struct vsock *vs, struct vq_chain *c);
/* Fill it: header for @conn, then @len bytes that are in it already. */
void vsock_send(struct vsock *vs, const struct vq_chain *c,
		struct vsock_conn *conn, uint16_t op, uint32_t flags,
		uint32_t len);
/* Send what is owed as far as the guest has buffers; may free connections. */
void vsock_pump(struct vsock *vs);

/* vsock_conn.c */

/* NULL: VSOCK_CONNECTIONS are there.  @fd is the connection's then, or -1. */
struct vsock_conn *vsock_conn_new(struct vsock *vs, int fd,
				  enum vsock_state state);
void vsock_conn_free(struct vsock_conn *conn);
/* Make it known under its ports. */
void vsock_conn_name(struct vsock_conn *conn, uint32_t host_port,
		     uint32_t guest_port);
struct vsock_conn *vsock_conn_find(struct vsock *vs, uint32_t host_port,
				   uint32_t guest_port);
void vsock_conn_owe(struct vsock_conn *conn, unsigned what);
/* End it: the host's socket now, the guest by a reset. */
void vsock_conn_reset(struct vsock_conn *conn);
/* The guest ended it: what it sent before still goes out.  May free. */
void vsock_conn_gone(struct vsock_conn *conn);
/* It is open from here on. */
void vsock_conn_opened(struct vsock_conn *conn);
/* @len bytes of the guest; more than its credit ends the connection. */
void vsock_conn_deliver(struct vsock_conn *conn, struct iovec *iov, unsigned nr,
			uint32_t len);
void vsock_conn_shutdown(struct vsock_conn *conn, uint32_t flags);
/* Bytes the guest allows us to send now. */
uint32_t vsock_conn_credit(const struct vsock_conn *conn);
/* Watch the host's socket for what can be done with it. */
void vsock_conn_watch(struct vsock_conn *conn);

/* vsock_host.c */

/* Take the listening and the dialling socket over (either may be -1). */
int vsock_host_open(struct vsock *vs, int listen_fd, int dial_fd,
		    struct err *err);
void vsock_host_close(struct vsock *vs);
/* The host's socket of a connection in VSOCK_HELLO is readable.  May free. */
void vsock_host_greeting(struct vsock_conn *conn);
/* The guest accepted: tell the program that asked.  0 or -errno. */
int vsock_host_accepted(struct vsock_conn *conn);
/* Ask the keeper for the host's end of @conn.  0 or -errno. */
int vsock_host_dial(struct vsock_conn *conn);
/* A connection ended: there may be room for another. */
void vsock_host_room(struct vsock *vs);
/* Give @conn VSOCK_PATIENCE_S from now; 0 in conn->deadline ends that. */
void vsock_host_hurry(struct vsock_conn *conn);
/* End what is overdue at @now (seconds, CLOCK_MONOTONIC). */
void vsock_host_expire(struct vsock *vs, uint64_t now);

#endif
