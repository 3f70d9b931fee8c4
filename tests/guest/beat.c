/* SPDX-License-Identifier: Apache-2.0 */
/* beat.c - every processor leaves the guest again and again, for ever. */
#include "tests/guest/lib/guest.h"
#include "tests/guest/lib/irq.h"

#define SILENT_PORT 0x80

static void beat(void)
{
	for (;;)
		out8(SILENT_PORT, 0);
}

void ap_main(unsigned number)
{
	(void)number;
	beat();
}

void guest_main(const struct start_info *si)
{
	(void)si;
	smp_start();
	put("ready\n");
	beat();
}
