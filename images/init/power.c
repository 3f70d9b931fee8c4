/* SPDX-License-Identifier: Apache-2.0 */
/* power.c - switch the machine off. */
#include "images/init/power.h"

#include <sys/reboot.h>
#include <unistd.h>

noreturn void power_off(void)
{
	/* Without a way to power off, the kernel would halt and stay. */
	if (access("/sys/firmware/acpi", F_OK) == 0)
		(void)reboot(RB_POWER_OFF);
	(void)reboot(RB_AUTOBOOT);
	for (;;)
		(void)pause();
}
