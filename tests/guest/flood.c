/* SPDX-License-Identifier: Apache-2.0 */
/* flood.c - 20000 bytes on the serial port as fast as they go, and the end. */
#include "tests/guest/lib/guest.h"
#include "vmm/core/layout.h"

#define BYTES 20000

void guest_main(const struct start_info *si)
{
	(void)si;
	for (unsigned i = 0; i < BYTES; i++)
		out8(LAYOUT_COM1, 'x');
}
