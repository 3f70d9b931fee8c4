/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frames.h - the monitor's end of the wire: Ethernet frames as messages of a
 * SOCK_SEQPACKET socket (vmm/abi/net.h).  Neither side ever waits for the
 * other: what does not fit is dropped and counted, as on any Ethernet.
 */
#ifndef VMM_NET_FRAMES_H
#define VMM_NET_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "vmm/abi/net.h"
#include "vmm/lib/err.h"

struct frames {
	int fd; /* owned; -1 while there is none */
	bool full; /* the monitor does not keep up; wait for POLLOUT */
	uint64_t received;
	uint64_t sent;
	uint64_t wrong_length; /* received outside NET_FRAME_MIN..MAX */
	uint64_t not_sent; /* dropped because the monitor did not read */
	uint8_t buf[NET_FRAME_MAX]; /* the frame received last */
};

/*
 * Take over @fd, which must be a SOCK_SEQPACKET socket; on failure it stays
 * with the caller.  -errno with a sentence.
 */
int frames_init(struct frames *f, int fd, struct err *err);
void frames_done(struct frames *f);

/*
 * The next frame, into f->buf.  Its length, or 0 when there is none now,
 * -EMSGSIZE for a message that was no frame, -EPIPE when the monitor is gone.
 */
ssize_t frames_receive(struct frames *f);

/* Send or drop; sets f->full when the socket's buffer has no room. */
void frames_send(struct frames *f, const void *frame, size_t len);

#endif
