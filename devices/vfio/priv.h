/* SPDX-License-Identifier: Apache-2.0 */
/*
 * priv.h - what the files of devices/vfio share.
 *
 * Locks, outermost first: pci_host.lock (configuration space, where BARs are;
 * every pci_ops but the BAR handlers is called with it), the lock of a
 * function's struct msix, then vfio_pci.irq_lock.
 */
#ifndef DEVICES_VFIO_PRIV_H
#define DEVICES_VFIO_PRIV_H

#include <linux/vfio.h>
#include <pthread.h>

#include "devices/pci/msix.h"
#include "devices/vfio/vfio.h"
#include "vmm/lib/bdf.h"
#include "vmm/lib/list.h"

#define VFIO_CONFIG_SIZE 4096U
#define VFIO_AREAS_MAX	 16 /* mappable stretches of one region */
#define VFIO_MSI_MAX	 32
#define VFIO_RANGES_MAX	 64 /* of usable I/O addresses */

struct vfio_range {
	uint64_t first, last; /* inclusive */
};

/*
 * One of the kernel's two ways.  All return 0, or -errno; with a sentence
 * where there is an @err.
 */
struct vfio_backend_ops {
	/* vfio->fd is what it should be. */
	int (*check)(struct vfio *vfio, struct err *err);
	/*
	 * Let function @bdf behind @fd into the address space: its device.
	 * On failure @fd is closed, unless others of its group use it.
	 */
	int (*attach)(struct vfio *vfio, const char *bdf, int fd,
		      int *ret_device, struct err *err);
	/* Give it back; closes @device, and @fd with its last function. */
	void (*detach)(struct vfio *vfio, int fd, int device);
	int (*map)(struct vfio *vfio, uint64_t iova, uint64_t size,
		   const void *host);
	int (*unmap)(struct vfio *vfio, uint64_t iova, uint64_t size);
	/*
	 * The number of usable ranges, of which at most VFIO_RANGES_MAX are
	 * written, lowest first; 0: the kernel does not say.
	 */
	int (*ranges)(struct vfio *vfio, struct vfio_range *ret);
	/*
	 * Reset the bus of @dev with all that is on it.  -EPERM when that is
	 * not all ours.
	 */
	int (*hot_reset)(struct vfio *vfio, struct vfio_pci *dev);
};

extern const struct vfio_backend_ops vfio_group_ops, vfio_cdev_ops;

struct vfio {
	struct vfio_env env;
	const struct vfio_backend_ops *ops;
	int fd; /* container or iommufd */
	bool ready; /* the IOMMU is set, or the I/O address space made */
	uint32_t ioas; /* of cdev.c */
	struct vfio_group {
		int fd;
		unsigned users; /* functions open */
	} group[VFIO_DEVICES_MAX]; /* of group.c */
	unsigned nr_groups;
	int kvm_fd; /* KVM's own VFIO device; -1: none */
	struct vfio_pci *dev[VFIO_DEVICES_MAX];
	unsigned nr_devs;
	bool warned_p2p;
};

/* A region as the kernel describes it. */
struct vfio_region {
	uint64_t size; /* 0: absent */
	uint64_t offset; /* in the device's descriptor */
	uint32_t flags; /* VFIO_REGION_INFO_FLAG_* */
	unsigned nr_areas; /* that may be mapped */
	struct vfio_range area[VFIO_AREAS_MAX]; /* whole pages */
};

/* A stretch of a BAR that the guest reaches without us. */
struct vfio_piece {
	uint64_t off, size;
	void *host;
	uint64_t gpa; /* where it is while in_guest or in_dma */
	unsigned slot;
	bool in_guest, in_dma;
};

struct vfio_bar {
	struct vfio_piece piece[VFIO_AREAS_MAX];
	unsigned nr_pieces;
	void *reserved; /* our addresses that the pieces lie in */
	uint64_t reserved_size;
};

enum vfio_irq_mode {
	VFIO_IRQ_OFF,
	VFIO_IRQ_INTX,
	VFIO_IRQ_MSI,
	VFIO_IRQ_MSIX,
};

struct vfio_irq_info_kept {
	uint32_t flags, count; /* count 0: absent */
};

struct vfio_pci {
	struct pci_dev pci;
	struct vfio *vfio;
	char bdf[BDF_MAX];
	int fd; /* the device; -1: lost */
	int given_fd; /* group or node, as vfio_pci_config.fd */
	bool no_reset, on_root_bus;
	uint32_t flags; /* VFIO_DEVICE_FLAGS_* */
	struct vfio_region region[VFIO_PCI_CONFIG_REGION_INDEX + 1];
	struct vfio_irq_info_kept irqs[VFIO_PCI_NUM_IRQS];
	struct vfio_bar bar[PCI_BARS];
	unsigned warned; /* bits: what was logged once */

	/*
	 * Configuration space: a bit set in `emulated` is ours (pci.config
	 * below 256, `extended` above), the others are the host's.
	 */
	unsigned char emulated[VFIO_CONFIG_SIZE];
	unsigned char extended[VFIO_CONFIG_SIZE]; /* from 256 on */
	unsigned config_size; /* 256 or 4096 */
	uint8_t cap_pm, cap_msi, cap_msix, cap_vpd; /* 0: absent */
	bool has_memory; /* a memory BAR */

