/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flood.c - more of everything: vsock connections through the kernel's driver,
 * vsock packets that lie, and the serial port's registers.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_vsock.h>
#include <linux/vm_sockets.h>
#include <string.h>
#include <sys/io.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hostile.h"

#define SOCKETS	    1500U /* the device holds 512 */
#define COM1	    0x3f8
#define FLOOD	    1024
#define PACKETS	    16U
#define PACKET_SIZE 4096U

/* Thousands of connections, each with bytes on the way. */
void attack_connections(void)
{
	static int s[SOCKETS];
	const struct rlimit many = { SOCKETS + 64, SOCKETS + 64 };
	char block[512] = { 0 };

	(void)setrlimit(RLIMIT_NOFILE, &many);
	memset(s, -1, sizeof(s));
	for (unsigned n = 0; going_on() && in_time(); n++) {
		int *p = &s[n % SOCKETS];
		struct sockaddr_vm a = { .svm_family = AF_VSOCK,
					 .svm_cid = VMADDR_CID_HOST,
					 .svm_port = 7000 + n % 3 };

		if (*p >= 0)
			(void)close(*p);
		*p = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
		(void)fcntl(*p, F_SETFL, O_NONBLOCK);
		(void)connect(*p, (const void *)&a, sizeof(a));
		(void)send(s[dice() % SOCKETS], block, sizeof(block),
			   MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

static struct virtio_vsock_hdr packet(void)
{
	uint64_t d = dice();
	struct virtio_vsock_hdr h = {
		.src_cid = 5,
		.dst_cid = VMADDR_CID_HOST,
		.src_port = (uint32_t)(d >> 8) % 2048,
		.dst_port = 7000 + (uint32_t)(d >> 24) % 3,
		.len = 0,
		.type = VIRTIO_VSOCK_TYPE_STREAM,
		.op = (uint16_t)(1 + (d >> 32) % 7),
		.buf_alloc = 65536,
	};

	if (d % 2)
		h.op = VIRTIO_VSOCK_OP_REQUEST;
	switch ((d >> 40) % 8) {
	case 0:
		h.buf_alloc = (uint32_t)wild();
		h.fwd_cnt = (uint32_t)wild();
		break;
	case 1:
		h.len = (uint32_t)wild();
		break;
	case 2:
		h.src_cid = wild();
		h.dst_cid = wild();
		break;
	case 3:
		h.op = (uint16_t)wild();
		h.type = (uint16_t)wild();
		h.flags = (uint32_t)wild();
		break;
	default:
		h.len = h.op == VIRTIO_VSOCK_OP_RW ? (uint32_t)(d >> 48) % 4096
						   : 0;
		break;
	}
	return h;
}

/* Buffers for what the device answers; few of them, and given back late. */
static void feed(struct ring *r, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned d = r->next % r->size;

		*ring_desc(r, d) = (struct descriptor){
			ring_physical(r, r->mem.at + HUGE_PAGE / 2 +
						 (size_t)d * PACKET_SIZE),
			PACKET_SIZE, DESC_WRITE, 0
		};
		ring_offer(r, d);
	}
	ring_kick(r);
}

static void send_packets(struct ring *r)
{
	for (unsigned i = 0; i < PACKETS; i++) {
		unsigned d = r->next % r->size;
		uint8_t *at =
			r->mem.at + HUGE_PAGE / 4 + (size_t)d * PACKET_SIZE / 2;
		struct virtio_vsock_hdr h = packet();

		memcpy(at, &h, sizeof(h));
		*ring_desc(r, d) = (struct descriptor){
			ring_physical(r, at),
			(uint32_t)(sizeof(h) + (h.len < 2000 ? h.len : 2000)),
			0, 0
		};
		ring_offer(r, d);
	}
	ring_kick(r);
}

void attack_vsock_lies(void)
{
	struct function *f = of_type(TYPE_VSOCK, 0);
	struct pages mem = pages_get();
	struct ring r[4];

	while (in_time()) {
		(void)device_start(f, mem, r, 0);
		feed(&r[0], 64);
		for (unsigned n = 0; n < 256 && in_time(); n++) {
			send_packets(&r[1]);
			for (unsigned i = 0; i < 1000; i++)
				if (ring_used(&r[1]) == r[1].next)
					break;
			if (needs_reset(f))
				break;
			if ((uint16_t)(r[0].next - ring_used(&r[0])) < 8)
				feed(&r[0], (unsigned)(dice() % 32));
			(void)going_on();
		}
		device_reset(f);
	}
}

void serial_restore(void)
{
	outb(0x03, COM1 + 3); /* 8n1, no divisor latch */
	outb(0x0b, COM1 + 4); /* no loopback */
	outb(0x07, COM1 + 2);
	outb(0x05, COM1 + 1); /* received data, line status */
}

/* Every register, and floods of bytes that nobody waits for. */
void attack_serial(void)
{
	do {
		uint64_t d = dice();

		for (unsigned i = 0; i < 64 && in_time(); i++) {
			uint64_t e = dice();
			uint16_t at = (uint16_t)(COM1 + (e >> 8) % 8);

			outb((unsigned char)e, at);
			(void)inb((uint16_t)(COM1 + (e >> 16) % 8));
			(void)inw(at);
			outl((uint32_t)(e >> 32), at);
		}
		outb((unsigned char)(d % 2 ? 0x10 : 0), COM1 + 4);
		outb(0x03, COM1 + 3);
		for (unsigned i = 0; i < FLOOD && in_time(); i++)
			outb((unsigned char)('a' + i % 26), COM1);
		(void)going_on();
	} while (in_time());
	serial_restore();
}
