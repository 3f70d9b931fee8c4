/* SPDX-License-Identifier: Apache-2.0 */
/*
 * irq.c - a function's interrupts: one mode at a time, as its registers say.
 *
 *   INTx   device -> VFIO (masks it) -> eventfd -> KVM: level up
 *          guest's EOI -> KVM: level down -> eventfd -> VFIO: unmask
 *   MSI    device -> VFIO -> eventfd of each message -> KVM
 *   MSI-X  the same, each vector once the guest has unmasked it
 *
 * After setup no interrupt passes through us, nor, with posted interrupts,
 * through the host's processor.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices/pci/config.h"
#include "devices/vfio/priv.h"
#include "vmm/lib/auto.h"

/* A positive result: the kernel has only so many vectors. */
static int set_eventfds(struct vfio_pci *dev, unsigned index, unsigned action,
			unsigned start, unsigned nr, const int32_t *fds)
{
	size_t size = sizeof(struct vfio_irq_set) + nr * sizeof(*fds);
	AUTO_FREE struct vfio_irq_set *set = calloc(1, size);

	if (!set)
		return -ENOMEM;
	set->argsz = (uint32_t)size;
	set->flags = VFIO_IRQ_SET_DATA_EVENTFD | action;
	set->index = index;
	set->start = start;
	set->count = nr;
	memcpy(set->data, fds, nr * sizeof(*fds));
	return vfio_ioctl(dev->vfio, dev->fd, VFIO_DEVICE_SET_IRQS, set);
}

static void disable(struct vfio_pci *dev, unsigned index)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = index,
	};

	(void)vfio_ioctl(dev->vfio, dev->fd, VFIO_DEVICE_SET_IRQS, &set);
}

/* How many of @nr vectors the kernel enabled; 0 or -errno: none. */
static int enable(struct vfio_pci *dev, unsigned index, unsigned nr,
		  const int32_t *fds)
{
	/* Each refusal offers fewer, or it is no offer. */
	while (nr > 0) {
		int r = set_eventfds(dev, index, VFIO_IRQ_SET_ACTION_TRIGGER, 0,
				     nr, fds);
		if (r < 0)
			return r;
		if (r == 0)
			return (int)nr;
		if ((unsigned)r >= nr)
			return -EIO;
		nr = (unsigned)r;
	}
	return 0;
}

static void refused(struct vfio_pci *dev, const char *what, int r)
{
	vfio_warn_once(dev, VFIO_WARN_IRQ,
		       "the host gives it no %s interrupts: %s", what,
		       strerrordesc_np(r < 0 ? -r : ENOSPC));
}

int vfio_irq_listen(struct vfio_pci *dev, unsigned index, int fd)
{
	int32_t arg = fd;

	return set_eventfds(dev, index, VFIO_IRQ_SET_ACTION_TRIGGER, 0, 1,
			    &arg);
}

static void set_mode(struct vfio_pci *dev, enum vfio_irq_mode mode)
{
	(void)pthread_mutex_lock(&dev->irq_lock);
	dev->mode = mode;
	(void)pthread_mutex_unlock(&dev->irq_lock);
}

static int connect_intx(struct vfio_pci *dev)
{
	int32_t trigger = dev->intx.fd;
	int32_t unmask = dev->intx.resample_fd;
	int r = enable(dev, VFIO_PCI_INTX_IRQ_INDEX, 1, &trigger);

	if (r < 0)
		return r;
	r = set_eventfds(dev, VFIO_PCI_INTX_IRQ_INDEX,
			 VFIO_IRQ_SET_ACTION_UNMASK, 0, 1, &unmask);
	if (r < 0)
		disable(dev, VFIO_PCI_INTX_IRQ_INDEX);
	return r;
}

static void enter_intx(struct vfio_pci *dev)
{
	unsigned pin = dev->pci.config[PCI_INTERRUPT_PIN];
	int r = irq_open_intx(&dev->intx, dev->vfio->env.chip,
			      pci_intx_gsi(&dev->pci, pin), NULL);

	if (r == 0) {
		r = connect_intx(dev);
		if (r < 0)
			irq_close(&dev->intx);
	}
	/* One that shares its line on the host, say; it has MSI as a rule. */
	if (r < 0)
		refused(dev, "INTx", r);
	else
		set_mode(dev, VFIO_IRQ_INTX);
}

