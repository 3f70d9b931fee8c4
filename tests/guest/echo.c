/* SPDX-License-Identifier: Apache-2.0 */
/* echo.c - a line typed on the serial port comes back in capitals. */
#include "tests/guest/lib/guest.h"
#include "vmm/core/layout.h"

void guest_main(const struct start_info *si)
{
	char c;

	(void)si;
	put("ready\n");
	do {
		c = get();
		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		out8(LAYOUT_COM1, (uint8_t)c);
	} while (c != '\n');
}
