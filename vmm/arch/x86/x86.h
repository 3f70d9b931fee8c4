/* SPDX-License-Identifier: Apache-2.0 */
/* x86.h - between the files of vmm/arch/x86. */
#ifndef VMM_ARCH_X86_X86_H
#define VMM_ARCH_X86_X86_H

#include "vmm/arch/arch.h"

/* CPUID of vCPU @id of @nr; Intel SDM vol. 2 CPUID, AMD APM vol. 3 app. E. */
int x86_set_cpuid(int kvm_fd, int vcpu_fd, unsigned id, unsigned nr,
		  struct err *err);

#endif
