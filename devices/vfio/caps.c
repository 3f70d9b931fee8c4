/* SPDX-License-Identifier: Apache-2.0 */
/*
 * caps.c - a function's registers as the guest will find them.
 *
 * The header is ours, with the host's identity.  Capabilities stay at their
 * places, for drivers know them there; those a guest may not have are left
 * out of the list.  The list is the device's, so it is believed no more than
 * a guest's would be: it may loop, leave the page, or overlap itself.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "devices/pci/config.h"
#include "devices/vfio/priv.h"
#include "vmm/lib/le.h"

#define CAPS_MAX     48 /* of 4 bytes each, from 0x40 on */
#define EXP_LINK     0x0c /* Link Capabilities, Control, Status */
#define EXP_LINK2    0x2c
#define EXP_LINK_LEN 8
#define LINK_SLOWEST 0x11 /* 2.5 GT/s, one lane */

struct scan {
	struct vfio_pci *dev;
	const unsigned char *host;
	unsigned char used[PCI_CONFIG_SIZE]; /* bytes of a capability kept */
	unsigned link; /* where the next one's address goes */
	unsigned nr_msix;
};

static uint16_t host16(const unsigned char *host, unsigned at)
{
	le16_t v;

	memcpy(&v, host + at, sizeof(v));
	return le16_get(v);
}

static uint32_t host32(const unsigned char *host, unsigned at)
{
	le32_t v;

	memcpy(&v, host + at, sizeof(v));
	return le32_get(v);
}

static void put16(unsigned char *at, uint16_t v)
{
	le16_t le = le16_make(v);

	memcpy(at, &le, sizeof(le));
}

/* Bytes [@at, @at + @len) are ours, with the host's values to begin with. */
static void emulate(struct scan *s, unsigned at, unsigned len)
{
	memset(s->dev->emulated + at, 0xff, len);
	memcpy(s->dev->pci.config + at, s->host + at, len);
}

static unsigned msi_length(uint16_t flags)
{
	unsigned len = flags & PCI_MSI_FLAGS_64BIT ? 14 : 10;

	return flags & PCI_MSI_FLAGS_MASKBIT ? len + 10 : len;
}

/* Bytes of the capability at @at; 0: one the guest does not get. */
static unsigned length(const struct scan *s, unsigned at)
{
	const unsigned char *cap = s->host + at;

	switch (cap[0]) {
	case PCI_CAP_ID_PM:
	case PCI_CAP_ID_VPD:
	case PCI_CAP_ID_SSVID:
		return 8;
	case PCI_CAP_ID_AF:
		return 6;
	case PCI_CAP_ID_MSI:
		return msi_length(host16(s->host, at + PCI_MSI_FLAGS));
	case PCI_CAP_ID_MSIX:
		return 12;
	case PCI_CAP_ID_VNDR:
		return cap[2] < 3 ? 3 : cap[2];
	case PCI_CAP_ID_EXP:
		return (cap[PCI_EXP_FLAGS] & PCI_EXP_FLAGS_VERS) < 2 ? 0x14
								     : 0x3c;
	default:
		return 0;
	}
}

static bool keep_msi(struct scan *s, unsigned at, unsigned len)
{
	struct vfio_pci *dev = s->dev;
	unsigned count = dev->irqs[VFIO_PCI_MSI_IRQ_INDEX].count;
	uint16_t flags = host16(s->host, at + PCI_MSI_FLAGS);
	unsigned most = (flags & PCI_MSI_FLAGS_QMASK) / 2U;
	bool is64 = flags & PCI_MSI_FLAGS_64BIT;

	if (count == 0 || dev->cap_msi)
		return false;
	while (most > 0 && (most > 5 || 1U << most > count))
		most--;
	flags &= PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT;

	emulate(s, at, len);
	unsigned char *config = dev->pci.config + at;
	unsigned char *writable = dev->pci.writable + at;
	memset(config + 2, 0, len - 2);
	put16(config + PCI_MSI_FLAGS, (uint16_t)(flags | most * 2));
	put16(writable + PCI_MSI_FLAGS,
	      PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE);
	memset(writable + PCI_MSI_ADDRESS_LO, 0xff, is64 ? 8 : 4);
	writable[PCI_MSI_ADDRESS_LO] = 0xfc;
	put16(writable + (is64 ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32), 0xffff);
	if (flags & PCI_MSI_FLAGS_MASKBIT) {
		uint32_t masks = (uint32_t)((UINT64_C(1) << (1U << most)) - 1);
		le32_t le = le32_make(masks);

		memcpy(writable + (is64 ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32),
		       &le, sizeof(le));
	}
	dev->cap_msi = (uint8_t)at;
	return true;
}

