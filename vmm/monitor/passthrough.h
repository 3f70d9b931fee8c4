/* SPDX-License-Identifier: Apache-2.0 */
/* passthrough.h - functions of the host in this VM. */
#ifndef VMM_MONITOR_PASSTHROUGH_H
#define VMM_MONITOR_PASSTHROUGH_H

#include "vmm/monitor/vm.h"

/*
 * Open what @c says into vm->vfio and put it on the bus.  Descriptors pass to
 * the VM.  -errno with a sentence.
 */
int passthrough_open(struct vm *vm, struct config *c, struct err *err);
/*
 * BARs are placed and guest RAM is populated: reset the functions and map RAM
 * for their DMA.  -errno with a sentence.
 */
int passthrough_start(struct vm *vm, struct err *err);

#endif
