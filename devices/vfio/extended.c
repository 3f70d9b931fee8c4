/* SPDX-License-Identifier: Apache-2.0 */
/*
 * extended.c - the list of capabilities beyond 256 bytes.  A guest gets those
 * that concern the function alone; what belongs to the fabric, the IOMMU or
 * other functions (SR-IOV, ATS, resizable BARs...) is not in its list.
 */
#include <string.h>

#include "devices/vfio/priv.h"
#include "vmm/lib/le.h"

#define FIRST PCI_CONFIG_SIZE
#define STEPS ((VFIO_CONFIG_SIZE - FIRST) / 4)

static bool kept(uint32_t header)
{
	switch (PCI_EXT_CAP_ID(header)) {
	case PCI_EXT_CAP_ID_ERR:
	case PCI_EXT_CAP_ID_VC:
	case PCI_EXT_CAP_ID_VC9:
	case PCI_EXT_CAP_ID_DSN:
	case PCI_EXT_CAP_ID_PWR:
	case PCI_EXT_CAP_ID_VNDR:
	case PCI_EXT_CAP_ID_DVSEC:
		return true;
	default:
		return false;
	}
}

static uint32_t get(const unsigned char *host, unsigned at)
{
	le32_t v;

	memcpy(&v, host + at, sizeof(v));
	return le32_get(v);
}

static void put(struct vfio_pci *dev, unsigned at, uint32_t header)
{
	le32_t v = le32_make(header);

	memset(dev->emulated + at, 0xff, sizeof(v));
	memcpy(dev->extended + at, &v, sizeof(v));
}

/* The header at @at without its link, or with one to @next. */
static uint32_t link_to(uint32_t header, unsigned next)
{
	return (header & UINT32_C(0xfffff)) | next << 20;
}

void vfio_extended_init(struct vfio_pci *dev, const unsigned char *host)
{
	bool seen[VFIO_CONFIG_SIZE / 4] = { false };
	unsigned at = FIRST;
	unsigned last = FIRST; /* kept so far; the list begins there anyway */
	uint32_t header = 0; /* of it */

	for (unsigned n = 0; n < STEPS; n++) {
		uint32_t h = get(host, at);

		if (at < FIRST || seen[at / 4] || h == 0 || h == UINT32_MAX)
			break;
		seen[at / 4] = true;
		put(dev, at, 0);
		if (kept(h)) {
			/* Without a first one, a null capability is it. */
			if (at != last)
				put(dev, last, link_to(header, at));
			put(dev, at, link_to(h, 0));
			last = at;
			header = link_to(h, 0);
		}
		at = PCI_EXT_CAP_NEXT(h);
	}
}
