/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfio_rig.h - a machine without KVM, with functions of a made-up kernel on its
 * bus: pci_rig.h, vfio_kernel.h, and what lies between.
 */
#ifndef TESTS_HARNESS_VFIO_RIG_H
#define TESTS_HARNESS_VFIO_RIG_H

#include "tests/harness/pci_rig.h"
#include "tests/harness/vfio_kernel.h"

#define RIG_RAM	  (16U << 20)
#define RIG_SLOT  1 /* of the first function */
#define RIG_PM	  0x40
#define RIG_MSI	  0x50
#define RIG_MSIX  0x70
#define RIG_EXP	  0x80
#define RIG_VNDR  0xc0
#define RIG_TABLE 0x2000 /* in BAR 0 */
#define RIG_PBA	  0x3000

struct vfio_rig {
	struct pci_rig pci;
	struct vfio_kernel kernel;
	struct gmem gm;
	struct loop loop;
	enum vfio_api api;
	struct vfio *vfio;
	unsigned lost;
	char lost_bdf[16], lost_why[16];
	struct err err; /* of the last failure */
};

/* Nothing opened yet: the test says what the kernel has. */
void vfio_rig_init(struct vfio_rig *rig, unsigned functions);
/* Open the address space, then each function; 0 or -errno with rig->err. */
int vfio_rig_space(struct vfio_rig *rig, enum vfio_api api);
int vfio_rig_add(struct vfio_rig *rig, unsigned i,
		 const struct vfio_pci_config *cfg);
/* Place BARs, reset, map and start the bus. */
int vfio_rig_start(struct vfio_rig *rig);
/* All of it, function 0 being an endpoint with @vectors; nothing may fail. */
void vfio_rig_open(struct vfio_rig *rig, unsigned vectors);
void vfio_rig_close(struct vfio_rig *rig);

/* The guest's accesses to the function in @slot. */
uint32_t vfio_rig_get(struct vfio_rig *rig, unsigned reg, unsigned len);
void vfio_rig_put(struct vfio_rig *rig, unsigned reg, uint32_t value,
		  unsigned len);
/* Where BAR @nr is, as its registers say. */
uint64_t vfio_rig_bar(struct vfio_rig *rig, unsigned nr);
/* Memory and I/O decoding and bus mastering on. */
void vfio_rig_enable(struct vfio_rig *rig);
/* A slot of KVM's begins at @gpa: its size, or 0. */
uint64_t vfio_rig_slot(const struct vfio_rig *rig, uint64_t gpa);

#endif
