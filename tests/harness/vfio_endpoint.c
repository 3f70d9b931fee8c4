/* SPDX-License-Identifier: Apache-2.0 */
/* vfio_endpoint.c - what the made-up kernel's functions look like. */
#include <linux/pci_regs.h>

#include "tests/harness/vfio_kernel.h"
#include "tests/harness/vfio_rig.h"

static void set_bars(struct vfio_kernel *k, unsigned i)
{
	struct fake_region *region = k->fn[i].region;

	region[0].size = 0x10000;
	region[2].size = 0x100;
	region[4].size = 32;
	region[VFIO_PCI_CONFIG_REGION_INDEX].size = 4096;
	vfio_kernel_set(k, i, PCI_BASE_ADDRESS_0,
			PCI_BASE_ADDRESS_MEM_TYPE_64 |
				PCI_BASE_ADDRESS_MEM_PREFETCH,
			4);
	vfio_kernel_set(k, i, PCI_BASE_ADDRESS_4, PCI_BASE_ADDRESS_SPACE_IO, 4);
}

static void set_header(struct vfio_kernel *k, unsigned i)
{
	vfio_kernel_set(k, i, PCI_VENDOR_ID, 0x10de, 2);
	vfio_kernel_set(k, i, PCI_DEVICE_ID, 0x2330, 2);
	vfio_kernel_set(k, i, PCI_STATUS, PCI_STATUS_CAP_LIST, 2);
	vfio_kernel_set(k, i, PCI_CLASS_REVISION, 0x030200a1, 4);
	vfio_kernel_set(k, i, PCI_SUBSYSTEM_VENDOR_ID, 0x1111, 2);
	vfio_kernel_set(k, i, PCI_SUBSYSTEM_ID, 0x2222, 2);
	vfio_kernel_set(k, i, PCI_CAPABILITY_LIST, RIG_PM, 1);
	vfio_kernel_set(k, i, PCI_INTERRUPT_PIN, 1, 1);
}

static void set_caps(struct vfio_kernel *k, unsigned i, unsigned vectors)
{
	vfio_kernel_set(k, i, RIG_PM, PCI_CAP_ID_PM | RIG_MSI << 8 | 3 << 16,
			4);
	vfio_kernel_set(k, i, RIG_MSI, PCI_CAP_ID_MSI | RIG_MSIX << 8, 2);
	vfio_kernel_set(k, i, RIG_MSI + PCI_MSI_FLAGS,
			PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT | 2 << 1,
			2);
	vfio_kernel_set(k, i, RIG_MSIX, PCI_CAP_ID_MSIX | RIG_EXP << 8, 2);
	vfio_kernel_set(k, i, RIG_MSIX + PCI_MSIX_FLAGS, vectors - 1, 2);
	vfio_kernel_set(k, i, RIG_MSIX + PCI_MSIX_TABLE, RIG_TABLE, 4);
	vfio_kernel_set(k, i, RIG_MSIX + PCI_MSIX_PBA, RIG_PBA, 4);
	vfio_kernel_set(k, i, RIG_EXP, PCI_CAP_ID_EXP | RIG_VNDR << 8, 2);
	vfio_kernel_set(k, i, RIG_EXP + PCI_EXP_FLAGS, 2, 2);
	vfio_kernel_set(k, i, RIG_EXP + PCI_EXP_DEVCAP, PCI_EXP_DEVCAP_FLR, 4);
	vfio_kernel_set(k, i, RIG_EXP + PCI_EXP_LNKCAP, 0x104, 4);
	vfio_kernel_set(k, i, RIG_EXP + PCI_EXP_LNKSTA, 0x1104, 2);
	vfio_kernel_set(k, i, RIG_VNDR, PCI_CAP_ID_VNDR | 0x10 << 16, 4);
	vfio_kernel_set(k, i, RIG_VNDR + 4, 0xfeedface, 4);
}

static void set_extended(struct vfio_kernel *k, unsigned i)
{
	vfio_kernel_set(k, i, 0x100,
			PCI_EXT_CAP_ID_ERR | 2 << 16 | UINT32_C(0x150) << 20,
			4);
	vfio_kernel_set(k, i, 0x150,
			PCI_EXT_CAP_ID_SRIOV | 1 << 16 | UINT32_C(0x200) << 20,
			4);
	vfio_kernel_set(k, i, 0x200, PCI_EXT_CAP_ID_DSN | 1 << 16, 4);
	vfio_kernel_set(k, i, 0x204, 0x89abcdef, 4);
}

void vfio_kernel_endpoint(struct vfio_kernel *k, unsigned i, unsigned vectors)
{
	struct fake_function *f = &k->fn[i];

	set_bars(k, i);
	set_header(k, i);
	set_caps(k, i, vectors);
	set_extended(k, i);
	f->irqs[VFIO_PCI_INTX_IRQ_INDEX] = 1;
	f->irqs[VFIO_PCI_MSI_IRQ_INDEX] = 4;
	f->irqs[VFIO_PCI_MSIX_IRQ_INDEX] = vectors;
	f->irqs[VFIO_PCI_ERR_IRQ_INDEX] = 1;
	f->irqs[VFIO_PCI_REQ_IRQ_INDEX] = 1;
}
