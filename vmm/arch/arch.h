/* SPDX-License-Identifier: Apache-2.0 */
/* arch.h - what differs between architectures, as few calls as possible. */
#ifndef VMM_ARCH_ARCH_H
#define VMM_ARCH_ARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/lib/err.h"

/* How vCPU 0 begins; firmware/machine.h says what the modes mean. */
struct arch_start {
	bool long_mode; /* 64-bit with paging, else 32-bit protected mode */
	uint64_t rip, rbx, rsi, cr3;
};

/* Interrupt controllers and fixed pages of a new VM, before its vCPUs. */
int arch_vm_init(int vm_fd, struct err *err);

/*
 * CPUID, MSRs and local APIC of vCPU @id of @nr.  Before its first KVM_RUN;
 * the vCPU's own thread or before it exists.
 */
int arch_vcpu_init(int kvm_fd, int vcpu_fd, unsigned id, unsigned nr,
		   struct err *err);

/* The other vCPUs wait for INIT and SIPI, which KVM handles. */
int arch_vcpu_start(int vcpu_fd, const struct arch_start *start,
		    struct err *err);

/* Bits of guest-physical address that a vCPU will have. */
unsigned arch_phys_bits(int kvm_fd);

#endif
