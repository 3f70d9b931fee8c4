/* SPDX-License-Identifier: Apache-2.0 */
/* nvidia.h - what NVIDIA's driver says of a GPU in /proc/driver/nvidia. */
#ifndef VMM_HOSTDEV_NVIDIA_H
#define VMM_HOSTDEV_NVIDIA_H

#include <stddef.h>

#include "vmm/hostdev/hostdev.h"

/*
 * The value of the line "KEY: value"; -ENOENT when the driver has not got this
 * function or does not say it.
 */
int nvidia_field(const struct hostdev_sys *sys, const char *bdf,
		 const char *key, char *ret, size_t size);

#endif
