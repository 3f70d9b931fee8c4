/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rom.c - the expansion ROM: read once, when nobody else uses the device, and
 * shown to the guest as a copy that it cannot write.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "devices/vfio/priv.h"
#include "vmm/lib/auto.h"
#include "vmm/lib/log.h"

#define ROM_MIN	  2048U
#define ROM_MAX	  (16U << 20) /* what the register can ask for */
#define ROM_CHUNK 4096U

int vfio_rom_init(struct vfio_pci *dev, struct err *err)
{
	const struct vfio_region *region =
		&dev->region[VFIO_PCI_ROM_REGION_INDEX];
	unsigned size = ROM_MIN;

	if (region->size == 0 || region->size > ROM_MAX) {
		log_warn("%s: it has no ROM to show, ignoring", dev->bdf);
		return 0;
	}
	while (size < region->size)
		size *= 2;

	AUTO_FREE unsigned char *rom = malloc(size);
	if (!rom)
		return err_set(err, ENOMEM, "%s: copy its ROM", dev->bdf);
	memset(rom, 0xff, size);
	for (unsigned at = 0; at < region->size; at += ROM_CHUNK) {
		uint64_t left = region->size - at;
		int r = vfio_region_read(
			dev, VFIO_PCI_ROM_REGION_INDEX, at, rom + at,
			(unsigned)(left < ROM_CHUNK ? left : ROM_CHUNK));
		if (r < 0) {
			log_warn("%s: its ROM cannot be read (%s), ignoring",
				 dev->bdf, strerrordesc_np(-r));
			return 0;
		}
	}
	dev->rom = TAKE_PTR(rom);
	pci_dev_bar(&dev->pci, PCI_ROM, size, 0);
	return 0;
}
