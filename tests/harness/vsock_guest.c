/* SPDX-License-Identifier: Apache-2.0 */
/* vsock_guest.c - the guest's half of the socket device. */
#include "tests/harness/vsock_guest.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/virtio/models.h"
#include "vmm/abi/dial.h"
#include "vmm/lib/io.h"

#define RX 0
#define TX 1

/* A listening socket without a name in any directory. */
static int listen_nameless(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sa_family_t)),
			 0);
	assert_int_equal(listen(fd, 1024), 0);
	return fd;
}

void vsock_guest_buffers(struct vsock_guest *g)
{
	for (unsigned i = 0; i < GUEST_BUFFERS; i++) {
		struct driver_buf buf = { .len = GUEST_BUF, .write = true };

		if (!g->rx[i])
			g->rx[i] = driver_alloc(&g->drv, GUEST_BUF);
		buf.at = g->rx[i];
		g->rx_desc[i] = driver_chain(&g->drv.queue[RX], &buf, 1);
	}
	driver_kick(&g->drv, RX);
}

void vsock_guest_open(struct vsock_guest *g, bool keeper, uint64_t features,
		      bool buffers)
{
	int pair[2] = { -1, -1 };

	*g = (struct vsock_guest){ .window = GUEST_WINDOW };
	if (keeper)
		assert_int_equal(socketpair(AF_UNIX,
					    SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
					    pair),
				 0);
	struct vsock_config cfg = {
		.cid = GUEST_CID,
		.listen_fd = listen_nameless(),
		.dial_fd = pair[0],
	};
	g->keeper = pair[1];
	g->listen = fcntl(cfg.listen_fd, F_DUPFD_CLOEXEC, 0);
	driver_open(&g->drv, &vsock_ops, &cfg);
	(void)driver_start(&g->drv, features);
	if (buffers)
		vsock_guest_buffers(g);
	driver_settle(&g->drv);
}

const struct vsock *vsock_guest_model(const struct vsock_guest *g)
{
	return g->drv.dev->state;
}

void vsock_guest_close(struct vsock_guest *g)
{
	driver_close(&g->drv);
	(void)close(g->listen);
	if (g->keeper >= 0)
		(void)close(g->keeper);
}

void vsock_guest_send_raw(struct vsock_guest *g,
			  const struct virtio_vsock_hdr *h, uint32_t header,
			  const void *data, uint32_t len)
{
	gpa_t next = g->drv.next;
	struct driver_buf buf[] = {
		{ driver_alloc(&g->drv, header), header, false },
		{ driver_alloc(&g->drv, len + 1), len, false },
	};

	memcpy(driver_ptr(&g->drv, buf[0].at, header), h, header);
	if (len)
		memcpy(driver_ptr(&g->drv, buf[1].at, len), data, len);
	(void)driver_chain(&g->drv.queue[TX], buf, len ? 2 : 1);
	driver_kick(&g->drv, TX);
	/* Callers that wait may have the memory again. */
	if (next < 0xc00000)
		return;
	driver_settle(&g->drv);
	g->drv.next = 0x400000;
}

void vsock_guest_send(struct vsock_guest *g, uint16_t op, uint32_t host_port,
		      uint32_t guest_port, uint32_t flags, const void *data,
		      uint32_t len)
{
	struct virtio_vsock_hdr h = {
		.src_cid = htole64(GUEST_CID),
		.dst_cid = htole64(2),
		.src_port = htole32(guest_port),
		.dst_port = htole32(host_port),
		.len = htole32(len),
		.type = htole16(VIRTIO_VSOCK_TYPE_STREAM),
		.op = htole16(op),
		.flags = htole32(flags),
		.buf_alloc = htole32(g->window),
		.fwd_cnt = htole32(g->fwd_cnt),
	};

	vsock_guest_send_raw(g, &h, sizeof(h), data, len);
	(void)driver_wait(&g->drv, TX, NULL);
}

/* Copy the packet out of its buffer and offer the buffer again. */
static void take(struct vsock_guest *g, uint32_t id, uint32_t len,
		 struct packet *ret)
{
	unsigned i = 0;

