/* SPDX-License-Identifier: Apache-2.0 */
/* disk_guest.h - a machine with one disk, and the requests of its driver. */
#ifndef TESTS_HARNESS_DISK_GUEST_H
#define TESTS_HARNESS_DISK_GUEST_H

#include <linux/virtio_blk.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices/virtio/models.h"
#include "tests/harness/driver.h"

#define DISK_SECTOR  512U
#define DISK_SECTORS 8192U /* 4 MiB */
#define DISK_SIZE    (DISK_SECTORS * DISK_SECTOR)
#define DISK_LAST    (DISK_SECTORS - 1)

#define DISK_FEATURES                                                          \
	(VIRTIO_BIT(VIRTIO_BLK_F_FLUSH) | VIRTIO_BIT(VIRTIO_BLK_F_SEG_MAX) |   \
	 VIRTIO_BIT(VIRTIO_BLK_F_DISCARD) |                                    \
	 VIRTIO_BIT(VIRTIO_BLK_F_WRITE_ZEROES) | VIRTIO_BIT(VIRTIO_BLK_F_RO) | \
	 VIRTIO_BIT(VIRTIO_BLK_F_MQ) | VIRTIO_BIT(VIRTIO_BLK_F_TOPOLOGY) |     \
	 VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) |                             \
	 VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX))

/*
 * What disk_open() and its like give the disk beside what they are told.  Its
 * descriptor, if it has one, is duplicated.
 */
extern struct blk_config disk_config;

/* All of @tests, a group for each engine that this host has. */
#define DISK_RUN(name, tests)                                                  \
	(cmocka_run_group_tests_name(name ", threads", tests,                  \
				     disk_use_threads, NULL) +                 \
	 cmocka_run_group_tests_name(name ", io_uring", tests, disk_use_uring, \
				     NULL))
int disk_use_threads(void **state);
/* Threads again where there is no io_uring. */
int disk_use_uring(void **state);

struct disk_guest {
	struct driver drv;
	int disk; /* the test's own descriptor of the file */
	uint64_t agreed; /* features */
};

void disk_open(struct disk_guest *g, size_t size, bool readonly,
	       uint64_t features);
/* A writable one that does so much a second (0: no limit), all features. */
void disk_open_limited(struct disk_guest *g, uint64_t bytes, uint64_t ops);
/* One that is as disk_config says, all features. */
void disk_open_as_is(struct disk_guest *g);
void disk_open_size(struct disk_guest *g, size_t size);
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
