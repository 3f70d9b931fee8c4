/* SPDX-License-Identifier: Apache-2.0 */
/* disk_guest.h - a machine with one disk, and the requests of its driver. */
#ifndef TESTS_HARNESS_DISK_GUEST_H
#define TESTS_HARNESS_DISK_GUEST_H

#include <linux/virtio_blk.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/harness/driver.h"

#define DISK_SECTOR  512U
#define DISK_SECTORS 8192U /* 4 MiB */
#define DISK_SIZE    (DISK_SECTORS * DISK_SECTOR)
#define DISK_LAST    (DISK_SECTORS - 1)

#define DISK_FEATURES                                                          \
	(VIRTIO_BIT(VIRTIO_BLK_F_FLUSH) | VIRTIO_BIT(VIRTIO_BLK_F_SEG_MAX) |   \
	 VIRTIO_BIT(VIRTIO_BLK_F_DISCARD) |                                    \
	 VIRTIO_BIT(VIRTIO_BLK_F_WRITE_ZEROES) | VIRTIO_BIT(VIRTIO_BLK_F_RO) | \
	 VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) |                             \
	 VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX))

struct disk_guest {
	struct driver drv;
	int disk; /* the test's own descriptor of the file */
	uint64_t agreed; /* features */
};

void disk_open(struct disk_guest *g, size_t size, bool readonly,
	       uint64_t features);
/* A writable one that does so much a second (0: no limit), all features. */
void disk_open_limited(struct disk_guest *g, uint64_t bytes, uint64_t ops);
void disk_close(struct disk_guest *g);

/* The header of a request, in guest RAM. */
gpa_t disk_header(struct disk_guest *g, uint32_t type, uint64_t sector);
/* One request with @len bytes at @data; its status. */
uint8_t disk_request(struct disk_guest *g, uint32_t type, uint64_t sector,
		     gpa_t data, uint32_t len);
/* A discard or write-zeroes request of one range. */
uint8_t disk_range(struct disk_guest *g, uint32_t type, uint64_t sector,
		   uint32_t sectors, uint32_t flags);

#endif
