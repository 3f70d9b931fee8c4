/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place.c - what firmware does before a kernel looks: number the buses, and
 * give BARs and the windows of ports and host bridges their addresses.
 *
 * Each bus is a list of items, BARs and windows of ports on it, laid one after
 * the other, those that need the largest alignment first.  A first pass, from
 * the leaves up, learns how large each window is; the host bridges then get
 * theirs; a second pass, from the roots down, gives the addresses.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "devices/pci/config.h"
#include "vmm/core/layout.h"
#include "vmm/lib/log.h"

#define MIB	   (UINT64_C(1) << 20)
#define GIB	   (UINT64_C(1) << 30)
#define ITEMS	   (PCI_REGIONS + 1) /* of one function; the last: its window */
#define HIGH_SPARE (64 * GIB) /* bus 0's, for what the guest moves there */

struct item {
	struct pci_dev *dev;
	unsigned nr; /* BAR, or PCI_REGIONS */
	uint64_t size, align;
};

static uint64_t align_up(uint64_t value, uint64_t align)
{
	return (value + (align - 1)) & ~(align - 1);
}

static uint64_t align_down(uint64_t value, uint64_t align)
{
	return value & ~(align - 1);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What a port's window is a multiple of: PCI-to-PCI Bridge 1.2, 3.2.5. */
static uint64_t granularity(enum pci_kind kind)
{
	return kind == PCI_IO ? 4096 : MIB;
}

/*
 * A port's window for memory that is not prefetchable has 32 bits, so what is
 * below one and not prefetchable stays below 4 GiB.
 */
static enum pci_kind kind_of(const struct pci_bar *bar)
{
	bool prefetch = bar->bits & PCI_BASE_ADDRESS_MEM_PREFETCH;

	if (pci_bar_is_io(bar))
		return PCI_IO;
	if (!bar->is64 || (bar->dev->bus->port && !prefetch))
		return PCI_LOW;
	return PCI_HIGH;
}

/* Number @i of @bus, if there is one of @kind. */
static bool get_item(const struct pci_bus *bus, enum pci_kind kind, unsigned i,
		     struct item *ret)
{
	struct pci_dev *dev = bus->dev[i / ITEMS];
	unsigned nr = i % ITEMS;

	if (!dev)
		return false;
	*ret = (struct item){ .dev = dev, .nr = nr };
	if (nr == PCI_REGIONS) {
		if (!dev->secondary)
			return false;
		ret->size = dev->secondary->window[kind].size;
		ret->align = dev->secondary->window[kind].align;
		return ret->size > 0;
	}
	ret->size = dev->bar[nr].size;
	/* Pages of its own: the owner may want to map them. */
	ret->align = kind == PCI_IO ? ret->size : larger(ret->size, PCI_PAGE);
	return ret->size > 0 && kind_of(&dev->bar[nr]) == kind;
}

static void set_item(const struct item *item, enum pci_kind kind, uint64_t addr)
{
	if (item->nr == PCI_REGIONS)
		item->dev->secondary->window[kind].base = addr;
	else
		pci_bar_set_address(item->dev, item->nr, addr);
}

/* The largest alignment on @bus that is below @limit; 0: none is left. */
static uint64_t next_align(const struct pci_bus *bus, enum pci_kind kind,
			   uint64_t limit)
{
	uint64_t align = 0;
	struct item item;

	for (unsigned i = 0; i < bus->slots * ITEMS; i++)
		if (get_item(bus, kind, i, &item) && item.align < limit)
			align = larger(align, item.align);
	return align;
}

/*
 * Lay out @bus from @base, which is aligned for all of it, and return the end.
 * @set false: just measure.
 */
static uint64_t lay(struct pci_bus *bus, enum pci_kind kind, uint64_t base,
		    bool set)
{
	uint64_t align = next_align(bus, kind, UINT64_MAX);
	uint64_t at = base;
	struct item item;

	for (; align > 0; align = next_align(bus, kind, align))
		for (unsigned i = 0; i < bus->slots * ITEMS; i++) {
			if (!get_item(bus, kind, i, &item) ||
			    item.align != align)
				continue;
			at = align_up(at, align);
			if (set)
				set_item(&item, kind, at);
			at += item.size;
		}
	return at;
}

/* From the leaves up: children come after what they hang from. */
static void measure(struct pci_host *host)
{
	for (unsigned b = host->nr_buses; b-- > 0;)
		for (enum pci_kind k = 0; k < PCI_KINDS; k++) {
			struct pci_bus *bus = host->bus[b];
			uint64_t step = granularity(k);

			bus->window[k].size =
				align_up(lay(bus, k, 0, false), step);
			bus->window[k].align =
				larger(step, next_align(bus, k, UINT64_MAX));
		}
}

static void settle(struct pci_bus *bus, enum pci_kind kind)
{
	struct pci_window *w = &bus->window[kind];

	/* What the host bridge did not get. */
	if (bus->port && bus->port->bus->window[kind].size == 0)
		w->size = 0;
	if (bus->port)
		pci_port_set_window(bus->port, kind, w->base, w->size);
	if (w->size > 0)
		(void)lay(bus, kind, w->base, true);
}

/* The BAR below @root that is hardest to place, for a message. */
static const struct pci_bar *largest_bar(const struct pci_bus *root,
					 enum pci_kind kind)
{
	const struct pci_host *host = root->host;
	const struct pci_bar *ret = NULL;
	struct item item;

	for (unsigned b = 0; b < host->nr_buses; b++) {
		const struct pci_bus *bus = host->bus[b];

		for (unsigned i = 0; i < bus->slots * ITEMS; i++) {
			if (bus->root != root ||
			    !get_item(bus, kind, i, &item) ||
			    item.nr == PCI_REGIONS)
				continue;
			if (!ret || item.size > ret->size)
				ret = &item.dev->bar[item.nr];
		}
	}
	return ret;
}

struct size_text {
	char s[32];
};

struct bar_text {
	char s[128];
};

static struct size_text size_text(uint64_t size)
{
	static const char *const unit[] = { "bytes", "KiB", "MiB", "GiB" };
	struct size_text t;
	unsigned u = 0;

	for (; u < 3 && size >= 1024 && size % 1024 == 0; u++)
		size >>= 10;
	(void)snprintf(t.s, sizeof(t.s), "%" PRIu64 " %s", size, unit[u]);
	return t;
}

static struct bar_text bar_text(const struct pci_bar *bar)
{
	unsigned nr = (unsigned)(bar - bar->dev->bar);
	struct bar_text t;

	if (bar->dev->name)
		(void)snprintf(t.s, sizeof(t.s), "device '%.32s': BAR %u of %s",
			       bar->dev->name, nr, size_text(bar->size).s);
	else
		(void)snprintf(t.s, sizeof(t.s), "PCI slot %u: BAR %u of %s",
			       bar->dev->slot, nr, size_text(bar->size).s);
	return t;
}

static int no_room_high(const struct pci_bus *root, unsigned bits,
			struct err *err)
{
	return err_say(err, ENOSPC,
		       "%s does not fit above the VM's memory within the %u "
		       "address bits of this host's processor; use fewer "
		       "devices, less memory, or a host with more address bits",
		       bar_text(largest_bar(root, PCI_HIGH)).s, bits);
}

static int no_room_low(const struct pci_bus *root, uint64_t need, uint64_t room,
		       struct err *err)
{
	return err_say(
		err, ENOSPC,
		"%s does not fit below 4 GiB: %s are needed there and %s "
		"free; use fewer devices or less memory",
		bar_text(largest_bar(root, PCI_LOW)).s, size_text(need).s,
		size_text(room).s);
}

/* The root bus with handle @b, or NULL. */
static struct pci_bus *root_at(struct pci_host *host, unsigned b)
{
	return host->bus[b]->port ? NULL : host->bus[b];
}

/*
 * Upwards, bus 0 last: it has what is left.  Devices work without their I/O
 * BARs, and 60 KiB are soon gone at 4 KiB for each port: who comes late gets
 * none.
 */
static void place_io(struct pci_host *host)
{
	uint64_t end = host->cfg.pio ? LAYOUT_PCI_IO_END : 0;
	uint64_t at = LAYOUT_PCI_IO;

	for (unsigned b = host->nr_buses; b-- > 0;) {
		struct pci_bus *root = root_at(host, b);

		if (!root || root->window[PCI_IO].size == 0)
			continue;
		struct pci_window *w = &root->window[PCI_IO];
		w->base = align_up(at, w->align);
		if (w->base > end || w->size > end - w->base) {
			log_warn("%s: no I/O ports are left, ignoring it and "
				 "the other I/O BARs of its root bus",
				 bar_text(largest_bar(root, PCI_IO)).s);
			w->size = 0;
			continue;
		}
		if (b == 0)
			w->size = end - w->base;
		at = w->base + w->size;
	}
}

/* @w ends at @end at the latest: let it take all of the usual window. */
static void widen(struct pci_window *w, uint64_t end)
{
	uint64_t usual = align_up(LAYOUT_MMIO32, w->align);

	if (usual <= end && w->size <= end - usual)
		w->base = usual;
	w->size = end - w->base;
}

/*
 * Downwards from the ECAM, bus 0 last: alone it has all of the usual window,
 * which reaches further down when that is not enough.
 */
static int place_low(struct pci_host *host, struct err *err)
{
	uint64_t floor = align_up(host->cfg.low_ram_end, MIB);
	uint64_t end = LAYOUT_MMIO32_END;

	for (unsigned b = host->nr_buses; b-- > 0;) {
		struct pci_bus *root = root_at(host, b);

		if (!root)
			continue;
		struct pci_window *w = &root->window[PCI_LOW];
		if (floor > end || w->size > end - floor)
			return no_room_low(root, w->size, end - floor, err);
		w->base = align_down(end - w->size, w->align);
		if (w->base < floor)
			return no_room_low(root, w->size, end - floor, err);
		if (b == 0)
			widen(w, end);
		end = w->base;
	}
	return 0;
}

/* Upwards from the end of RAM, bus 0 last: it gets some to spare. */
static int place_high(struct pci_host *host, struct err *err)
{
	unsigned bits = host->cfg.phys_bits < 52 ? host->cfg.phys_bits : 52;
	uint64_t limit = UINT64_C(1) << bits;
	uint64_t at = host->cfg.ram_end;

	for (unsigned b = host->nr_buses; b-- > 0;) {
		struct pci_bus *root = root_at(host, b);

		if (!root)
			continue;
		struct pci_window *w = &root->window[PCI_HIGH];
		w->base = align_up(at, larger(w->align, GIB));
		if (w->size > 0 &&
		    (w->base > limit || w->size > limit - w->base))
			return no_room_high(root, bits, err);
		uint64_t left = w->base < limit ? limit - w->base : 0;
		if (b == 0)
			w->size = larger(w->size, smaller(left, HIGH_SPARE));
		at = w->base + align_up(w->size, GIB);
	}
	return 0;
}

/* No sum of the sizes that pass overflows. */
static int check_sizes(struct pci_host *host, struct err *err)
{
	unsigned bits = host->cfg.phys_bits;

	for (unsigned b = 0; b < host->nr_buses; b++) {
		const struct pci_bus *root = root_at(host, b);
		const struct pci_bar *bar;

		if (!root)
			continue;
		bar = largest_bar(root, PCI_HIGH);
		if (bar && bar->size > UINT64_C(1) << bits)
			return no_room_high(root, bits, err);
		bar = largest_bar(root, PCI_LOW);
		if (bar && bar->size > 4 * GIB)
			return no_room_low(root, bar->size,
					   LAYOUT_MMIO32_END - LAYOUT_MMIO32,
					   err);
	}
	return 0;
}

/*
 * Depth first, so that all below a port is one range of numbers: count from
 * the leaves up, then hand out from the roots down.
 */
static void number_buses(struct pci_host *host)
{
	unsigned below[PCI_BUSES] = { 0 }; /* of each bus, itself included */
	unsigned next = 0; /* for root buses; for others in `last` */

	for (unsigned b = host->nr_buses; b-- > 0;) {
		struct pci_bus *bus = host->bus[b];

		below[b] = 1;
		for (unsigned c = b + 1; c < host->nr_buses; c++)
			if (host->bus[c]->port &&
			    host->bus[c]->port->bus == bus)
				below[b] += below[c];
	}
	for (unsigned b = 0; b < host->nr_buses; b++) {
		struct pci_bus *bus = host->bus[b];
		unsigned *from = bus->port ? &bus->port->bus->last : &next;

		bus->number = *from;
		*from += below[b];
		bus->last = bus->number + 1;
		host->numbered[bus->number] = bus;
	}
	for (unsigned b = 0; b < host->nr_buses; b++) {
		struct pci_bus *bus = host->bus[b];

		bus->last = bus->number + below[b] - 1;
		if (bus->port)
			pci_port_set_buses(bus->port, bus->port->bus->number,
					   bus->number, bus->last);
	}
}

int pci_place(struct pci_host *host, struct err *err)
{
	number_buses(host);
	int r = check_sizes(host, err);
	if (r < 0)
		return r;

	measure(host);
	place_io(host);
	r = place_low(host, err);
	if (r == 0)
		r = place_high(host, err);
	if (r < 0)
		return r;
	for (unsigned b = 0; b < host->nr_buses; b++)
		for (enum pci_kind k = 0; k < PCI_KINDS; k++)
			settle(host->bus[b], k);
	return 0;
}
