/* SPDX-License-Identifier: Apache-2.0 */
/* vcpu.h - a thread for each vCPU. */
#ifndef VMM_MONITOR_VCPU_H
#define VMM_MONITOR_VCPU_H

#include "firmware/machine.h"
#include "vmm/monitor/vm.h"

/* Make vCPU @id; it begins as @boot says when @id is 0. */
int vcpu_create(struct vm *vm, unsigned id, const struct boot *boot,
		struct err *err);
int vcpu_start(struct vcpu *cpu, struct err *err);
/* Make it leave the guest, or not enter it, once. */
void vcpu_kick(struct vcpu *cpu);
/* vm->stop is set: kick, join, free. */
void vcpu_destroy(struct vcpu *cpu);

/* What KVM_RUN came back with; exit.c.  Runs on the vCPU's thread. */
void vcpu_exit(struct vcpu *cpu);

#endif
