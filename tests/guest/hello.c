/* SPDX-License-Identifier: Apache-2.0 */
/* hello.c - a guest runs, prints a line and powers off. */
#include "tests/guest/lib/guest.h"

void guest_main(const struct start_info *si)
{
	check(si->magic == START_MAGIC);
	put("hello\npass\n");
}
