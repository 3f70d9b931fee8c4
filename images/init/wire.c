/* SPDX-License-Identifier: Apache-2.0 */
/* wire.c - records over a stream socket, with bounded buffers. */
#include "images/init/wire.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define WIRE_IN (WIRE_HEAD + AGENT_MAX)

int wire_init(struct wire *w, int fd)
{
	*w = (struct wire){ .fd = fd };
	w->in = malloc(WIRE_IN);
	w->out = malloc(WIRE_OUT);
	if (w->in && w->out)
		return 0;
	wire_done(w);
	return -ENOMEM;
}

void wire_done(struct wire *w)
{
	free(w->in);
	free(w->out);
	*w = (struct wire){ .fd = -1 };
}

int wire_next(struct wire *w, struct record *ret)
{
	size_t have = w->in_end - w->in_start;
	struct agent_head head;

	if (have < sizeof(head))
		return 0;
	memcpy(&head, w->in + w->in_start, sizeof(head));

	uint32_t len = le32toh(head.len);
	if (len > AGENT_MAX)
		return -EPROTO;
	if (have - sizeof(head) < len)
		return 0;

	*ret = (struct record){
		.type = le32toh(head.type),
		.len = len,
		.data = w->in + w->in_start + sizeof(head),
	};
	w->in_start += sizeof(head) + len;
	return 1;
}

int wire_fill(struct wire *w)
{
	size_t have = w->in_end - w->in_start;

	memmove(w->in, w->in + w->in_start, have);
	w->in_start = 0;
	w->in_end = have;

	ssize_t n;
	do {
		n = recv(w->fd, w->in + have, WIRE_IN - have, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ECONNRESET;
	w->in_end += (size_t)n;
	return 0;
}

/* Free bytes at the end of the buffer, after moving its content down. */
static size_t wire_tail(struct wire *w)
{
	if (w->out_start > 0) {
		size_t have = w->out_end - w->out_start;

		memmove(w->out, w->out + w->out_start, have);
		w->out_start = 0;
		w->out_end = have;
	}
	return WIRE_OUT - w->out_end;
}

size_t wire_space(struct wire *w)
{
	size_t tail = wire_tail(w);

	if (tail <= WIRE_ROOM + WIRE_HEAD)
		return 0;
	tail -= WIRE_ROOM + WIRE_HEAD;
	return tail < WIRE_CHUNK ? tail : WIRE_CHUNK;
}

uint8_t *wire_reserve(struct wire *w)
{
	return w->out + w->out_end + WIRE_HEAD;
}

void wire_commit(struct wire *w, uint32_t type, size_t len)
{
	struct agent_head head = {
		.type = htole32(type),
		.len = htole32((uint32_t)len),
	};

	memcpy(w->out + w->out_end, &head, sizeof(head));
	w->out_end += sizeof(head) + len;
}

int wire_put(struct wire *w, uint32_t type, const void *data, size_t len)
{
	if (wire_tail(w) < WIRE_HEAD + len)
		return -ENOBUFS;
	if (len > 0)
		memcpy(wire_reserve(w), data, len);
	wire_commit(w, type, len);
	return 0;
}

int wire_put_u32(struct wire *w, uint32_t type, uint32_t value)
{
	value = htole32(value);
	return wire_put(w, type, &value, sizeof(value));
}

bool wire_pending(const struct wire *w)
{
	return w->out_start < w->out_end;
}

int wire_flush(struct wire *w)
{
	if (!wire_pending(w))
		return 0;

	ssize_t n;
	do {
		n = send(w->fd, w->out + w->out_start,
			 w->out_end - w->out_start, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	w->out_start += (size_t)n;
	if (w->out_start == w->out_end)
		w->out_start = w->out_end = 0;
	return 0;
}

int wire_flush_all(struct wire *w)
{
	while (wire_pending(w)) {
		int r = wire_flush(w);
		if (r == -EAGAIN) {
			struct pollfd p = { .fd = w->fd, .events = POLLOUT };

			(void)poll(&p, 1, -1);
			continue;
		}
		if (r < 0)
			return r;
	}
	return 0;
}
