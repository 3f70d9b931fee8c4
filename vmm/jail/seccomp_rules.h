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

#include <linux/if_tun.h>
#include <linux/kvm.h>
#include <linux/vfio.h>
#include <linux/vhost.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
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

/* What a role is called in filters' names and by tests. */
static inline const char *seccomp_role(enum jail_role role)
{
	static const char *const names[JAIL_ROLES] = {
		[JAIL_MAIN] = "main",
		[JAIL_VCPU] = "vcpu",
		[JAIL_LOOP] = "loop",
		[JAIL_DISK] = "disk",
		[JAIL_DISK_URING] = "disk_uring",
		[JAIL_MAIN_VFIO] = "main_vfio",
		[JAIL_VCPU_VFIO] = "vcpu_vfio",
		[JAIL_NET] = "net",
		[JAIL_SWITCH] = "switch",
	};

	return names[role];
}

#define MAIN  (1U << JAIL_MAIN | 1U << JAIL_MAIN_VFIO)
#define VCPU  (1U << JAIL_VCPU | 1U << JAIL_VCPU_VFIO)
#define LOOP  (1U << JAIL_LOOP)
#define SYNC  (1U << JAIL_DISK)
#define URING (1U << JAIL_DISK_URING)
#define DISK  (SYNC | URING)
#define NET   (1U << JAIL_NET)
#define SWTCH (1U << JAIL_SWITCH)
#define MVFIO (1U << JAIL_MAIN_VFIO)
#define VVFIO (1U << JAIL_VCPU_VFIO)
#define VFIO_ (MVFIO | VVFIO)
#define OURS  (MAIN | VCPU | LOOP | DISK)
#define ALL   (OURS | NET | SWTCH)

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

/* Of iommufd.h, which the headers of Debian 12 do not have. */
#define IOMMU_IOAS_MAP	 _IO(';', 0x85)
#define IOMMU_IOAS_UNMAP _IO(';', 0x86)

