/* SPDX-License-Identifier: Apache-2.0 */
/* vfio_rig.c - functions of a made-up kernel on a bus. */
#include "tests/harness/vfio_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void on_lost(void *arg, const char *bdf, const char *why)
{
	struct vfio_rig *rig = arg;

	rig->lost++;
	(void)snprintf(rig->lost_bdf, sizeof(rig->lost_bdf), "%s", bdf);
	(void)snprintf(rig->lost_why, sizeof(rig->lost_why), "%s", why);
}

void vfio_rig_init(struct vfio_rig *rig, unsigned functions)
{
	const struct gmem_config ram = { .size = RIG_RAM };

	memset(rig, 0, sizeof(*rig));
	pci_rig_open(&rig->pci, NULL);
	vfio_kernel_open(&rig->kernel, functions);
	rig->gm.fd = -1;
	assert_int_equal(gmem_init(&rig->gm, &ram, NULL), 0);
	assert_int_equal(loop_init(&rig->loop, NULL), 0);
}

int vfio_rig_space(struct vfio_rig *rig, enum vfio_api api)
{
	const struct vfio_env env = {
		.gm = &rig->gm,
		.chip = &rig->pci.chip,
		.slots = &rig->pci.slots,
		.pci = &rig->pci.host,
		.loop = &rig->loop,
		.vm_fd = -1,
		.sys = &rig->kernel.sys,
		.lost = on_lost,
		.arg = rig,
	};
	rig->api = api;
	int fd = api == VFIO_API_CDEV ? rig->kernel.iommufd
				      : rig->kernel.container;

	return vfio_open(&env, api, fd, &rig->vfio, &rig->err);
}

int vfio_rig_add(struct vfio_rig *rig, unsigned i,
		 const struct vfio_pci_config *cfg)
{
	struct vfio_pci_config c = { 0 };

	if (cfg)
		c = *cfg;
	c.bdf = rig->kernel.fn[i].bdf;
	return vfio_pci_open(rig->vfio, &c, &rig->err);
}

int vfio_rig_start(struct vfio_rig *rig)
{
	struct vfio_times times;
	int r = pci_host_place(&rig->pci.host, &rig->err);

	if (r == 0)
		r = vfio_start(rig->vfio, &times, &rig->err);
	return r < 0 ? r : pci_host_start(&rig->pci.host, &rig->err);
}

void vfio_rig_open(struct vfio_rig *rig, unsigned vectors)
{
	struct vfio_pci_config cfg = { 0 };

	vfio_rig_init(rig, 1);
	vfio_kernel_endpoint(&rig->kernel, 0, vectors);
	assert_int_equal(vfio_rig_space(rig, VFIO_API_GROUP), 0);
	cfg.fd = vfio_kernel_group(&rig->kernel, 0);
	assert_int_equal(vfio_rig_add(rig, 0, &cfg), 0);
	assert_int_equal(vfio_rig_start(rig), 0);
}

void vfio_rig_close(struct vfio_rig *rig)
{
	/* What was not passed to the address space is ours still. */
	bool container = rig->vfio && rig->api == VFIO_API_GROUP;
	bool iommufd = rig->vfio && rig->api == VFIO_API_CDEV;

	vfio_close(rig->vfio);
	if (!container)
		(void)close(rig->kernel.container);
	if (!iommufd)
		(void)close(rig->kernel.iommufd);
	pci_rig_close(&rig->pci);
	vfio_kernel_close(&rig->kernel);
	gmem_done(&rig->gm);
	loop_done(&rig->loop);
}

uint32_t vfio_rig_get(struct vfio_rig *rig, unsigned reg, unsigned len)
{
	return pci_rig_get(&rig->pci, 0, RIG_SLOT, reg, len);
}

void vfio_rig_put(struct vfio_rig *rig, unsigned reg, uint32_t value,
		  unsigned len)
{
	pci_rig_put(&rig->pci, 0, RIG_SLOT, reg, value, len);
}

uint64_t vfio_rig_bar(struct vfio_rig *rig, unsigned nr)
{
	unsigned reg = PCI_BASE_ADDRESS_0 + 4 * nr;
	uint32_t low = vfio_rig_get(rig, reg, 4);

	if (low & PCI_BASE_ADDRESS_SPACE_IO)
		return low & ~UINT32_C(3);
	if (!(low & PCI_BASE_ADDRESS_MEM_TYPE_64))
		return low & ~UINT32_C(15);
	return (uint64_t)vfio_rig_get(rig, reg + 4, 4) << 32 |
	       (low & ~UINT32_C(15));
}

void vfio_rig_enable(struct vfio_rig *rig)
{
	vfio_rig_put(rig, PCI_COMMAND,
		     PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER,
		     2);
}

uint64_t vfio_rig_slot(const struct vfio_rig *rig, uint64_t gpa)
{
	for (unsigned i = 0; i < rig->pci.slots.nr; i++)
		if (rig->pci.slots.slot[i].size &&
		    rig->pci.slots.slot[i].gpa == gpa)
			return rig->pci.slots.slot[i].size;
	return 0;
}
