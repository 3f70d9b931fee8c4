/* SPDX-License-Identifier: Apache-2.0 */
/* kvm.h - named, size-checked ioctls, and what we need KVM to offer. */
#ifndef VMM_CORE_KVM_H
#define VMM_CORE_KVM_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/core/gmem.h"
#include "vmm/lib/err.h"

/*
 * ioctl() that names itself when it fails, and that does not compile when the
 * argument is not the struct the request was defined with.
 */
#define kvm_ioctl(fd, cmd, arg, err)                                           \
	({                                                                     \
		_Static_assert(sizeof(*(arg)) == _IOC_SIZE(cmd),               \
			       #cmd " takes another struct");                  \
		kvm_ioctl_named((fd), (cmd), #cmd, (uintptr_t)(arg), (err));   \
	})

/* The twin for requests that take a number (or nothing: 0). */
#define kvm_ioctl_val(fd, cmd, val, err)                                       \
	kvm_ioctl_named((fd), (cmd), #cmd, (uintptr_t)(val), (err))

/* The result of the request (>= 0), or -errno with its name in @err. */
int kvm_ioctl_named(int fd, unsigned long cmd, const char *name, uintptr_t arg,
		    struct err *err);

/*
 * @kvm_fd is an open /dev/kvm: API version 12 and every capability that we
 * rely on.  -ENOTTY (not KVM) or -ENOTSUP with a sentence naming what is
 * missing.
 */
int kvm_check(int kvm_fd, struct err *err);

/*
 * Host memory at @host becomes guest memory at @gpa, in slot @slot; size 0
 * removes it.  Documentation/virt/kvm/api.rst, KVM_SET_USER_MEMORY_REGION.
 */
int kvm_map(int vm_fd, unsigned slot, gpa_t gpa, uint64_t size, void *host,
	    uint32_t flags, struct err *err);

/*
 * A guest write of any value to @gpa (length 0: any length) signals @eventfd
 * instead of leaving to us.  @on false takes it back.  0 or -errno.
 */
int kvm_ioeventfd(int vm_fd, gpa_t gpa, unsigned len, int eventfd, bool on);

#endif
