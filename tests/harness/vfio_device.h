/* SPDX-License-Identifier: Apache-2.0 */
/* vfio_device.h - of vfio_device.c for vfio_kernel.c. */
#ifndef TESTS_HARNESS_VFIO_DEVICE_H
#define TESTS_HARNESS_VFIO_DEVICE_H

#include "tests/harness/vfio_kernel.h"

#define FAKE_IOAS 7 /* the one I/O address space there is */

/* A request on a device's descriptor; k->lock is held. */
int fake_device_ioctl(struct vfio_kernel *k, struct fake_function *f,
		      unsigned long request, void *data);
void fake_forget_vectors(struct fake_function *f);
bool fake_is_bar(unsigned index);

#endif
