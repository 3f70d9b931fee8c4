/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - what the files of this directory and functions need of each other
 * beyond pci.h.  All of it under pci_host.lock once the function is on a bus.
 */
#ifndef DEVICES_PCI_CONFIG_H
#define DEVICES_PCI_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/pci/pci.h"

/* config.c: register @reg, naturally aligned. */
uint32_t pci_get32(const struct pci_dev *dev, unsigned reg);
uint16_t pci_get16(const struct pci_dev *dev, unsigned reg);
void pci_put32(struct pci_dev *dev, unsigned reg, uint32_t value);

void pci_put16(struct pci_dev *dev, unsigned reg, uint16_t value);
void pci_put8(struct pci_dev *dev, unsigned reg, uint8_t value);

bool pci_bar_is_io(const struct pci_bar *bar);
/* What the registers of BAR @nr say; it need not be decoded there. */
uint64_t pci_bar_address(const struct pci_dev *dev, unsigned nr);
void pci_bar_set_address(struct pci_dev *dev, unsigned nr, uint64_t addr);

/*
 * The guest writes @len bytes of any alignment: only bits of the write mask
 * change.  True when any did.
 */
bool pci_config_write(struct pci_dev *dev, unsigned reg, const void *data,
		      unsigned len);

/* decode.c: let what is decoded agree with the registers of @dev. */
void pci_decode(struct pci_dev *dev);
/* Nothing of it is decoded any more. */
void pci_undecode(struct pci_dev *dev);
/* Make @w answer on @outer at its place; -errno. */
int pci_window_open(struct pci_window *w, struct bus *outer);
void pci_window_close(struct pci_window *w);

/* ecam.c: configuration space as the guest reaches it. */
int pci_ecam_init(struct pci_host *host, struct err *err);
void pci_ecam_done(struct pci_host *host);
/* All functions are there: the window opens, what is memory becomes so. */
int pci_ecam_map(struct pci_host *host, struct err *err);
/* Give a function on bus 0 its page, or take it away. */
int pci_ecam_show(struct pci_host *host, struct pci_dev *dev);
void pci_ecam_hide(struct pci_host *host, const struct pci_dev *dev);

/* place.c: number the buses, and give BARs and windows their addresses. */
int pci_place(struct pci_host *host, struct err *err);

/* port.c: registers of a port. */
void pci_port_set_buses(struct pci_dev *port, unsigned primary,
			unsigned secondary, unsigned last);
/* Size 0 closes the window. */
void pci_port_set_window(struct pci_dev *port, enum pci_kind kind,
			 uint64_t base, uint64_t size);
void pci_port_free(struct pci_dev *port);

/* host.c: a bus below @port (NULL: a root bus). */
int pci_bus_new(struct pci_host *host, struct pci_dev *port, unsigned *ret_bus,
		struct err *err);

#endif
