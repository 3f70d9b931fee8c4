/* SPDX-License-Identifier: Apache-2.0 */
/* regs.c - the state in which processors and interrupt controllers begin. */
#include <linux/kvm.h>

#include "vmm/arch/x86/x86.h"
#include "vmm/core/kvm.h"
#include "vmm/core/layout.h"

#define CR0_PE	       (1ull << 0)
#define CR0_ET	       (1ull << 4)
#define CR0_PG	       (1ull << 31)
#define CR4_PAE	       (1ull << 5)
#define EFER_LME       (1ull << 8)
#define EFER_LMA       (1ull << 10)
#define RFLAGS_ALWAYS  (1ull << 1)
#define MSR_MISC       0x1a0 /* IA32_MISC_ENABLE */
#define MISC_FAST_STR  1
#define MSR_MTRR_DEF   0x2ff
#define MTRR_ENABLE_WB 0x806

int arch_vm_init(int vm_fd, struct err *err)
{
	uint64_t identity = LAYOUT_IDENTITY_MAP;
	int r = kvm_ioctl(vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity, err);

	if (r >= 0)
		r = kvm_ioctl_val(vm_fd, KVM_SET_TSS_ADDR, LAYOUT_TSS, err);
	if (r >= 0)
		r = kvm_ioctl_val(vm_fd, KVM_CREATE_IRQCHIP, 0, err);
	return r < 0 ? r : 0;
}

/* Fast string operations on; memory without an MTRR is write-back. */
static int set_msrs(int vcpu_fd, struct err *err)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry[2];
	} msrs = {
		.head.nmsrs = 2,
		.entry = { { .index = MSR_MISC, .data = MISC_FAST_STR },
			   { .index = MSR_MTRR_DEF, .data = MTRR_ENABLE_WB } },
	};

	/* Falling short only means that this host lacks the register. */
	int r = kvm_ioctl(vcpu_fd, KVM_SET_MSRS, &msrs.head, err);
	return r < 0 ? r : 0;
}

int arch_vcpu_init(int kvm_fd, int vcpu_fd, unsigned id, unsigned nr,
		   struct err *err)
{
	int r = x86_set_cpuid(kvm_fd, vcpu_fd, id, nr, err);

	return r < 0 ? r : set_msrs(vcpu_fd, err);
}

static struct kvm_segment segment(uint16_t selector, uint8_t type, bool is_long)
{
	return (struct kvm_segment){
		.base = 0,
		.limit = 0xffffffff,
		.selector = selector,
		.type = type,
		.present = 1,
		.s = 1,
		.db = !is_long,
		.l = is_long,
		.g = 1,
	};
}

int arch_vcpu_start(int vcpu_fd, const struct arch_start *start,
		    struct err *err)
{
	struct kvm_sregs s;
	int r = kvm_ioctl(vcpu_fd, KVM_GET_SREGS, &s, err);
	if (r < 0)
		return r;

	s.cs = segment(0x10, 0xb, start->long_mode);
	s.ds = s.es = s.fs = s.gs = s.ss = segment(0x18, 0x3, false);
	/* Available in 64-bit mode and in 32-bit: a busy TSS of no size. */
	s.tr = (struct kvm_segment){ .limit = 0x67, .type = 0xb, .present = 1 };
	s.cr0 = CR0_PE | CR0_ET;
	if (start->long_mode) {
		s.cr0 |= CR0_PG;
		s.cr3 = start->cr3;
		s.cr4 |= CR4_PAE;
		s.efer |= EFER_LME | EFER_LMA;
	}
	r = kvm_ioctl(vcpu_fd, KVM_SET_SREGS, &s, err);
	if (r < 0)
		return r;

	struct kvm_regs regs = {
		.rip = start->rip,
		.rbx = start->rbx,
		.rsi = start->rsi,
		.rflags = RFLAGS_ALWAYS,
	};
	r = kvm_ioctl(vcpu_fd, KVM_SET_REGS, &regs, err);
	return r < 0 ? r : 0;
}
