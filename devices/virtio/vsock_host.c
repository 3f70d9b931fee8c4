/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vsock_host.c - the host's side of the socket device.
 *
 *   program -> guest   connects to the listening Unix socket, sends
 *                      "CONNECT port\n", and reads "OK port\n" once the guest
 *                      has accepted; end of file if it did not
 *   guest -> program   we ask the keeper (abi/dial.h), which answers with a
 *                      connected socket
 *
 * Those who keep us waiting for one of these steps are cut off in time.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "devices/virtio/vsock.h"
#include "vmm/abi/dial.h"
#include "vmm/lib/io.h"
#include "vmm/lib/parse.h"

#define FIRST_PORT   UINT32_C(0x40000000) /* for connections of the host's */
#define ANY_PORT     UINT32_MAX
#define ACCEPTS_MAX  16
#define GREETING     "CONNECT "
#define GREETING_LEN (sizeof(GREETING) - 1)

static uint64_t now_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec;
}

static void set_timer(struct vsock *vs, bool on)
{
	struct itimerspec every = { { on, 0 }, { on, 0 } };

	if (vs->timer_on != on)
		(void)timerfd_settime(vs->timer.fd, 0, &every, NULL);
	vs->timer_on = on;
}

void vsock_host_hurry(struct vsock_conn *conn)
{
	conn->deadline = now_s() + VSOCK_PATIENCE_S;
	set_timer(conn->vs, true);
}

void vsock_host_expire(struct vsock *vs, uint64_t now)
{
	bool more = false;

	for (struct list *node = vs->all.next, *next; node != &vs->all;
	     node = next) {
		struct vsock_conn *conn =
			container_of(node, struct vsock_conn, all);

		next = node->next;
		if (conn->deadline == 0)
			continue;
		if (now < conn->deadline)
			more = true;
		else if (conn->state == VSOCK_HELLO)
			vsock_conn_free(conn);
		else
			vsock_conn_reset(conn);
	}
	set_timer(vs, more);
}

static void timer_ready(struct loop_fd *src, uint32_t events)
{
	struct vsock *vs = container_of(src, struct vsock, timer);
	uint64_t count;

	(void)events;
	(void)!read(src->fd, &count, sizeof(count));
	(void)vsock_enter(vs);
	vsock_host_expire(vs, now_s());
	vsock_leave(vs);
}

/* Not accepting while the table is full leaves them in the backlog. */
static void watch_listen(struct vsock *vs)
{
	if (vs->listen.fd >= 0)
		(void)loop_set(vs->dev->loop, &vs->listen,
			       vs->nr < VSOCK_CONNECTIONS ? EPOLLIN : 0);
}

void vsock_host_room(struct vsock *vs)
{
	if (vs->nr == VSOCK_CONNECTIONS - 1)
		watch_listen(vs);
}