/* [@off, @off + @size) is in a memory BAR. */
static bool in_bar(const struct vfio_pci *dev, unsigned bar, uint64_t off,
		   uint64_t size)
{
	return bar < PCI_BARS && dev->pci.bar[bar].size &&
	       !pci_bar_is_io(&dev->pci.bar[bar]) &&
	       size <= dev->region[bar].size &&
	       off <= dev->region[bar].size - size;
}

static bool keep_msix(struct scan *s, unsigned at, unsigned len)
{
	struct vfio_pci *dev = s->dev;
	unsigned count = dev->irqs[VFIO_PCI_MSIX_IRQ_INDEX].count;
	unsigned nr =
		(host16(s->host, at + PCI_MSIX_FLAGS) & PCI_MSIX_FLAGS_QSIZE) +
		1U;
	uint32_t table = host32(s->host, at + PCI_MSIX_TABLE);
	uint32_t pba = host32(s->host, at + PCI_MSIX_PBA);

	if (nr > count)
		nr = count;
	if (nr == 0 || dev->cap_msix ||
	    !in_bar(dev, table & PCI_MSIX_TABLE_BIR,
		    table & PCI_MSIX_TABLE_OFFSET,
		    (uint64_t)nr * MSIX_ENTRY_SIZE) ||
	    !in_bar(dev, pba & PCI_MSIX_PBA_BIR, pba & PCI_MSIX_PBA_OFFSET,
		    msix_pba_size(nr)))
		return false;

	emulate(s, at, len);
	put16(dev->pci.config + at + PCI_MSIX_FLAGS, (uint16_t)(nr - 1));
	put16(dev->pci.writable + at + PCI_MSIX_FLAGS,
	      PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	dev->table_bar = table & PCI_MSIX_TABLE_BIR;
	dev->table_off = table & PCI_MSIX_TABLE_OFFSET;
	dev->pba_bar = pba & PCI_MSIX_PBA_BIR;
	dev->pba_off = pba & PCI_MSIX_PBA_OFFSET;
	dev->cap_msix = (uint8_t)at;
	s->nr_msix = nr;
	return true;
}

static void set_link(struct scan *s, unsigned at, uint8_t value)
{
	unsigned char *link = s->dev->pci.config + at + EXP_LINK;

	memset(s->dev->emulated + at + EXP_LINK, 0xff, EXP_LINK_LEN);
	memset(link, 0, EXP_LINK_LEN);
	link[0] = value; /* Link Capabilities */
	link[6] = value; /* Link Status */
}

/*
 * A function on a root bus has no link, so it is part of the root complex;
 * one below a port has, whatever it is on the host (PCIe 6.0, 7.5.3.2).
 */
static bool keep_exp(struct scan *s, unsigned at, unsigned len)
{
	struct vfio_pci *dev = s->dev;
	uint16_t flags = host16(s->host, at + PCI_EXP_FLAGS);
	unsigned type = (flags & PCI_EXP_FLAGS_TYPE) / 16U;

	if (dev->config_size > PCI_CONFIG_SIZE)
		return false; /* a second one */
	emulate(s, at + PCI_EXP_FLAGS, 2);
	if (dev->on_root_bus && type <= PCI_EXP_TYPE_LEG_END) {
		type = PCI_EXP_TYPE_RC_END;
		set_link(s, at, 0);
		if (len > EXP_LINK2) {
			memset(dev->emulated + at + EXP_LINK2, 0xff,
			       EXP_LINK_LEN);
			memset(dev->pci.config + at + EXP_LINK2, 0,
			       EXP_LINK_LEN);
		}
	} else if (!dev->on_root_bus && type == PCI_EXP_TYPE_RC_END) {
		type = PCI_EXP_TYPE_ENDPOINT;
		set_link(s, at, LINK_SLOWEST);
	}
	flags &= (uint16_t) ~(PCI_EXP_FLAGS_TYPE | PCI_EXP_FLAGS_SLOT);
	put16(dev->pci.config + at + PCI_EXP_FLAGS,
	      (uint16_t)(flags | type * 16));
	if (dev->region[VFIO_PCI_CONFIG_REGION_INDEX].size >= VFIO_CONFIG_SIZE)
		dev->config_size = VFIO_CONFIG_SIZE;
	return true;
}

static bool keep(struct scan *s, unsigned at)
{
	unsigned len = length(s, at);

	if (len == 0 || len > PCI_CONFIG_SIZE - at)
		return false;
	for (unsigned i = 0; i < len; i++)
		if (s->used[at + i])
			return false;
	switch (s->host[at]) {
	case PCI_CAP_ID_MSI:
		if (!keep_msi(s, at, len))
			return false;
		break;
	case PCI_CAP_ID_MSIX:
		if (!keep_msix(s, at, len))
			return false;
		break;
	case PCI_CAP_ID_EXP:
		if (!keep_exp(s, at, len))
			return false;
		break;
	case PCI_CAP_ID_PM:
		if (s->dev->cap_pm)
			return false;
		s->dev->cap_pm = (uint8_t)at;
		break;
	case PCI_CAP_ID_VPD:
		if (s->dev->cap_vpd)
			return false;
		s->dev->cap_vpd = (uint8_t)at;
		break;
	default:
		break;
	}
	memset(s->used + at, 1, len);
	return true;
}

/*
 * Neither its name is there nor, where we know how long it is, anything of it:
 * a second PM would put the function to sleep behind our back.
 */
static void leave_out(struct scan *s, unsigned at)
{
	unsigned len = length(s, at);

	for (unsigned i = 0; i < (len < 2 ? 2 : len); i++)
		if (at + i < PCI_CONFIG_SIZE && !s->used[at + i])
			s->dev->emulated[at + i] = 0xff;
}

static void scan_caps(struct scan *s)
{
	struct vfio_pci *dev = s->dev;
	bool seen[PCI_CONFIG_SIZE / 4] = { false };
	unsigned at = s->host[PCI_CAPABILITY_LIST] & 0xfcU;

	s->link = PCI_CAPABILITY_LIST;
	if (!(host16(s->host, PCI_STATUS) & PCI_STATUS_CAP_LIST))
		return;
	for (unsigned n = 0; n < CAPS_MAX; n++) {
		if (at < PCI_STD_HEADER_SIZEOF || seen[at / 4])
			return;
		seen[at / 4] = true;
		if (keep(s, at)) {
			emulate(s, at, 2);
			dev->pci.config[at + 1] = 0;
			dev->pci.config[s->link] = (unsigned char)at;
			dev->pci.config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
			s->link = at + 1;
		} else {
			leave_out(s, at);
		}
		at = s->host[at + 1] & 0xfcU;
	}
}

static void init_header(struct vfio_pci *dev, const unsigned char *host,
			const struct pci_ops *ops)
{
	const struct pci_ids ids = {
		.vendor = host16(host, PCI_VENDOR_ID),
		.device = host16(host, PCI_DEVICE_ID),
		.subsystem_vendor = host16(host, PCI_SUBSYSTEM_VENDOR_ID),
		.subsystem = host16(host, PCI_SUBSYSTEM_ID),
		.class_code = host32(host, PCI_CLASS_REVISION) >> 8,
		.revision = host[PCI_CLASS_REVISION],
	};
	unsigned pin = host[PCI_INTERRUPT_PIN];

	pci_dev_init(&dev->pci, ops, &ids);
	dev->pci.name = dev->bdf;
	memset(dev->emulated, 0xff, PCI_STD_HEADER_SIZEOF);
	/* Errors seen on the bus are the device's to tell and to forget. */
	dev->emulated[PCI_STATUS] = PCI_STATUS_CAP_LIST;
	dev->emulated[PCI_STATUS + 1] = 0;
	dev->pci.config[PCI_MIN_GNT] = host[PCI_MIN_GNT];
	dev->pci.config[PCI_MAX_LAT] = host[PCI_MAX_LAT];
	if (dev->irqs[VFIO_PCI_INTX_IRQ_INDEX].count && pin >= 1 && pin <= 4)
		pci_dev_pin(&dev->pci, pin);
}

static int init_bar(struct vfio_pci *dev, unsigned nr, uint32_t bits,
		    struct err *err)
{
	uint64_t want = dev->region[nr].size;
	uint64_t size = bits & PCI_BASE_ADDRESS_SPACE_IO ? 4 : 16;

	while (size < want && size < UINT64_C(1) << 62)
		size *= 2;
	if (!(bits & PCI_BASE_ADDRESS_MEM_TYPE_64) && size > UINT64_C(1) << 31)
		return err_say(err, ERANGE,
			       "%s: its BAR %u of %" PRIu64 " MiB does not fit "
			       "32 bits, so no VM can have it; take another",
			       dev->bdf, nr, want >> 20);
	if (!(bits & PCI_BASE_ADDRESS_SPACE_IO))
		dev->has_memory = true;
	pci_dev_bar(&dev->pci, nr, size, bits);
	return 0;
}

static int init_bars(struct vfio_pci *dev, const unsigned char *host,
		     struct err *err)
{
	for (unsigned nr = 0; nr < PCI_BARS; nr++) {
		uint32_t bits = host32(host, PCI_BASE_ADDRESS_0 + 4 * nr);

		if (dev->region[nr].size == 0)
			continue;
		if (bits & PCI_BASE_ADDRESS_SPACE_IO)
			bits = PCI_BASE_ADDRESS_SPACE_IO;
		else
			bits &= PCI_BASE_ADDRESS_MEM_TYPE_64 |
				PCI_BASE_ADDRESS_MEM_PREFETCH;
		if (nr + 1 == PCI_BARS)
			bits &= ~(uint32_t)PCI_BASE_ADDRESS_MEM_TYPE_64;
		int r = init_bar(dev, nr, bits, err);
		if (r < 0)
			return r;
		if (dev->pci.bar[nr].is64)
			nr++; /* its upper half */
	}
	return 0;
}

int vfio_caps_init(struct vfio_pci *dev, const struct pci_ops *ops,
		   struct err *err)
{
	unsigned char host[VFIO_CONFIG_SIZE] = { 0 };
	struct scan s = { .dev = dev, .host = host };
	uint64_t size = dev->region[VFIO_PCI_CONFIG_REGION_INDEX].size;

	if (size > sizeof(host))
		size = sizeof(host);
	int r = size < PCI_CONFIG_SIZE
			? -EIO
			: vfio_region_read(dev, VFIO_PCI_CONFIG_REGION_INDEX, 0,
					   host, (unsigned)size);
	if (r < 0)
		return err_set(err, -r, "%s: read its configuration space",
			       dev->bdf);
	if ((host[PCI_HEADER_TYPE] & 0x7f) != PCI_HEADER_TYPE_NORMAL)
		return err_say(err, ENOTSUP,
			       "%s is a bridge; only endpoints can be passed "
			       "to a VM",
			       dev->bdf);

	dev->config_size = PCI_CONFIG_SIZE;
	init_header(dev, host, ops);
	r = init_bars(dev, host, err);
	if (r < 0)
		return r;
	scan_caps(&s);
	if (dev->config_size > PCI_CONFIG_SIZE)
		vfio_extended_init(dev, host);
	return vfio_irq_init(dev, s.nr_msix, err);
}