static uint16_t msi_flags(const struct vfio_pci *dev)
{
	return pci_get16(&dev->pci, dev->cap_msi + PCI_MSI_FLAGS);
}

/* The messages that the guest enabled, as a power of two within bounds. */
static unsigned msi_wanted(const struct vfio_pci *dev)
{
	uint16_t flags = msi_flags(dev);
	unsigned most = 1U << (flags & PCI_MSI_FLAGS_QMASK) / 2;
	unsigned nr = 1U << (flags & PCI_MSI_FLAGS_QSIZE) / 16;

	return nr < most ? nr : most;
}

/* The registers' address, data and masks to each open message. */
static void apply_msi(struct vfio_pci *dev)
{
	const struct pci_dev *pci = &dev->pci;
	uint16_t flags = msi_flags(dev);
	bool is64 = flags & PCI_MSI_FLAGS_64BIT;
	unsigned at = dev->cap_msi;
	uint64_t addr = pci_get32(pci, at + PCI_MSI_ADDRESS_LO);
	uint32_t masks = 0;

	if (is64)
		addr |= (uint64_t)pci_get32(pci, at + PCI_MSI_ADDRESS_HI) << 32;
	if (flags & PCI_MSI_FLAGS_MASKBIT)
		masks = pci_get32(
			pci, at + (is64 ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32));
	uint32_t data =
		pci_get16(pci, at + (is64 ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32));
	/* The function replaces the low bits by the message's number. */
	data &= ~(msi_wanted(dev) - 1);
	for (unsigned i = 0; i < dev->nr_msi; i++)
		(void)irq_set_msi(&dev->msi[i], addr, data | i, masks >> i & 1);
}

static void close_msi(struct vfio_pci *dev)
{
	for (unsigned i = 0; i < dev->nr_msi; i++)
		irq_close(&dev->msi[i]);
	dev->nr_msi = 0;
}

static void enter_msi(struct vfio_pci *dev)
{
	int32_t fds[VFIO_MSI_MAX];
	unsigned nr = msi_wanted(dev);
	int r = 0;

	while (dev->nr_msi < nr && r == 0) {
		r = irq_open_msi(&dev->msi[dev->nr_msi], dev->vfio->env.chip,
				 NULL);
		if (r == 0) {
			fds[dev->nr_msi] = dev->msi[dev->nr_msi].fd;
			dev->nr_msi++;
		}
	}
	apply_msi(dev);
	if (r == 0)
		r = enable(dev, VFIO_PCI_MSI_IRQ_INDEX, nr, fds);
	if (r <= 0) {
		close_msi(dev);
		refused(dev, "MSI", r);
		return;
	}
	set_mode(dev, VFIO_IRQ_MSI);
}

uint32_t vfio_irq_msi_pending(const struct vfio_pci *dev)
{
	uint32_t pending = 0;

	for (unsigned i = 0; i < dev->nr_msi; i++)
		if (irq_pending(&dev->msi[i]))
			pending |= UINT32_C(1) << i;
	return pending;
}

/* Kernels since 6.5 add vectors to those that are enabled. */
static bool grows(const struct vfio_pci *dev)
{
	return !(dev->irqs[VFIO_PCI_MSIX_IRQ_INDEX].flags &
		 VFIO_IRQ_INFO_NORESIZE);
}

/*
 * The guest unmasked vector @nr for the first time; msix->lock is held.  The
 * mode is checked under irq_lock: the function may leave it just now.
 */
static void on_vector_opened(struct msix *msix, unsigned nr)
{
	struct vfio_pci *dev = container_of(msix, struct vfio_pci, msix);
	int32_t fd = msix->vector[nr].irq.fd;
	int r = 0;

	(void)pthread_mutex_lock(&dev->irq_lock);
	if (dev->mode == VFIO_IRQ_MSIX) {
		if (nr < dev->nr_msix || grows(dev))
			r = set_eventfds(dev, VFIO_PCI_MSIX_IRQ_INDEX,
					 VFIO_IRQ_SET_ACTION_TRIGGER, nr, 1,
					 &fd);
		else
			r = -ENOSPC;
	}
	(void)pthread_mutex_unlock(&dev->irq_lock);
	if (r != 0)
		vfio_warn_once(dev, VFIO_WARN_VECTORS,
			       "the host does not enable MSI-X vector %u: %s",
			       nr, strerrordesc_np(r < 0 ? -r : ENOSPC));
}

