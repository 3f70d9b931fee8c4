/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.h - records of abi/agent.h over a non-blocking stream socket, with
 * what is half read and what could not be written yet.
 */
#ifndef VMM_MANAGER_FRAME_H
#define VMM_MANAGER_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/abi/agent.h"

struct frame_link {
	int fd; /* owned; -1: closed, sends are dropped */
	size_t in_off, in_len; /* unread bytes of in[] */
	uint8_t *out; /* bytes to write, from out_off on */
	size_t out_off, out_len, out_size;
	uint8_t in[sizeof(struct agent_head) + AGENT_MAX];
};

struct frame {
	uint32_t type;
	uint32_t len;
	const uint8_t *data; /* valid until the next frame_fill() */
};

/* Takes @fd over and makes it non-blocking. */
void frame_open(struct frame_link *l, int fd);
/* Closes, drops what waits.  May be called again. */
void frame_close(struct frame_link *l);

/* Read once.  1: something came; 0: end of file; -EAGAIN; -errno. */
int frame_fill(struct frame_link *l);

/* Take the next whole record: 1, 0 (not yet there), -EPROTO (too long). */
int frame_next(struct frame_link *l, struct frame *ret);

/*
 * Queue a record, at most AGENT_MAX bytes.  0 or -ENOMEM.  The queue has no
 * bound of its own: callers stop reading their source while
 * frame_waiting() is large.
 */
int frame_send(struct frame_link *l, uint32_t type, const void *data,
	       size_t len);
int frame_send_u32(struct frame_link *l, uint32_t type, uint32_t v);
int frame_send_u64(struct frame_link *l, uint32_t type, uint64_t v);
int frame_send_str(struct frame_link *l, uint32_t type, const char *text);

/*
 * Write what waits.  0 (done, or the rest must wait) or -errno: nobody reads
 * it any more, it is dropped.  What the other end wrote before it went can
 * still be read.
 */
int frame_flush(struct frame_link *l);

/* Bytes that wait to be written. */
size_t frame_waiting(const struct frame_link *l);

/* The payload as a number; @dflt when it has another size. */
uint32_t frame_u32(const struct frame *f, uint32_t dflt);

#endif
