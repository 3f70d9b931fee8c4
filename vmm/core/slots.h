/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slots.h - the numbers of KVM's memory slots: who maps host memory into the
 * guest (RAM, configuration space, BARs of real devices) gets one here.
 *
 * Any thread: a BAR is mapped by the vCPU whose guest moved it.  slots.lock is
 * a leaf; nothing is called with it held but KVM.
 */
#ifndef VMM_CORE_SLOTS_H
#define VMM_CORE_SLOTS_H

#include <pthread.h>
#include <stdint.h>

#include "vmm/core/gmem.h"
#include "vmm/lib/err.h"

#define SLOTS_MAX 1024 /* KVM itself allows 32764 since Linux 5.12 */

struct slots {
	int vm_fd; /* -1: no KVM (unit tests), only the books are kept */
	unsigned max, nr; /* how many there may be, were ever used */
	pthread_mutex_t lock; /* guards the slots and KVM's view of them */
	struct slot {
		gpa_t gpa;
		uint64_t size; /* 0: free */
		void *host;
		uint32_t flags; /* KVM_MEM_* */
	} * slot; /* `nr` of them */
};

/* As many slots as KVM has for @vm_fd, SLOTS_MAX at most. */
int slots_init(struct slots *s, int vm_fd, struct err *err);
/*
 * Forgets the slots without asking KVM to: for the VM's end.  Accepts a
 * zeroed struct.
 */
void slots_done(struct slots *s);

/*
 * Host memory [@host, @host + @size) appears in the guest at @gpa, @flags are
 * KVM_MEM_*.  The memory stays the caller's, and mapped until slots_remove()
 * has returned.  @gpa may be the guest's choice.  -EINVAL unless all three are
 * whole pages, -EEXIST where it overlaps another slot, -ENOSPC when none is
 * left, else what KVM says, with a sentence.
 */
int slots_add(struct slots *s, gpa_t gpa, uint64_t size, void *host,
	      uint32_t flags, unsigned *ret_id, struct err *err);
/*
 * Afterwards no vCPU reaches that memory.  0, or KVM's -errno: the slot then
 * remains, and so must the memory.
 */
int slots_remove(struct slots *s, unsigned id);

#endif