/* The first of a role are tried first: what is called most. */
static const struct seccomp_rule seccomp_rules[] = {
	/* vCPUs */
	IOCTL(VCPU, KVM_RUN, "run the guest"),
	IOCTL(VCPU, KVM_GET_REGS, "where the guest failed"),
	IOCTL(MAIN | VCPU, KVM_IOEVENTFD,
	      "a BAR moved, a device started or ended"),
	IOCTL(MAIN | VCPU, KVM_IRQFD, "vectors of MSI-X; undone at the end"),
	IOCTL(VCPU, KVM_SET_GSI_ROUTING, "vectors of MSI-X"),
	IOCTL(MAIN | VVFIO, KVM_SET_USER_MEMORY_REGION, "BARs; the end"),

	/* a tap: what of its frames the driver takes as they are */
	IOCTL(VCPU, TUNSETOFFLOAD, "a driver starts"),
	IOCTL(VCPU | LOOP, TUNSETQUEUE, "how many queues it uses"),

	/* vhost-net: rings of the driver that starts; memory stays as it was */
	IOCTL(VCPU, VHOST_SET_FEATURES, "a driver starts"),
	IOCTL(VCPU, VHOST_SET_VRING_NUM, "a driver starts"),
	IOCTL(VCPU, VHOST_SET_VRING_BASE, "a driver starts"),
	IOCTL(VCPU, VHOST_SET_VRING_ADDR, "a driver starts"),
	IOCTL(VCPU, VHOST_SET_VRING_CALL, "a driver starts"),
	IOCTL(MAIN | VCPU | LOOP, VHOST_NET_SET_BACKEND,
	      "a driver starts or ends, breaks a ring; the end"),
	IOCTL(VCPU, VHOST_GET_VRING_BASE, "bus mastering goes off"),

	/* waiting, and each other */
	CALL(MAIN | LOOP | SWTCH, epoll_wait, "the loops"),
	CALL(MAIN | LOOP | SWTCH, epoll_ctl, "connections come and go"),
	CALL(VCPU, epoll_ctl, "seldom: the serial port has room for input"),
	CALL(MAIN | VCPU | SYNC, ppoll,
	     "is there room; a disk's kick, its rate"),
	CALL(LOOP, ppoll, "seldom: has the network's other side gone"),
	CALL(OURS, futex, "locks"),
	CALL(OURS | NET, clock_gettime, "seldom: where the vDSO has no clock"),

	/* data */
	CALL(MAIN | LOOP | SYNC | NET, read, "eventfds, streams"),
	CALL(OURS | NET, write, "eventfds, serial port, log"),
	CALL(LOOP, readv, "frames into guest memory"),
	CALL(LOOP, writev, "frames to a tap"),
	CALL(MAIN | LOOP | SWTCH, sendmsg, "streams, frames, answers"),
	CALL(MAIN | LOOP | NET | SWTCH, recvmsg,
	     "streams, requests, new connections, frames"),
	CALL(LOOP, timerfd_settime, "the rate of the network"),
	CALL(MAIN | LOOP | SWTCH, accept4, "control and vsock clients, VMs"),
	CALL(LOOP | NET, shutdown, "half of a connection is over"),
	CALL(DISK, preadv2, "read the disk; the ring's only what is cached"),
	CALL(MAIN, preadv2, "what KVM has counted of a vCPU"),
	CALL(DISK, pwritev, "write the disk"),
	CALL(SYNC, fdatasync, "flush"),
	CALL(SYNC, fallocate, "discard, write zeroes"),
	/* The ring's restrictions say what it may do: engine_uring.c. */
	CALL(URING, io_uring_enter, "the rest that is done to a disk; kicks"),
	CALL(LOOP, fallocate, "memory that the guest does not need"),

	/* functions of the host, with --device and --gpus */
	IOCTL(VFIO_, VFIO_DEVICE_SET_IRQS, "interrupts; undone at the end"),
	IOCTL(VVFIO, VFIO_IOMMU_MAP_DMA, "a BAR for another device's DMA"),
	IOCTL(VVFIO, IOMMU_IOAS_MAP, "a BAR for another device's DMA"),
	IOCTL(VFIO_, VFIO_IOMMU_UNMAP_DMA, "a BAR moves; the end"),
	/* No kernel yet maps BARs there; who does, unmaps them. */
	IOCTL(VFIO_, IOMMU_IOAS_UNMAP, "seldom: a BAR moves; the end"),
	IOCTL(MVFIO, VFIO_GROUP_UNSET_CONTAINER, "a device is given up"),
	IOCTL(MVFIO, KVM_SET_DEVICE_ATTR, "a device is given up"),
	CALL(VVFIO, preadv2, "configuration space, registers"),
	CALL(VVFIO, pwritev, "configuration space, registers"),
	CALL(VVFIO, eventfd2, "a vector more"),
	CALL(VVFIO, close, "a vector less"),

	/* the world, for belljar-net: libslirp's sockets */
	WITH(NET, socket, 0, UINT32_MAX, AF_INET, "connections of the guest"),
	WITH(NET, socket, 0, UINT32_MAX, AF_INET6, "connections of the guest"),
	CALL(NET, connect, "connections of the guest"),
	CALL(NET, bind, "seldom: ping"),
	CALL(NET, accept, "published ports"),
	CALL(NET, sendto, "data"),
	CALL(NET, recvfrom, "data"),
	CALL(NET, getsockopt, "did it connect"),
	CALL(NET, setsockopt, "keep-alive, urgent data"),
	CALL(NET, getpeername, "who is it"),
	CALL(NET, fcntl, "non-blocking sockets"),
	IOCTL(NET, FIONREAD, "how much is there to read"),
	CALL(NET, poll, "the loop"),
	CALL(NET, restart_syscall, "seldom: the loop, when it was stopped"),
	CALL(NET, openat, "/etc/resolv.conf, the one file there is"),
	CALL(NET, newfstatat, "has it changed"),
	CALL(NET, lseek, "seldom: closing it before its end"),
	CALL(NET, mremap, "seldom: realloc"),

	CALL(SWTCH, write, "seldom: why it ends"),

	/* memory of our own: one heap for all threads */
	CALL(ALL, brk, "malloc"),
	WITH(ALL, mmap, 2, PROT_EXEC, 0, "malloc; never code"),
	CALL(ALL, munmap, "free"),
	CALL(VCPU | LOOP | DISK, madvise, "the stack of a thread that ended"),

	/* the end */
	CALL(MAIN | LOOP | NET | SWTCH, close,
	     "connections, and all at the end"),
	CALL(VCPU | LOOP | DISK, exit, "threads"),
	CALL(VCPU | LOOP | DISK, rt_sigprocmask, "threads end"),
	CALL(MAIN | NET | SWTCH, exit_group, "the end"),
	CALL(VCPU, rt_sigreturn, "the kick"),
	CALL(MAIN, tgkill, "the kick"),
};

#endif
