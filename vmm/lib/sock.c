/* SPDX-License-Identifier: Apache-2.0 */
/* sock.c - Unix sockets, and descriptors sent over them. */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

/* A new socket, and the address that @path is. */
static int unix_socket(int type, const char *path, struct sockaddr_un *ret,
		       struct err *err)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(sun.sun_path))
		return err_say(err, ENAMETOOLONG,
			       "socket path '%s' is longer than %zu bytes",
			       path, sizeof(sun.sun_path) - 1);
	memcpy(sun.sun_path, path, strlen(path) + 1);

	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, errno, "create a Unix socket");
	*ret = sun;
	return fd;
}

static int listen_at(int type, const char *path, struct err *err)
{
	struct sockaddr_un sun;
	AUTO_CLOSE int fd = unix_socket(type, path, &sun, err);

	if (fd < 0)
		return fd;

	/* The mode of the name, before it exists: bind() honours fchmod(). */
	(void)fchmod(fd, 0600);
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		return err_set(err, errno, "bind '%s'", path);
	if (listen(fd, 64) < 0)
		return err_set(err, errno, "listen on '%s'", path);
	return TAKE_FD(fd);
}

int io_unix_listen(const char *path, struct err *err)
{
	return listen_at(SOCK_STREAM, path, err);
}

int io_packet_listen(const char *path, struct err *err)
{
	return listen_at(SOCK_SEQPACKET, path, err);
}

static int connect_to(int type, const char *path, struct err *err)
{
	struct sockaddr_un sun;
	AUTO_CLOSE int fd = unix_socket(type, path, &sun, err);

	if (fd < 0)
		return fd;
	/* A listener whose queue is full is no reason to wait. */
	int r = io_set_nonblock(fd, true);
	if (r == 0 && connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		r = -errno;
	return r < 0 ? err_set(err, -r, "connect to '%s'", path) : TAKE_FD(fd);
}

int io_unix_connect(const char *path, struct err *err)
{
	return connect_to(SOCK_STREAM, path, err);
}

int io_packet_connect(const char *path, struct err *err)
{
	return connect_to(SOCK_SEQPACKET, path, err);
}

short io_poll_now(int fd, short events)
{
	static const struct timespec now;
	struct pollfd p = { .fd = fd, .events = events };

	/* Nothing ready leaves revents 0, and so does a failure. */
	(void)!ppoll(&p, 1, &now, NULL);
	return p.revents;
}

ssize_t io_recv(int sock, void *buf, size_t len, int flags)
{
	struct iovec iov = { .iov_base = buf, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	return recvmsg(sock, &msg, flags);
}

ssize_t io_send(int sock, const void *buf, size_t len, int flags)
{
	/* sendmsg() reads the buffer only; its struct lacks the const. */
	struct iovec iov = { .iov_base = (void *)(uintptr_t)buf,
			     .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	return sendmsg(sock, &msg, flags);
}

int io_send_fd(int sock, const void *buf, size_t len, int fd)
{
	/* sendmsg() reads the buffer only; its struct lacks the const. */
	struct iovec iov = { .iov_base = (void *)(uintptr_t)buf,
			     .iov_len = len };
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} ctl = { { 0 } };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		msg.msg_control = ctl.space;
		msg.msg_controllen = sizeof(ctl.space);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}

	ssize_t n;
	do {
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EMSGSIZE;
}

ssize_t io_recv_fd(int sock, void *buf, size_t len, int *ret_fd)
{
	struct iovec iov = { .iov_base = buf, .iov_len = len };
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} ctl = { { 0 } };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = ctl.space,
		.msg_controllen = sizeof(ctl.space),
	};

	ssize_t n;
	do {
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;

	*ret_fd = -1;
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
	return n;
}
