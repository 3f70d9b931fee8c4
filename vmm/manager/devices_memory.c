/* SPDX-License-Identifier: Apache-2.0 */
/*
 * devices_memory.c - memory that devices can reach stays where it is: can the
 * host give it, all at once?  The monitor asks again when it takes it; here a
 * person hears of it before anything is made, and with --dry-run.
 */
#include <errno.h>
#include <inttypes.h>

#include "vmm/lib/hostmem.h"
#include "vmm/manager/devices.h"

#define MIB ((uint64_t)1 << 20)

static int check_available(const char *root, uint64_t memory, struct err *err)
{
	uint64_t have;

	/* A host that does not say how much it has may have enough. */
	if (host_available(root, -1, &have, NULL) < 0 || memory <= have)
		return 0;
	return err_say(err, ENOMEM,
		       "a device pins the VM's whole memory, %" PRIu64
		       " MiB, and the host has %" PRIu64
		       " MiB available; give less with -m, or end something "
		       "else",
		       memory / MIB, have / MIB);
}

int devices_check_memory(const struct manager *mgr, const struct devices *d,
			 uint64_t memory, uint64_t hugepages, struct err *err)
{
	const char *root = mgr->sys.root;
	bool pinned = devices_given(d) > 0;
	int r = 0;

	if (hugepages)
		r = host_check_huge_pages(root, -1, hugepages,
					  memory / hugepages, err);
	if (r < 0)
		return err_wrap(err, "--hugepages");
	if (r == 0 && pinned)
		r = hostdev_check_memlock(&mgr->sys, memory, err);
	/* Huge pages are set aside already. */
	if (r == 0 && pinned && !hugepages)
		r = check_available(root, memory, err);
	return r;
}
