/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resize.h - how much memory a running VM may use: the guest is asked to put
 * the rest into its balloon, or to take it out again; and to plug memory in,
 * beyond what it was started with, or out again.
 *
 * The guest takes its time and may refuse, so what it says is waited for, not
 * long, and a limit that it does not reach is taken back: after a failure to
 * shrink the old limit holds.
 */
#ifndef VMM_MANAGER_RESIZE_H
#define VMM_MANAGER_RESIZE_H

#include <stdint.h>

#include "vmm/lib/err.h"
#include "vmm/manager/client.h"

/* How long to wait; there is no event for it, so the guest is asked again. */
struct resize_pace {
	unsigned tick_ms; /* between two questions */
	unsigned still_ms; /* without any progress: it will not */
	uint64_t rate; /* bytes a second, which no guest is slower than */
};

extern const struct resize_pace resize_pace;

struct resized {
	uint64_t memory; /* of the VM at most, bytes */
	uint64_t limit; /* what the guest may use from now on */
	uint64_t was; /* ... before */
};

/*
 * Have the guest do with @limit bytes.  0, or -errno with a sentence: more than
 * the VM has, or too little for any guest (-ERANGE), no balloon or no driver
 * for it (-ENOTSUP), more in use (-EBUSY).  @ret->limit holds in these cases
 * too; on other failures @ret is not known.
 */
int resize_vm(struct client *c, uint64_t limit, const struct resize_pace *pace,
	      struct resized *ret, struct err *err);

#endif
