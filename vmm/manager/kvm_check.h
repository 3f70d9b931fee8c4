/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kvm_check.h - can this machine run Linux guests?  Asked before anything is
 * made, so that the answer is a sentence with a remedy.
 */
#ifndef VMM_MANAGER_KVM_CHECK_H
#define VMM_MANAGER_KVM_CHECK_H

#include "vmm/lib/err.h"

/* Open the device and ask its API version.  The fd, or -errno. */
int kvm_check_open(const char *path, struct err *err);

/* Every capability that the monitor relies on. */
int kvm_check_caps(int kvm, struct err *err);

/*
 * Does the processor virtualise in hardware?  Without VMX and SVM /dev/kvm is
 * emulated (PVM), which a Linux guest does not survive.  @cpuinfo is
 * /proc/cpuinfo; other architectures than x86 pass.
 */
int kvm_check_hardware(const char *cpuinfo, struct err *err);

#endif
