/* SPDX-License-Identifier: Apache-2.0 */
/* exit.c - exit reason -> handler. */
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "vmm/monitor/vcpu.h"

static void count(uint64_t *counter)
{
	__atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

static uint64_t guest_rip(const struct vcpu *cpu)
{
	struct kvm_regs regs;

	return ioctl(cpu->fd, KVM_GET_REGS, &regs) == 0 ? regs.rip : 0;
}

static void exit_io(struct vcpu *cpu)
{
	struct kvm_run *run = cpu->run;
	unsigned char *data = (unsigned char *)run + run->io.data_offset;

	count(&cpu->exits.io);
	for (uint32_t i = 0; i < run->io.count; i++) {
		if (run->io.direction == KVM_EXIT_IO_OUT)
			(void)bus_write(&cpu->vm->pio, run->io.port, data,
					run->io.size);
		else
			(void)bus_read(&cpu->vm->pio, run->io.port, data,
				       run->io.size);
		data += run->io.size;
	}
}

static void exit_mmio(struct vcpu *cpu)
{
	struct kvm_run *run = cpu->run;

	count(&cpu->exits.mmio);
	if (run->mmio.is_write)
		(void)bus_write(&cpu->vm->mmio, run->mmio.phys_addr,
				run->mmio.data, run->mmio.len);
	else
		(void)bus_read(&cpu->vm->mmio, run->mmio.phys_addr,
			       run->mmio.data, run->mmio.len);
}

static void exit_system_event(struct vcpu *cpu)
{
	switch (cpu->run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		vm_finish(cpu->vm, VM_POWEROFF);
		break;
	case KVM_SYSTEM_EVENT_RESET:
		vm_finish(cpu->vm, VM_RESET);
		break;
	default:
		vm_fail(cpu->vm, "the guest crashed (system event %u)",
			cpu->run->system_event.type);
		break;
	}
}

void vcpu_exit(struct vcpu *cpu)
{
	const struct kvm_run *run = cpu->run;

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		exit_io(cpu);
		return;
	case KVM_EXIT_MMIO:
		exit_mmio(cpu);
		return;
	default:
		count(&cpu->exits.other);
		break;
	}

	switch (run->exit_reason) {
	case KVM_EXIT_INTR:
		break;
	case KVM_EXIT_SHUTDOWN: /* a triple fault: how x86 asks for a reset */
		vm_finish(cpu->vm, VM_RESET);
		break;
	case KVM_EXIT_SYSTEM_EVENT:
		exit_system_event(cpu);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		vm_fail(cpu->vm,
			"vCPU %u: the processor refused its state (0x%llx)",
			cpu->id, run->fail_entry.hardware_entry_failure_reason);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		vm_fail(cpu->vm,
			"vCPU %u: KVM could not emulate the instruction at "
			"0x%llx (error %u)",
			cpu->id, (unsigned long long)guest_rip(cpu),
			run->internal.suberror);
		break;
	default:
		vm_fail(cpu->vm, "vCPU %u: unknown exit %u at 0x%llx", cpu->id,
			run->exit_reason, (unsigned long long)guest_rip(cpu));
		break;
	}
}
