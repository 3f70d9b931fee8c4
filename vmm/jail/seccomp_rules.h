/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp_rules.h - one row for each system call, and each request of ioctl():
 * which threads may make it, and what for.  Whatever has no row kills.
 *
 * Read by seccomp_gen.c, which makes the filters when belljar is built, and by
 * the test that asks whether each row is ever needed.  A role of a thread that
 * a guest can reach directly (vCPU, LOOP, DISK) should be the shortest.
 */
#ifndef VMM_JAIL_SECCOMP_RULES_H
#define VMM_JAIL_SECCOMP_RULES_H

#include <linux/kvm.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "vmm/jail/jail.h"

struct seccomp_rule {
	unsigned roles; /* a bit for each enum jail_role */
	int nr;
	const char *name;
	/* Argument @arg, of which only bits in @mask count, must be @value. */
	unsigned arg;
	uint64_t mask, value; /* mask 0: any argument will do */
	const char *why;
};

#define MAIN  (1U << JAIL_MAIN | 1U << JAIL_MAIN_VFIO)
#define VCPU  (1U << JAIL_VCPU | 1U << JAIL_VCPU_VFIO)
#define LOOP  (1U << JAIL_LOOP)
#define DISK  (1U << JAIL_DISK)
#define NET   (1U << JAIL_NET)
#define MVFIO (1U << JAIL_MAIN_VFIO)
#define VVFIO (1U << JAIL_VCPU_VFIO)
#define VFIO_ (MVFIO | VVFIO)
#define OURS  (MAIN | VCPU | LOOP | DISK)
#define ALL   (OURS | NET)

#define CALL(roles, call, why)                                                 \
	{                                                                      \
		roles, SYS_##call, #call, 0, 0, 0, why                         \
	}
#define WITH(roles, call, arg, mask, value, why)                               \
	{                                                                      \
		roles, SYS_##call, #call, arg, mask, value, why                \
	}
#define IOCTL(roles, request, why)                                             \
	{                                                                      \
		roles, SYS_ioctl, #request, 1, UINT32_MAX,                     \
			(uint32_t)(request), why                               \
	}

/* The first of a role are tried first: what is called most. */
static const struct seccomp_rule seccomp_rules[] = {
	/* vCPUs */
	IOCTL(VCPU, KVM_RUN, "run the guest"),
	IOCTL(VCPU, KVM_GET_REGS, "where the guest failed"),
	IOCTL(VCPU, KVM_IOEVENTFD, "a BAR moved, a device started or reset"),
	IOCTL(MAIN | VCPU, KVM_IRQFD, "vectors of MSI-X; undone at the end"),
	IOCTL(VCPU, KVM_SET_GSI_ROUTING, "vectors of MSI-X"),
	IOCTL(MAIN | VCPU, KVM_SET_USER_MEMORY_REGION,
	      "configuration space, BARs"),

	/* waiting, and each other */
	CALL(MAIN | LOOP, epoll_wait, "the loops"),
	CALL(MAIN | LOOP, epoll_ctl, "connections come and go"),
	CALL(ALL, poll, "is there room, is it the end; the disk's kick"),
	CALL(OURS, futex, "locks"),

	/* data */
	CALL(ALL, read, "eventfds, streams"),
	CALL(ALL, write, "eventfds, serial port, log"),
	CALL(LOOP, readv, "frames and streams into guest memory"),
	CALL(LOOP, writev, "streams out of guest memory"),
	CALL(LOOP | NET, sendmsg, "frames; datagrams"),
	CALL(LOOP | NET, recvmsg, "connections from the keeper; datagrams"),
	CALL(MAIN, recvfrom, "requests on the control socket"),
	CALL(MAIN | LOOP, sendto, "answers"),
	CALL(MAIN | LOOP | NET, accept4, "control and vsock clients"),
	CALL(LOOP | NET, shutdown, "half of a connection is over"),
	CALL(DISK, preadv, "read the disk"),
	CALL(DISK, pwritev, "write the disk"),
	CALL(DISK, fdatasync, "flush"),
	CALL(DISK, fallocate, "discard, write zeroes"),
	CALL(LOOP, getrandom, "virtio-rng"),

	/* memory of our own */
	CALL(ALL, brk, "malloc"),
	WITH(ALL, mmap, 2, PROT_EXEC, 0, "malloc; never code"),
	CALL(ALL, munmap, "free"),
	CALL(OURS, madvise, "stacks of threads that ended"),

	/* the end */
	CALL(ALL, close, "connections, and all at the end"),
	CALL(OURS, exit, "threads"),
	CALL(ALL, exit_group, "the end"),
	CALL(OURS, rt_sigprocmask, "threads start and end"),
	CALL(VCPU, rt_sigreturn, "the kick"),
	CALL(MAIN, tgkill, "the kick"),
	CALL(MAIN, getpid, "the kick"),
};

#endif
