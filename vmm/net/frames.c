/* SPDX-License-Identifier: Apache-2.0 */
/* frames.c - whole Ethernet frames to and from the monitor. */
#include "vmm/net/frames.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/lib/io.h"
#include "vmm/lib/log.h"

/*
 * Asked for, not needed: room for more than one TCP window of 128 KiB.  The
 * kernel clamps it to net.core.wmem_max.
 */
#define SEND_BUFFER (1 << 20)

int frames_init(struct frames *f, int fd, struct err *err)
{
	int type = 0;
	int size = SEND_BUFFER;
	socklen_t len = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return err_set(err, errno, "--frames: descriptor %d", fd);
	if (type != SOCK_SEQPACKET)
		return err_say(err, EINVAL,
			       "--frames: descriptor %d is not a "
			       "SOCK_SEQPACKET socket",
			       fd);

	int r = io_set_cloexec(fd, true);
	if (r == 0)
		r = io_set_nonblock(fd, true);
	if (r < 0)
		return err_set(err, -r, "--frames: descriptor %d", fd);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	f->fd = fd;
	return 0;
}

void frames_done(struct frames *f)
{
	if (f->fd >= 0)
		(void)close(f->fd);
	f->fd = -1;
}

/*
 * recv() returns 0 both for a message of no bytes and at the end of the
 * connection.
 */
static bool frames_closed(const struct frames *f)
{
	struct pollfd p = { .fd = f->fd, .events = POLLRDHUP };

	return poll(&p, 1, 0) == 1 && p.revents != 0;
}

ssize_t frames_receive(struct frames *f)
{
	/* With MSG_TRUNC the length is the message's, not the buffer's. */
	ssize_t n =
		recv(f->fd, f->buf, sizeof(f->buf), MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -EPIPE;
	if (n == 0 && frames_closed(f))
		return -EPIPE;
	if (n < NET_FRAME_MIN || n > NET_FRAME_MAX) {
		if (f->wrong_length++ == 0)
			log_warn("a frame of %zd bytes, ignoring it and all "
				 "such",
				 n);
		return -EMSGSIZE;
	}
	f->received++;
	return n;
}

void frames_send(struct frames *f, const void *frame, size_t len)
{
	if (len < NET_FRAME_MIN || len > NET_FRAME_MAX) {
		f->not_sent++;
		return;
	}

	ssize_t n = send(f->fd, frame, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n >= 0) {
		f->sent++;
		return;
	}
	/* A lost connection is noticed by the next receive. */
	f->full = errno == EAGAIN || errno == ENOBUFS;
	f->not_sent++;
}
