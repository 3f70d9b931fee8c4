/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mem.h - what the monitor asks of virtio-mem: how much memory the guest should
 * have plugged in, and how much it has.
 */
#ifndef DEVICES_VIRTIO_MEM_H
#define DEVICES_VIRTIO_MEM_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/virtio/virtio.h"

/* What is plugged in or out at a time: a huge page of the guest. */
#define MEM_BLOCK UINT64_C(0x200000)

struct mem_status {
	uint64_t most; /* bytes that may be plugged in */
	uint64_t requested; /* ... that we ask for */
	uint64_t plugged; /* ... that the guest has */
	bool driver; /* the guest has one, and it works */
};

/*
 * Bytes of the region that the device needs in guest memory (gmem_config's
 * pluggable) so that a guest of @ram bytes can have @most of it plugged in.
 */
uint64_t mem_region_size(uint64_t ram, uint64_t most);

/*
 * Ask the guest to have @bytes plugged in: whole blocks, at most all.  It takes
 * its time, and may refuse.  Any thread.
 */
void mem_request(struct virtio_dev *dev, uint64_t bytes);

/* Any thread. */
void mem_status(struct virtio_dev *dev, struct mem_status *ret);

#endif
