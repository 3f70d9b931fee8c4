/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vcpu.c - a thread for each vCPU: KVM_RUN, pause, kick.
 *
 * A kick first publishes what it wants (vm->stop, vm->paused), then sets
 * immediate_exit, then sends the signal.  The vCPU clears immediate_exit
 * before it looks at those flags, so whichever way the two interleave it
 * either sees the flag or its next KVM_RUN returns at once.
 */
#include "vmm/monitor/vcpu.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devices/vfio/vfio.h"
#include "vmm/arch/arch.h"
#include "vmm/core/kvm.h"

#define KICK_SIGNAL SIGUSR1
#define STACK_SIZE  (256 << 10)
#define FAULTS_MAX  16

static void on_kick(int sig)
{
	(void)sig; /* it is enough that KVM_RUN was interrupted */
}

/* Called with vm->paused or vm->stop seen. */
static void park(struct vcpu *cpu)
{
	struct vm *vm = cpu->vm;

	(void)pthread_mutex_lock(&vm->lock);
	cpu->parked = true;
	(void)pthread_cond_broadcast(&vm->changed);
	while (vm->paused && !vm->stop)
		(void)pthread_cond_wait(&vm->changed, &vm->lock);
	cpu->parked = false;
	(void)pthread_mutex_unlock(&vm->lock);
}

/* KVM_RUN failed.  True when that ends the VM. */
static bool run_failed(struct vcpu *cpu, int errnum, unsigned *faults)
{
	struct vm *vm = cpu->vm;

	if (errnum == EINTR || errnum == EAGAIN)
		return false;
	/* A device of the host is gone: the VM goes on without it. */
	if (errnum == EFAULT && vm->vfio && (*faults)++ < FAULTS_MAX &&
	    vfio_fault(vm->vfio))
		return false;
	const char *lost = errnum == EFAULT ? pmem_lost(&vm->pmem) : NULL;
	if (lost)
		vm_fail(vm, "%s", lost);
	else
		vm_fail(vm, "vCPU %u: KVM_RUN: %s", cpu->id,
			strerrordesc_np(errnum));
	return true;
}

static void *vcpu_thread(void *arg)
{
	struct vcpu *cpu = arg;
	struct vm *vm = cpu->vm;
	volatile uint8_t *leave = &cpu->run->immediate_exit;
	unsigned faults = 0; /* one after the other */

	for (;;) {
		*leave = 0;
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (__atomic_load_n(&vm->stop, __ATOMIC_ACQUIRE))
			break;
		if (__atomic_load_n(&vm->paused, __ATOMIC_ACQUIRE)) {
			park(cpu);
			continue;
		}
		if (ioctl(cpu->fd, KVM_RUN, 0) == 0) {
			faults = 0;
			vcpu_exit(cpu);
		} else if (run_failed(cpu, errno, &faults)) {
			break;
		}
	}
	return NULL;
}

int vcpu_create(struct vm *vm, unsigned id, const struct boot *boot,
		struct err *err)
{
	struct vcpu *cpu = &vm->vcpu[id];

	*cpu = (struct vcpu){ .vm = vm, .id = id, .fd = -1, .run = MAP_FAILED };
	kvm_stats_init(&cpu->stats);
	vm->nr_vcpus = id + 1;

	cpu->fd = kvm_ioctl_val(vm->fd, KVM_CREATE_VCPU, id, err);
	if (cpu->fd < 0)
		return err_wrap(err, "create vCPU %u", id);
	cpu->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			cpu->fd, 0);
	if (cpu->run == MAP_FAILED)
		return err_set(err, errno, "map vCPU %u", id);
	kvm_stats_open(&cpu->stats, cpu->fd);

	int r = arch_vcpu_init(vm->config->kvm_fd, cpu->fd, id,
			       vm->config->cpus, err);
	if (r == 0 && id == 0) {
		struct arch_start start = {
			.long_mode = boot->mode == BOOT_LONG64,
			.rip = boot->rip,
			.rbx = boot->rbx,
			.rsi = boot->rsi,
			.cr3 = boot->cr3,
		};
		r = arch_vcpu_start(cpu->fd, &start, err);
	}
	return r < 0 ? err_wrap(err, "set up vCPU %u", id) : 0;
}

int vcpu_start(struct vcpu *cpu, struct err *err)
{
	struct sigaction sa = { .sa_handler = on_kick };
	enum jail_role role = cpu->vm->vfio ? JAIL_VCPU_VFIO : JAIL_VCPU;

	(void)sigaction(KICK_SIGNAL, &sa, NULL);
	(void)snprintf(cpu->name, sizeof(cpu->name), "vcpu%u", cpu->id);
	return thread_start(&cpu->thread, cpu->name, STACK_SIZE, role,
			    vcpu_thread, cpu, err);
}

void vcpu_kick(struct vcpu *cpu)
{
	volatile uint8_t *leave = &cpu->run->immediate_exit;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*leave = 1;
	/* One that has not begun has not looked at the flags either. */
	thread_signal(&cpu->thread, KICK_SIGNAL);
}

void vcpu_destroy(struct vcpu *cpu)
{
	if (cpu->thread.runs)
		vcpu_kick(cpu);
	thread_join(&cpu->thread);
	if (cpu->run != MAP_FAILED)
		(void)munmap(cpu->run, cpu->vm->run_size);
	kvm_stats_close(&cpu->stats);
	if (cpu->fd >= 0)
		(void)close(cpu->fd);
}
