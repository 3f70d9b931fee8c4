/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.h - records of vmm/abi/agent.h over a stream socket, both ways, with
 * bounded buffers.  It knows nothing about what the records mean.
 */
#ifndef IMAGES_INIT_WIRE_H
#define IMAGES_INIT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/abi/agent.h"

#define WIRE_HEAD  sizeof(struct agent_head)
#define WIRE_CHUNK 65536U /* output bytes of one record */
#define WIRE_OUT   ((size_t)4 * WIRE_CHUNK)
#define WIRE_ROOM  1024U /* of WIRE_OUT, kept free for control records */

struct wire {
	int fd; /* not owned */
	uint8_t *in, *out;
	size_t in_start, in_end; /* unread bytes of in */
	size_t out_start, out_end; /* unsent bytes of out */
};

/* One record.  The payload stays in the wire until the next wire_fill. */
struct record {
	uint32_t type, len;
	const uint8_t *data;
};

/* 0 or -ENOMEM.  wire_done accepts a zeroed wire. */
int wire_init(struct wire *w, int fd);
void wire_done(struct wire *w);

/* 1: @ret is the next record; 0: wire_fill first; -EPROTO: too large. */
int wire_next(struct wire *w, struct record *ret);

/*
 * Read once.  0: there is more to decode; -EAGAIN; -ECONNRESET at end of
 * file; another -errno.  Call only after wire_next has returned 0.
 */
int wire_fill(struct wire *w);

/*
 * Append a record (@len <= AGENT_MAX).  -ENOBUFS: the buffer is full and
 * nothing was appended; within WIRE_ROOM this cannot happen to a sender that
 * asks wire_space before it sends output.
 */
int wire_put(struct wire *w, uint32_t type, const void *data, size_t len);
int wire_put_u32(struct wire *w, uint32_t type, uint32_t value);

/* Payload bytes that one output record may have now, WIRE_ROOM left alone. */
size_t wire_space(struct wire *w);

/*
 * A place for @len <= wire_space payload bytes, to be filled before
 * wire_commit appends the first @len of them as a record; no other wire_put
 * may come between.
 */
uint8_t *wire_reserve(struct wire *w);
void wire_commit(struct wire *w, uint32_t type, size_t len);

bool wire_pending(const struct wire *w);

/* Write once.  0, or -EAGAIN, or another -errno. */
int wire_flush(struct wire *w);

/* Write everything, waiting for the peer when it must. */
int wire_flush_all(struct wire *w);

#endif
