/* SPDX-License-Identifier: Apache-2.0 */
/* power.h - the end: PID 1 must never return, the kernel would panic. */
#ifndef IMAGES_INIT_POWER_H
#define IMAGES_INIT_POWER_H

#include <stdnoreturn.h>

/*
 * Power off by ACPI, or reset where there is none (the monitor ends at a
 * reset as well).
 */
noreturn void power_off(void);

#endif
