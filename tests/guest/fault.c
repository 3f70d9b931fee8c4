/* SPDX-License-Identifier: Apache-2.0 */
/* fault.c - a triple fault is a reset: how a kernel reboots in the end. */
#include "tests/guest/lib/guest.h"

void guest_main(const struct start_info *si)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) none = { 0, 0 };

	(void)si;
	put("pass\n");
	__asm__ volatile("lidt %0; ud2" : : "m"(none));
}
