/* SPDX-License-Identifier: Apache-2.0 */
/* boot.c - command line and initramfs arrive as the host gave them. */
#include "tests/guest/lib/guest.h"

void guest_main(const struct start_info *si)
{
	const struct start_module *mod = (const void *)si->modules;

	put("cmdline: ");
	put((const char *)si->cmdline);
	put("\n");
	say("modules", si->nr_modules);
	if (si->nr_modules) {
		say("size", mod->size);
		check(mod->addr >= (uintptr_t)guest_end);
		say("sum", checksum((const void *)mod->addr, mod->size));
	}
	put("pass\n");
}
