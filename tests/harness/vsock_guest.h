/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vsock_guest.h - the guest's half of the socket device, packet by packet,
 * and the host programs around it.
 */
#ifndef TESTS_HARNESS_VSOCK_GUEST_H
#define TESTS_HARNESS_VSOCK_GUEST_H

#include <linux/virtio_vsock.h>
#include <stdbool.h>
#include <stdint.h>

#include "devices/virtio/vsock.h"
#include "tests/harness/driver.h"

#define GUEST_CID     7
#define GUEST_BUFFERS 32 /* receive buffers on offer */
#define GUEST_BUF     4096U
#define GUEST_WINDOW  65536U /* credit we give */
#define GUEST_HEADER  44U

struct vsock_guest {
	struct driver drv;
	int keeper; /* the other end of dial_fd, or -1 */
	int listen; /* a copy, to learn where to connect */
	gpa_t rx[GUEST_BUFFERS];
	uint16_t rx_desc[GUEST_BUFFERS];
	uint32_t fwd_cnt; /* sent with every packet */
	uint32_t window;
};

struct packet {
	struct virtio_vsock_hdr h;
	unsigned char data[GUEST_BUF];
};

/* @keeper: is there one to dial? @buffers: offer receive buffers at once. */
void vsock_guest_open(struct vsock_guest *g, bool keeper, uint64_t features,
		      bool buffers);
void vsock_guest_close(struct vsock_guest *g);
void vsock_guest_buffers(struct vsock_guest *g);
/* The device's own state, to look at while its loop is idle. */
const struct vsock *vsock_guest_model(const struct vsock_guest *g);

void vsock_guest_send(struct vsock_guest *g, uint16_t op, uint32_t host_port,
		      uint32_t guest_port, uint32_t flags, const void *data,
		      uint32_t len);
/* The same with a header of the test's own; no waiting. */
void vsock_guest_send_raw(struct vsock_guest *g,
			  const struct virtio_vsock_hdr *h, uint32_t header,
			  const void *data, uint32_t len);
/* The next packet, waited for. */
void vsock_guest_recv(struct vsock_guest *g, struct packet *ret);
/* One if it is there once the loop is idle. */
bool vsock_guest_poll(struct vsock_guest *g, struct packet *ret);
/* The next packet is @op for these ports. */
void vsock_guest_expect(struct vsock_guest *g, uint16_t op, uint32_t host_port,
			uint32_t guest_port);

/* A host program connects to the listening socket. */
int vsock_host_connect(struct vsock_guest *g);
/* ... all the way to @guest_port of the guest; its host port. */
int vsock_host_established(struct vsock_guest *g, uint32_t guest_port,
			   uint32_t *ret_host_port);
/* The guest connects to @host_port, the keeper agrees: the host's end. */
int vsock_guest_established(struct vsock_guest *g, uint32_t host_port,
			    uint32_t guest_port);
/* Nothing but the end of file is left to read; closes @fd. */
void vsock_host_expect_end(struct vsock_guest *g, int fd);
/* Read the line "OK ..."; what the program sees before anything else. */
uint32_t vsock_host_read_ok(int fd);

#endif
