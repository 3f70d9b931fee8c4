/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_backend.c - a vhost-user backend that does what its test says. */
#include "tests/harness/vhost_backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

int backend_fd = -1;
int backend_theirs = -1;

uint64_t backend_u64(const struct backend_message *m, unsigned word)
{
	return m->word[word] | (uint64_t)m->word[word + 1] << 32;
}

void backend_answer(uint32_t request, uint32_t flags, uint32_t low,
		    uint32_t high)
{
	uint32_t m[5] = { request, flags, 8, low, high };

	assert_int_equal(write(backend_fd, m, sizeof(m)), sizeof(m));
}

int backend_connect(void)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	backend_fd = pair[1];
	backend_theirs = dup(pair[0]);
	return pair[0];
}

/* The next message of the device; false when none is there. */
bool backend_next(struct backend_message *m)
{
	_Alignas(8) char control[CMSG_SPACE(sizeof(m->fd))];
	struct iovec iov = { m, 12 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };

	*m = (struct backend_message){ 0 };
	ssize_t n = recvmsg(backend_fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n <= 0)
		return false;
	assert_int_equal(n, 12);
	assert_int_equal(m->flags, 1);
	assert_in_range(m->size, 0, sizeof(m->word));
	if (m->size)
		assert_int_equal(recv(backend_fd, m->word, m->size, 0),
				 m->size);
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	if (c) {
		m->nr_fds = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / 4);
		memcpy(m->fd, CMSG_DATA(c), m->nr_fds * sizeof(int));
	}
	return true;
}

void backend_expect(uint32_t request, struct backend_message *m)
{
	assert_true(backend_next(m));
	assert_int_equal(m->request, request);
}

void backend_drop(const struct backend_message *m)
{
	for (unsigned i = 0; i < m->nr_fds; i++)
		(void)close(m->fd[i]);
}

void backend_skip(void)
{
	struct backend_message m;

	while (backend_next(&m))
		backend_drop(&m);
}
