/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_user.c - messages to a vhost-user backend, and its few answers. */
#include "devices/backend/vhost_user.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "vmm/lib/io.h"

enum request {
	GET_FEATURES = 1,
	SET_FEATURES = 2,
	SET_OWNER = 3,
	SET_MEM_TABLE = 5,
	SET_VRING_NUM = 8,
	SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10,
	GET_VRING_BASE = 11,
	SET_VRING_KICK = 12,
	SET_VRING_CALL = 13,
};

#define VERSION	 1U
#define IS_REPLY (1U << 2)

struct header {
	uint32_t request, flags, size;
};

struct ring_state {
	uint32_t index, num;
};

struct ring_addr {
	uint32_t index, flags;
	uint64_t desc, used, avail, log;
};

struct region {
	uint64_t gpa, size, user, offset;
};

struct memory {
	uint32_t nr, padding;
	struct region region[GMEM_REGIONS];
};

struct message {
	struct header head;
	union {
		uint64_t u64;
		struct ring_state state;
		struct ring_addr addr;
		struct memory memory;
	} __attribute__((packed));
} __attribute__((packed));

_Static_assert(offsetof(struct message, u64) == 12, "vhost-user: header");
_Static_assert(sizeof(struct header) + sizeof(uint64_t) == VHOST_USER_ANSWER,
	       "vhost-user: answer");

/* Put descriptors beside @m; all of @m goes or the connection is broken. */
static int send_message(struct vhost_user *v, struct message *m, uint32_t size,
			const int *fds, unsigned nr)
{
	_Alignas(struct cmsghdr) char
		control[CMSG_SPACE(GMEM_REGIONS * sizeof(int))] = { 0 };
	struct iovec iov = { m, sizeof(m->head) + size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	m->head.flags = VERSION;
	m->head.size = size;
	if (nr) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(nr * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nr * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nr * sizeof(int));
	}

	ssize_t n;
	do {
		n = sendmsg(v->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == iov.iov_len ? 0 : -EAGAIN;
}

static int send_u64(struct vhost_user *v, enum request request, uint64_t value,
		    int fd)
{
	struct message m = { .head.request = request, .u64 = value };

	return send_message(v, &m, sizeof(m.u64), &fd, fd >= 0);
}

static int send_state(struct vhost_user *v, enum request request,
		      uint32_t index, uint32_t num)
{
	struct message m = { .head.request = request, .state = { index, num } };

	return send_message(v, &m, sizeof(m.state), NULL, 0);
}

/* A whole answer to @request in *@ret, or -errno as vhost_user_stopped(). */
static int take_answer(struct vhost_user *v, enum request request,
		       struct message *ret)
{
	struct message m;

	/* Header and payload may come one after the other. */
	while (v->len < sizeof(v->answer)) {
		ssize_t n = io_recv(v->fd, v->answer + v->len,
				    sizeof(v->answer) - v->len, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return -EAGAIN;
		if (n <= 0)
			return -EPIPE;
		v->len += (unsigned)n;
	}
	v->len = 0;
	memcpy(&m, v->answer, sizeof(v->answer));
	if (m.head.request != request || m.head.size != sizeof(m.u64) ||
	    m.head.flags != (VERSION | IS_REPLY))
		return -EPROTO;
	memcpy(ret, &m, sizeof(v->answer));
	return 0;
}

int64_t vhost_user_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until something can be read, the backend is gone, or @end has come. */
static int wait_until(int fd, int64_t end)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (;;) {
		int64_t left = end - vhost_user_now();
		if (left <= 0)
			return -ETIMEDOUT;
		const struct timespec t = { left / 1000,
					    left % 1000 * 1000000 };
		int r = ppoll(&p, 1, &t, NULL);
		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
	}
}

int vhost_user_features(struct vhost_user *v, int ms, uint64_t *ret,
			struct err *err)
{
	struct message m = { .head.request = SET_OWNER };
	int64_t end = vhost_user_now() + ms;
	int r = send_message(v, &m, 0, NULL, 0);

	m.head.request = GET_FEATURES;
	if (r == 0)
		r = send_message(v, &m, 0, NULL, 0);
	while (r == 0) {
		r = take_answer(v, GET_FEATURES, &m);
		if (r != -EAGAIN)
			break;
		r = wait_until(v->fd, end);
	}
	switch (-r) {
	case 0:
		*ret = m.u64;
		return 0;
	case EPROTO:
		return err_say(err, EPROTO,
			       "the backend does not speak vhost-user");
	case ETIMEDOUT:
		return err_say(err, ETIMEDOUT,
			       "the backend has not answered within %d ms", ms);
	case EPIPE:
	case ECONNRESET:
		return err_say(err, EPIPE, "the backend has ended");
	default:
		return err_set(err, -r, "ask the backend");
	}
}

int vhost_user_set_features(struct vhost_user *v, uint64_t features)
{
	return send_u64(v, SET_FEATURES, features, -1);
}

int vhost_user_set_memory(struct vhost_user *v, const struct gmem *gm)
{
	struct message m = { .head.request = SET_MEM_TABLE,
			     .memory = { .nr = gm->nr } };
	int fds[GMEM_REGIONS];

	for (unsigned i = 0; i < gm->nr; i++) {
		const struct gmem_region *r = &gm->region[i];

		m.memory.region[i] =
			(struct region){ r->gpa, r->size, r->gpa, r->offset };
		fds[i] = gm->fd;
	}
	return send_message(v, &m,
			    (uint32_t)(offsetof(struct memory, region) +
				       gm->nr * sizeof(struct region)),
			    fds, gm->nr);
}

int vhost_user_start_ring(struct vhost_user *v,
			  const struct vhost_user_ring *ring)
{
	struct message m = {
		.head.request = SET_VRING_ADDR,
		.addr = { .index = ring->index,
			  .desc = ring->desc,
			  .used = ring->used,
			  .avail = ring->avail },
	};
	int r = send_state(v, SET_VRING_NUM, ring->index, ring->size);

	if (r == 0)
		r = send_state(v, SET_VRING_BASE, ring->index, 0);
	if (r == 0)
		r = send_message(v, &m, sizeof(m.addr), NULL, 0);
	if (r == 0)
		r = send_u64(v, SET_VRING_CALL, ring->index, ring->call);
	/* The last: it runs from here on. */
	if (r == 0)
		r = send_u64(v, SET_VRING_KICK, ring->index, ring->kick);
	return r;
}

int vhost_user_stop_ring(struct vhost_user *v, uint32_t index)
{
	return send_state(v, GET_VRING_BASE, index, 0);
}

int vhost_user_stopped(struct vhost_user *v, uint32_t nr)
{
	struct message m;
	int r = take_answer(v, GET_VRING_BASE, &m);

	if (r < 0)
		return r;
	return m.state.index < nr ? (int)m.state.index : -EPROTO;
}
