/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pci.h - PCI Express: the host bridge at 00.0 with up to 31 functions beside
 * it on bus 0, ports with buses below them, and root buses of their own for
 * NUMA nodes.  Every function is function 0 of its slot.
 *
 * Configuration space is memory.  The ECAM window is a read-only KVM slot over
 * the very pages the monitor keeps each function's registers in, so a read
 * costs no exit; a write exits, goes through the function's write mask, and
 * is back in the page before the guest goes on.  Functions that are absent
 * share pages of 0xff.  Hence nothing in configuration space may have a side
 * effect when read, except in a *live* function, which has config_read and
 * config_write: its page is left out, and each access is a call.  The slot ends
 * with bus 0: what is below ports exits.  Ports 0xcf8/0xcfc reach the same
 * registers.
 *
 * Locks: pci_host.lock guards configuration space and where BARs are; BAR
 * handlers are called without it, and must not take it.  Order: pci_host.lock,
 * then a device's.
 */
#ifndef DEVICES_PCI_PCI_H
#define DEVICES_PCI_PCI_H

#include <linux/pci_regs.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices/bus.h"
#include "vmm/core/irq.h"
#include "vmm/core/slots.h"
#include "vmm/lib/err.h"

#define PCI_SLOTS	32
#define PCI_BARS	6
#define PCI_ROM		6 /* the expansion ROM, as if it were a seventh BAR */
#define PCI_REGIONS	7
#define PCI_CONFIG_SIZE 256 /* the rest of a function's 4 KiB reads 0 */
#define PCI_PAGE	4096U /* configuration space of one function */
#define PCI_BUSES	64

struct pci_bus;
struct pci_dev;

struct pci_ops {
	/*
	 * As in struct bus_ops, inside BAR @bar; several vCPUs at once.  The
	 * BAR does not move while a handler runs.
	 */
	void (*bar_read)(struct pci_dev *dev, unsigned bar, uint64_t off,
			 void *data, unsigned len);
	void (*bar_write)(struct pci_dev *dev, unsigned bar, uint64_t off,
			  const void *data, unsigned len);
	/*
	 * BAR @bar is decoded at @addr from now on, or no longer (@on false,
	 * @addr is where it was).  No handler of it is running; pci_host.lock
	 * is held.  Optional.
	 */
	void (*bar_moved)(struct pci_dev *dev, unsigned bar, uint64_t addr,
			  bool on);
	/*
	 * A register was changed (the command register or a capability's);
	 * pci_host.lock is held.  Optional; not for a live function.
	 */
	void (*config_written)(struct pci_dev *dev);
	/*
	 * Both or none: the function is live.  An access of 1, 2, 4 or 8 bytes
	 * of any alignment inside its 4 KiB, pci_host.lock held.  What is
	 * emulated is kept in dev->config (config.h), which has 4 KiB.  A
	 * write returns true when a BAR, the command register or dev->asleep
	 * may have changed.
	 */
	void (*config_read)(struct pci_dev *dev, unsigned reg, void *data,
			    unsigned len);
	bool (*config_write)(struct pci_dev *dev, unsigned reg,
			     const void *data, unsigned len);
	/*
	 * The machine is complete and confined, no vCPU runs yet: the place
	 * to start threads.  Optional.
	 */
	int (*start)(struct pci_dev *dev, struct err *err);
};

struct pci_bar {
	struct pci_dev *dev;
	uint64_t size; /* power of two, 0: absent */
	uint64_t addr; /* where it is decoded while `mapped` */
	uint32_t bits; /* the low ones of its register */
	bool is64, mapped;
};

/* One function.  Embedded in its owner. */
struct pci_dev {
	const struct pci_ops *ops;
	const char *name; /* for messages; the owner's; may be NULL */
	struct pci_host *host; /* NULL until pci_add() */
	struct pci_bus *bus;
	struct pci_bus *secondary; /* of a port: the bus below it */
	unsigned slot;
	/* Registers: `initial` until pci_add(), then a page of its own. */
	unsigned char *config;
	unsigned char initial[PCI_CONFIG_SIZE];
	unsigned char writable[PCI_CONFIG_SIZE]; /* bits a guest may change */
	uint8_t last_cap, next_cap; /* of the capability list */
	bool asleep; /* D3hot: no BAR decodes; set inside config_write */
	bool lost; /* pci_dev_lost() */
	struct pci_bar bar[PCI_REGIONS];
};

struct pci_ids {
	uint16_t vendor, device, subsystem_vendor, subsystem;
	uint32_t class_code; /* 24 bits: class, subclass, interface */
	uint8_t revision;
};

/* First a function's registers, before pci_add(). */
void pci_dev_init(struct pci_dev *dev, const struct pci_ops *ops,
		  const struct pci_ids *ids);
/*
 * BAR @nr of @size, a power of two.  @bits are the low bits of its register:
 * PCI_BASE_ADDRESS_SPACE_IO (4 bytes at least), else memory (16 at least) with
 * PCI_BASE_ADDRESS_MEM_TYPE_64 and PCI_BASE_ADDRESS_MEM_PREFETCH.  Memory BARs
 * are placed on pages of their own.  PCI_ROM: 2 KiB at least, no bits.
 */
void pci_dev_bar(struct pci_dev *dev, unsigned nr, uint64_t size,
		 uint32_t bits);
/*
 * Append a capability of @len bytes (a multiple of 4; the first two, id and
 * next, are filled in).  @writable: its write mask, NULL: read-only.  Returns
 * its offset.
 */
unsigned pci_dev_cap(struct pci_dev *dev, uint8_t id, const void *cap,
		     unsigned len, const void *writable);
