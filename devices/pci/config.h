/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - what host.c and functions need of config.c beyond pci.h.  All of
 * it under pci_host.lock once the function is on a bus.
 */
#ifndef DEVICES_PCI_CONFIG_H
#define DEVICES_PCI_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/pci/pci.h"

/* Register @reg, naturally aligned. */
uint32_t pci_get32(const struct pci_dev *dev, unsigned reg);
uint16_t pci_get16(const struct pci_dev *dev, unsigned reg);
void pci_put32(struct pci_dev *dev, unsigned reg, uint32_t value);

/* What the registers of BAR @nr say; it need not be decoded there. */
uint64_t pci_bar_address(const struct pci_dev *dev, unsigned nr);
void pci_bar_set_address(struct pci_dev *dev, unsigned nr, uint64_t addr);

/*
 * The guest writes @len bytes of any alignment: only bits of the write mask
 * change.  True when any did.
 */
bool pci_config_write(struct pci_dev *dev, unsigned reg, const void *data,
		      unsigned len);

#endif
