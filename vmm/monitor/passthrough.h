/* SPDX-License-Identifier: Apache-2.0 */
/* passthrough.h - functions of the host in this VM. */
#ifndef VMM_MONITOR_PASSTHROUGH_H
#define VMM_MONITOR_PASSTHROUGH_H

#include "vmm/monitor/vm.h"

/*
 * Open what @c says into vm->vfio, allocate all of guest RAM and map it for
 * DMA.  Descriptors pass to the VM.  -errno with a sentence.
 */
int passthrough_open(struct vm *vm, struct config *c, struct err *err);

#endif
