/* SPDX-License-Identifier: Apache-2.0 */
/* kvm_check.c - is there a KVM here that runs Linux? */
#include "vmm/manager/kvm_check.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm/lib/auto.h"
#include "vmm/lib/io.h"

#define CPUINFO_MAX 16384 /* the first processor speaks for all */

static const struct {
	const char *name;
	int cap;
} needed[] = {
	{ "KVM_CAP_USER_MEMORY", KVM_CAP_USER_MEMORY },
	{ "KVM_CAP_IRQCHIP", KVM_CAP_IRQCHIP },
	{ "KVM_CAP_IRQ_ROUTING", KVM_CAP_IRQ_ROUTING },
	{ "KVM_CAP_IRQFD", KVM_CAP_IRQFD },
	{ "KVM_CAP_IOEVENTFD", KVM_CAP_IOEVENTFD },
	{ "KVM_CAP_SIGNAL_MSI", KVM_CAP_SIGNAL_MSI },
	{ "KVM_CAP_READONLY_MEM", KVM_CAP_READONLY_MEM },
	{ "KVM_CAP_IMMEDIATE_EXIT", KVM_CAP_IMMEDIATE_EXIT },
#ifdef __x86_64__
	{ "KVM_CAP_SET_TSS_ADDR", KVM_CAP_SET_TSS_ADDR },
	{ "KVM_CAP_SET_IDENTITY_MAP_ADDR", KVM_CAP_SET_IDENTITY_MAP_ADDR },
	{ "KVM_CAP_EXT_CPUID", KVM_CAP_EXT_CPUID },
#endif
};

static int say_open(const char *path, int errnum, struct err *err)
{
	switch (errnum) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
		return err_say(err, errnum,
			       "there is no '%s': load the module kvm_intel or "
			       "kvm_amd ('modprobe'), and switch "
			       "virtualization on in the firmware, or nested "
			       "virtualization in the outer hypervisor",
			       path);
	case EACCES:
	case EPERM:
		return err_say(err, errnum,
			       "no permission on '%s'; become a member of its "
			       "group ('sudo usermod -aG kvm $USER', then log "
			       "in again)",
			       path);
	default:
		return err_set(err, errnum, "open '%s'", path);
	}
}

int kvm_check_open(const char *path, struct err *err)
{
	AUTO_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return say_open(path, errno, err);

	int version = ioctl(fd, KVM_GET_API_VERSION, 0);
	if (version < 0)
		return err_say(err, ENOTTY,
			       "'%s' is not a KVM device; /dev/kvm is one when "
			       "the module kvm_intel or kvm_amd is loaded",
			       path);
	if (version != KVM_API_VERSION)
		return err_say(err, ENOTSUP,
			       "'%s' speaks KVM API %d, not %d; use a Linux "
			       "kernel of 5.10 or later",
			       path, version, KVM_API_VERSION);
	return TAKE_FD(fd);
}

int kvm_check_caps(int kvm, struct err *err)
{
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (ioctl(kvm, KVM_CHECK_EXTENSION, needed[i].cap) <= 0)
			return err_say(err, ENOTSUP,
				       "KVM of this machine lacks %s; use a "
				       "Linux kernel of 5.10 or later",
				       needed[i].name);
	return 0;
}

#ifdef __x86_64__
static bool has_word(const char *line, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = line; (p = strstr(p, word)) != NULL; p += len)
		if (p > line && p[-1] == ' ' &&
		    (p[len] == ' ' || p[len] == '\0'))
			return true;
	return false;
}

int kvm_check_hardware(const char *cpuinfo, struct err *err)
{
	char text[CPUINFO_MAX + 1];

	AUTO_CLOSE int fd = open(cpuinfo, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "open '%s'", cpuinfo);
	ssize_t n = io_read_full(fd, text, CPUINFO_MAX);
	if (n < 0)
		return err_set(err, (int)-n, "read '%s'", cpuinfo);
	text[n] = '\0';

	char *flags = strstr(text, "flags");
	if (flags)
		flags[strcspn(flags, "\n")] = '\0';
	if (flags && (has_word(flags, "vmx") || has_word(flags, "svm")))
		return 0;
	return err_say(err, ENOTSUP,
		       "the processor shows neither VMX nor SVM, so this KVM "
		       "is an emulation (PVM) that cannot run Linux guests; "
		       "use bare metal or a VM with nested virtualization, or "
		       "try belljar in the lab: tests/lab/run");
}
#else
int kvm_check_hardware(const char *cpuinfo, struct err *err)
{
	(void)cpuinfo;
	(void)err;
	return 0;
}
#endif
