/* SPDX-License-Identifier: Apache-2.0 */
/* reset.c - the reset register ends the VM as a reset. */
#include "tests/guest/lib/guest.h"

void guest_main(const struct start_info *si)
{
	(void)si;
	put("pass\n");
	reset();
}
