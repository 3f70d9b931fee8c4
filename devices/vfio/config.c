/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.c - the guest's accesses to a function's configuration space: ours
 * where the bits are emulated, the host's function elsewhere, in pieces of
 * natural size and alignment.
 */
#include <string.h>

#include "devices/pci/config.h"
#include "devices/vfio/priv.h"
#include "vmm/lib/le.h"

#define PM_AWAKE 0 /* D0, in the low two bits of its control register */

/* The largest access at @reg, of @len bytes at most, that hardware makes. */
static unsigned natural(unsigned reg, unsigned len)
{
	unsigned n = 4;

	while (n > len || reg % n != 0)
		n /= 2;
	return n;
}

static bool overlaps(unsigned reg, unsigned len, unsigned at, unsigned size)
{
	return reg < at + size && at < reg + len;
}

static bool all_ours(const struct vfio_pci *dev, unsigned reg, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		if (dev->emulated[reg + i] != 0xff)
			return false;
	return true;
}

static unsigned char ours(const struct vfio_pci *dev, unsigned reg)
{
	if (reg < PCI_CONFIG_SIZE)
		return dev->pci.config[reg];
	return dev->extended[reg % VFIO_CONFIG_SIZE];
}

static void read_piece(const struct vfio_pci *dev, unsigned reg,
		       unsigned char *data, unsigned len)
{
	if (all_ours(dev, reg, len) ||
	    vfio_region_read(dev, VFIO_PCI_CONFIG_REGION_INDEX, reg, data,
			     len) < 0)
		memset(data, 0xff, len);
	for (unsigned i = 0; i < len; i++) {
		unsigned char mask = dev->emulated[reg + i];

		data[i] = (unsigned char)((data[i] & ~mask) |
					  (ours(dev, reg + i) & mask));
	}
}

static unsigned msi_pending_at(const struct vfio_pci *dev)
{
	uint16_t flags = pci_get16(&dev->pci, dev->cap_msi + PCI_MSI_FLAGS);

	if (!(flags & PCI_MSI_FLAGS_MASKBIT))
		return 0;
	if (flags & PCI_MSI_FLAGS_64BIT)
		return dev->cap_msi + PCI_MSI_PENDING_64;
	return dev->cap_msi + PCI_MSI_PENDING_32;
}

void vfio_config_read(struct pci_dev *pci, unsigned reg, void *data,
		      unsigned len)
{
	struct vfio_pci *dev = vfio_pci_of(pci);
	unsigned char *bytes = data;

	memset(data, 0, len);
	if (dev->cap_msi) {
		unsigned at = msi_pending_at(dev);

		if (at && overlaps(reg, len, at, 4))
			pci_put32(pci, at, vfio_irq_msi_pending(dev));
	}
	/* A function without extended registers reads 0 there. */
	while (len > 0 && reg < dev->config_size) {
		unsigned n = natural(reg, len);

		read_piece(dev, reg, bytes, n);
		reg += n;
		bytes += n;
		len -= n;
	}
}

/*
 * The host's function decodes memory all the time.  The guest's Memory Space
 * Enable is about its own addresses; on the host, switching it would only pull
 * the mappings away from under processors that still use them.
 */
static void write_command(const struct vfio_pci *dev)
{
	uint16_t command = pci_get16(&dev->pci, PCI_COMMAND);

	if (dev->has_memory)
		command |= PCI_COMMAND_MEMORY;
	le16_t v = le16_make(command);
	(void)vfio_region_write(dev, VFIO_PCI_CONFIG_REGION_INDEX, PCI_COMMAND,
				&v, sizeof(v));
}

void vfio_config_start(struct vfio_pci *dev)
{
	write_command(dev);
}

/*
 * Vital product data is in the device's flash: what a guest wrote there would
 * outlive the VM.  Bit 15 of the address asks for a write (PCI Local Bus 3.0,
 * appendix I); without it the device reads, and the driver's write times out.
 */
static void protect_vpd(const struct vfio_pci *dev, unsigned reg,
			unsigned char *data, unsigned len)
{
	unsigned at = dev->cap_vpd + PCI_VPD_ADDR + 1;

	if (dev->cap_vpd && reg <= at && at - reg < len)
		data[at - reg] &= 0x7f;
}

static void write_piece(const struct vfio_pci *dev, unsigned reg,
			const unsigned char *data, unsigned len)
{
	unsigned char piece[4];

	memcpy(piece, data, len);
	protect_vpd(dev, reg, piece, len);
	(void)vfio_region_write(dev, VFIO_PCI_CONFIG_REGION_INDEX, reg, piece,
				len);
}

static void write_host(const struct vfio_pci *dev, unsigned reg,
		       const unsigned char *data, unsigned len)
{
	while (len > 0) {
		unsigned n = natural(reg, len);

		/* Half of a register can be ours, the rest the host's. */
		while (n > 1 && dev->emulated[reg] != 0xff &&
		       all_ours(dev, reg + n / 2, n / 2))
			n /= 2;
		while (n > 1 && dev->emulated[reg] == 0xff)
			n /= 2;
		if (dev->emulated[reg] != 0xff)
			write_piece(dev, reg, data, n);
		reg += n;
		data += n;
		len -= n;
	}
}

/*
 * The power state is about to change to what is written: a function that
 * sleeps answers nobody, so its BARs are taken from the guest before.
 */
static void fall_asleep(struct vfio_pci *dev, unsigned reg,
			const unsigned char *data, unsigned len)
{
	unsigned at = dev->cap_pm + PCI_PM_CTRL;

	if (!dev->cap_pm || !overlaps(reg, len, at, 1))
		return;
	if ((data[at - reg] & PCI_PM_CTRL_STATE_MASK) == PM_AWAKE)
		return;
	dev->pci.asleep = true;
	pci_decode(&dev->pci);
}

/* By its power state, or by a reset: the function itself knows. */
static bool woke_up(struct vfio_pci *dev)
{
	unsigned char state;

	if (!dev->pci.asleep ||
	    vfio_region_read(dev, VFIO_PCI_CONFIG_REGION_INDEX,
			     dev->cap_pm + PCI_PM_CTRL, &state, 1) < 0 ||
	    (state & PCI_PM_CTRL_STATE_MASK) != PM_AWAKE)
		return false;
	dev->pci.asleep = false;
	return true;
}

static void act_on(struct vfio_pci *dev, unsigned reg, unsigned len)
{
	bool msi = dev->cap_msi && overlaps(reg, len, dev->cap_msi, 24);
	bool msix = dev->cap_msix &&
		    overlaps(reg, len, dev->cap_msix + PCI_MSIX_FLAGS, 2);

	if (overlaps(reg, len, PCI_COMMAND, 2))
		write_command(dev);
	if (msi || msix)
		vfio_irq_update(dev);
}

bool vfio_config_write(struct pci_dev *pci, unsigned reg, const void *data,
		       unsigned len)
{
	struct vfio_pci *dev = vfio_pci_of(pci);

	if (reg >= dev->config_size)
		return false;
	if (len > dev->config_size - reg)
		len = dev->config_size - reg;

	fall_asleep(dev, reg, data, len);
	write_host(dev, reg, data, len);
	bool woke = woke_up(dev);
	bool changed = pci_config_write(pci, reg, data, len);
	if (changed)
		act_on(dev, reg, len);
	return changed || woke;
}
