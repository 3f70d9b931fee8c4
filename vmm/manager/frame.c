/* SPDX-License-Identifier: Apache-2.0 */
/* frame.c - records over a stream socket. */
#include "vmm/manager/frame.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/lib/io.h"
#include "vmm/lib/le.h"

void frame_open(struct frame_link *l, int fd)
{
	*l = (struct frame_link){ .fd = fd };
	(void)io_set_nonblock(fd, true);
}

void frame_close(struct frame_link *l)
{
	if (l->fd >= 0)
		(void)close(l->fd);
	free(l->out);
	l->fd = -1;
	l->out = NULL;
	l->out_off = l->out_len = l->out_size = 0;
}

int frame_fill(struct frame_link *l)
{
	if (l->in_off > 0) {
		memmove(l->in, l->in + l->in_off, l->in_len);
		l->in_off = 0;
	}
	/* Callers drain whole records first, and one record always fits. */
	assert(l->in_len < sizeof(l->in));

	ssize_t n = read(l->fd, l->in + l->in_len, sizeof(l->in) - l->in_len);
	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	l->in_len += (size_t)n;
	return n > 0;
}

int frame_next(struct frame_link *l, struct frame *ret)
{
	struct agent_head head;

	if (l->in_len < sizeof(head))
		return 0;
	memcpy(&head, l->in + l->in_off, sizeof(head));
	uint32_t len = le32toh(head.len);
	if (len > AGENT_MAX)
		return -EPROTO;
	if (l->in_len - sizeof(head) < len)
		return 0;

	ret->type = le32toh(head.type);
	ret->len = len;
	ret->data = l->in + l->in_off + sizeof(head);
	l->in_off += sizeof(head) + len;
	l->in_len -= sizeof(head) + len;
	return 1;
}

static int reserve(struct frame_link *l, size_t len)
{
	if (l->out_off > 0) {
		memmove(l->out, l->out + l->out_off, frame_waiting(l));
		l->out_len -= l->out_off;
		l->out_off = 0;
	}
	if (l->out_size - l->out_len >= len)
		return 0;

	size_t size = (l->out_len + len) * 2;
	uint8_t *out = realloc(l->out, size);
	if (!out)
		return -ENOMEM;
	l->out = out;
	l->out_size = size;
	return 0;
}

int frame_send(struct frame_link *l, uint32_t type, const void *data,
	       size_t len)
{
	struct agent_head head = { htole32(type), htole32((uint32_t)len) };

	assert(len <= AGENT_MAX);
	if (l->fd < 0)
		return 0;
	if (reserve(l, sizeof(head) + len) < 0)
		return -ENOMEM;
	memcpy(l->out + l->out_len, &head, sizeof(head));
	if (len)
		memcpy(l->out + l->out_len + sizeof(head), data, len);
	l->out_len += sizeof(head) + len;
	return 0;
}

int frame_send_u32(struct frame_link *l, uint32_t type, uint32_t v)
{
	le32_t le = le32_make(v);

	return frame_send(l, type, &le, sizeof(le));
}

int frame_send_u64(struct frame_link *l, uint32_t type, uint64_t v)
{
	le64_t le = le64_make(v);

	return frame_send(l, type, &le, sizeof(le));
}

int frame_send_str(struct frame_link *l, uint32_t type, const char *text)
{
	return frame_send(l, type, text, strlen(text));
}

int frame_flush(struct frame_link *l)
{
	while (l->fd >= 0 && frame_waiting(l) > 0) {
		ssize_t n = send(l->fd, l->out + l->out_off, frame_waiting(l),
				 MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0 && errno != EINTR) {
			l->out_off = l->out_len = 0;
			return -errno;
		}
		if (n > 0)
			l->out_off += (size_t)n;
	}
	return 0;
}

size_t frame_waiting(const struct frame_link *l)
{
	return l->out_len - l->out_off;
}

uint32_t frame_u32(const struct frame *f, uint32_t dflt)
{
	le32_t v;

	if (f->len != sizeof(v))
		return dflt;
	memcpy(&v, f->data, sizeof(v));
	return le32_get(v);
}
