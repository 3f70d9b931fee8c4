/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm.h - one virtual machine: create, run, destroy.
 *
 * Threads: main (control socket, signals), one for the devices' loop, one for
 * each vCPU.  Lock order: vm->lock, then a device's.
 */
#ifndef VMM_MONITOR_VM_H
#define VMM_MONITOR_VM_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "devices/bus.h"
#include "devices/legacy/power.h"
#include "devices/legacy/serial.h"
#include "devices/pci/pci.h"
#include "devices/virtio/virtio.h"
#include "vmm/core/gmem.h"
#include "vmm/core/irq.h"
#include "vmm/core/kvm_stats.h"
#include "vmm/core/loop.h"
#include "vmm/core/slots.h"
#include "vmm/core/thread.h"
#include "vmm/lib/hostmem.h"
#include "vmm/monitor/config.h"
#include "vmm/monitor/pmem.h"

/* vsock, console, rng, balloon and mem are the five. */
#define VM_MAX_DEVICES                                                         \
	(CONFIG_MAX_DISKS + CONFIG_MAX_NETS + CONFIG_MAX_FS +                  \
	 CONFIG_MAX_PMEM + 5)

enum vm_end { VM_RUNS, VM_POWEROFF, VM_RESET, VM_KILLED, VM_FAILED };

/* Written by the vCPU's thread alone, read (relaxed) by anyone. */
struct vcpu_exits {
	uint64_t io, mmio, other;
};

struct vcpu {
	struct vm *vm;
	unsigned id;
	int fd;
	struct kvm_run *run;
	struct thread thread;
	char name[16]; /* of the thread */
	bool parked; /* vm->lock */
	struct vcpu_exits exits;
	struct kvm_stats stats;
};

struct vm {
	const struct config *config;
	int fd;
	size_t run_size; /* of each vCPU's kvm_run */
	struct slots slots;
	struct gmem gm;
	struct pmem pmem;
	struct host_set node_cpus[GMEM_MAX_NODES]; /* of --numa */
	uint64_t map_ns; /* it took to map RAM for DMA; 0: it was not */
	struct irqchip chip;
	struct bus pio, mmio;
	struct pci_host pci;
	struct power power;
	struct serial serial;
	struct virtio_dev *dev[VM_MAX_DEVICES];
	struct virtio_dev *balloon, *mem; /* one of them, or NULL */
	unsigned nr_devs;
	struct vfio *vfio; /* functions of the host; NULL: none */

	struct loop *main; /* stopped when the VM ends */
	struct loop io; /* the devices' */
	struct thread io_thread;

	pthread_mutex_t lock;
	pthread_cond_t changed; /* stop, paused, parked */
	bool stop, paused; /* atomic; written under lock */
	enum vm_end end; /* atomic; the first reason stays */
	struct err why; /* of VM_FAILED; written before end */

	unsigned nr_vcpus;
	struct vcpu vcpu[CONFIG_MAX_CPUS];
};

/*
 * Make the VM that @c describes, with everything loaded and nothing running.
 * @c and @main outlive it; descriptors of devices pass to it.  On failure
 * vm_destroy() is still due.
 */
int vm_create(struct vm *vm, struct config *c, struct loop *main,
	      struct err *err);

/* machine.c: the host bridges for @ret, once devices have their places. */
void vm_describe_pci(const struct vm *vm, struct machine *ret);

/*
 * Start all threads, each behind its filter when the jail is on.  The guest
 * runs when vm_resume() says so: by then the caller should have its own.
 */
int vm_start(struct vm *vm, struct err *err);

/* Stop every thread and free everything. */
void vm_destroy(struct vm *vm);

/*
 * The VM is over: remember the first reason and stop the main loop.  Any
 * thread.  vm_fail() also keeps the sentence.
 */
void vm_finish(struct vm *vm, enum vm_end why);
void vm_fail(struct vm *vm, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
enum vm_end vm_ended(struct vm *vm);

/* Main thread.  vm_pause() returns when no vCPU is in the guest. */
void vm_pause(struct vm *vm);
void vm_resume(struct vm *vm);

#endif