	pthread_mutex_t irq_lock; /* guards the kernel's side of interrupts */
	enum vfio_irq_mode mode;
	struct irq intx; /* open in mode INTX */
	struct irq msi[VFIO_MSI_MAX]; /* the first nr_msi are open, mode MSI */
	unsigned nr_msi;
	struct msix msix; /* nr 0: absent */
	unsigned nr_msix; /* vectors the kernel has enabled, in mode MSIX */
	uint32_t table_bar, table_off, pba_bar, pba_off;

	unsigned char *rom; /* a copy, of pci.bar[PCI_ROM].size; NULL: none */

	struct loop_fd on_error, on_request; /* fd -1: none */
};

/* Bits of vfio_pci.warned. */
enum vfio_warning {
	VFIO_WARN_IRQ = 1,
	VFIO_WARN_VECTORS = 2,
	VFIO_WARN_SLOT = 4,
	VFIO_WARN_DEAD = 8,
};

/* One line for each kind and function, however often the guest asks. */
void vfio_warn_once(struct vfio_pci *dev, enum vfio_warning which,
		    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static inline struct vfio_pci *vfio_pci_of(struct pci_dev *pci)
{
	return container_of(pci, struct vfio_pci, pci);
}

/* The request's result (>= 0) or -errno.  @data: a pointer, or a number. */
int vfio_ioctl(const struct vfio *vfio, int fd, unsigned long request,
	       const void *data);
int vfio_ioctl_val(const struct vfio *vfio, int fd, unsigned long request,
		   uintptr_t val);
/*
 * @len bytes at @off of @region; -errno, also when the kernel moved fewer.
 * @off and @len lie inside the region.
 */
int vfio_region_read(const struct vfio_pci *dev, unsigned region, uint64_t off,
		     void *buf, unsigned len);
int vfio_region_write(const struct vfio_pci *dev, unsigned region, uint64_t off,
		      const void *buf, unsigned len);

/* device.c: what the kernel says of it. */
int vfio_device_probe(struct vfio_pci *dev, struct err *err);

/* reset.c */
int vfio_reset_all(struct vfio *vfio, struct err *err);
/*
 * What a reset of @dev's bus would hit, as the kernel lists it; the caller
 * frees *@ret.
 */
int vfio_reset_info(struct vfio *vfio, const struct vfio_pci *dev,
		    struct vfio_pci_hot_reset_info **ret);
bool vfio_reset_entry_is(const struct vfio_pci_dependent_device *entry,
			 const struct vfio_pci *dev);

/* dma.c */
int vfio_dma_map_ram(struct vfio *vfio, struct vfio_times *ret,
		     struct err *err);
/* The BAR's piece, for other functions; a failure is a warning. */
void vfio_dma_map_piece(struct vfio *vfio, struct vfio_piece *piece);
void vfio_dma_unmap_piece(struct vfio *vfio, struct vfio_piece *piece);

/* kvm.c: tell KVM of a group or device node; what it does not know is fine. */
void vfio_kvm_add(struct vfio *vfio, int fd);
void vfio_kvm_remove(struct vfio *vfio, int fd);

/*
 * caps.c: the registers as the guest will find them, from the host's, before
 * pci_add().  vfio_extended_init() is its second half, beyond 256 bytes.
 */
int vfio_caps_init(struct vfio_pci *dev, const struct pci_ops *ops,
		   struct err *err);
void vfio_extended_init(struct vfio_pci *dev, const unsigned char *host);

/* config.c; pci_host.lock is held. */
void vfio_config_read(struct pci_dev *pci, unsigned reg, void *data,
		      unsigned len);
bool vfio_config_write(struct pci_dev *pci, unsigned reg, const void *data,
		       unsigned len);
/* Command as the host's function shall have it. */
void vfio_config_start(struct vfio_pci *dev);

/* bar.c */
int vfio_bars_init(struct vfio_pci *dev, struct err *err);
void vfio_bars_done(struct vfio_pci *dev);
/* No piece is in the guest, nor in the I/O address space, any longer. */
void vfio_bars_hide(struct vfio_pci *dev);
void vfio_bar_moved(struct pci_dev *pci, unsigned nr, uint64_t addr, bool on);
void vfio_bar_read(struct pci_dev *pci, unsigned nr, uint64_t off, void *data,
		   unsigned len);
void vfio_bar_write(struct pci_dev *pci, unsigned nr, uint64_t off,
		    const void *data, unsigned len);

/* rom.c */
int vfio_rom_init(struct vfio_pci *dev, struct err *err);

/* irq.c: @nr_msix vectors, 0: no MSI-X. */
int vfio_irq_init(struct vfio_pci *dev, unsigned nr_msix, struct err *err);
void vfio_irq_done(struct vfio_pci *dev);
/*
 * Make the kernel's side agree with the registers (MSI, MSI-X Enable and what
 * belongs to them).  pci_host.lock is held, or no vCPU runs.
 */
void vfio_irq_update(struct vfio_pci *dev);
/* MSI's pending bits. */
uint32_t vfio_irq_msi_pending(const struct vfio_pci *dev);
/* Hear @index (VFIO_PCI_ERR_IRQ_INDEX...) on @fd, -1: no longer.  -errno. */
int vfio_irq_listen(struct vfio_pci *dev, unsigned index, int fd);

#endif
