/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper.h - the process that stands between the CLI and one VM: it starts
 * monitor and network, keeps the log and the exit status, and cleans up.
 *
 *   CLI <--socketpair--> keeper <--vsock stream--> init in the guest
 *                        keeper  --spawns-->       belljar-monitor, belljar-net
 *
 * CLI and keeper exchange the records of abi/agent.h: IN, SIGNAL and RESIZE
 * down; STARTED, OUT, ERR, CREDIT up; and those below.  The last record is
 * KEEPER_END: after it nothing of the VM runs any more, and with --rm nothing
 * of it is left.  A link that ends without it means that the keeper was killed.
 */
#ifndef VMM_MANAGER_KEEPER_H
#define VMM_MANAGER_KEEPER_H

#include <time.h>

#include "vmm/abi/agent.h"
#include "vmm/manager/cmd.h"
#include "vmm/manager/spec.h"
#include "vmm/manager/timing.h"
#include "vmm/manager/vmdir.h"

enum keeper_type {
	KEEPER_NOTE = 192, /* text: a warning for the user */
	KEEPER_TAIL, /* text: the last lines of the guest's console */
	KEEPER_TIMES, /* text: JSON of timing.h */
	KEEPER_FAILURE, /* text: the sentence that goes with the status */
	KEEPER_END, /* u32: exit status */
};

/* Everything borrowed; the keeper is a fork of who made it. */
struct keeper_plan {
	const struct manager *mgr;
	const struct spec *spec;
	struct vmdir *vm; /* locked */
	int rootfs; /* the image's squashfs */
	int modules; /* the squashfs of kernel modules, -1: none */
	struct agent_size size; /* of the terminal, with --tty */
	struct timing timing;
	time_t started; /* for the record */
};

/*
 * Be the keeper: called in a forked child, in which only @cli, the standard
 * descriptors and those of @plan are open.  Closes @cli.  Returns when
 * all is over, always 0: the status travelled in KEEPER_END.
 */
int keeper_run(const struct keeper_plan *plan, int cli);

#endif
