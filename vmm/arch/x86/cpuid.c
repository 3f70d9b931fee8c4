/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpuid.c - what the guest's processors say they are: the host's, as far as
 * KVM supports it, with a topology of one thread a core in one package.
 */
#include "vmm/arch/x86/x86.h"

#include <cpuid.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/core/kvm.h"
#include "vmm/lib/auto.h"

#define MAX_LEAVES 256

#define L1_ECX_TSC_DEADLINE (1u << 24)
#define L1_ECX_XSAVE	    (1u << 26)
#define L1_ECX_OSXSAVE	    (1u << 27)
#define L1_ECX_AVX	    (1u << 28)
#define L1_ECX_F16C	    (1u << 29)
#define L1_ECX_FMA	    (1u << 12)
#define L1_ECX_HYPERVISOR   (1u << 31)
#define L1_EDX_HTT	    (1u << 28)

/*
 * QEMU's emulation of SVM lacks the XSETBV intercept: a guest that used XSAVE
 * would change the state of its host.  There we hide what builds on it.
 */
static bool host_is_emulated(void)
{
	unsigned a, b, c, d;
	char name[13] = "";

	__cpuid(1, a, b, c, d);
	if (!(c & L1_ECX_HYPERVISOR))
		return false;
	__cpuid(0x40000000, a, b, c, d);
	memcpy(name, &b, 4);
	memcpy(name + 4, &c, 4);
	memcpy(name + 8, &d, 4);
	return strcmp(name, "TCGTCGTCGTCG") == 0;
}

static unsigned core_bits(unsigned nr)
{
	unsigned bits = 0;

	while ((1u << bits) < nr)
		bits++;
	return bits;
}

static void hide_xsave(struct kvm_cpuid_entry2 *e)
{
	if (e->function == 1)
		e->ecx &= ~(L1_ECX_XSAVE | L1_ECX_OSXSAVE | L1_ECX_AVX |
			    L1_ECX_F16C | L1_ECX_FMA);
	if (e->function == 7 && e->index == 0) {
		/* AVX2; AVX-512 F DQ IFMA PF ER CD BW VL; VBMI and on. */
		e->ebx &= ~((1u << 5) | (1u << 16) | (1u << 17) | (1u << 21) |
			    (7u << 26) | (3u << 30));
		e->ecx &= ~((1u << 1) | (1u << 6) | (1u << 9) | (1u << 10) |
			    (1u << 11) | (1u << 12) | (1u << 14));
		e->edx &= ~((1u << 2) | (1u << 3) | (1u << 8) | (1u << 22) |
			    (1u << 23) | (1u << 24) | (1u << 25));
	}
	if (e->function == 7 && e->index == 1)
		e->eax &= ~((1u << 4) | (1u << 5) | (1u << 23));
	if (e->function == 0xd)
		e->eax = e->ebx = e->ecx = e->edx = 0;
	if (e->function == 0x80000001) /* XOP, FMA4 */
		e->ecx &= ~((1u << 11) | (1u << 16));
}

/* The APIC id is the core number, and there is nothing else in the package. */
static void set_topology(struct kvm_cpuid_entry2 *e, unsigned id, unsigned nr)
{
	unsigned bits = core_bits(nr);

	switch (e->function) {
	case 1:
		e->ebx = (e->ebx & 0x0000ffff) | id << 24 | nr << 16;
		e->edx = nr > 1 ? e->edx | L1_EDX_HTT : e->edx & ~L1_EDX_HTT;
		break;
	case 4: /* Intel: caches; 3 is the last level, shared by all */
		e->eax &= ~0xffffc000u;
		e->eax |= (nr - 1) << 26;
		if ((e->eax >> 5 & 7) >= 3)
			e->eax |= (nr - 1) << 14;
		break;
	case 0xb:
	case 0x1f:
		e->eax = e->index == 0 ? 0 : e->index == 1 ? bits : 0;
		e->ebx = e->index == 0 ? 1 : e->index == 1 ? nr : 0;
		e->ecx = e->index | (e->index < 2 ? e->index + 1 : 0) << 8;
		e->edx = id;
		break;
	case 0x80000008: /* AMD: APIC id size and number of cores */
		e->ecx = bits << 12 | (nr - 1);
		break;
	case 0x8000001e: /* AMD: extended APIC id, core id, node */
		e->eax = id;
		e->ebx = id & 0xff;
		e->ecx = 0;
		break;
	default:
		break;
	}
}

static int supported(int kvm_fd, struct kvm_cpuid2 **ret, struct err *err)
{
	AUTO_FREE struct kvm_cpuid2 *c = calloc(
		1, sizeof(*c) + MAX_LEAVES * sizeof(struct kvm_cpuid_entry2));
	if (!c) {
		(void)err_set(err, ENOMEM, "allocate CPUID leaves");
		return -ENOMEM;
	}
	c->nent = MAX_LEAVES;
	int r = kvm_ioctl(kvm_fd, KVM_GET_SUPPORTED_CPUID, c, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

int x86_set_cpuid(int kvm_fd, int vcpu_fd, unsigned id, unsigned nr,
		  struct err *err)
{
	AUTO_FREE struct kvm_cpuid2 *c = NULL;
	int r = supported(kvm_fd, &c, err);
	if (r < 0)
		return r;

	bool emulated = host_is_emulated();
	for (unsigned i = 0; i < c->nent; i++) {
		struct kvm_cpuid_entry2 *e = &c->entries[i];

		/* KVM's in-kernel APIC timer has the mode on any host. */
		if (e->function == 1)
			e->ecx |= L1_ECX_HYPERVISOR | L1_ECX_TSC_DEADLINE;
		if (emulated)
			hide_xsave(e);
		set_topology(e, id, nr);
	}
	return kvm_ioctl(vcpu_fd, KVM_SET_CPUID2, c, err);
}

unsigned arch_phys_bits(int kvm_fd)
{
	AUTO_FREE struct kvm_cpuid2 *c = NULL;

	if (supported(kvm_fd, &c, NULL) == 0)
		for (unsigned i = 0; i < c->nent; i++)
			if (c->entries[i].function == 0x80000008)
				return c->entries[i].eax & 0xff;
	return 36;
}
