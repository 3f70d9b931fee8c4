/* SPDX-License-Identifier: Apache-2.0 */
/* kvm.c - ioctls that name themselves, and the capabilities we need. */
#include "vmm/core/kvm.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/ioctl.h>

static const struct {
	unsigned cap;
	const char *name;
} needed[] = {
	{ KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY" },
	{ KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP" },
	{ KVM_CAP_IRQ_ROUTING, "KVM_CAP_IRQ_ROUTING" },
	{ KVM_CAP_IRQFD, "KVM_CAP_IRQFD" },
	{ KVM_CAP_IOEVENTFD, "KVM_CAP_IOEVENTFD" },
	{ KVM_CAP_SIGNAL_MSI, "KVM_CAP_SIGNAL_MSI" },
	{ KVM_CAP_READONLY_MEM, "KVM_CAP_READONLY_MEM" },
	{ KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT" },
#ifdef __x86_64__
	{ KVM_CAP_SET_TSS_ADDR, "KVM_CAP_SET_TSS_ADDR" },
	{ KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID" },
#endif
};

int kvm_ioctl_named(int fd, unsigned long cmd, const char *name, uintptr_t arg,
		    struct err *err)
{
	int r = ioctl(fd, cmd, arg);

	if (r < 0)
		return err_set(err, errno, "%s", name);
	return r;
}

int kvm_check(int kvm_fd, struct err *err)
{
	int version = ioctl(kvm_fd, KVM_GET_API_VERSION, 0);

	if (version < 0)
		return err_say(
			err, ENOTTY,
			"the KVM device is not KVM (it does not answer "
			"KVM_GET_API_VERSION); load kvm_intel or kvm_amd "
			"and use /dev/kvm");
	if (version != KVM_API_VERSION)
		return err_say(err, ENOTSUP,
			       "KVM speaks API version %d, belljar needs %d; "
			       "use a newer kernel",
			       version, KVM_API_VERSION);
	for (unsigned i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (ioctl(kvm_fd, KVM_CHECK_EXTENSION, needed[i].cap) <= 0)
			return err_say(err, ENOTSUP,
				       "KVM lacks %s; use a newer kernel",
				       needed[i].name);
	return 0;
}

int kvm_map(int vm_fd, unsigned slot, gpa_t gpa, uint64_t size, void *host,
	    uint32_t flags, struct err *err)
{
	struct kvm_userspace_memory_region mem = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)host,
	};
	int r = kvm_ioctl(vm_fd, KVM_SET_USER_MEMORY_REGION, &mem, err);

	/* Without @err there is no code to be had from it. */
	if (r < 0)
		(void)err_wrap(err, "map %" PRIu64 " KiB at 0x%" PRIx64,
			       size >> 10, gpa);
	return r < 0 ? r : 0;
}

int kvm_ioeventfd(int vm_fd, gpa_t gpa, unsigned len, int eventfd, bool on)
{
	struct kvm_ioeventfd arg = {
		.addr = gpa,
		.len = len,
		.fd = eventfd,
		.flags = on ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN,
	};

	return ioctl(vm_fd, KVM_IOEVENTFD, &arg) < 0 ? -errno : 0;
}
