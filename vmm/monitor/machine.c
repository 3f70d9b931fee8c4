/* SPDX-License-Identifier: Apache-2.0 */
/* machine.c - the finished VM in the words of firmware/machine.h. */
#include <assert.h>

#include "firmware/machine.h"
#include "vmm/monitor/vm.h"

static struct machine_window window(const struct pci_bus *bus,
				    enum pci_kind kind)
{
	const struct pci_window *w = &bus->window[kind];

	return (struct machine_window){ .base = w->base, .size = w->size };
}

static void describe_root(const struct pci_bus *bus, struct machine_root *ret)
{
	*ret = (struct machine_root){
		.bus = bus->number,
		.last_bus = bus->last,
		.node = bus->node,
		.ports = bus->last > bus->number,
		.intx = pci_intx_slots(bus),
		.io = window(bus, PCI_IO),
		.mmio32 = window(bus, PCI_LOW),
		.mmio64 = window(bus, PCI_HIGH),
	};
}

void vm_describe_pci(const struct vm *vm, struct machine *ret)
{
	for (unsigned b = 0; b < vm->pci.nr_buses; b++)
		if (!vm->pci.bus[b]->port) {
			assert(ret->nr_roots < MACHINE_ROOTS);
			describe_root(vm->pci.bus[b],
				      &ret->root[ret->nr_roots++]);
		}
}
