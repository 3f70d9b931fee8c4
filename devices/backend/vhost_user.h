/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vhost_user.h - the frontend's half of the vhost-user protocol, as much of it
 * as a device needs whose backend is handed its socket once and for all
 * (QEMU's docs/interop/vhost-user.rst has the messages).
 *
 * No protocol features are agreed on: configuration space is ours, there is
 * one answer only that we wait for (GET_VRING_BASE), and rings run from their
 * kick on.  The backend knows guest RAM by the guest's addresses alone; where
 * it lies in our process is not told.
 *
 * The backend is not trusted: what it says is checked, and what it does not
 * say is not waited for, except in vhost_user_features().  No lock inside.
 * All calls make sendmsg(), recvmsg() and ppoll() only.
 */
#ifndef DEVICES_BACKEND_VHOST_USER_H
#define DEVICES_BACKEND_VHOST_USER_H

#include <stddef.h>
#include <stdint.h>

#include "vmm/core/gmem.h"
#include "vmm/lib/err.h"

/* The clock of all patience with a backend, ms. */
int64_t vhost_user_now(void);

#define VHOST_USER_ANSWER 20 /* bytes: header and eight of payload */

struct vhost_user {
	int fd; /* connected stream socket; the owner's to close */
	unsigned len; /* of what has come of the next answer */
	unsigned char answer[VHOST_USER_ANSWER];
};

/* A ring that is to run. */
struct vhost_user_ring {
	uint32_t index;
	uint16_t size;
	gpa_t desc, avail, used; /* checked by vq_init() */
	int kick; /* eventfd that the driver signals */
	int call; /* eventfd that it writes to when it has used a buffer */
};

/*
 * Ask what virtio features the backend has, and wait @ms for the answer.  The
 * first call on a connection.  -errno with a sentence.
 */
int vhost_user_features(struct vhost_user *v, int ms, uint64_t *ret,
			struct err *err);

/*
 * The driver's choice of features; guest RAM; a ring; the end of a ring.  The
 * messages lie in the socket's buffer on return: 0, or -errno, after which the
 * connection is of no use (-EAGAIN: the backend does not read).
 */
int vhost_user_set_features(struct vhost_user *v, uint64_t features);
int vhost_user_set_memory(struct vhost_user *v, const struct gmem *gm);
int vhost_user_start_ring(struct vhost_user *v,
			  const struct vhost_user_ring *ring);
int vhost_user_stop_ring(struct vhost_user *v, uint32_t index);

/*
 * The number of a ring that has stopped, below @nr; -EAGAIN when no whole
 * answer is there yet, -EPROTO when it is none that could have come, -EPIPE
 * when the backend is gone.
 */
int vhost_user_stopped(struct vhost_user *v, uint32_t nr);

#endif