static void listen_ready(struct loop_fd *src, uint32_t events)
{
	struct vsock *vs = container_of(src, struct vsock, listen);
	bool up = vsock_enter(vs);

	(void)events;
	for (unsigned i = 0; i < ACCEPTS_MAX && vs->nr < VSOCK_CONNECTIONS;
	     i++) {
		int fd = accept4(src->fd, NULL, NULL,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			break;
		/* Nobody to connect to: end of file says so. */
		struct vsock_conn *conn =
			up ? vsock_conn_new(vs, fd, VSOCK_HELLO) : NULL;
		if (!conn) {
			(void)close(fd);
			continue;
		}
		vsock_host_hurry(conn);
		vsock_conn_watch(conn);
	}
	watch_listen(vs);
	vsock_leave(vs);
}

static uint32_t free_port(struct vsock *vs, uint32_t guest_port)
{
	/* There are more ports than connections: this ends. */
	do {
		if (vs->next_port < FIRST_PORT || vs->next_port == ANY_PORT)
			vs->next_port = FIRST_PORT;
	} while (vsock_conn_find(vs, vs->next_port++, guest_port));
	return vs->next_port - 1;
}

/* The line is there, without its end.  0 or -EINVAL. */
static int greeted(struct vsock_conn *conn)
{
	uint64_t port;

	/* A NUL would hide what follows it. */
	if (strlen(conn->hello) != conn->hello_len - 1 ||
	    strncmp(conn->hello, GREETING, GREETING_LEN) != 0 ||
	    parse_u64(conn->hello + GREETING_LEN, "port", 0, ANY_PORT - 1,
		      &port, NULL) < 0)
		return -EINVAL;
	vsock_conn_name(conn, free_port(conn->vs, (uint32_t)port),
			(uint32_t)port);
	conn->state = VSOCK_REQUESTED;
	vsock_conn_owe(conn, OWES_REQUEST);
	vsock_host_hurry(conn);
	vsock_conn_watch(conn);
	return 0;
}

/*
 * Take the greeting and not a byte more: what follows is the connection's.
 * 0: go on; -errno: it is none.
 */
static int read_greeting(struct vsock_conn *conn)
{
	char *at = conn->hello + conn->hello_len;
	size_t room = sizeof(conn->hello) - conn->hello_len;
	ssize_t n = io_recv(conn->src.fd, at, room, MSG_PEEK | MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;

	char *end = memchr(at, '\n', (size_t)n);
	size_t take = end ? (size_t)(end - at) + 1 : (size_t)n;
	if (io_recv(conn->src.fd, at, take, MSG_DONTWAIT) != (ssize_t)take)
		return -EIO;
	conn->hello_len += (unsigned)take;
	if (!end)
		return take == room ? -EMSGSIZE : 0;
	*end = '\0';
	return greeted(conn);
}

void vsock_host_greeting(struct vsock_conn *conn)
{
	if (read_greeting(conn) < 0)
		vsock_conn_free(conn);
}

int vsock_host_accepted(struct vsock_conn *conn)
{
	char line[sizeof("OK 4294967295\n")];
	int len = snprintf(line, sizeof(line), "OK %" PRIu32 "\n",
			   conn->host_port);
	ssize_t n = io_send(conn->src.fd, line, (size_t)len,
			    MSG_NOSIGNAL | MSG_DONTWAIT);

	/* The first bytes of a socket always fit, or nobody is there. */
	return n == len ? 0 : -ECONNRESET;
}

int vsock_host_dial(struct vsock_conn *conn)
{
	struct vsock *vs = conn->vs;
	struct dial_request request = {
		.cookie = ++vs->next_cookie,
		.port = conn->host_port,
	};

	if (vs->dial.fd < 0)
		return -ECONNREFUSED;
	/* The keeper's time is not the guest's. */
	if (limit_take(&vs->dials, 0, 1))
		return -EAGAIN;
	conn->cookie = request.cookie;
	return io_send_fd(vs->dial.fd, &request, sizeof(request), -1);
}

static struct vsock_conn *dialing(struct vsock *vs, uint64_t cookie)
{
	list_for_each (node, &vs->all) {
		struct vsock_conn *conn =
			container_of(node, struct vsock_conn, all);

		if (conn->state == VSOCK_DIALING && conn->cookie == cookie)
			return conn;
	}
	return NULL;
}

/* Takes @fd. */
static void answered(struct vsock *vs, const struct dial_answer *answer, int fd)
{
	struct vsock_conn *conn = dialing(vs, answer->cookie);

	/* The guest may have gone meanwhile. */
	if (conn && answer->error == 0 && fd >= 0) {
		conn->src.fd = fd;
		vsock_conn_owe(conn, OWES_RESPONSE);
		vsock_conn_opened(conn);
		return;
	}
	if (fd >= 0)
		(void)close(fd);
	if (conn)
		vsock_conn_reset(conn);
}

static void keeper_gone(struct vsock *vs)
{
	loop_remove(vs->dev->loop, &vs->dial);
	(void)close(vs->dial.fd);
	vs->dial.fd = -1;
	list_for_each (node, &vs->all) {
		struct vsock_conn *conn =
			container_of(node, struct vsock_conn, all);

		if (conn->state == VSOCK_DIALING)
			vsock_conn_reset(conn);
	}
}

static void dial_ready(struct loop_fd *src, uint32_t events)
{
	struct vsock *vs = container_of(src, struct vsock, dial);

	(void)events;
	(void)vsock_enter(vs);
	for (unsigned i = 0; i < ACCEPTS_MAX; i++) {
		struct dial_answer answer;
		int fd = -1;
		ssize_t n = io_recv_fd(src->fd, &answer, sizeof(answer), &fd);

		if (n == -EAGAIN)
			break;
		if (n <= 0) {
			keeper_gone(vs);
			break;
		}
		if (n == sizeof(answer))
			answered(vs, &answer, fd);
		else if (fd >= 0)
			(void)close(fd);
	}
	vsock_leave(vs);
}

int vsock_host_open(struct vsock *vs, int listen_fd, int dial_fd,
		    struct err *err)
{
	struct loop *loop = vs->dev->loop;
	int r;

	limit_init(&vs->dials, 0, VSOCK_DIALS);
	vs->timer.ready = timer_ready;
	vs->timer.fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (vs->timer.fd < 0)
		return err_set(err, errno, "create a timer");
	r = loop_set(loop, &vs->timer, EPOLLIN);
	if (r == 0 && listen_fd >= 0)
		r = io_set_nonblock(listen_fd, true);
	if (r == 0 && dial_fd >= 0)
		r = io_set_nonblock(dial_fd, true);

	/* Ours only when both are in the loop. */
	vs->listen = (struct loop_fd){ .fd = listen_fd, .ready = listen_ready };
	vs->dial = (struct loop_fd){ .fd = dial_fd, .ready = dial_ready };
	if (r == 0 && listen_fd >= 0)
		r = loop_set(loop, &vs->listen, EPOLLIN);
	if (r == 0 && dial_fd >= 0)
		r = loop_set(loop, &vs->dial, EPOLLIN);
	if (r < 0) {
		loop_remove(loop, &vs->listen);
		vs->listen.fd = vs->dial.fd = -1;
		return err_set(err, -r, "watch the host's sockets");
	}
	return 0;
}

void vsock_host_close(struct vsock *vs)
{
	struct loop_fd *src[] = { &vs->listen, &vs->dial, &vs->timer };

	for (unsigned i = 0; i < sizeof(src) / sizeof(src[0]); i++) {
		loop_remove(vs->dev->loop, src[i]);
		if (src[i]->fd >= 0)
			(void)close(src[i]->fd);
		src[i]->fd = -1;
	}
}
