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

/* As QEMU names them. */
enum blk_cache {
	BLK_WRITEBACK, /* the host's page cache; a flush makes permanent */
	BLK_NONE, /* O_DIRECT: past the page cache */
	BLK_UNSAFE, /* the page cache, and flushes are ignored */
};

struct engine_ops;
struct vhost_sys;

#define BLK_QUEUES_MAX 16

struct blk_config {
	int fd; /* raw image file or block device */
	bool readonly;
	const char *serial; /* up to 20 bytes, NULL: none */
	uint64_t bytes_limit, ops_limit; /* a second; 0: none */
	unsigned queues; /* up to BLK_QUEUES_MAX; 0: one */
	enum blk_cache cache;
	const struct engine_ops *engine; /* NULL: the best one there is */
};

#define NET_PAIRS_MAX 8

struct net_config {
	/*
	 * SOCK_SEQPACKET, a frame a message (abi/net.h), or a tap; of a tap
	 * with IFF_MULTI_QUEUE several, each behind a pair of queues.
	 */
	int fd[NET_PAIRS_MAX];
	unsigned pairs; /* 0: one */
	uint8_t mac[6];
	uint16_t mtu; /* that the driver is told, 68 or more; 0: it is not */
	uint64_t bytes_limit, frames_limit; /* a second, each way; 0: none */
	bool vhost; /* vhost_fd, each a /dev/vhost-net, are to serve the tap */
	int vhost_fd[NET_PAIRS_MAX];
	const struct vhost_sys *vhost_sys; /* NULL: the kernel; for tests */
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

struct mem_config {
	uint64_t most; /* bytes that may be plugged in at once */
};

/* A file in the guest's memory that is there to be read. */
struct pmem_config {
	const char *id; /* up to 20 bytes, for statistics */
	uint64_t gpa, size; /* whole pages; what lies there is others' work */
};

struct console_config {
	int out_fd; /* what the guest prints */
	int in_fd; /* what it reads; may be out_fd; -1: nothing */
	uint16_t cols, rows; /* of the terminal; 0: not known */
};

extern const struct virtio_ops blk_ops, net_ops, vsock_ops, fs_ops, mem_ops,
	pmem_ops, console_ops;
/* No configuration: NULL. */
extern const struct virtio_ops rng_ops, balloon_ops;

/*
 * Serve a disk's queues until they are empty and nothing is in flight: for
 * those who run a disk without its thread (no blk_ops.run).  Nanoseconds until
 * its limits let the next request go; 0: none is waiting.
 */
uint64_t blk_serve(struct virtio_dev *dev);

/*
 * The disk of serial number @serial may have grown to @bytes.  Its thread looks
 * whether it has, and tells the guest; nothing here waits.  -ENODEV: another
 * disk, or none; -ERANGE: smaller than it is.
 */
int blk_grow(struct virtio_dev *dev, const char *serial, uint64_t bytes);

/*
 * The terminal of a console has another size: the driver is told.  Any thread;
 * nothing here waits.  -ENODEV: @dev is none.
 */
int console_resize(struct virtio_dev *dev, uint16_t cols, uint16_t rows);

#endif
