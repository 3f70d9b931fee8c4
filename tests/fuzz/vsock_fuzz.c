/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vsock_fuzz.c - the socket device between a guest that sends any packet, host
 * programs that say where they want to go, or nonsense, and a keeper that
 * answers what it was not asked.
 */
#include <fcntl.h>
#include <linux/virtio_vsock.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "devices/virtio/models.h"
#include "devices/virtio/vsock.h"
#include "tests/fuzz/machine.h"
#include "vmm/abi/dial.h"
#include "vmm/lib/io.h"

#define CID   7
#define RX    0
#define TX    1
#define FIRST 2 /* of machine.host: connections; before them: */

enum { KEEPER, LISTEN };

static uint32_t port(uint8_t byte)
{
	/* Where the device's own ports begin, and small ones. */
	return byte & 0x80 ? (1U << 30) + (byte & 15U) : byte;
}

static void packet(struct machine *m, struct input *in)
{
	uint8_t how = input_u8(in);
	uint8_t op = input_u8(in);
	uint32_t len = input_u16(in);
	struct virtio_vsock_hdr h = {
		.src_cid = htole64(how & 1 ? input_u64(in) : CID),
		.dst_cid = htole64(how & 2 ? input_u64(in) : 2),
		.src_port = htole32(port(input_u8(in))),
		.dst_port = htole32(port(input_u8(in))),
		.len = htole32(how & 4 ? input_u32(in) : len),
		.type = htole16(how & 8 ? input_u16(in) : 1),
		.op = htole16(op & 0x80 ? op : op & 7),
		.flags = htole32(input_u8(in)),
		.buf_alloc = htole32(how & 16 ? input_u32(in) : 65536),
		.fwd_cnt = htole32(how & 32 ? input_u32(in) : 0),
	};
	struct driver_buf buf[] = {
		{ MACHINE_DATA, sizeof(h), false },
		{ MACHINE_DATA + 0x1000, len, false },
	};

	(void)gmem_write(&m->drv.gm, buf[0].at, &h, sizeof(h));
	(void)driver_chain(&m->drv.queue[TX], buf, len ? 2 : 1);
	machine_kick(m, TX);
}

static void buffers(struct machine *m, struct input *in)
{
	unsigned nr = input_u8(in) & 15;
	uint32_t len = input_u16(in);

	for (unsigned i = 0; i < nr; i++) {
		struct driver_buf buf = { MACHINE_DATA + (16 + i) * 0x1000U,
					  len, true };
		(void)driver_chain(&m->drv.queue[RX], &buf, 1);
	}
	machine_kick(m, RX);
}

static void keep(struct machine *m, int fd)
{
	if (m->nr_host < sizeof(m->host) / sizeof(m->host[0]))
		m->host[m->nr_host++] = fd;
	else
		(void)close(fd);
}

static void host_connect(struct machine *m)
{
	struct sockaddr_un sun;
	socklen_t len = sizeof(sun);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	MUST(fd >= 0);
	MUST(getsockname(m->host[LISTEN], (struct sockaddr *)&sun, &len) == 0);
	if (connect(fd, (struct sockaddr *)&sun, len) == 0)
		keep(m, fd);
	else
		(void)close(fd);
}

static int *connection(struct machine *m, uint8_t byte)
{
	unsigned nr = m->nr_host - FIRST;

	return nr ? &m->host[FIRST + byte % nr] : NULL;
}

/* A program of the host says something, reads, or goes. */
static void host_does(struct machine *m, struct input *in)
{
	static uint8_t sink[65536];
	uint8_t how = input_u8(in);
	int *fd = connection(m, how >> 4);
	uint8_t len = input_u8(in);
	size_t have;

	if (!fd)
		return;
	const uint8_t *p = input_bytes(in, len, &have);
	switch (how & 7) {
	case 0:
	case 1:
		(void)send(*fd, p, have, MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case 2: /* "CONNECT 5", as it should be */
		(void)send(*fd, "CONNECT 5\n", 10, MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case 3:
		(void)send(*fd, sink, sizeof(sink),
			   MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case 4:
		(void)recv(*fd, sink, sizeof(sink), MSG_DONTWAIT);
		break;
	case 5:
		(void)shutdown(*fd, len % 3);
		break;
	default:
		(void)close(*fd);
		*fd = m->host[--m->nr_host];
		break;
	}
}

/* The keeper answers what waits, or what never was asked. */
static void answer(struct machine *m, struct input *in)
{
	uint8_t how = input_u8(in);
	struct dial_request request = { .cookie = input_u8(in) };
	int pair[2] = { -1, -1 };

	if (!(how & 1))
		(void)recv(m->host[KEEPER], &request, sizeof(request),
			   MSG_DONTWAIT);
	struct dial_answer a = {
		.cookie = request.cookie,
		.error = how & 2 ? (int32_t)input_u32(in) : 0,
	};
	if (!(how & 4))
		MUST(socketpair(AF_UNIX,
				SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
				pair) == 0);
	(void)io_send_fd(m->host[KEEPER], &a,
			 how & 8 ? input_u8(in) % sizeof(a) + 1 : sizeof(a),
			 pair[0]);
	if (pair[0] < 0)
		return;
	(void)close(pair[0]);
	keep(m, pair[1]);
}

static void act(struct machine *m, struct input *in)
{
	switch (input_u8(in) & 7) {
	case 0:
	case 1:
		packet(m, in);
		break;
	case 2:
		buffers(m, in);
		break;
	case 3:
		host_connect(m);
		break;
	case 4:
	case 5:
		host_does(m, in);
		break;
	default:
		answer(m, in);
		break;
	}
	driver_settle(&m->drv);

	const struct vsock *vs = m->drv.dev->state;
	MUST(vs->nr <= VSOCK_CONNECTIONS);
	MUST(vs->nr_refusals <= VSOCK_REFUSALS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct machine m = { .act = act, .nr_host = FIRST };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int pair[2];

	input_begin();
	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
			0, pair) == 0);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	MUST(fd >= 0);
	/* A name that the kernel makes up. */
	MUST(bind(fd, (struct sockaddr *)&sun, sizeof(sa_family_t)) == 0);
	MUST(listen(fd, 16) == 0);
	m.host[KEEPER] = pair[1];
	m.host[LISTEN] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct vsock_config cfg = {
		.cid = CID,
		.listen_fd = fd,
		.dial_fd = pair[0],
	};

	machine_open(&m, &vsock_ops, &cfg, &in);
	machine_run(&m, &in);
	machine_close(&m);
	for (unsigned i = 0; i < m.nr_host; i++)
		(void)close(m.host[i]);
	return 0;
}
