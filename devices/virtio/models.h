/* SPDX-License-Identifier: Apache-2.0 */
/*
 * models.h - the device models and what each is made of.  Descriptors are
 * opened by others; virtio_open() takes them over when it succeeds.
 */
#ifndef DEVICES_VIRTIO_MODELS_H
#define DEVICES_VIRTIO_MODELS_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/virtio/virtio.h"

struct blk_config {
	int fd; /* raw image file or block device */
	bool readonly;
	const char *serial; /* up to 20 bytes, NULL: none */
	uint64_t bytes_limit, ops_limit; /* a second; 0: none */
};

struct net_config {
	int fd; /* SOCK_SEQPACKET, a frame a message (abi/net.h), or a tap */
	uint8_t mac[6];
	uint64_t bytes_limit, frames_limit; /* a second, each way; 0: none */
};

struct vsock_config {
	uint64_t cid; /* the guest's, at least 3 */
	int listen_fd; /* host programs connect here; -1: none */
	int dial_fd; /* abi/dial.h; -1: guest-initiated is refused */
};

struct fs_config {
	int fd; /* connected to a vhost-user backend that serves files */
	const char *tag; /* 1 to 36 bytes: what the guest mounts */
	int patience_ms; /* with an answer of the backend; 0: half a minute */
};

extern const struct virtio_ops blk_ops, net_ops, vsock_ops, fs_ops;
/* No configuration: NULL. */
extern const struct virtio_ops rng_ops, balloon_ops;

/*
 * Serve a disk's queue until it is empty: what its thread does when it is
 * kicked.  Any thread; for those who run a disk without one (no blk_ops.run).
 * Nanoseconds until its limits let the next request go; 0: none is waiting.
 */
uint64_t blk_serve(struct virtio_dev *dev);

#endif