/* It uses interrupt pin @pin: 1 is INTA#, 4 INTD#. */
void pci_dev_pin(struct pci_dev *dev, unsigned pin);

struct pci_host_config {
	struct bus *mmio;
	struct bus *pio; /* NULL: no I/O BARs, no ports */
	bool ports; /* 0xcf8 and 0xcfc beside the ECAM */
	struct irqchip *chip;
	int vm_fd; /* -1: unit test, no ioeventfds */
	struct slots *slots; /* NULL: unit test, no memory slots */
	/* Where BARs must not be: RAM's ends below 4 GiB and above all. */
	uint64_t low_ram_end, ram_end;
	unsigned phys_bits; /* the processor's addresses */
};

/*
 * A stretch of addresses BARs may be in: of a host bridge, or what a port
 * passes on.  `bars` holds memory and I/O side by side: an address there is
 * the guest's plus `space`.
 */
struct pci_window {
	uint64_t base, size; /* size 0: none */
	uint64_t align; /* what its contents need */
	struct bus *outer; /* where it is registered, NULL: nowhere */
	struct bus *bars;
	uint64_t space;
};

/*
 * I/O ports; memory below 4 GiB; memory wherever there is room, which a port
 * passes on only if it is prefetchable.
 */
enum pci_kind { PCI_IO, PCI_LOW, PCI_HIGH, PCI_KINDS };

struct pci_bus {
	struct pci_host *host;
	struct pci_bus *root; /* the root bus above it, or itself */
	struct pci_dev *port; /* whose secondary bus it is; NULL: a root bus */
	int node; /* of a root bus: the guest's NUMA node, -1: none */
	unsigned slots; /* 1: below a link */
	unsigned number, last; /* last bus below it; fixed by start */
	struct pci_dev *dev[PCI_SLOTS];
	struct pci_window window[PCI_KINDS];
};

struct pci_host {
	struct pci_host_config cfg;
	pthread_mutex_t lock;
	int memfd;
	unsigned char *ecam; /* bus 0 as the guest sees it */
	struct pci_dev bridge;
	/* By handle, each after the one it hangs from; [0] is bus 0. */
	struct pci_bus *bus[PCI_BUSES];
	struct pci_bus *numbered[PCI_BUSES]; /* by number, once started */
	unsigned nr_buses;
	struct bus bars; /* those decoded now, behind the windows */
	uint32_t address; /* port 0xcf8 */
	unsigned ecam_slot[PCI_SLOTS + 1]; /* of cfg.slots */
	unsigned nr_ecam_slots;
	bool on_ecam, on_ports; /* which ranges are registered */
	bool placed; /* pci_host_place() */
};

/* -errno with a sentence; pci_host_done() accepts what is half made. */
int pci_host_init(struct pci_host *host, const struct pci_host_config *cfg,
		  struct err *err);
/*
 * All functions are there: as firmware would, number the buses, give every BAR
 * an address and size the windows from them (pci_bus.window of the root buses,
 * for the tables that describe the machine).  -ENOSPC with a sentence that
 * names the device when there is no room.
 */
int pci_host_place(struct pci_host *host, struct err *err);
/*
 * Place, unless that was done, open the windows and start the functions.
 * Decoding stays off until the guest sets Memory Space Enable: Linux, finding
 * it on, would switch it off and on again around sizing, two exits more.
 */
int pci_host_start(struct pci_host *host, struct err *err);
/* After the functions are closed and no vCPU runs. */
void pci_host_done(struct pci_host *host);

/*
 * The topology, before pci_host_start(); a bus is a small number here.  Bus 0
 * is the host bridge's (@node -1); a NUMA node's own root bus is made when
 * first asked for.
 */
int pci_root_bus(struct pci_host *host, int node, unsigned *ret_bus,
		 struct err *err);
/*
 * A root bus with a free place, for a device that may be anywhere: bus 0 and,
 * when that is full, host bridges beside it.  Without ACPI (cfg.ports) the
 * guest would not find those.  -ENOSPC with a sentence.
 */
int pci_roomy_bus(struct pci_host *host, unsigned *ret_bus, struct err *err);
enum pci_port_kind { PCI_ROOT_PORT, PCI_UPSTREAM_PORT, PCI_DOWNSTREAM_PORT };
/*
 * A port on @bus and a new bus below it: a root port on a root bus, the
 * upstream port of a switch below a root or downstream port, downstream ports
 * below that.  The host owns it.  -ENOSPC with a sentence.
 */
int pci_port(struct pci_host *host, unsigned bus, enum pci_port_kind kind,
	     unsigned *ret_bus, struct err *err);

/*
 * Put @dev in the next free slot of @bus: the only one below a root or
 * downstream port.  -ENOSPC with a sentence.
 */
int pci_add_to(struct pci_host *host, unsigned bus, struct pci_dev *dev,
	       struct err *err);
/* On bus 0. */
int pci_add(struct pci_host *host, struct pci_dev *dev, struct err *err);
/* Take it out; its owner may free it then.  Accepts one not added. */
void pci_remove(struct pci_dev *dev);
/*
 * What @dev stood for is gone, it stays on the bus: its BARs are unmapped
 * (bar_moved, off), then configuration space reads as ones, writes vanish,
 * and none of its ops is called any more.  Any thread, not from an op.
 */
void pci_dev_lost(struct pci_dev *dev);

/*
 * The IOAPIC pin that interrupt pin @pin (1 to 4) of @dev is wired to, as the
 * guest is told: through the ports above it.  After pci_add().
 */
unsigned pci_intx_gsi(const struct pci_dev *dev, unsigned pin);
/* The slots of root bus @bus below which some function has a pin: bit N. */
uint32_t pci_intx_slots(const struct pci_bus *bus);

#endif