/*
 * Vectors that were unmasked before are connected again.  All are enabled at
 * once where their number is fixed then; those not connected stay masked.
 */
static void enter_msix(struct vfio_pci *dev)
{
	AUTO_FREE int32_t *fds = calloc(dev->msix.nr, sizeof(*fds));
	unsigned nr = grows(dev) ? 1 : dev->msix.nr;
	int r = fds ? 0 : -ENOMEM;

	(void)pthread_mutex_lock(&dev->msix.lock);
	(void)pthread_mutex_lock(&dev->irq_lock);
	for (unsigned i = 0; r == 0 && i < dev->msix.nr; i++) {
		fds[i] = dev->msix.vector[i].irq.fd;
		if (fds[i] >= 0 && i >= nr)
			nr = i + 1;
	}
	if (r == 0)
		r = enable(dev, VFIO_PCI_MSIX_IRQ_INDEX, nr, fds);
	if (r > 0) {
		dev->nr_msix = (unsigned)r;
		dev->mode = VFIO_IRQ_MSIX;
	}
	(void)pthread_mutex_unlock(&dev->irq_lock);
	(void)pthread_mutex_unlock(&dev->msix.lock);
	if (r <= 0)
		refused(dev, "MSI-X", r);
}

static void leave(struct vfio_pci *dev)
{
	static const unsigned index[] = {
		[VFIO_IRQ_INTX] = VFIO_PCI_INTX_IRQ_INDEX,
		[VFIO_IRQ_MSI] = VFIO_PCI_MSI_IRQ_INDEX,
		[VFIO_IRQ_MSIX] = VFIO_PCI_MSIX_IRQ_INDEX,
	};

	(void)pthread_mutex_lock(&dev->irq_lock);
	enum vfio_irq_mode mode = dev->mode;
	dev->mode = VFIO_IRQ_OFF;
	if (mode != VFIO_IRQ_OFF)
		disable(dev, index[mode]);
	(void)pthread_mutex_unlock(&dev->irq_lock);

	if (mode == VFIO_IRQ_INTX)
		irq_close(&dev->intx);
	if (mode == VFIO_IRQ_MSI)
		close_msi(dev);
}

static uint16_t msix_flags(const struct vfio_pci *dev)
{
	return dev->msix.nr
		       ? pci_get16(&dev->pci, dev->cap_msix + PCI_MSIX_FLAGS)
		       : 0;
}

static enum vfio_irq_mode wanted(const struct vfio_pci *dev)
{
	if (msix_flags(dev) & PCI_MSIX_FLAGS_ENABLE)
		return VFIO_IRQ_MSIX;
	if (dev->cap_msi && (msi_flags(dev) & PCI_MSI_FLAGS_ENABLE))
		return VFIO_IRQ_MSI;
	return dev->pci.config[PCI_INTERRUPT_PIN] ? VFIO_IRQ_INTX
						  : VFIO_IRQ_OFF;
}

void vfio_irq_update(struct vfio_pci *dev)
{
	enum vfio_irq_mode want = wanted(dev);
	uint16_t flags = msix_flags(dev);

	/* The number of messages is fixed while they are enabled. */
	if (dev->mode != want ||
	    (want == VFIO_IRQ_MSI && dev->nr_msi != msi_wanted(dev))) {
		if (dev->mode == VFIO_IRQ_MSIX)
			msix_control(&dev->msix, false, false);
		leave(dev);
		if (want == VFIO_IRQ_INTX)
			enter_intx(dev);
		else if (want == VFIO_IRQ_MSI)
			enter_msi(dev);
		else if (want == VFIO_IRQ_MSIX)
			enter_msix(dev);
	} else if (want == VFIO_IRQ_MSI) {
		apply_msi(dev);
	}
	if (dev->mode == VFIO_IRQ_MSIX)
		msix_control(&dev->msix, true, flags & PCI_MSIX_FLAGS_MASKALL);
}

int vfio_irq_init(struct vfio_pci *dev, unsigned nr_msix, struct err *err)
{
	if (nr_msix == 0)
		return 0;
	int r = msix_init(&dev->msix, dev->vfio->env.chip, nr_msix, true, err);
	if (r < 0)
		return err_wrap(err, "%s", dev->bdf);
	dev->msix.opened = on_vector_opened;
	return 0;
}

void vfio_irq_done(struct vfio_pci *dev)
{
	leave(dev);
	msix_done(&dev->msix);
}
