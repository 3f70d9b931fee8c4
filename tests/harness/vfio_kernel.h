/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfio_kernel.h - a made-up kernel behind struct vfio_sys: a container, an
 * iommufd, groups, and functions with regions and interrupts.  A test says what
 * the functions are and which request fails; afterwards it asks what came.
 *
 * The kernel is as strict as Linux where that matters: what a group may do
 * depends on what was done before, a sleeping or disabled function answers
 * with errors, and nobody may use a descriptor that was closed.
 */
#ifndef TESTS_HARNESS_VFIO_KERNEL_H
#define TESTS_HARNESS_VFIO_KERNEL_H

#include <linux/vfio.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "devices/vfio/vfio.h"

#define FAKE_FUNCTIONS 3
#define FAKE_MAPS      64
#define FAKE_VECTORS   2048
#define FAKE_AREAS     4

struct fake_region {
	uint64_t size;
	uint32_t flags; /* 0: read, write, and mmap for a memory BAR */
	bool no_mmap;
	unsigned nr_areas; /* sparse; 0: all of it */
	struct vfio_region_sparse_mmap_area area[FAKE_AREAS];
	bool looped; /* its capabilities link to themselves */
};

struct fake_function {
	const char *bdf;
	unsigned group;
	/* What it is; the test's, before it is opened. */
	unsigned char config[4096];
	struct fake_region region[VFIO_PCI_NUM_REGIONS];
	uint32_t irqs[VFIO_PCI_NUM_IRQS]; /* how many */
	bool dynamic; /* MSI-X vectors may be added */
	unsigned vectors_max; /* that the host has; 0: as many as asked */
	bool no_reset;
	bool bound; /* to vfio-pci */

	/* What came of it. */
	int fd; /* -1: closed */
	int memory; /* memfd with the regions */
	bool ioas; /* attached to iommufd's */
	int mode; /* VFIO_PCI_*_IRQ_INDEX, -1: none */
	unsigned nr_vectors; /* enabled */
	int trigger[FAKE_VECTORS]; /* eventfds, -1: none */
	int unmask, on_error, on_request;
	unsigned resets, hot_resets, irq_calls;
	unsigned config_writes, region_reads, region_writes;
	unsigned last_reg, last_len; /* of configuration space */
	uint32_t last_value;
	unsigned in_vain; /* accesses that failed, it being asleep */
};

struct fake_map {
	uint64_t iova, size;
	const void *host;
};

struct vfio_kernel {
	pthread_mutex_t lock;
	struct vfio_sys sys;
	struct fake_function fn[FAKE_FUNCTIONS];
	unsigned nr;
	int container, iommufd, group_fd[FAKE_FUNCTIONS];
	bool viable[FAKE_FUNCTIONS], taken[FAKE_FUNCTIONS];
	bool in_container[FAKE_FUNCTIONS];
	bool iommu; /* set */
	/* The next `fail_request` returns `fail_with`, `fail_times` times. */
	unsigned long fail_request;
	int fail_with;
	unsigned fail_times;
	struct vfio_iova_range range[4];
	unsigned nr_ranges; /* 0: the kernel does not say */
	bool looped_info;
	/* A function of another owner on the bus of all of ours. */
	bool neighbour;
	struct fake_map map[FAKE_MAPS];
	unsigned nr_maps, map_calls;
};

/* Functions 0000:01:00.0, 0000:02:00.0..., each in its own viable group. */
void vfio_kernel_open(struct vfio_kernel *k, unsigned functions);
/* Asserts that every device and group was given back. */
void vfio_kernel_close(struct vfio_kernel *k);

/*
 * Function @i as an endpoint with a BAR 0 of 64 KiB, 64 bits wide, BAR 2 of
 * 256 bytes, I/O BAR 4 of 32, capabilities PM at 0x40, MSI (64 bits, masks, 4
 * messages) at 0x50, MSI-X of @vectors (table at BAR 0 + 0x2000, pending bits
 * at 0x3000) at 0x70, PCI Express at 0x80, a vendor's at 0xc0; beyond: AER,
 * SR-IOV, serial number.
 */
void vfio_kernel_endpoint(struct vfio_kernel *k, unsigned i, unsigned vectors);
/* @value of @len bytes at @reg of its configuration space. */
void vfio_kernel_set(struct vfio_kernel *k, unsigned i, unsigned reg,
		     uint32_t value, unsigned len);
/* A new descriptor of function @i's group, or node; as the keeper opens it. */
int vfio_kernel_group(struct vfio_kernel *k, unsigned i);
int vfio_kernel_node(struct vfio_kernel *k, unsigned i);
/* The mapping at @iova, or NULL. */
const struct fake_map *vfio_kernel_map(const struct vfio_kernel *k,
				       uint64_t iova);
/* Bytes of region @region of function @i, as the device sees them. */
void vfio_kernel_peek(const struct vfio_kernel *k, unsigned i, unsigned region,
		      uint64_t off, void *data, unsigned len);

#endif
