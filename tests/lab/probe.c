/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.c - how fast does /dev/kvm run ring 0?  A guest counts down a register
 * in flat 32-bit protected mode.  Prints a rate in million instructions a
 * second and exits 0, or prints a sentence why there is none and exits 1.
 *
 * Hardware virtualization runs the loop at the speed of the CPU; a /dev/kvm
 * without it (shadow paging by PVM) emulates every instruction.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { LOOPS = 200000, CODE = 0x1000, RAM = 0x10000 };

/* mov $LOOPS, %ecx; 1: dec %ecx; jnz 1b; hlt; jmp to the start */
static const uint8_t code[] = {
	0xb9,
	LOOPS & 0xff,
	LOOPS >> 8 & 0xff,
	LOOPS >> 16,
	0,
	0x49,
	0x75,
	0xfd,
	0xf4,
	0xeb,
	0xf5,
};

static int fail(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	return -1;
}

static int set_flat_mode(int vcpu)
{
	struct kvm_sregs s;
	struct kvm_regs r = { .rip = CODE, .rflags = 2 };
	struct kvm_segment data = {
		.limit = 0xffffffff,
		.selector = 16,
		.type = 3,
		.present = 1,
		.db = 1,
		.s = 1,
		.g = 1,
	};

	if (ioctl(vcpu, KVM_GET_SREGS, &s) < 0)
		return fail("KVM_GET_SREGS");
	s.cr0 |= 1;
	s.ds = s.es = s.fs = s.gs = s.ss = data;
	s.cs = data;
	s.cs.selector = 8;
	s.cs.type = 11;
	if (ioctl(vcpu, KVM_SET_SREGS, &s) < 0)
		return fail("KVM_SET_SREGS");
	if (ioctl(vcpu, KVM_SET_REGS, &r) < 0)
		return fail("KVM_SET_REGS");
	return 0;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The better of two runs: the first one also faults memory in. */
static int measure(int vcpu, const struct kvm_run *run)
{
	double best = 1e9;

	for (int i = 0; i < 2; i++) {
		double start = seconds();

		if (ioctl(vcpu, KVM_RUN, 0) < 0)
			return fail("KVM_RUN");
		if (run->exit_reason != KVM_EXIT_HLT) {
			printf("a guest in ring 0 ends with exit %u\n",
			       run->exit_reason);
			return -1;
		}
		double took = seconds() - start;
		best = took < best ? took : best;
	}
	printf("%.0f\n", 2.0 * LOOPS / best / 1e6);
	return 0;
}

static int probe(int kvm)
{
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0)
		return fail("KVM_CREATE_VM");

	void *ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ram == MAP_FAILED)
		return fail("mmap");
	memcpy((uint8_t *)ram + CODE, code, sizeof(code));

	struct kvm_userspace_memory_region slot = {
		.memory_size = RAM,
		.userspace_addr = (uintptr_t)ram,
	};
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot) < 0)
		return fail("KVM_SET_USER_MEMORY_REGION");

	int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (vcpu < 0 || size < 0)
		return fail("KVM_CREATE_VCPU");
	struct kvm_run *run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE,
				   MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		return fail("mmap");

	return set_flat_mode(vcpu) < 0 ? -1 : measure(vcpu, run);
}

int main(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	/* Everything opened and mapped goes away with the process. */
	if (kvm < 0)
		return fail("/dev/kvm") < 0;
	return probe(kvm) < 0;
}
