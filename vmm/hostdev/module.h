/* SPDX-License-Identifier: Apache-2.0 */
/* module.h - have the kernel load a driver that is not there. */
#ifndef VMM_HOSTDEV_MODULE_H
#define VMM_HOSTDEV_MODULE_H

#include "vmm/hostdev/hostdev.h"

/*
 * Make sure that there is a PCI driver of that name, by modprobe if need be.
 * -ENOENT without a sentence when there is none afterwards.
 */
int module_need_driver(const struct hostdev_sys *sys, const char *driver);

#endif