	while (i < GUEST_BUFFERS && g->rx_desc[i] != id)
		i++;
	assert_true(i < GUEST_BUFFERS);
	assert_in_range(len, GUEST_HEADER, GUEST_BUF);
	memcpy(ret, driver_ptr(&g->drv, g->rx[i], len), len);
	assert_int_equal(le32toh(ret->h.len), len - GUEST_HEADER);
	assert_int_equal(le64toh(ret->h.src_cid), 2);
	assert_int_equal(le64toh(ret->h.dst_cid), GUEST_CID);

	struct driver_buf buf = { g->rx[i], GUEST_BUF, true };
	g->rx_desc[i] = driver_chain(&g->drv.queue[RX], &buf, 1);
	driver_kick(&g->drv, RX);
}

void vsock_guest_recv(struct vsock_guest *g, struct packet *ret)
{
	uint32_t id;
	uint32_t len = driver_wait(&g->drv, RX, &id);

	take(g, id, len, ret);
}

bool vsock_guest_poll(struct vsock_guest *g, struct packet *ret)
{
	uint32_t id;
	uint32_t len;

	driver_settle(&g->drv);
	if (!driver_take(&g->drv.queue[RX], &id, &len))
		return false;
	take(g, id, len, ret);
	return true;
}

void vsock_guest_expect(struct vsock_guest *g, uint16_t op, uint32_t host_port,
			uint32_t guest_port)
{
	struct packet p;

	vsock_guest_recv(g, &p);
	assert_int_equal(le16toh(p.h.op), op);
	assert_int_equal(le32toh(p.h.src_port), host_port);
	assert_int_equal(le32toh(p.h.dst_port), guest_port);
}

int vsock_host_connect(struct vsock_guest *g)
{
	struct sockaddr_un sun;
	socklen_t len = sizeof(sun);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(getsockname(g->listen, (struct sockaddr *)&sun, &len),
			 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, len), 0);
	return fd;
}

void vsock_host_expect_end(struct vsock_guest *g, int fd)
{
	char c;

	assert_int_equal(io_set_nonblock(fd, true), 0);
	driver_settle(&g->drv);
	ssize_t n = read(fd, &c, 1);
	/* Reset when it was closed with bytes unread. */
	assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
	(void)close(fd);
}

uint32_t vsock_host_read_ok(int fd)
{
	char line[32] = { 0 };
	unsigned port;
	char end;

	for (unsigned i = 0; i < sizeof(line) - 1; i++) {
		assert_int_equal(read(fd, &line[i], 1), 1);
		if (line[i] == '\n')
			break;
	}
	assert_int_equal(sscanf(line, "OK %u%c", &port, &end), 2);
	assert_int_equal(end, '\n');
	return port;
}

int vsock_host_established(struct vsock_guest *g, uint32_t guest_port,
			   uint32_t *ret_host_port)
{
	char line[32];
	struct packet p;
	int fd = vsock_host_connect(g);
	int len = snprintf(line, sizeof(line), "CONNECT %u\n", guest_port);

	assert_int_equal(write(fd, line, (size_t)len), len);
	vsock_guest_recv(g, &p);
	assert_int_equal(le16toh(p.h.op), VIRTIO_VSOCK_OP_REQUEST);
	assert_int_equal(le32toh(p.h.dst_port), guest_port);
	uint32_t host_port = le32toh(p.h.src_port);
	vsock_guest_send(g, VIRTIO_VSOCK_OP_RESPONSE, host_port, guest_port, 0,
			 NULL, 0);
	assert_int_equal(vsock_host_read_ok(fd), host_port);
	if (ret_host_port)
		*ret_host_port = host_port;
	return fd;
}

int vsock_guest_established(struct vsock_guest *g, uint32_t host_port,
			    uint32_t guest_port)
{
	struct dial_request request;
	int pair[2];

	vsock_guest_send(g, VIRTIO_VSOCK_OP_REQUEST, host_port, guest_port, 0,
			 NULL, 0);
	assert_int_equal(read(g->keeper, &request, sizeof(request)),
			 sizeof(request));
	assert_int_equal(request.port, host_port);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	struct dial_answer answer = { .cookie = request.cookie };
	assert_int_equal(
		io_send_fd(g->keeper, &answer, sizeof(answer), pair[0]), 0);
	(void)close(pair[0]);
	vsock_guest_expect(g, VIRTIO_VSOCK_OP_RESPONSE, host_port, guest_port);
	return pair[1];
}
