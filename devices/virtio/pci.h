/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pci.h - virtio.c and the transport to each other: virtio over PCI, modern
 * only (virtio 1.2, section 4.1).  One 32-bit BAR holds everything:
 *
 *   0x0000  common configuration     0x2000  notifications, 4 bytes a queue
 *   0x0800  ISR status               0x3000  MSI-X table
 *   0x1000  device configuration     0x3800  MSI-X pending bits
 */
#ifndef DEVICES_VIRTIO_PCI_H
#define DEVICES_VIRTIO_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/pci/msix.h"
#include "devices/pci/pci.h"
#include "devices/virtio/virtio.h"

#define VPCI_BAR      0
#define VPCI_COMMON   0x0000U
#define VPCI_ISR      0x0800U
#define VPCI_DEVICE   0x1000U
#define VPCI_NOTIFY   0x2000U
#define VPCI_TABLE    0x3000U
#define VPCI_PBA      0x3800U
#define VPCI_BAR_SIZE 0x4000U

struct virtio_pci {
	struct virtio_dev *dev;
	struct pci_dev pci;
	struct msix msix;
	int vm_fd; /* -1: every kick is a bus write */
	unsigned msix_cap; /* where the capability is */
	uint16_t config_vector; /* atomic */
	uint8_t isr; /* atomic */
	/* The rest under dev->lock. */
	uint32_t offered_select, accepted_select;
	uint16_t queue_select;
	uint64_t bar_addr;
	bool bar_on;
};

/* Make the function and put it on the bus.  virtio_pci_close(): NULL too. */
int virtio_pci_open(struct virtio_dev *dev, const struct virtio_env *env,
		    struct err *err);
void virtio_pci_close(struct virtio_pci *vp);

/* Caller holds dev->lock: its started or enabled queues have changed. */
void virtio_pci_update_kicks(struct virtio_pci *vp);
/* Caller holds dev->lock: registers of the transport as after power-on. */
void virtio_pci_reset(struct virtio_pci *vp);

/* Any thread, no lock. */
void virtio_pci_queue_irq(struct virtio_pci *vp, const struct virtio_queue *q);
/* The eventfd of its vector; -1: it has none, or MSI-X is off. */
int virtio_pci_irq_fd(const struct virtio_pci *vp,
		      const struct virtio_queue *q);
void virtio_pci_config_irq(struct virtio_pci *vp);

/*
 * What virtio.c does with register writes; the caller holds dev->lock.
 * virtio_accept() notes 32 bits of the driver's features.
 */
void virtio_set_status(struct virtio_dev *dev, uint8_t status);
uint8_t virtio_status(struct virtio_dev *dev);
void virtio_accept(struct virtio_dev *dev, uint32_t select, uint32_t bits);
/* May the driver write the registers of @q? */
bool virtio_configurable(const struct virtio_dev *dev,
			 const struct virtio_queue *q);
void virtio_set_master(struct virtio_dev *dev, bool on);

#endif
