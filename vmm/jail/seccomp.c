/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp.c - stage 4: put this thread's filter on. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "seccomp_filters.h" /* made by seccomp_gen.c */
#include "vmm/jail/jail.h"
#include "vmm/jail/jail_priv.h"

#define FILTER(role)                                                           \
	{                                                                      \
		sizeof(filter_##role) / sizeof(filter_##role[0]),              \
			(struct sock_filter *)(uintptr_t)filter_##role         \
	}

static const struct sock_fprog filters[JAIL_ROLES] = {
	[JAIL_MAIN] = FILTER(main),
	[JAIL_VCPU] = FILTER(vcpu),
	[JAIL_LOOP] = FILTER(loop),
	[JAIL_DISK] = FILTER(disk),
	[JAIL_DISK_URING] = FILTER(disk_uring),
	[JAIL_MAIN_VFIO] = FILTER(main_vfio),
	[JAIL_VCPU_VFIO] = FILTER(vcpu_vfio),
	[JAIL_NET] = FILTER(net),
	[JAIL_SWITCH] = FILTER(switch),
};

/* Sanitizers make system calls of their own. */
#ifdef __SANITIZE_ADDRESS__
static const bool possible = false;
#else
static const bool possible = true;
#endif

int jail_filter(enum jail_role role, struct err *err)
{
	if (!jail_is_on() || !possible)
		return 0;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filters[role]) <
	    0)
		return err_set(err, errno, "install a seccomp filter");
	return 0;
}
